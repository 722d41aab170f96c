"""What an interactome is: its proteins and edges, how it changes with the prices, and how much of it random genes would need too."""

from dataclasses import dataclass

import pandas as pd

from engine.core import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class InteractomeResult(Result):
    """The cheapest part of a network that joins the genes of a disease.

    Attributes
    ----------
    proteins : one row per protein of the interactome: ``protein``, ``prize``, ``is_terminal`` (given as such), ``is_partner`` (binds one of
        the virus or disease), ``degree`` (edges in the interactome, self loops apart), ``degree_network``, ``enters_w`` (smallest w at
        which it is in, prizes being large; inf where never), ``robustness`` (share of the sweep over w and g that holds it; NaN without
        a sweep), then, where random diseases were drawn, ``in_null`` (share of their forests that hold it), ``in_null_low`` and
        ``in_null_high`` (95 % interval) and ``p`` (of its presence), and what the table of prizes says besides (``log2fc``, ...).
    tree : edges of the forest itself: ``protein1``, ``protein2``, ``cost``.
    edges : all edges of the network among the proteins, self loops too.
    surface : every different forest over w for the hub penalty that was asked for and prizes too large to be left out, one row each:
        ``w`` and ``w_to`` (exact), ``proteins``, ``trees``, ``pieces`` (connected parts when all edges count), ``links`` (edges among the
        proteins), ``partners``.
    prize_curve : forests over the scale b of the prizes at the w and g that were asked for: ``b`` (from), ``proteins``, ``trees``,
        ``terminals``; the last row holds for all larger b. Empty without a sweep.
    hub_curve : one row per hub penalty at w and b: ``g`` (NaN is none), ``proteins``, ``trees``, ``shared`` (Jaccard index with the
        interactome), ``flat_from`` (w). Empty without a sweep.
    partner_curve : one row per prize of a partner: ``prize``, ``proteins``, ``partners``, ``added``. Empty without partners or a sweep.
    null_sizes : number of proteins in each forest of a random disease.
    facts : ``objective``, ``trees``, ``pieces``, ``terminals`` (in the interactome), ``terminals_given``, ``partners``, ``links``,
        ``loops`` (self loops among these), ``flat_from`` (w from which nothing changes), ``saturated_b`` (b from which nothing is left
        out for sure).
    """

    proteins: pd.DataFrame
    tree: pd.DataFrame
    edges: pd.DataFrame
    surface: pd.DataFrame
    prize_curve: pd.DataFrame
    hub_curve: pd.DataFrame
    partner_curve: pd.DataFrame
    null_sizes: list[int]
    facts: dict[str, float]

    @property
    def sentence(self) -> str:
        """How large the interactome is, and what it is made of."""
        facts = {name: int(value) for name, value in self.facts.items() if name not in ("objective", "flat_from", "saturated_b")}
        trees = "one tree" if facts["trees"] == 1 else f"{facts['trees']:,} trees"
        return (
            f"{len(self.proteins):,} proteins in {trees} with {facts['links']:,} links among them: {facts['terminals']:,} of "
            f"{facts['terminals_given']:,} terminals, {facts['partners']:,} partners."
        )

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows: method, data, what was found, random diseases, time."""
        rows = super().summary()
        found = [("Interactome", self.sentence)]
        if "in_null" in self.proteins:
            between = self.proteins[~self.proteins["is_terminal"]]
            rare = f"{(between['p'] <= 0.05).sum():,} of {len(between):,} joining proteins have p <= 0.05"
            found.append(("Random diseases", f"{len(self.null_sizes):,}; {rare}"))
        return [*rows[:2], *found, *rows[2:]]
