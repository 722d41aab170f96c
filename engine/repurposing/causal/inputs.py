"""From the user's tables to what a causal network is learned from: cells by genes, the pairs that may be joined, and the terminals."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, Tables, UserError
from engine.core.dataset import SHOWN
from engine.repurposing.columns import FIRST, SECOND, column_of
from engine.repurposing.expression.identifiers import current, symbols
from engine.repurposing.parts import refuse_strange
from engine.repurposing.prizes import prizes_in

Floats = NDArray[np.float64]
PARTS = ("cells", "network", "prizes")
VALUES = ("detect", "log", "counts")
MOST_GENES, MOST_WITHOUT_NETWORK = 1_000, 150  # about half an hour on two cores; pairs grow with the square of the genes
LARGEST_LOG2 = 50.0  # no logarithm of a count or RPKM is larger
FEW_FOUND = 0.5  # share of the network's genes below which the tables are taken not to fit each other


@dataclass(frozen=True, eq=False)
class Cells:
    """Expression of single cells, ready for the search.

    Attributes
    ----------
    genes : names of p genes.
    values : (n, p) log2 expression, one row per cell.
    allowed : (p, p) whether two genes may be joined; None allows all pairs.
    terminals : genes that matter for the disease, those among ``genes``.
    dropped : table of the genes left out for being seen in too few cells: ``gene``, ``cells`` (number in which it is not zero).
    notes : sentences on what was found and done.
    """

    genes: tuple[str, ...]
    values: Floats
    allowed: NDArray[np.uint8]
    terminals: tuple[str, ...]
    dropped: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def n_allowed(self) -> int:
        """Number of pairs that may be joined."""
        return int(self.allowed.sum()) // 2


def cells_for(data: Any, params: Any) -> Cells:
    """Read ``cells`` and, where given, ``network`` (pairs that may be joined) and ``prizes`` (terminals).

    Parameters
    ----------
    data : one table of cells, or several by name. The cells have one row per gene with the names in a column, or one row per cell.
    params : ``min_share`` of the cells in which a gene must be seen, and ``values``.

    Raises
    ------
    UserError
        When a table is missing, has no use or lacks a column; when cells and network share no genes; when values are missing; when fewer
        than two genes are left or more than can be searched.
    """
    tables = data if isinstance(data, Tables) else Tables({PARTS[0]: Dataset.of(data)})
    refuse_strange(tables, PARTS)
    if tables.get("cells") is None:
        raise UserError("There is no table of single cells.", "Name it cells: one row per gene and one column per cell.", "cells")
    notes: list[str] = []
    pairs = None if tables.get("network") is None else _pairs(tables["network"].frame, notes)
    prizes = None if tables.get("prizes") is None else _prizes(tables["prizes"].frame)
    known = set(pairs.ravel().tolist()) if pairs is not None else set(prizes or ())
    frame = _on_log_scale(_genes_by_cells(tables["cells"].frame, known, notes), params.values, notes)
    if pairs is not None:
        frame = _those_in_network(frame, known, notes)
    seen = (frame.to_numpy() != 0).sum(axis=1)
    kept = seen > int(params.min_share * frame.shape[1])
    genes = tuple(frame.index[kept])
    _check_size(genes, pairs is not None, frame.shape[1])
    dropped = pd.DataFrame({"gene": frame.index[~kept], "cells": seen[~kept]}).sort_values(["cells", "gene"], ignore_index=True)
    values = np.ascontiguousarray(frame.to_numpy()[kept].T)
    if len(still := [gene for gene, column in zip(genes, values.T, strict=True) if column.min() == column.max()]):
        if len(still) == len(genes):
            raise UserError("No gene differs between any two of the cells.", "Check the table: are the columns the same cell?", "cells")
        notes.append(
            f"{len(still):,} genes are the same in all cells, so nothing can be learned of them: {', '.join(still[:SHOWN])}"
            f"{' …' if len(still) > SHOWN else ''}."
        )
    allowed = _allowed(genes, pairs)
    if not allowed.any():
        raise UserError(
            f"No edge of the network joins two of the {len(genes):,} genes seen in enough cells.",
            "Give more edges, or no network.",
            "network",
        )
    wanted = {current(gene) for gene in prizes or ()}
    terminals = tuple(gene for gene in genes if current(gene) in wanted)
    if prizes is not None and not terminals:
        notes.append("No gene with a prize is among the genes of the network that enough cells express: no terminals are known.")
    return Cells(genes, values, allowed, terminals, dropped, tuple(notes))


def _symbols(names: Iterable[object]) -> NDArray[Any]:
    """Return symbols in capitals as an array."""
    return np.array(symbols(names), dtype=object)


def _pairs(network: pd.DataFrame, notes: list[str]) -> NDArray[Any]:
    """Return the (m, 2) different pairs of a network, self loops left out."""
    pairs = np.column_stack([_symbols(network[column_of(network, names, names[0], "the network", "network")]) for names in (FIRST, SECOND)])
    blank = (pairs == "").any(axis=1)
    if blank.any():
        notes.append(f"{blank.sum():,} rows of the network lack a protein and are left out.")
        pairs = pairs[~blank]
    if not len(pairs):
        raise UserError("The network has no edges.", "Leave it out to allow all pairs, or give one row per edge.", "network")
    loops = int((pairs[:, 0] == pairs[:, 1]).sum())
    if loops:
        notes.append(f"{loops:,} of {len(pairs):,} edges of the network join a protein to itself and are left out.")
    if loops == len(pairs):
        raise UserError("Every edge of the network joins a protein to itself.", "Give edges between different proteins.", "network")
    return pairs[pairs[:, 0] != pairs[:, 1]]


def _prizes(prizes: pd.DataFrame) -> tuple[str, ...]:
    """Return the genes with a positive prize."""
    table = prizes_in(prizes)
    return tuple(table.loc[(table["prize"] > 0) & (table["gene"] != ""), "gene"])


def _genes_by_cells(cells: pd.DataFrame, known: Collection[str], notes: list[str]) -> pd.DataFrame:
    """Return a table with one row per gene, named, and one column per cell."""
    texts = [column for column in cells.columns if isinstance(cells[column].dtype, pd.CategoricalDtype)]
    if len(texts) > 1:
        raise UserError(
            f"The columns {', '.join(map(str, texts[:SHOWN]))} of the cells hold text; one can name the rows, and no more.",
            "Remove the others.", str(texts[1]),
        )  # fmt: skip
    numbers = cells.drop(columns=texts)
    down, across = _symbols(cells[texts[0]]) if texts else np.array([]), _symbols(numbers.columns)
    if texts and _rows_are_genes(down, across, known, str(texts[0])):
        frame = pd.DataFrame(numbers.to_numpy(np.float64), index=down, columns=numbers.columns)
    else:
        labels = cells[texts[0]].astype(str) if texts else [str(k + 1) for k in range(len(cells))]
        frame = pd.DataFrame(numbers.to_numpy(np.float64).T, index=across, columns=list(labels))
        notes.append(f"The table of cells is read as {len(cells):,} cells (rows) and {numbers.shape[1]:,} genes (columns).")
    if blank := int((frame.index == "").sum()):
        notes.append(f"{blank:,} rows of the cells have no gene name and are left out.")
        frame = frame[frame.index != ""]
    frame = _spelt_as(known, frame, notes)
    wrong = np.argwhere(~np.isfinite(frame.to_numpy()))
    if len(wrong):
        gene, cell = frame.index[wrong[0][0]], frame.columns[wrong[0][1]]
        more = f", as are {len(wrong) - 1:,} more values" if len(wrong) > 1 else ""
        raise UserError(
            f"The expression of {gene} in cell {cell} is missing or infinite{more}.",
            "Write 0 where a gene was not seen, and take the logarithm of 1 + x rather than of x.", str(gene),
        )  # fmt: skip
    if frame.index.has_duplicates:
        twice = frame.index[frame.index.duplicated()].unique()
        by_mean = np.argsort(-frame.to_numpy().mean(axis=1), kind="stable")
        frame = frame.iloc[np.sort(by_mean[~frame.index[by_mean].duplicated()])]
        notes.append(f"{len(twice):,} genes have several rows, such as {twice[0]}; the one with the largest mean is kept.")
    return frame


def _spelt_as(known: Collection[str], frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return the cells with genes under the name that the network has for them, where one of the two is out of date."""
    wanted = {current(name): name for name in known if name not in frame.index}
    renamed = {gene: wanted[current(gene)] for gene in frame.index if gene not in known and current(gene) in wanted} if wanted else {}
    if renamed:
        pairs = ", ".join(f"{old} as {new}" for old, new in list(renamed.items())[:SHOWN])
        notes.append(f"{len(renamed):,} genes of the cells have another name in the network ({pairs}).")
    return frame.rename(index=renamed)


