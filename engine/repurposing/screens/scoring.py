"""The table of drugs against a disease: scores, their chance, and the spread of their places."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context
from engine.repurposing.screens.chance import dealt, directions_of, p_values, turned
from engine.repurposing.screens.connectivity import Score, cosine, score_of
from engine.repurposing.screens.drug_signatures import DrugSignatures
from engine.repurposing.screens.rank_interval import rank_intervals
from engine.repurposing.screens.readings import Floats, Readings
from engine.repurposing.screens.representations import Linear, Representation
from engine.repurposing.significance import q_values, shared_ranks

DIGITS = 9  # figures are the same on any number of threads up to these


@dataclass(frozen=True, eq=False)
class Question:
    """A disease, and how drugs are held against it.

    Parameters
    ----------
    change : (d,) log2 fold changes to be reversed.
    whole : all fold changes of the signature.
    representation, score : names.
    list_size : genes in each list of the weighted Kolmogorov-Smirnov score.
    null : ``spectrum`` or ``genes``: which p-value is ``p``.
    draws, resamples : random signatures, and halves of the genes; 0 for none.
    seed : of both.
    """

    change: Floats
    whole: Floats
    representation: str
    score: str
    list_size: int
    null: str
    draws: int
    resamples: int
    seed: int


def drug_table(
    readings: Readings, signatures: DrugSignatures, representations: Mapping[str, Representation], asked: Question, context: Context
) -> pd.DataFrame:
    """Return one row per signature, in the columns of `ScreenResult.drugs`, the best first within each cell line.

    Parameters
    ----------
    signatures : measured ones, and imputed ones below them.
    """
    table = signatures.groups.copy()
    table["agreement"] = table[f"agreement_{asked.representation}"]
    for column in ("score", "score_raw", "score_pca", "rank", "p_spectrum", "p_genes", "p", "rank_low", "rank_high"):
        table[column] = np.nan
    lines = np.unique(table["line"])
    for line in lines:
        _score_line(table, int(line), readings, signatures, representations, asked)
    context.partial("drugs", lambda: _ordered(table))
    measured = ~signatures.groups["is_imputed"].to_numpy(bool)
    directions = directions_of(signatures.values["difference"][measured], asked.seed)
    for k, line in enumerate(lines):
        part = context.share(k / len(lines), (k + 1) / len(lines))
        _judge_line(table, int(line), readings, signatures, representations, directions, asked, part)
        context.partial("drugs", lambda: _ordered(table))
    table["p"] = table[f"p_{asked.null}"]
    table["q"] = q_values(table["p"].to_numpy(float))
    return _ordered(table)


def _score_line(
    table: pd.DataFrame, line: int, readings: Readings, signatures: DrugSignatures, representations: Mapping[str, Representation],
    asked: Question,
) -> None:  # fmt: skip
    """Fill in the scores of one cell line."""
    rows = np.flatnonzero(table["line"] == line)
    score = score_of(asked.score, asked.list_size)
    for column, name, how in (
        ("score", asked.representation, score), ("score_raw", "difference", cosine), ("score_pca", "pca", cosine)
    ):  # fmt: skip
        disease = representations[name].of_query(readings, asked.change[None], line)
        table.loc[rows, column] = np.round(how(signatures.values[name][rows], disease)[:, 0], DIGITS)
    table.loc[rows, "rank"] = shared_ranks(-table.loc[rows, "score"].to_numpy(float))


def _judge_line(
    table: pd.DataFrame, line: int, readings: Readings, signatures: DrugSignatures, representations: Mapping[str, Representation],
    directions: Floats, asked: Question, context: Context,
) -> None:  # fmt: skip
    """Fill in p-values and intervals of the ranks of one cell line."""
    rows = np.flatnonzero(table["line"] == line)
    representation = representations[asked.representation]
    values = signatures.values[asked.representation][rows]
    score = score_of(asked.score, asked.list_size)
    observed = table.loc[rows, "score"].to_numpy(float)
    cell = readings.design.lines[line]

    def scores(block: Floats) -> Floats:
        return score(values, representation.of_query(readings, block, line))

    nulls: dict[str, Callable[[np.random.Generator], Iterator[Floats]]] = {
        "spectrum": lambda rng: turned(asked.change, directions, asked.draws, rng),
        "genes": lambda rng: dealt(asked.whole, len(asked.change), asked.draws, rng),
    }
    for k, (name, null) in enumerate(nulls.items()):
        if asked.draws:
            rng = np.random.default_rng([asked.seed, line, k])
            part = context.share(0.3 * k, 0.3 * (k + 1))
            table.loc[rows, f"p_{name}"] = p_values(observed, scores, null(rng), asked.draws, part, f"{cell}, {name}")
    if asked.resamples and isinstance(representation, Linear):
        half = _on_genes(signatures.inputs[asked.representation][rows], representation, asked.change, line, score)
        rng = np.random.default_rng([asked.seed, line, len(nulls)])
        low, high = rank_intervals(half, len(asked.change), asked.resamples, rng, context.share(0.6, 1.0))
        place = table.loc[rows, "rank"].to_numpy(float)
        table.loc[rows, "rank_low"], table.loc[rows, "rank_high"] = np.minimum(low, place), np.maximum(high, place)


def _on_genes(inputs: Floats, representation: Linear, change: Floats, line: int, score: Score) -> Callable[[NDArray[np.int64]], Floats]:
    """Return what scores drugs on some of the genes."""

    def scores(genes: NDArray[np.int64]) -> Floats:
        drugs = representation.mapped(inputs[:, genes], line, genes)
        return score(drugs, representation.mapped(change[None, genes], line, genes))[:, 0]

    return scores


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of the result, the best first within each line."""
    columns = [
        "drug", "cell", "score", "score_raw", "score_pca", "p", "q", "rank", "rank_low", "rank_high", "p_spectrum", "p_genes", "replicates",
        "plates", "doses", "times", "controls", "agreement", "is_imputed", "donors", "contexts", "residual",
    ]  # fmt: skip
    ordered = table.sort_values(["cell", "rank", "drug"], kind="stable")
    return ordered[[column for column in columns if column in table]].reset_index(drop=True)
