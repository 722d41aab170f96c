"""The walk itself: universe, decision and holding at each date, with what an earlier run kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, UserError
from engine.core.parallel import answers
from engine.portfolio.holding import held, turnover
from engine.portfolio.market import Market
from engine.portfolio.measures import effective_bets, effective_names, gross_leverage, short_share
from engine.portfolio.prices import Floats
from engine.portfolio.rebalance import FACTS, Decision, Plan, Window, decide
from engine.portfolio.universe import Rules, Selection, select

BATCH_BYTES = 256e6  # of windows that wait for other processes at a time
DIAGNOSTICS = (
    "date", "strategy", "assets", "gross_leverage", "short_share", "effective_names", "effective_bets", "realised_sd",
    *FACTS, "fell_back", "note",
)  # fmt: skip
UNIVERSE = ("date", "first", "last", "rows", "assets", "excluded", "filled", "sold", "sentences")


@dataclass
class Walk:
    """The state of a walk: what was held at each date, and what it became.

    Attributes
    ----------
    market : T rows of returns of N assets.
    hold_rows, window_rows, first : rows held, rows estimated on, and rows that must be before the first date.
    rules : of the universe.
    keeps_shares : whether weights drift between rebalances.
    plan : what is done at every date, by S strategies.
    dates : (K,) row of the market on which each holding window begins.
    returns : (T - dates[0], S) before costs.
    weights : (K, S, N); NaN where an asset could not be held.
    traded : (K, S) turnover of each rebalance.
    before : (S, N) weights as they have drifted since the last rebalance.
    diagnostics, universe : rows of the tables `DIAGNOSTICS` and `UNIVERSE`.
    done : dates walked so far.
    """

    market: Market
    hold_rows: int
    window_rows: int
    first: int
    rules: Rules
    keeps_shares: bool
    plan: Plan
    dates: list[int] = attribute(init=False)
    returns: Floats = attribute(init=False)
    weights: Floats = attribute(init=False)
    traded: Floats = attribute(init=False)
    before: Floats = attribute(init=False)
    diagnostics: list[tuple[Any, ...]] = attribute(init=False, default_factory=list)
    universe: list[tuple[Any, ...]] = attribute(init=False, default_factory=list)
    done: int = attribute(init=False, default=0)

    def __post_init__(self) -> None:
        rows, n, s = len(self.market.values), len(self.market.assets), len(self.plan.strategies)
        first = max(self.past, self.first)
        if first + 1 > rows:
            raise UserError(
                f"There are {rows:,} rows of returns, and {first:,} are needed before the first date.",
                "Choose a shorter window, or upload a longer history.", "window",
            )  # fmt: skip
        self.dates = list(range(first, rows, self.hold_rows))
        self.returns = np.empty((rows - first, s))
        self.weights = np.full((len(self.dates), s, n), np.nan)
        self.traded = np.empty((len(self.dates), s))
        self.before = np.zeros((s, n))

    @property
    def past(self) -> int:
        """Rows before a date that must be there."""
        return max(self.window_rows, self.plan.momentum[0] if self.plan.target else 0)

    @property
    def wealth(self) -> pd.DataFrame:
        """What one unit has become, before costs, as far as the walk has come."""
        stop = self._row(self.done)
        return pd.DataFrame(
            np.cumprod(1.0 + self.returns[:stop], axis=0), self.market.dates[self.dates[0] :][:stop], list(self.plan.strategies)
        )

    def select(self, k: int) -> Selection:
        """Return the universe of a date."""
        stop = self.dates[k]
        return select(self.market, stop - self.past, stop, min(stop + self.hold_rows, len(self.market.values)), self.rules)

    def window(self, k: int, selection: Selection) -> Window:
        """Return what is known at a date."""
        stop, size = self.dates[k], self.window_rows
        factors = None if self.market.factors is None else self.market.factors.to_numpy()[stop - size : stop]
        assets, sectors = self.market.assets, self.market.sectors
        names = tuple(assets[j] for j in selection.columns)
        return Window(
            returns=selection.values[-size:], factors=factors, past=selection.values[-self.plan.momentum[0] :] if self.plan.target else
            selection.values[:0], names=names, groups=None if sectors is None else tuple(sectors[name] for name in names),
        )  # fmt: skip

    def hold(self, k: int, selection: Selection, decision: Decision | None) -> None:
        """Take the weights of a date, hold them, and note all that happened."""
        columns, strategies = selection.columns, self.plan.strategies
        fell_back = np.ones(len(strategies), dtype=np.bool_)
        if decision is not None:
            fell_back &= np.isnan(decision.weights).any(axis=1)
        chosen = np.zeros((len(strategies), len(columns))) if decision is None else np.where(fell_back[:, None], 0.0, decision.weights)
        for s in np.flatnonzero(fell_back):
            chosen[s] = self._fallback(self.before[s, columns])
        new = np.zeros_like(self.before)
        new[:, columns] = chosen
        self.traded[k] = turnover(new, self.before)
        found, drifted = held(chosen, selection.held, self.keeps_shares)
        start, stop = self._row(k), self._row(k + 1)
        self.returns[start:stop] = found.T
        self.before = np.zeros_like(self.before)
        self.before[:, columns] = drifted
        self.weights[k][:, columns] = chosen
        self._note(k, selection, decision, chosen, fell_back, found)
        self.done = k + 1

    def _row(self, k: int) -> int:
        """Return the row of ``returns`` on which the holding window of date k begins."""
        return self.dates[k] - self.dates[0] if k < len(self.dates) else len(self.returns)

    @staticmethod
    def _fallback(before: Floats) -> Floats:
        """Return what was held, as far as it still can be; equal weights where that is nothing."""
        n, left = len(before), before.sum()
        return before / left if n and left > 0.5 else np.full(n, 1.0 / max(n, 1))

    def _note(
        self, k: int, selection: Selection, decision: Decision | None, chosen: Floats, fell_back: NDArray[np.bool_], found: Floats
    ) -> None:
        """Add a date's rows to the tables."""
        date, year = self.market.dates[self.dates[k]], self.market.periods_per_year
        covariance = np.cov(selection.held.T, ddof=0) if len(selection.held) > 1 else np.zeros((len(selection.columns),) * 2)
        covariance = np.atleast_2d(covariance)
        for s, name in enumerate(self.plan.strategies):
            w = chosen[s]
            facts = np.full(len(FACTS), np.nan) if decision is None else decision.facts[s].copy()
            facts[0] *= np.sqrt(year)
            moves = w @ covariance @ w > 0
            self.diagnostics.append((
                date, name, len(w), gross_leverage(w), short_share(w) if len(w) else np.nan, effective_names(w) if len(w) else np.nan,
                effective_bets(w, covariance) if moves else np.nan,
                float(found[s].std() * np.sqrt(year)) if found.shape[1] > 1 else np.nan, *facts, bool(fell_back[s]),
                "fewer than two assets can be held" if decision is None else str(decision.notes[s]),
            ))  # fmt: skip
        excluded = sum(map(len, selection.excluded.values()))
        self.universe.append((
            date, selection.first, selection.last, len(selection.values), len(selection.columns), excluded, selection.filled,
            len(selection.vanishing), " ".join(selection.sentences()),
        ))  # fmt: skip


