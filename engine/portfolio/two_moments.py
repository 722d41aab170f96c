"""Log variance and Sharpe ratio as functions of a mean and a second moment, with their slopes: what tests of a difference need."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Statistic:
    """A smooth function of the mean m and the second moment q of a return series, elementwise over arrays of any shape.

    Attributes
    ----------
    name : its name inside a sentence.
    value : (m, q) -> the statistic.
    slopes : (m, q) -> its derivatives by m and by q.
    """

    name: str
    value: Callable[[Floats, Floats], Floats]
    slopes: Callable[[Floats, Floats], tuple[Floats, Floats]]

    def influence(self, values: Floats) -> Floats:
        """Return what each period adds to the statistic to first order, shape (n, E) as ``values``; every column has mean zero."""
        m, q = values.mean(axis=0), (values**2).mean(axis=0)
        by_mean, by_square = self.slopes(m, q)
        return by_mean * (values - m) + by_square * (values**2 - q)


def log_variance(m: Floats, q: Floats) -> Floats:
    """Return log(q - m^2) (Ledoit and Wolf 2011, section 3)."""
    return np.log(q - m**2)


def log_variance_slopes(m: Floats, q: Floats) -> tuple[Floats, Floats]:
    """Return the derivatives of `log_variance` by m and by q."""
    v = q - m**2
    return -2 * m / v, 1 / v


def sharpe_ratio(m: Floats, q: Floats) -> Floats:
    """Return m / sqrt(q - m^2), per period (Ledoit and Wolf 2008, section 2)."""
    return m / np.sqrt(q - m**2)


def sharpe_ratio_slopes(m: Floats, q: Floats) -> tuple[Floats, Floats]:
    """Return the derivatives of `sharpe_ratio` by m and by q (Ledoit and Wolf 2008, section 3)."""
    cube = (q - m**2) ** 1.5
    return q / cube, -m / (2 * cube)


STATISTICS = {
    "variance": Statistic("variance", log_variance, log_variance_slopes),
    "sharpe": Statistic("Sharpe ratio", sharpe_ratio, sharpe_ratio_slopes),
}
