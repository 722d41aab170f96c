"""From the user's screen and disease signature to what the method works on: shared genes, found by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset, Profiles, Tables, UserError
from engine.repurposing.columns import CHANGE, GENE, column_of, refuse_text
from engine.repurposing.expression.identifiers import current, findings, match, symbols
from engine.repurposing.parts import refuse_strange

Floats = NDArray[np.float64]

PARTS = ("screen", "signature")
LEAST_GENES = 10  # in common; fewer cannot have a direction
ENOUGH_GENES = 200  # in common; fewer, and scores spread so widely by chance that it is said


@dataclass(frozen=True, eq=False)
class Asked:
    """A screen, and the disease that its drugs are held against.

    Parameters
    ----------
    screen : the profiles.
    genes : the d genes that are used, as the screen spells them.
    change : (d,) log2 fold change of the disease, treated over control; None where only the screen is looked at.
    whole : every fold change of the signature, of the genes that the screen lacks too; empty without a signature.
    sentences : what was recognised, renamed or left out.
    """

    screen: Profiles
    genes: tuple[str, ...]
    change: Floats | None
    whole: Floats
    sentences: tuple[str, ...]


def screen_for(data: Any, params: Any) -> Asked:
    """Take a screen alone, or the parts ``screen`` and ``signature`` (columns ``gene`` and ``log2fc``).

    Raises
    ------
    UserError
        When there is no screen, a part has a name that nothing needs, the signature has no such columns, or hardly a gene is shared.
    """
    if isinstance(data, Profiles):
        return Asked(data, data.genes, None, np.array([]), data.notes)
    if not isinstance(data, Tables):
        raise UserError("There is no screen.", "Give a GCT, GCTX, H5AD or Parquet file of profiles as the part screen.", "screen")
    refuse_strange(data, PARTS)
    screen = data.get("screen")
    if not isinstance(screen, Profiles):
        raise UserError("There is no screen.", "Give a GCT, GCTX, H5AD or Parquet file of profiles as the part screen.", "screen")
    signature = data.get("signature")
    if signature is None:
        return Asked(screen, screen.genes, None, np.array([]), screen.notes)
    if not isinstance(signature, Dataset):
        raise UserError("The signature is not a table.", "Give a table with the columns gene and log2fc.", "signature")
    change, told = change_of(signature.frame, signature.name)
    genes, values, shared = _shared(screen.genes, change)
    return Asked(screen, genes, values, np.asarray(change, np.float64), (*screen.notes, *told, *shared))


def change_of(table: pd.DataFrame, name: str) -> tuple["pd.Series[float]", tuple[str, ...]]:
    """Return log2 fold changes by gene (upper case, as named today), and what was found on the way.

    Notes
    -----
    A gene that stands in several rows gets their mean; rows without a name or a number are left out.
    """
    gene, change = column_of(table, GENE, "gene", name), column_of(table, CHANGE, "log2fc", name)
    refuse_text(table[change], name)
    told = [f"Column {found} of {name} is taken as {wanted}." for found, wanted in ((gene, "gene"), (change, "log2fc")) if found != wanted]
    names = [current(symbol) for symbol in symbols(table[gene])]
    told += findings(table[gene], name)
    values = pd.Series(table[change].to_numpy(float), index=names)
    known = values[np.isfinite(values.to_numpy()) & (values.index != "")]
    lost = len(values) - len(known)
    if lost:
        told.append(f"{lost:,} rows of {name} have no gene or no fold change and are left out.")
    if not known.index.is_unique:
        told.append(f"Genes that stand in {name} more than once get the mean of their fold changes.")
        known = known.groupby(level=0, sort=False).mean()
    if not known.to_numpy().any():
        raise UserError(f"No fold change of {name} differs from 0.", "Check the column of fold changes.", change)
    return known, tuple(told)


def _shared(genes: Sequence[str], change: "pd.Series[float]") -> tuple[tuple[str, ...], Floats, tuple[str, ...]]:
    """Return the screen's genes that the signature has, their values, and sentences; genes are found by name, never by position."""
    known: dict[str, str] = {}
    for gene in genes:
        known.setdefault(current(gene), gene)
    both = [(spelt, name) for name, spelt in known.items() if name in change.index]
    if len(both) < LEAST_GENES:
        match(genes, change.index, "the screen", "the signature")  # raises with the names and what they look like
        raise UserError(
            f"The screen and the signature share {len(both)} genes; a direction needs at least {LEAST_GENES}.",
            "Give a signature of more genes, not only of the most changed ones.", "signature",
        )  # fmt: skip
    told = [f"{len(both):,} of {len(genes):,} genes of the screen are in the signature ({len(change):,} genes); the scores rest on these."]
    if len(both) < ENOUGH_GENES:
        told.append(
            f"Only {len(both):,} genes are shared: with fewer than {ENOUGH_GENES} high scores come about easily by chance. Compare "
            "p_genes, which deals as many values of the signature to these genes at random."
        )
    values = np.asarray(change.reindex([name for _, name in both]), np.float64)
    if not values.any():
        raise UserError("No fold change of a shared gene differs from 0.", "Check the column of fold changes.", "signature")
    return tuple(spelt for spelt, _ in both), values, tuple(told)
