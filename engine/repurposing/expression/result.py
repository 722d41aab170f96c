"""What a signature found: fold changes of every gene, the genes selected, and the terminals that go on to the interactome."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from engine.core import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class SignatureResult(Result):
    """Fold changes of a disease, and where given of a second condition, with the genes that both select.

    Attributes
    ----------
    table : one row per gene: ``gene``, ``log2fc`` (treated over control), ``p``, ``q``, ``minus_log10_p`` (NaN where nothing was tested),
        ``is_selected``, then what the recipe has: ``mean``, ``log2fc_shrunk``, ``se``, ``stat``, ``dispersion``, ``is_outlier`` of a test;
        ``log2_treated``, ``log2_control`` of the log of means.
    second : the same for the second condition; without rows where there is none.
    terminals : selected genes, of both conditions where there are two: ``gene``, ``prize`` (|log2fc|), ``log2fc``, ``log2fc_second``; the
        largest prize first.
    known : ``gene``, ``log2fc`` of genes by which a reader can tell whether the sign is right.
    overlap : of the two selections: ``genes`` (measured in both), ``disease``, ``second``, ``both``, ``same_sign``, ``expected`` (by
        chance) and ``p`` (Fisher, one-sided); empty where there is one condition.
    facts : ``recipe``, ``treated``, ``control``, ``treated_samples``, ``control_samples``, ``covariates``, ``threshold`` (of the scan, 0
        where none ran), ``count`` (genes that the share asks for), ``filtered_below`` (mean below which no q is given), and the same
        of the second condition with the ending ``_second``.
    sentences : what was read, guessed and left out.
    """

    table: pd.DataFrame
    second: pd.DataFrame
    terminals: pd.DataFrame
    known: pd.DataFrame
    overlap: dict[str, float]
    facts: dict[str, Any]
    sentences: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What was selected, and whether the two conditions share more than chance."""
        chosen = int(self.table["is_selected"].sum())
        told = f"{chosen:,} of {len(self.table):,} genes are selected"
        if not self.overlap:
            return f"{told}; all of them are terminals."
        both, expected, p = self.overlap["both"], self.overlap["expected"], self.overlap["p"]
        return (
            f"{told} for the disease, {self.overlap['second']:,.0f} for the second condition; {both:,.0f} for both ({expected:.3g} by "
            f"chance, one-sided p = {p:.2g}), and {len(self.terminals):,} are terminals."
        )

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows: method, data, recipe, groups, selection, time."""
        rows = super().summary()
        groups = f"{self.facts['treated']} over {self.facts['control']}" if self.facts.get("treated") else "ready fold changes"
        own = [("Recipe", str(self.facts["recipe"]).replace("_", " ")), ("Compared", groups), ("Selected", self.sentence)]
        return [*rows[:2], *own, *rows[2:]]