def _rows_are_genes(down: NDArray[Any], across: NDArray[Any], known: Collection[str], header: str) -> bool:
    """Say whether the names down the side are the genes: by what is known of them, else by what their column is called."""
    found_down, found_across = len(set(down) & set(known)), len(set(across) & set(known))
    return found_down > found_across if found_down != found_across else header.strip().lower() not in ("cell", "cells", "barcode", "sample")


def _on_log_scale(frame: pd.DataFrame, values: str, notes: list[str]) -> pd.DataFrame:
    """Return log2 expression: counts are recognised, or named, and become log2(1 + x)."""
    numbers = frame.to_numpy()
    if numbers.min(initial=0) < 0 and values == "counts":
        gene = frame.index[int(np.argmin(numbers.min(axis=1)))]
        raise UserError(f"Counts cannot be negative, as those of {gene} are.", "Set 'The table holds' to log.", str(gene))
    looks_raw = numbers.max(initial=0) > LARGEST_LOG2 and numbers.min(initial=0) >= 0
    if values == "log" or (values == "detect" and not looks_raw):
        if values == "detect" and numbers.max(initial=0) > LARGEST_LOG2:
            notes.append(
                f"The cells hold numbers from {numbers.min():,.4g} to {numbers.max():,.4g}: too large for logarithms, yet counts are never "
                "negative. They are used as they are; give counts, or log2(1 + counts)."
            )
        return frame
    notes.append(f"The cells hold numbers up to {numbers.max():,.0f}, taken as counts or RPKM: log2(1 + x) is used, as they are otherwise.")
    return pd.DataFrame(np.log2(1 + numbers), index=frame.index, columns=frame.columns)


