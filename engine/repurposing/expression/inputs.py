"""From the user's tables to what a signature is made of: expression with its design, or fold changes that are ready."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, Tables, UserError
from engine.core.nearest import plain
from engine.repurposing.columns import CHANGE, GENE, P, Q, find, labels, numbers, refuse_text
from engine.repurposing.expression.identifiers import findings, one_row_per_gene, symbols
from engine.repurposing.expression.samples import SAMPLE, samples_in
from engine.repurposing.parts import refuse_strange

PARTS = ("counts", "design", "signature", "second", "second_counts", "second_design", "coding")


@dataclass(frozen=True, eq=False)
class Measured:
    """Expression of genes in samples whose groups are known.

    Attributes
    ----------
    values : (G, n) as given; gene symbols in upper case as index (blank and repeated ones included), samples as columns.
    rows : (G,) row of each gene in the user's table, the first being 1.
    design : one row per column of ``values``: ``group``, then whatever else the design says.
    where : name of the table in messages.
    """

    values: pd.DataFrame
    rows: NDArray[np.intp]
    design: pd.DataFrame
    where: str

    def of_groups(self, *groups: str) -> "Measured":
        """Return the samples of some groups only."""
        kept = self.design["group"].isin(groups)
        return Measured(self.values.loc[:, kept.to_numpy()], self.rows, self.design[kept], self.where)


@dataclass(frozen=True, eq=False)
class Expression:
    """What `engine.repurposing.signature` is given; the disease is measured or ready, the second condition too, or missing.

    Attributes
    ----------
    name, digest : of the user's tables.
    disease, second : Measured, or a frame with ``gene``, ``log2fc`` and where known ``p``, ``q``, or None.
    coding : protein-coding symbols; empty where no list was given.
    sentences : what was found odd while reading.
    """

    name: str
    digest: str
    disease: Measured | pd.DataFrame
    second: Measured | pd.DataFrame | None
    coding: tuple[str, ...]
    sentences: tuple[str, ...]


def expression_for(data: Any, params: Any) -> Expression:
    """Read ``counts`` with ``design``, or a ready ``signature``; the same for a second condition, where there is one.

    A single table is a ready signature. The second condition is ``second_counts`` with ``second_design``, or ``second``; ``coding`` may
    list the protein-coding genes.

    Raises
    ------
    UserError
        When a part is missing or unknown, or a table lacks a column; it lists the columns seen.
    """
    tables = data if isinstance(data, Tables) else Tables({"signature": Dataset.of(data)})
    refuse_strange(tables, PARTS)
    said: list[str] = []
    disease = _condition(tables, ("counts", "design", "signature"), said)
    if disease is None:
        raise UserError("There is no expression of the disease.", "Give counts with a design, or a ready signature.", "counts")
    second = _condition(tables, ("second_counts", "second_design", "second"), said)
    coding = tables.get("coding")
    listed = () if coding is None else tuple(dict.fromkeys(name for name in symbols(coding.frame[gene_column(coding, "coding")]) if name))
    return Expression(tables.name, tables.digest, disease, second, listed, tuple(said))


def _condition(tables: Tables, parts: tuple[str, str, str], said: list[str]) -> Measured | pd.DataFrame | None:
    """Read one condition from its measured or its ready form."""
    counts, design, ready = (tables.get(part) for part in parts)
    if counts is not None and ready is not None:
        raise UserError(f"Both {parts[0]} and {parts[2]} are given.", "Leave one of them out.", parts[2])
    if counts is not None:
        if design is None:
            raise UserError(
                f"The table {parts[0]} has no design.", f"Add a table named {parts[1]} with columns sample and group.", parts[1]
            )
        return measured(counts, design, parts[0], parts[1], said)
    return None if ready is None else ready_signature(ready, parts[2], said)


def measured(counts: Dataset, design: Dataset, where: str, design_where: str, said: list[str]) -> Measured:
    """Read genes x samples with its design; what is odd is added to ``said``."""
    gene = gene_column(counts, where)
    names = counts.frame[gene]
    said += findings(names, where)
    texts = [column for column in counts.columns if isinstance(counts.frame[column].dtype, pd.CategoricalDtype)]
    samples = [column for column in counts.columns if column not in (gene, *texts)]
    _refuse_what_is_no_table_of_samples(counts, design, gene, [column for column in texts if column != gene], where)
    rows, sentences = samples_in(design.frame, samples, design_where)
    if other := [column for column in texts if column != gene]:
        said.append(f"Columns of {where} that hold text are left out: {', '.join(other[:5])}.")
    said += sentences
    values = counts.frame[list(rows.index)].set_axis(pd.Index(symbols(names), dtype=object), axis=0)
    return Measured(values, np.arange(1, len(values) + 1), rows, where)


def _refuse_what_is_no_table_of_samples(counts: Dataset, design: Dataset, gene: str, texts: list[str], where: str) -> None:
    """Raise a `UserError` for a sample that holds text, for samples as rows, and where no gene has a name."""
    listed = find(design.frame.columns, SAMPLE)
    wanted = set(labels(design.frame[listed])) if listed else set()
    held = [column for column in texts if column in wanted]
    odd = [column for column in held if np.isnan(numbers(counts.frame[column])).any()]
    for column in odd or held:
        refuse_text(counts.frame[column], where)
    names = labels(counts.frame[gene])
    if wanted & set(names) and not wanted & set(counts.columns):
        raise UserError(f"The rows of {where} are samples, such as {names.iloc[0]}.", "Turn the table: one row per gene.", where)
    if not (names != "").any():
        raise UserError(f"No row of {where} names a gene.", "Give one row per gene, with its symbol in a column gene.", where)


def ready_signature(data: Dataset, where: str, said: list[str]) -> pd.DataFrame:
    """Read a table of genes and fold changes; one row per gene, of repeated ones the largest change."""
    gene = gene_column(data, where)
    said += findings(data.frame[gene], where)
    numeric = [column for column in data.columns if column != gene and not isinstance(data.frame[column].dtype, pd.CategoricalDtype)]
    change = find(numeric, (*CHANGE, "0")) or (numeric[0] if len(numeric) == 1 else None)
    if change is None and (text := find(data.columns, CHANGE)) is not None:
        refuse_text(data.frame[text], where)
    if change is None:
        raise UserError(
            f"{where} has no column with log2 fold changes; its columns are: {', '.join(data.columns[:12])}.",
            "Name that column log2fc; for expression per sample give the parts counts and design instead.", where,
        )  # fmt: skip
    if plain(change) != "log2fc":
        said.append(f"Column {change} of {where} is read as log2 fold change, treated over control.")
    frame = pd.DataFrame({"gene": symbols(data.frame[gene]), "log2fc": data.frame[change]})
    for name, usual in (("p", P), ("q", Q)):
        column = find(numeric, usual)
        frame[name] = data.frame[column] if column and column != change else np.nan
        outside = np.flatnonzero((frame[name] < 0) | (frame[name] > 1))
        if len(outside):
            row = int(outside[0])
            raise UserError(
                f"Column {column} of {where} has {frame[name].iloc[row]:g} in row {row + 1:,}, which is no probability.",
                "Give values between 0 and 1, or leave the column out.", str(column),
            )  # fmt: skip
    bad = ~np.isfinite(frame["log2fc"].to_numpy())
    if bad.any():
        said.append(f"{bad.sum():,} genes of {where} have no fold change and are left out.")
    frame = frame[~bad & (frame["gene"] != "").to_numpy()]
    order = frame["log2fc"].abs().sort_values(ascending=False, kind="stable").index
    kept = ~frame.loc[order, "gene"].duplicated()
    frame = frame.loc[kept[kept].index.sort_values()].reset_index(drop=True)
    if not len(frame):
        raise UserError(f"{where} holds no gene with a fold change.", "Is the right column named log2fc?", where)
    if not frame["log2fc"].any():
        raise UserError(f"No fold change of {where} differs from 0.", "Check the column of fold changes.", where)
    return frame


def gene_column(data: Dataset, where: str) -> str:
    """Return the column of gene names: by its name, otherwise the first that holds text."""
    texts = [column for column in data.columns if isinstance(data.frame[column].dtype, pd.CategoricalDtype)]
    found = find(texts, GENE) or (texts[0] if texts else find(data.columns, GENE))
    if found is None:
        listed = ", ".join(data.columns[:12])
        raise UserError(f"{where} has no column of gene names; its columns are: {listed}.", "Name that column gene.", where)
    return found


def unique_genes(data: Measured, rule: str) -> pd.DataFrame:
    """Return the (G, n) values with one row per gene, blank names left out; rule as in `one_row_per_gene`."""
    return one_row_per_gene(data.values, "sum" if rule == "sum" else "max_mean")
