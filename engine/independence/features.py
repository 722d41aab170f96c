"""Columns as a kernel sees them: few numbers per row whose products give the kernel back."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WIDTH_POINTS = 500  # quantiles of a column between which the median distance is taken
RELATIVE = 1e-9  # directions with less of the largest variance are rounding


@dataclass(frozen=True, eq=False)
class Column:
    """One variable with its kernel: Gaussian for numbers, "same or not" for categories.

    Attributes
    ----------
    values : (n,) numbers in units of the kernel's width, or the numbers of categories.
    is_category : which of the two.
    """

    values: Floats
    is_category: bool

    @classmethod
    def of(cls, values: Floats, is_category: bool) -> "Column":
        """Scale a column by its median distance; categories stay."""
        if is_category:
            return cls(np.unique(values, return_inverse=True)[1].astype(np.float64), True)
        scaled = (values - values.mean()) / (values.std() or 1.0)
        return cls(scaled / median_distance(scaled), False)

    def similarity(self, row: int) -> Floats:
        """Return the kernel (n,) of all rows with one: exp(-(x - y)^2 / 2), or 1 for the same category and 0 for another."""
        if self.is_category:
            return (self.values == self.values[row]).astype(np.float64)
        return np.exp(-0.5 * (self.values - self.values[row]) ** 2)


def median_distance(values: Floats) -> float:
    """Return the median distance between two rows of a column (n,), zeros aside; from its quantiles, so that the order plays no part."""
    points = np.quantile(values, (np.arange(WIDTH_POINTS) + 0.5) / WIDTH_POINTS) if len(values) > WIDTH_POINTS else values
    distances = np.abs(points[:, None] - points)[np.triu_indices(len(points), 1)]
    distances = distances[distances > 0]
    return float(np.median(distances)) if len(distances) else 1.0


def joint_similarity(columns: Sequence[Column], weights: Sequence[float]) -> Callable[[int], Floats]:
    """Return the product of several kernels as a function of the row; weights multiply the exponents of numbers."""
    pairs = list(zip(columns, weights, strict=True))
    alone = np.ones(len(columns[0].values))
    numbers = np.array([np.sqrt(weight) * column.values for column, weight in pairs if not column.is_category])
    categories = [column for column in columns if column.is_category]

    def similarity(row: int) -> Floats:
        product: Floats = np.exp(-0.5 * ((numbers - numbers[:, [row]]) ** 2).sum(axis=0)) if len(numbers) else alone
        for column in categories:
            product = product * column.similarity(row)
        return product

    return similarity


def low_rank(similarity: Callable[[int], Floats], n: int, missing: float, most: int) -> Floats:
    """Return a factor (n, r) of a kernel matrix with ones on its diagonal, by pivoted Cholesky.

    Parameters
    ----------
    similarity : row number -> (n,) the kernel of all rows with that row.
    missing : share of the trace that may be left out.
    most : largest r.
    """
    left = np.ones(n)
    factor = np.zeros((n, min(most, n)))
    for r in range(factor.shape[1]):
        if left.sum() <= missing * n:
            return factor[:, :r]
        row = int(left.argmax())
        factor[:, r] = (similarity(row) - factor[:, :r] @ factor[row, :r]) / np.sqrt(left[row])
        left = np.maximum(left - factor[:, r] ** 2, 0.0)
    return factor


def principal(factor: Floats, most: int) -> Floats:
    """Return the leading kernel principal components (n, d) of a factor (n, r): centred, uncorrelated, variance falling.

    Parameters
    ----------
    most : largest d; fewer where the rest is rounding, but at least one.
    """
    centred = factor - factor.mean(axis=0)
    variance, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    variance, directions = np.maximum(variance[::-1], 0.0), directions[:, ::-1]
    kept = max(1, min(most, int((variance > RELATIVE * variance.max(initial=0.0)).sum())))
    return centred @ directions[:, :kept]


def leading_products(tables: Sequence[Floats], most: int, joint: float = 1.0) -> Floats:
    """Return the products (n, r) of components of several variables that would vary most if the variables were independent.

    Parameters
    ----------
    tables : one table (n, d) of components for each variable, variance falling.
    most : largest r.
    joint : variance of products of two and more variables, as part of their own; below 1 each variable alone has finer components.

    Notes
    -----
    These are the leading principal components of the product of the kernels. A constant of variance 1 stands beside the components of each
    variable, so that functions of some of the variables are among the products.
    """
    extended = [np.column_stack([np.ones(len(table)), table]) for table in tables]
    variances = [np.concatenate([[1.0], np.mean(table**2, axis=0)]) for table in tables]
    first = (0,) * len(tables)
    queue, seen = [(-1.0, first)], {first}
    chosen: list[tuple[int, ...]] = []
    while queue and len(chosen) <= most:
        rank, places = heapq.heappop(queue)
        chosen.append(places)
        for k, variance in enumerate(variances):
            later = (*places[:k], places[k] + 1, *places[k + 1 :])
            if later[k] < len(variance) and later not in seen:
                seen.add(later)
                first_of_several = np.count_nonzero(later) == 2 > np.count_nonzero(places)
                heapq.heappush(queue, (rank / variance[places[k]] * variance[later[k]] * (joint if first_of_several else 1.0), later))
    product = np.where(np.count_nonzero(chosen[1:], axis=1) > 1, np.sqrt(joint), 1.0) * np.ones((len(tables[0]), 1))
    for k, table in enumerate(extended):
        product *= table[:, [places[k] for places in chosen[1:]]]
    return product
