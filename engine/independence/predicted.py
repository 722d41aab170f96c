"""The mean and the spread of one variable that a conditioning set predicts: two numbers per row that carry most of what the set tells."""

from collections.abc import Sequence

import numpy as np

from engine.independence.features import Column, Floats
from engine.independence.smoothing import Smoother

SPREAD_UNITS = 2.0  # widths of the kernel for a spread that is larger by its mean


def predicted_moments(values: Floats, members: Sequence[Column], smoother: Smoother) -> tuple[Column, Column]:
    """Return the mean and the spread of a variable (n,) given the members of a set, as columns for a kernel.

    Parameters
    ----------
    members : the variables of the set; numbers among them are regressed on straight first.
    smoother : regression on the set.

    Notes
    -----
    Where the variable is f(S) plus noise of any law times g(S), the set tells of every feature of it by way of f and g only. Regression of
    wavy features on four or more variables at once leaves much of them in; regression on two fitted functions does not. The spread is the
    regression of absolute residuals, in parts of their mean, so that little is made of an equal spread.
    """
    values = (values - values.mean())[:, None]
    straight = [column.values for column in members if not column.is_category]
    left = smoother.residual(values, np.column_stack(straight) if straight else None).features
    size = np.abs(left)
    typical = float(size.mean()) or 1.0
    size = (size - size.mean()) / typical
    spread = size - smoother.residual(size).features
    mean = (values - left)[:, 0]
    return Column(mean / (mean.std() or 1.0), False), Column(SPREAD_UNITS * spread[:, 0], False)
