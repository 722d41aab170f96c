"""What becomes of weights while they are held: returns day by day, drift, turnover, and what trading costs."""

import numpy as np

from engine.portfolio.prices import Floats

BASIS_POINT = 1e-4
RUIN = 1e-6  # share of the wealth at the last trade below which a leveraged portfolio counts as lost


def held(weights: Floats, returns: Floats, keeps_shares: bool = True) -> tuple[Floats, Floats]:
    """Return the portfolio's returns in a holding window, and the weights that are left at its end.

    Parameters
    ----------
    weights : (S, n) at its begin, each row sums to one.
    returns : (H, n) of the assets, without gaps.
    keeps_shares : whether shares are held and weights drift; otherwise the weights are restored every row, without cost.

    Returns
    -------
    (S, H) returns and (S, n) drifted weights. After a loss of all wealth: -1, then 0, and weights of zero.

    Notes
    -----
    nav_d = sum_i w_i prod_(s <= d) (1 + r_is), r_d = nav_d / nav_(d-1) - 1 (Agrawal, Roy, Uhler 2022).
    """
    if not keeps_shares:
        each = weights @ returns.T
        return np.maximum(each, -1.0), weights
    grown = np.cumprod(1.0 + returns, axis=0)
    nav = weights @ grown.T
    lost = np.maximum.accumulate(nav <= RUIN, axis=1)
    nav = np.where(lost, 0.0, nav)
    before = np.concatenate([np.ones((len(weights), 1)), nav[:, :-1]], axis=1)
    found = np.divide(nav, before, out=np.ones_like(nav), where=before > 0) - 1.0
    last = nav[:, -1:]
    drifted = np.divide(weights * grown[-1], last, out=np.zeros_like(weights), where=last > 0)
    return found, drifted


def turnover(new: Floats, drifted: Floats) -> Floats:
    """Return (S,) sum_i |w_i - drifted w_i| of a rebalance, buys and sells both counted."""
    return np.abs(new - drifted).sum(axis=-1)


def net_of_costs(returns: Floats, traded: Floats, starts: np.ndarray, cost_bp: float) -> Floats:
    """Return the returns after costs, charged on the row of each rebalance as a share of the wealth.

    Parameters
    ----------
    returns : (T, S) before costs.
    traded : (K, S) turnover of each rebalance, the opening one among them.
    starts : (K,) rows of ``returns`` on which a holding window begins.
    cost_bp : basis points of the amount traded.
    """
    net = returns.copy()
    net[starts] = (1.0 + net[starts]) * (1.0 - cost_bp * BASIS_POINT * traded) - 1.0
    return net