def _those_in_network(frame: pd.DataFrame, known: Collection[str], notes: list[str]) -> pd.DataFrame:
    """Return the rows of the network's genes, and say how many of these were not found."""
    found = frame.loc[[gene in known for gene in frame.index]]
    absent = sorted(set(known) - set(frame.index))
    if not len(found):
        raise UserError(
            f"None of the {len(known):,} proteins of the network is among the {len(frame):,} genes of the cells; the first are "
            f"{', '.join(sorted(known)[:5])} and {', '.join(map(str, frame.index[:5]))}.",
            "Name both by human gene symbols.", "cells",
        )  # fmt: skip
    if absent:
        notes.append(
            f"{len(absent):,} of {len(known):,} proteins of the network are not among the genes of the cells: {', '.join(absent[:SHOWN])}"
            + (" …" if len(absent) > SHOWN else "")
            + (". Do both name human gene symbols?" if len(found) < FEW_FOUND * len(known) else ".")
        )
    return found


def _check_size(genes: tuple[str, ...], has_network: bool, n_cells: int) -> None:
    """Refuse fewer than two genes, fewer than eight cells, and more genes than can be searched."""
    most = MOST_GENES if has_network else MOST_WITHOUT_NETWORK
    if n_cells < 8:
        raise UserError(f"{n_cells:,} cells are too few to test anything.", "Give at least 8, better hundreds.", "cells")
    if len(genes) < 2:
        raise UserError("Fewer than two genes are seen in enough cells.", "Lower 'Seen in at least'.", "min_share")
    if len(genes) > most:
        fix = (
            "Give the edges of the interactome only." if has_network else "Give a network of the pairs that may be joined, or fewer genes."
        )
        raise UserError(
            f"{len(genes):,} genes are more than the {most:,} that can be searched.", fix, "network" if has_network else "cells"
        )


def _allowed(genes: tuple[str, ...], pairs: NDArray[Any] | None) -> NDArray[np.uint8]:
    """Return the (p, p) pairs that may be joined."""
    if pairs is None:
        return (1 - np.eye(len(genes))).astype(np.uint8)
    number = {gene: k for k, gene in enumerate(genes)}
    allowed = np.zeros((len(genes), len(genes)), np.uint8)
    for a, b in pairs.tolist():
        if a in number and b in number:
            allowed[number[a], number[b]] = allowed[number[b], number[a]] = 1
    return allowed
