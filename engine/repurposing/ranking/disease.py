"""The disease as a ranking needs it: fold changes as far as they are known, terminals, and terminals of random names."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core import Context, Dataset, Tables, UserError
from engine.repurposing.columns import numbers
from engine.repurposing.expression.inputs import expression_for, ready_signature
from engine.repurposing.expression.result import SignatureResult
from engine.repurposing.prizes import CHANGES, prizes_in
from engine.repurposing.signature import SignatureParams, signature

MEASURED = ("counts", "design", "signature", "second")  # parts that terminals are selected from


@dataclass(frozen=True, eq=False)
class Disease:
    """What a disease changes.

    Parameters
    ----------
    terminals : ``gene``, ``prize``, ``log2fc``, ``log2fc_second`` (NaN where unknown).
    selected : the signature that they were selected from; None where prizes were given.
    changes : ``gene`` and ``log2fc`` of the disease where prizes were given and fold changes beside them.
    """

    terminals: pd.DataFrame
    selected: SignatureResult | None = None
    changes: pd.DataFrame | None = None

    @property
    def signature(self) -> pd.DataFrame:
        """``gene``, ``log2fc`` and ``log2fc_second`` of every gene that is known."""
        if self.selected is None:
            own = self.terminals[["gene", "log2fc", "log2fc_second"]]
            if self.changes is None or own["log2fc"].notna().any():
                return own
            return self.changes.merge(own[["gene", "log2fc_second"]].drop_duplicates("gene"), on="gene", how="left")
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
        return Disease(given_terminals(given), changes=_changes(tables))
    asked = SignatureParams(recipe="negative_binomial")
    found = signature(
        expression_for(Tables({part: tables[part] for part in MEASURED if tables.get(part) is not None}), asked), asked, context
    )
    if not len(found.terminals):
        both = "both conditions with the same sign" if len(found.second) else "the disease"
        raise UserError(
            f"No gene is selected in {both}, so there is no terminal to start from.",
            "Check the signs and the groups, or select terminals with the method signature and give them as prizes.", "signature",
        )  # fmt: skip
    return Disease(found.terminals, found)


def _changes(tables: Tables) -> pd.DataFrame | None:
    """Return ready fold changes of the disease where they stand beside the prizes."""
    part = tables.get("signature")
    return None if part is None else ready_signature(part, "signature", [])[["gene", "log2fc"]]


def given_terminals(given: Dataset) -> pd.DataFrame:
    """Return terminals with their prizes and, where there are any, fold changes, see `engine.repurposing.prizes.prizes_in`."""
    table = prizes_in(given.frame).reindex(columns=["gene", "prize", *CHANGES])
    return table.assign(**{name: numbers(table[name]) for name in CHANGES})
