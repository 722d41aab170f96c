"""HSIC: kernel independence of two columns, or of what is left of them when functions of others are subtracted."""

import numpy as np
from numpy.typing import NDArray

from engine.independence.features import Column, low_rank, principal
from engine.independence.kernel import EXACT, RANK, KernelTest, product_test
from engine.independence.smoothing import Smoother
from engine.independence.trace import Floats


class Hsic(KernelTest):
    """The Hilbert-Schmidt independence criterion of columns, or of their residuals after regression on the conditioning set.

    Notes
    -----
    Each column is regressed on the set by kernel ridge regression, and the residuals themselves are tested for independence with Gaussian
    kernels. This is right where noise is added to a function of the causes, and then stronger than a test on kernel features; where the
    set changes the spread of the noise, residuals are dependent without an edge. Kernels are factored by pivoted Cholesky to 1e-8, so that
    time grows with the number of rows only.
    """

    name = "HSIC"
    components = RANK
    conditioning = (50, 200, 400)

    def conditional(self, i: NDArray[np.int32], j: NDArray[np.int32], given: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Answer (m,) questions that share their conditioning set."""
        used, place = np.unique(np.concatenate([i, j]), return_inverse=True)
        smoother = Smoother(self.conditions(given))
        residuals = [smoother.residual(self._centred(k)).features[:, 0] for k in used.tolist()]
        columns = [Column.of(left, False) for left in residuals]
        tables = [principal(low_rank(column.similarity, self.n_samples, EXACT, RANK), RANK) for column in columns]
        return product_test(tables, place[: len(i)], place[len(i) :])

    def _centred(self, k: int) -> Floats:
        """Return a variable as an (n, 1) table with mean 0."""
        values = self._values[:, [k]]
        return values - values.mean()
