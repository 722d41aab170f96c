"""The profiles most like a signature, or most opposite to it, out of millions: exact, at the speed of memory."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Profiles, UserError
from engine.repurposing.screens.query_codes import Prepared, rows_of, unwritable
from engine.repurposing.screens.query_exact import LEAST_GENES, exact_scores
from engine.repurposing.screens.query_many import pairs_in_question

Score = Literal["cosine", "pearson"]
SCORES = ("cosine", "pearson")
FEW_GENES = 200  # shared with the signature; spec, pitfall 9
ROWS = 16_384  # scanned at a time by one thread
MANY = 8  # signatures: from here on they are scored together
LARGEST_CODE = 16_000  # of a query: times 127, summed over 1,000 genes, it stays below 2^31
SHOWN = 5


@dataclass(frozen=True, eq=False)
class Hits:
    """The best profiles for each of Q signatures.

    Attributes
    ----------
    names : Q names of the signatures.
    rows : (Q, k) numbers of profiles, best first; -1 where there are fewer than k.
    scores : (Q, k) float64, from -1 to 1; NaN where there is no profile.
    ranks : (Q, k) ranks from 1; equal scores share the best of theirs. 0 where there is no profile.
    compared : number of profiles compared.
    flat : number of profiles left out because they are zero, never vary, or have fewer than three values: the score has no meaning there.
    rescored : (Q,) profiles that rounding left in question and that were scored again in float64.
    genes : the genes that screen and signatures share.
    notes : sentences that the reader must see.
    """

    names: tuple[str, ...]
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    ranks: NDArray[np.int64]
    compared: int
    flat: int
    rescored: NDArray[np.int64]
    genes: tuple[str, ...]
    notes: tuple[str, ...]

    def frame(self, profiles: Profiles) -> pd.DataFrame:
        """Return one line per signature and profile: ``signature``, ``rank``, ``score`` and the facts of the profile."""
        lines, columns = np.nonzero(self.rows >= 0)
        told = pd.DataFrame(
            {
                "signature": np.array(self.names, dtype=object)[lines],
                "rank": self.ranks[lines, columns],
                "score": self.scores[lines, columns],
            }
        )
        return pd.concat([told, profiles.rows.iloc[self.rows[lines, columns]].reset_index(drop=True)], axis=1)


@dataclass(frozen=True, eq=False)
class Query:
    """Signatures laid along the genes of a screen.

    Parameters
    ----------
    names : Q names.
    values : (Q, s) float64, the signatures over the shared genes as given.
    units : (Q, d) float64, centred where the score asks for it, of length one, zero outside the shared genes.
    places : (s,) columns of the shared genes.
    notes : sentences on what is not shared.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    units: NDArray[np.float64]
    places: NDArray[np.int64]
    notes: tuple[str, ...]


def top(
    screen: Profiles | Prepared,
    signatures: "pd.Series[Any] | pd.DataFrame",
    k: int = 100,
    score: Score = "cosine",
    *,
    opposite: bool = False,
    threads: int | None = None,
) -> Hits:
    """Find the k profiles of a screen with the highest score for a signature.

    Parameters
    ----------
    screen : the profiles, or what `prepare` made of them, of which a few signatures read a quarter of the bytes. Neither is loaded.
    signatures : values by gene symbol; a table has one signature per column.
    k : number of profiles for each signature.
    score : ``cosine``, uncentred as in the paper's code, or ``pearson``, over the shared genes.
    opposite : look for the profiles most unlike the signature: those that reverse it.
    threads : how many parts of the screen are scanned at the same time; the answer is the same for any number.

    Returns
    -------
    Hits; a profile with missing genes is scored on the others.

    Raises
    ------
    UserError
        When the signature shares fewer than 3 genes with the screen, or is zero or never varies over them.

    Notes
    -----
    A first pass in float32, or in 8-bit whole numbers, bounds every score from below and above. Whatever reaches the k-th highest lower
    bound by its upper one is scored again in float64, so the answer is that of float64 over the whole screen.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from engine.core import Profiles
    >>> from engine.repurposing.screens.query import top
    >>> screen = Profiles.of(np.eye(4) + 0.1, pd.DataFrame({"drug": list("abcd")}), ("W", "X", "Y", "Z"))
    >>> top(screen, pd.Series({"X": 2.0, "Y": 1.0, "Z": 0.0}), k=1, threads=1).rows.tolist()
    [[1]]
    """
    if score not in SCORES:
        raise UserError(f"There is no score '{score}'.", f"Choose one of: {', '.join(SCORES)}.", "score")
    profiles = screen.profiles if isinstance(screen, Prepared) else screen
    query = lay_out(profiles, signatures, score)
    sign = -1.0 if opposite else 1.0
    workers = threads or os.cpu_count() or 1
    if len(query.names) >= MANY:
        found, flat = _together(profiles, query, k, score, sign, workers)
    else:
        alone = [_one(screen, profiles, query, q, k, score, sign, workers) for q in range(len(query.names))]
        found, flat = [(numbers, scores) for numbers, scores, _ in alone], alone[0][2]
    ranked = [_ranked(numbers, scores, k) for numbers, scores in found]
    return Hits(
        query.names,
        np.array([rows for rows, _, _ in ranked], dtype=np.int64),
        sign * np.array([scores for _, scores, _ in ranked]),
        np.array([ranks for _, _, ranks in ranked], dtype=np.int64),
        len(profiles) - flat, flat, np.array([len(numbers) for numbers, _ in found], dtype=np.int64),
        tuple(profiles.genes[place] for place in query.places), query.notes,
    )  # fmt: skip


