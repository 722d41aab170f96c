"""Returns of assets that move together: one factor, blocks, heavy tails, or a planted sparse M-matrix."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, Params, field
from engine.data.simulators.structure import Floats, m_matrix
from engine.graphs import Graph

FIRST_DAY = "2000-01-03"
BETA = (0.5, 1.5)
OWN_SD = (0.01, 0.03)  # daily, of what each asset does alone
MARKET_SD = 0.01  # daily
BLOCK_SD = 0.01  # daily
WORST = -0.99  # nobody loses more than the price
FIRST_PRICE = 100.0


@dataclass(frozen=True)
class ReturnsParams(Params):
    """Daily returns, or prices, of assets with a known covariance."""

    p: int = field(20, "Assets", low=2, high=500)
    n: int = field(1_260, "Days", low=2, high=50_000, log=True)
    law: str = field(
        "one_factor", "Dependence", choices=("one_factor", "blocks", "heavy_tail", "m_matrix"),
        help="One market; a market and sectors; one market with heavy tails; or a sparse graph of positive partial correlations.",
    )  # fmt: skip
    values: str = field("returns", "Values", choices=("returns", "prices"), help="Prices start at 100 on the day before the first return.")
    blocks: int = field(4, "Sectors", low=1, high=50, help="Only for sectors: as equal as they can be.")
    freedom: float = field(4.0, "Degrees of freedom", low=2.1, high=100.0, step=0.1, help="Only for heavy tails: few are heavy.")
    degree: float = field(3.0, "Neighbours per asset", low=0.0, high=20.0, step=0.5, help="Only for the sparse graph.")


@dataclass(frozen=True)
class Market:
    """Returns as drawn, the covariance behind them, the graph of its inverse, and who belongs together."""

    values: Floats
    covariance: Floats
    joined: NDArray[np.bool_]
    sectors: list[str]


def returns(params: ReturnsParams) -> Dataset:
    """Draw daily returns of assets whose covariance and partial correlations are known.

    Notes
    -----
    One factor: r = beta f + e with beta uniform on [0.5, 1.5], the SD of f 1 % and those of e uniform on [1 %, 3 %]. Blocks: a second
    factor of 1 % per sector, with the same beta. Heavy tail: the one factor law times sqrt((v - 2) / chi2_v), a multivariate t of v
    degrees of freedom with the same covariance. M-matrix: B joins each pair with probability degree / (p - 1),
    K = 1.05 lambda_max(B) I - B, scaled to covariance diagonal 1 (as in the code of Wang, Roy, Uhler 2019) and then to the SDs of e.
    A return below -99 % is set to -99 %.

    ``truth["covariance"]`` is the (p, p) covariance of a day, ``truth["graph"]`` the undirected graph of its inverse (complete but for the
    M-matrix), ``truth["sectors"]`` asset -> sector for blocks. Prices have one row more than there are days.
    """
    rng = np.random.default_rng(params.seed)
    drawn = {"one_factor": _one_factor, "heavy_tail": _heavy_tail, "blocks": _blocks, "m_matrix": _m_matrix}[params.law](params, rng)
    nodes = assets(params.p)
    truth = {"graph": Graph.from_directed(nodes, drawn.joined, "ug").to_dict(), "covariance": drawn.covariance.tolist()}
    if drawn.sectors:
        truth["sectors"] = dict(zip(nodes, drawn.sectors, strict=True))
    values = np.maximum(drawn.values, WORST)
    if params.values == "prices":
        values = FIRST_PRICE * np.vstack([np.ones(params.p), np.cumprod(1.0 + values, axis=0)])
    days = pd.DatetimeIndex(pd.bdate_range(FIRST_DAY, periods=len(values)).to_numpy())  # without a frequency, which a file would not keep
    frame = pd.DataFrame(values, days, list(nodes))
    return Dataset(frame, f"{params.values} of {params.p} assets", "prices" if params.values == "prices" else "returns", truth=truth)


def assets(p: int) -> tuple[str, ...]:
    """Return A01, A02, ..., all of one length."""
    width = max(2, len(str(p)))
    return tuple(f"A{i + 1:0{width}d}" for i in range(p))


def _one_factor(params: ReturnsParams, rng: np.random.Generator) -> Market:
    beta, own = rng.uniform(*BETA, params.p), rng.uniform(*OWN_SD, params.p)
    market = MARKET_SD * rng.standard_normal(params.n)
    values = market[:, None] * beta + rng.standard_normal((params.n, params.p)) * own
    return Market(values, MARKET_SD**2 * np.outer(beta, beta) + np.diag(own**2), _complete(params.p), [])


def _heavy_tail(params: ReturnsParams, rng: np.random.Generator) -> Market:
    """Scale whole days of the one factor law at random."""
    drawn = _one_factor(params, rng)
    scale = np.sqrt((params.freedom - 2.0) / rng.chisquare(params.freedom, params.n))
    return Market(drawn.values * scale[:, None], drawn.covariance, drawn.joined, [])


def _blocks(params: ReturnsParams, rng: np.random.Generator) -> Market:
    beta, own = rng.uniform(*BETA, params.p), rng.uniform(*OWN_SD, params.p)
    block = np.arange(params.p) * params.blocks // params.p
    member = (block[:, None] == np.arange(params.blocks)).astype(float)
    market = MARKET_SD * rng.standard_normal(params.n)
    inside = BLOCK_SD * rng.standard_normal((params.n, params.blocks))
    values = (market[:, None] + inside[:, block]) * beta + rng.standard_normal((params.n, params.p)) * own
    common = MARKET_SD**2 + BLOCK_SD**2 * member @ member.T
    return Market(values, common * np.outer(beta, beta) + np.diag(own**2), _complete(params.p), [f"Sector {b + 1}" for b in block])


def _m_matrix(params: ReturnsParams, rng: np.random.Generator) -> Market:
    above = np.triu(rng.random((params.p, params.p)) < params.degree / (params.p - 1), 1)
    joined = above | above.T
    precision = m_matrix(joined.astype(float)) if joined.any() else np.eye(params.p)
    covariance = np.linalg.inv(precision)
    scale = rng.uniform(*OWN_SD, params.p) / np.sqrt(np.diag(covariance))
    covariance = covariance * np.outer(scale, scale)
    covariance = (covariance + covariance.T) / 2
    values = rng.standard_normal((params.n, params.p)) @ np.linalg.cholesky(covariance).T
    return Market(values, covariance, joined, [])


def _complete(p: int) -> NDArray[np.bool_]:
    return ~np.eye(p, dtype=bool)
