"""Missing drug signatures by synthetic interventions: what is alike in other cell lines is taken to be alike in this one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_DONORS = 5  # drugs; with fewer, contexts are given up to find more
MOST_CHECKED = 50  # measured signatures that are left out in turn, drawn at random, to see the error
WAYS = ("least_squares", "singular_values")


@dataclass(frozen=True, eq=False)
class Recipe:
    """How a missing signature is made: a sum of weighted signatures of the same cell line.

    Parameters
    ----------
    line, drug : numbers of what is missing.
    contexts : cell lines in which it was compared with the donors.
    donors : rows of the signatures that are added up.
    weights : one per donor.
    residual : |what the weights leave unexplained| / |the drug's signatures| over the contexts.
    """

    line: int
    drug: int
    contexts: tuple[int, ...]
    donors: NDArray[np.int64]
    weights: Floats
    residual: float


class Measured:
    """G measured signatures in a table of cell lines by drugs.

    Parameters
    ----------
    line, drug : (G,) numbers of each signature's cell line and drug.
    values : (G, d) signatures.
    """

    def __init__(self, line: NDArray[np.int64], drug: NDArray[np.int64], values: Floats):
        self.values = values
        self.place = np.full((int(line.max()) + 1, int(drug.max()) + 1), -1, dtype=np.int64)
        self.place[line, drug] = np.arange(len(values))
        self._last: tuple[object, tuple[Floats, Floats, Floats, Floats]] | None = None

    def missing(self) -> Iterator[tuple[int, int]]:
        """Yield every cell line and drug that was not measured, but whose drug was in another line."""
        yield from ((int(line), int(drug)) for line, drug in np.argwhere(self.place < 0) if (self.place[:, drug] >= 0).any())

    def recipe(self, line: int, drug: int, way: str) -> Recipe | None:
        """Return how to make a signature from those of other drugs, never using itself; None where no donor can be found.

        Notes
        -----
        Contexts C are the other lines with the drug, donors the drugs measured in this line and in all of C. While there are fewer than
        `LEAST_DONORS`, the line whose loss brings most donors is given up, the first of equals. With y the drug's signatures over C below
        each other and A those of the donors, weights are pinv(A) y (`least_squares`), or the same after the singular values of A below
        Gavish and Donoho's threshold for unknown noise are set to 0 (`singular_values`; Agarwal, Shah, Shen 2020). Each signature is made
        from measured ones only, so that the order of the predictions does not matter.
        """
        there = self.place >= 0
        contexts = [int(c) for c in np.flatnonzero(there[:, drug]) if c != line]
        if not contexts:
            return None
        donors = _donors(there, line, drug, contexts)
        while len(donors) < LEAST_DONORS and len(contexts) > 1:
            fewer = [[c for c in contexts if c != lost] for lost in contexts]
            found = [_donors(there, line, drug, rest) for rest in fewer]
            best = int(np.argmax([len(f) for f in found]))
            if len(found[best]) <= len(donors):
                break
            contexts, donors = fewer[best], found[best]
        if not len(donors):
            return None
        y = self.values[self.place[contexts, drug]].ravel()
        a, left, sizes, right = self._factors(tuple(contexts), donors)
        keep = _kept(sizes, a.shape, way)
        weights = right[keep].T @ ((left[:, keep].T @ y) / sizes[keep])
        length = float(np.linalg.norm(y))
        residual = float(np.linalg.norm(y - a @ weights)) / length if length else float("nan")
        return Recipe(line, drug, tuple(contexts), self.place[line, donors], weights, residual)

    def _factors(self, contexts: tuple[int, ...], donors: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the donors' signatures over the contexts, one below the other, and their singular vectors; the last ones are kept.

        Drugs missing in one line with the same contexts have the same donors.
        """
        key = (contexts, donors.tobytes())
        if self._last is None or self._last[0] != key:
            places = self.place[np.array(contexts)[:, None], donors]
            a = self.values[places].transpose(0, 2, 1).reshape(-1, len(donors))
            self._last = (key, (a, *np.linalg.svd(a, full_matrices=False)))
        return self._last[1]