def lay_out(profiles: Profiles, signatures: "pd.Series[Any] | pd.DataFrame", score: Score) -> Query:
    """Lay signatures along the genes of a screen; genes that miss in one of them are left out of all."""
    table = signatures.to_frame(str(signatures.name or "signature")) if isinstance(signatures, pd.Series) else signatures
    symbols = [str(gene).strip().upper() for gene in table.index.tolist()]
    if len(set(symbols)) < len(symbols):
        doubled = next(gene for gene in symbols if symbols.count(gene) > 1)
        raise UserError(f"Gene {doubled} appears twice in the signature.", "Keep one value for each gene.", doubled)
    numbers = table.to_numpy(dtype=np.float64)
    found = np.array([profiles.gene_places.get(gene, -1) for gene in symbols], dtype=np.int64)
    usable = np.isfinite(numbers).all(axis=1) & (found >= 0)
    places = found[usable]
    order = np.argsort(places)
    places, values = places[order], np.ascontiguousarray(numbers[usable][order].T)
    if len(places) < LEAST_GENES:
        mine, theirs = ", ".join(symbols[:SHOWN]), ", ".join(profiles.genes[:SHOWN])
        raise UserError(
            f"{len(places)} of the {len(symbols):,} genes of the signature are in {profiles.name}.",
            f"Give gene symbols of the same species. The signature has {mine} …; the screen has {theirs} …", profiles.name,
        )  # fmt: skip
    centred = values - values.mean(axis=1, keepdims=True) if score == "pearson" else values
    lengths = np.sqrt((centred * centred).sum(axis=1))
    for name, length, each in zip(table.columns, lengths, values, strict=True):
        if length == 0.0 or (score == "pearson" and each.min() == each.max()):
            what = "never varies" if score == "pearson" else "is zero"
            raise UserError(f"Signature {name} {what} over the genes of {profiles.name}.", "Choose another signature.", str(name))
    units = np.zeros((len(values), profiles.p))
    units[:, places] = centred / lengths[:, None]
    notes = []
    if len(places) < FEW_GENES:
        notes.append(
            f"Only {len(places):,} of the {profiles.p:,} genes of {profiles.name} are in the signature. Below {FEW_GENES} shared genes a "
            "score says little: compare it with the scores of signatures drawn at random over the same genes."
        )
    return Query(tuple(map(str, table.columns)), values, units, places, tuple(notes))


Found = tuple[NDArray[np.int64], NDArray[np.float64], int]  # profiles in question, their scores, profiles left out