def decisions(walk: Walk, context: Context) -> Iterator[tuple[Selection, Decision | None]]:
    """Yield universe and decision of every date in order; what an earlier run of the same kept is not computed again.

    Without a limit on turnover dates do not depend on each other and are shared among processes, in batches of bounded memory.
    """
    if walk.plan.limits.turnover is not None:
        for k in range(len(walk.dates)):
            selection = walk.select(k)
            before = walk.before[:, selection.columns] if k else None
            yield selection, _kept(k, walk, selection, context) or _keep(k, _decided(walk, k, selection, before), context)
        return
    size = max(8, int(BATCH_BYTES / (walk.past * len(walk.market.assets) * 8)))
    for start in range(0, len(walk.dates), size):
        batch = [(k, walk.select(k)) for k in range(start, min(start + size, len(walk.dates)))]
        known = {k: _kept(k, walk, selection, context) for k, selection in batch}
        asked = [(walk.window(k, each), walk.plan) for k, each in batch if known[k] is None and len(each.columns) > 1]
        found = answers(decide, asked, context.threads)
        for k, selection in batch:
            context.check()
            if known[k] is None and len(selection.columns) > 1:
                known[k] = _keep(k, next(found), context)
            yield selection, known[k]


def _decided(walk: Walk, k: int, selection: Selection, before: Floats | None) -> Decision | None:
    """Return the decision of a date; None with fewer than two assets."""
    return decide(walk.window(k, selection), walk.plan, before) if len(selection.columns) > 1 else None


def _kept(k: int, walk: Walk, selection: Selection, context: Context) -> Decision | None:
    """Return the decision of a date that an earlier run kept."""
    found: Any = context.kept.get(f"date_{k}")
    if found is None or found["weights"].shape != (len(walk.plan.strategies), len(selection.columns)):
        return None
    return Decision(found["weights"], found["facts"], found["notes"])


def _keep(k: int, decision: Decision | None, context: Context) -> Decision | None:
    """Keep the decision of a date for a run that goes on from here, and return it."""
    if decision is not None:
        context.kept.put(f"date_{k}", {"weights": decision.weights, "facts": decision.facts, "notes": decision.notes})
    return decision