def _donors(there: Bools, line: int, drug: int, contexts: Sequence[int]) -> NDArray[np.int64]:
    """Return the drugs measured in the line and in all contexts, the drug itself not among them."""
    everywhere = there[line] & there[list(contexts)].all(axis=0)
    everywhere[drug] = False
    return np.flatnonzero(everywhere)


def _kept(sizes: Floats, shape: tuple[int, ...], way: str) -> Bools:
    """Return which singular values count: those that are not 0, and where asked only those above the noise."""
    keep = sizes > sizes.max(initial=0.0) * 1e-10
    if way == "singular_values" and keep.any():
        keep &= sizes >= min(gavish_donoho(*shape) * float(np.median(sizes)), float(sizes.max()))
    return np.asarray(keep)


def gavish_donoho(rows: int, columns: int) -> float:
    """Return the threshold for singular values in units of their median: 0.56 b^3 - 0.95 b^2 + 1.82 b + 1.43, b = short side / long side.

    References
    ----------
    Gavish, Donoho 2014, the optimal hard threshold for singular values is 4/sqrt(3), for noise of unknown size.
    """
    b = min(rows, columns) / max(rows, columns)
    return 0.56 * b**3 - 0.95 * b**2 + 1.82 * b + 1.43


def recipes_for(measured: Measured, way: str, context: Context) -> list[Recipe]:
    """Return a recipe for every missing signature that can be made."""
    there = measured.place >= 0
    wanted = sorted(measured.missing(), key=lambda pair: (pair[0], there[:, pair[1]].tobytes(), pair[1]))  # same donors in a row
    found = []
    for k, (line, drug) in enumerate(wanted):
        context.progress(k / len(wanted), f"missing signatures: {k:,} of {len(wanted):,}")
        recipe = measured.recipe(line, drug, way)
        if recipe is not None:
            found.append(recipe)
    return found


def left_out_error(measured: Measured, way: str, seed: int, context: Context) -> pd.DataFrame:
    """Predict measured signatures as if they were missing, and compare with what was measured.

    Returns
    -------
    One row for each of at most `MOST_CHECKED` signatures: ``line``, ``drug`` (numbers), ``donors``, ``contexts``, ``cosine`` with the
    measured signature, ``error`` (|difference| / |measured|), and the cosine of two simple guesses: ``cosine_drug``, the drug's mean
    over other lines, and ``cosine_line``, the line's mean over other drugs.
    """
    candidates = [(int(line), int(drug)) for line, drug in np.argwhere(measured.place >= 0) if (measured.place[:, drug] >= 0).sum() > 1]
    if len(candidates) > MOST_CHECKED:
        chosen = np.random.default_rng(seed).choice(len(candidates), MOST_CHECKED, replace=False)
        candidates = [candidates[k] for k in sorted(chosen)]
    rows = []
    for k, (line, drug) in enumerate(candidates):
        context.progress(k / len(candidates), f"left out in turn: {k:,} of {len(candidates):,}")
        recipe = measured.recipe(line, drug, way)
        truth = measured.values[measured.place[line, drug]]
        if recipe is None or not truth.any():
            continue
        guess = recipe.weights @ measured.values[recipe.donors]
        same_drug = [c for c in np.flatnonzero(measured.place[:, drug] >= 0) if c != line]
        same_line = [e for e in np.flatnonzero(measured.place[line] >= 0) if e != drug]
        by_drug = measured.values[measured.place[same_drug, drug]].mean(axis=0)
        by_line = measured.values[measured.place[line, same_line]].mean(axis=0)
        error = float(np.linalg.norm(guess - truth) / np.linalg.norm(truth))
        cosines = (_cosine(other, truth) for other in (guess, by_drug, by_line))
        rows.append((line, drug, len(recipe.donors), len(recipe.contexts), error, *cosines))
    return pd.DataFrame(rows, columns=["line", "drug", "donors", "contexts", "error", "cosine", "cosine_drug", "cosine_line"])


def _cosine(a: Floats, b: Floats) -> float:
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length else float("nan")