def _one(screen: Profiles | Prepared, profiles: Profiles, query: Query, q: int, k: int, score: Score, sign: float, workers: int) -> Found:
    """Bound all scores of one signature, then score whatever may be among the k highest."""
    n, is_centred = len(profiles), score == "pearson"
    lower, upper = np.empty(n, np.float32), np.empty(n, np.float32)
    bound = _bounds(screen, profiles, sign * query.units[q], query.places, is_centred)

    def best(start: int) -> NDArray[np.float32]:
        part = slice(start, min(start + ROWS, n))
        bound(part, lower[part], upper[part])
        return _largest(lower[part], k)

    with ThreadPoolExecutor(workers) as pool:
        highest = list(pool.map(best, range(0, n, ROWS)))
    least = _largest(np.concatenate(highest), k).min() if n >= k else -np.inf
    least = max(least, np.finfo(np.float32).min)  # where fewer than k have a bound, all but those left out are in question
    rows = np.flatnonzero(upper >= least)
    scores = exact_scores(profiles, rows, np.zeros_like(rows), sign * query.values[[q]], query.places, is_centred, workers)
    return rows, scores, int(np.isnan(scores).sum()) + int((upper == -np.inf).sum())


def _bounds(screen: Profiles | Prepared, profiles: Profiles, unit: NDArray[np.float64], places: NDArray[np.int64], is_centred: bool) -> Any:
    """Return a function that fills the lower and upper bounds of the scores of neighbouring profiles."""
    from engine.repurposing.screens.query_kernel import scan, scan_codes

    d, shared = profiles.p, len(places)
    if not isinstance(screen, Prepared):
        along, weight = unit.astype(np.float32), np.zeros(d, np.float32)
        weight[places] = 1.0
        error = np.float32(_rounding(d))

        def scanned(part: slice, lower: NDArray[np.float32], upper: NDArray[np.float32]) -> None:
            scan(rows_of(profiles, part), along, weight, np.float32(shared), is_centred, error, lower, upper)

        return scanned
    factor = LARGEST_CODE / np.abs(unit).max()
    coded, weights = np.zeros(screen.codes.shape[1], np.int16), np.zeros(screen.codes.shape[1], np.int16)
    coded[:d], weights[places] = np.rint(unit * factor), 1
    apart = float(np.sqrt(((coded[:d] / factor - unit) ** 2).sum()))
    codes, is_whole = unwritable(screen.codes), shared == d

    def from_codes(part: slice, lower: NDArray[np.float32], upper: NDArray[np.float32]) -> None:
        slack, totals, squares = screen.slack[part], screen.totals[part], screen.squares[part]
        scan_codes(
            codes[part], slack, totals, squares, coded, weights, factor, apart, float(shared), is_centred, is_whole, lower, upper
        )  # fmt: skip

    return from_codes


def _rounding(d: int) -> float:
    """Bound the relative error of a sum of d products in float32, with some operations before and after it."""
    unit = (d + 16) * 2.0**-24
    return unit / (1.0 - unit)


def _together(
    profiles: Profiles, query: Query, k: int, score: Score, sign: float, workers: int
) -> tuple[list[tuple[NDArray[np.int64], NDArray[np.float64]]], int]:
    """Do for all signatures at once what `_one` does for one; return the profiles and scores of each, and how many were left out."""
    is_centred, count = score == "pearson", len(query.names)
    (rows, queries), unknown, flat = pairs_in_question(
        profiles, sign * query.units, query.places, k, is_centred, _rounding(profiles.p), workers
    )
    rows, queries = np.append(rows, np.tile(unknown, count)), np.append(queries, np.repeat(np.arange(count), len(unknown)))
    scores = exact_scores(profiles, rows, queries, sign * query.values, query.places, is_centred, workers)
    order = np.argsort(queries, kind="stable")
    cuts = np.searchsorted(queries[order], np.arange(count + 1))
    parts = [order[start:stop] for start, stop in pairwise(cuts)]
    flat += int(np.isnan(scores[parts[0]]).sum())
    return [(rows[part], scores[part]) for part in parts], flat


def _largest(values: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Return the k largest in any order; all where there are fewer."""
    return values if len(values) <= k else np.partition(values, len(values) - k)[len(values) - k :]


def _ranked(rows: NDArray[np.int64], scores: NDArray[np.float64], k: int) -> tuple[NDArray[np.int64], ...]:
    """Return the k best profiles, their scores and ranks; of equal scores the earlier profile comes first and the rank is shared."""
    there = ~np.isnan(scores)
    rows, scores = rows[there], scores[there]
    order = np.lexsort((rows, -scores))[:k]
    rows, scores = rows[order], scores[order]
    ranks = np.searchsorted(-scores, -scores, side="left") + 1
    rest = (0, k - len(rows))
    return np.pad(rows, rest, constant_values=-1), np.pad(scores, rest, constant_values=np.nan), np.pad(ranks, rest)
