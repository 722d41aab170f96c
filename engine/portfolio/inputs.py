"""From the user's tables to the market that a backtest runs on."""

from typing import Any

from engine.core import Dataset, Tables, UserError
from engine.portfolio.market import Market, market_of

MAIN = ("prices", "returns")  # names of the table of assets; the first that is there
FACTORS = "factors"


def market_for(data: Any, params: Any) -> Market:
    """Read a table of prices or returns, or several by name: ``prices`` (or ``returns``) and ``factors``.

    Raises
    ------
    UserError
        When there is no table of assets, or one has a name that nothing needs.
    """
    tables = data if isinstance(data, Tables) else Tables({MAIN[0]: Dataset.of(data)})
    strange = [part for part in tables.tables if part not in (*MAIN, FACTORS)]
    if strange:
        raise UserError(f"There is no use for a table named '{strange[0]}'.", f"Name them prices (or returns) and {FACTORS}.", strange[0])
    main = next((part for part in MAIN if tables.get(part) is not None), None)
    if main is None:
        raise UserError("There is no table of prices or returns.", "Name it prices or returns.", FACTORS)
    values = main if main == "returns" and params.values == "detect" and tables[main].kind == "samples" else params.values
    return market_of(tables[main], tables.get(FACTORS), values=values, factor_values=params.factor_values)
