"""The disease as a ranking needs it: fold changes as far as they are known, terminals, and terminals of random names."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core import Context, Dataset, Tables, UserError
from engine.core.nearest import plain
from engine.repurposing.expression.identifiers import symbols
from engine.repurposing.expression.inputs import expression_for
from engine.repurposing.expression.result import SignatureResult
from engine.repurposing.signature import SignatureParams, signature

MEASURED = ("counts", "design", "signature", "second")  # parts that terminals are selected from
GENE = ("gene", "symbol", "name", "genesymbol", "protein")
PRIZE = ("prize", "weight", "score")
CHANGE = "log2fc"  # what columns of fold changes begin with: the disease's first, then the second condition's
COLUMNS = ("gene", "prize", "log2fc", "log2fc_second")
LISTED = 12  # names in a message


@dataclass(frozen=True, eq=False)
class Disease:
    """What a disease changes.

    Parameters
    ----------
    terminals : ``gene``, ``prize``, ``log2fc``, ``log2fc_second`` (NaN where unknown).
    selected : the signature that they were selected from; None where prizes were given.
    """

    terminals: pd.DataFrame
    selected: SignatureResult | None = None

    @property
    def signature(self) -> pd.DataFrame:
        """``gene``, ``log2fc`` and ``log2fc_second`` of every gene that is known."""
        if self.selected is None:
            return self.terminals[["gene", "log2fc", "log2fc_second"]]
        second = self.selected.second.reindex(columns=["gene", "log2fc"]).rename(columns={"log2fc": "log2fc_second"})
        return self.selected.table[["gene", "log2fc"]].merge(second, on="gene", how="left")

    def under_random_names(self, rng: np.random.Generator) -> dict[str, float]:
        """Return gene -> prize of the terminals after the fold changes of the disease were dealt to its genes at random.

        Notes
        -----
        The randomisation of labels of Belyaeva et al. 2021: as many genes are selected for the disease, with the same fold changes, under
        other names; those that the second condition selects too, with the same sign, are terminals. Their number varies.
        """
        assert self.selected is not None
        own, other = self.selected.table, self.selected.second
        dealt = rng.permutation(len(own))
        genes = own["gene"].to_numpy(dtype=object)
        change, chosen = own["log2fc"].to_numpy(dtype=float)[dealt], own["is_selected"].to_numpy(dtype=bool)[dealt]
        if len(other):
            theirs = other[other["is_selected"].astype(bool)].drop_duplicates("gene").set_index("gene")["log2fc"]
            chosen = chosen & (change * theirs.reindex(genes).to_numpy(dtype=float) >= 0)
        return dict(zip(genes[chosen], np.abs(change[chosen]), strict=True))


def disease_of(tables: Tables, context: Context) -> Disease:
    """Return the terminals that were given as ``prizes``, or those that counts or fold changes lead to."""
    given = tables.get("prizes")
    if given is not None:
        return Disease(given_terminals(given))
    asked = SignatureParams(recipe="negative_binomial")
    found = signature(
        expression_for(Tables({part: tables[part] for part in MEASURED if tables.get(part) is not None}), asked), asked, context
    )
    return Disease(found.terminals, found)


def given_terminals(given: Dataset) -> pd.DataFrame:
    """Read terminals with their prizes and, where there are any, fold changes.

    Raises
    ------
    UserError
        When there is no column of genes or of prizes; it lists the columns seen.
    """
    by_name = {plain(column): column for column in reversed(given.columns)}
    found = {}
    for name, usual in (("gene", GENE), ("prize", PRIZE)):
        column = next((by_name[other] for other in usual if other in by_name), None)
        if column is None:
            seen = ", ".join(given.columns[:LISTED])
            raise UserError(f"The table {given.name} has no column {name}; its columns are: {seen}.", f"Name that column {name}.", "prizes")
        found[name] = column
    changes = [column for column in given.columns if plain(column).startswith(CHANGE)]
    found |= dict(zip(("log2fc", "log2fc_second"), changes, strict=False))
    frame = pd.DataFrame({name: given.frame[column] for name, column in found.items()}).reindex(columns=list(COLUMNS))
    return frame.assign(gene=symbols(frame["gene"])).astype(dict.fromkeys(COLUMNS[1:], float))
