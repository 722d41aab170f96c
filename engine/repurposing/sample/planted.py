"""The simulated disease as a user meets it: tables by part, and the truth that a measured disease never tells."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from engine.core import Dataset, Profiles, Tables, UserError
from engine.repurposing.sample.disease import Disease, drawn_disease, permuted
from engine.repurposing.sample.drugs import MIMIC, PLANTED, UNRELATED, Drugs, drawn_drugs
from engine.repurposing.sample.measurements import cells_of, counts_of, screen_of, second_of
from engine.repurposing.sample.proteins import drawn_edges, protein_table

PARTS = ("counts", "design", "second", "network", "targets", "cells", "partners", "screen")
SOURCE = "simulated"
LICENCE = "CC0"
STREAMS = ("proteins", "edges", "disease", "drugs", "null", "counts", "second", "cells", "screen")  # each kind of draw has its own


@dataclass(frozen=True, eq=False)
class SimulatedDisease:
    """A disease, a network and a drug screen made by code; every part is drawn when it is first asked for, whatever the order.

    Attributes
    ----------
    seed : of every random draw.
    has_cause : False for a disease whose genes have no relation to network and drugs.
    proteins : (P, k) ``gene``, ``family``, ``module``, ``weight``.
    edges : ``first``, ``second`` (row numbers of proteins), ``cost``.
    disease : causes and true fold changes.
    drugs : roles, targets and true effects.

    Examples
    --------
    >>> from engine.repurposing.sample import planted
    >>> world = planted(seed=1)
    >>> list(world["design"].columns), int((world.true_drugs["role"] == "planted").sum())
    (['sample', 'group'], 10)
    """

    seed: int
    has_cause: bool
    proteins: pd.DataFrame
    edges: pd.DataFrame
    disease: Disease
    drugs: Drugs

    def __getitem__(self, part: str) -> Dataset | Profiles:
        """Return one part by name, see `PARTS`."""
        return self.tables(part)[part]

    def tables(self, *parts: str) -> Tables:
        """Return these parts, or all of them, as a method takes them."""
        for part in parts:
            if part not in PARTS:
                raise UserError(f"The simulated disease has no part '{part}'.", f"The parts are: {', '.join(PARTS)}.", part)
        return Tables({part: self._part(part) for part in parts or PARTS})

    @cached_property
    def true_drugs(self) -> pd.DataFrame:
        """One row for each drug: ``drug``, ``role``, ``acts_on``, ``n_targets``, ``half_dose_um``, ``true_reversal``.

        ``true_reversal`` is -cosine of the noiseless change by the drug with that by the disease, over all proteins: 1 undoes it exactly.
        """
        response = self.drugs.response(self.disease)
        size = np.linalg.norm(response, axis=0) * np.linalg.norm(self.disease.log2fc)
        reversal = np.divide(-(self.disease.log2fc @ response), size, out=np.zeros(len(size)), where=size > 0)
        return self.drugs.table.assign(true_reversal=reversal)

    @cached_property
    def true_genes(self) -> pd.DataFrame:
        """One row for each protein: ``gene``, ``family``, ``module``, ``is_driver``, and the truth of both conditions.

        ``shift`` and ``shift_second`` are changes of activity, ``log2fc`` and ``log2fc_second`` those of expression.
        """
        disease = self.disease
        return self.proteins[["gene", "family", "module"]].assign(
            is_driver=disease.shift != 0, shift=disease.shift, shift_second=disease.shift_second,
            log2fc=disease.log2fc, log2fc_second=disease.log2fc_second,
        )  # fmt: skip

    def _part(self, part: str) -> Dataset | Profiles:
        if part == "screen":
            return self._screen
        call = "engine.repurposing.sample.part"
        made = Dataset(self._frame(part), f"simulated {part}", "counts" if part == "counts" else "samples", SOURCE, LICENCE)
        return made.after(call, name=part, seed=self.seed, has_cause=self.has_cause)

    def _frame(self, part: str) -> pd.DataFrame:
        genes = self._genes
        match part:
            case "counts":
                return self._counts[0]
            case "design":
                return self._counts[1]
            case "second":
                return second_of(genes, self.disease, _rng(self.seed, "second"))
            case "network":
                symbol = np.array(genes)
                return pd.DataFrame(
                    {"protein1": symbol[self.edges["first"]], "protein2": symbol[self.edges["second"]], "cost": self.edges["cost"]}
                )
            case "targets":
                return self.drugs.targets
            case "cells":
                return cells_of(genes, self.disease, _rng(self.seed, "cells"))
        return pd.DataFrame({"gene": np.array(genes)[self.disease.partners]})

    @property
    def _genes(self) -> list[str]:
        return [str(gene) for gene in self.proteins["gene"]]

    @cached_property
    def _counts(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return counts_of(self._genes, self.disease, _rng(self.seed, "counts"))

    @cached_property
    def _screen(self) -> Profiles:
        made = screen_of(self._genes, self.disease, self.drugs, _rng(self.seed, "screen"))
        call = "engine.repurposing.sample.part"
        return dataclasses.replace(made, steps=((call, {"name": "screen", "seed": self.seed, "has_cause": self.has_cause}),))


def planted(seed: int = 0) -> SimulatedDisease:
    """Simulate a disease with planted causes and drugs, so that the precision of a ranking is known.

    Parameters
    ----------
    seed : same seed, same bytes; another seed is another network, another disease and other drugs.

    Returns
    -------
    SimulatedDisease with the parts ``counts``, ``design``, ``second``, ``network``, ``targets``, ``cells``, ``partners``, ``screen``,
    and the truth in ``true_drugs`` and ``true_genes``.

    Notes
    -----
    Eight proteins change their activity; a linear model on the network carries it to the genes that move. Ten drugs turn one of the
    eight back, ten push it further. Fifteen promiscuous kinase inhibitors bind about a hundred kinases in assays, causes among them,
    act in cells on two that cause nothing, and stop growth, which the disease raises: they look like a cure in the screen and in the
    network and are none. The rest act elsewhere or not at all. Nothing but the role tells them apart: targets, affinities and profiles
    are drawn as measured ones would be.
    """
    return _drawn(seed, has_cause=True)


def pure_null(seed: int = 0) -> SimulatedDisease:
    """Simulate the same without any relation: the genes of the disease change places at random, so that no drug is right.

    The fold changes of both conditions move together; network, drugs, screen and single cells stay. Roles ``planted`` and ``mimic``
    become ``unrelated``.
    """
    return _drawn(seed, has_cause=False)


def part(name: str, seed: int = 0, has_cause: bool = True) -> Dataset | Profiles:
    """Return one part of the simulated disease, see `planted` and `pure_null`."""
    return _drawn(seed, has_cause)[name]


def precision_at(drugs: "list[str] | pd.Series[str]", world: SimulatedDisease, k: int = 10) -> float:
    """Return the share of planted drugs among the first ``k`` distinct drugs of a ranking, best first; missing places count as wrong."""
    first = list(dict.fromkeys(map(str, drugs)))[:k]
    planted_drugs = set(world.true_drugs.loc[world.true_drugs["role"] == PLANTED, "drug"])
    return len(planted_drugs.intersection(first)) / k


def _drawn(seed: int, has_cause: bool) -> SimulatedDisease:
    """Draw the whole world; a null world is the planted one up to the places of the disease's genes."""
    proteins = protein_table(_rng(seed, "proteins"))
    edges = drawn_edges(proteins, _rng(seed, "edges"))
    disease = drawn_disease(proteins, edges, _rng(seed, "disease"))
    drugs = drawn_drugs(proteins, disease, _rng(seed, "drugs"))
    if not has_cause:
        disease = permuted(disease, _rng(seed, "null").permutation(len(proteins)))
        drugs = dataclasses.replace(
            drugs, table=drugs.table.assign(role=drugs.table["role"].replace({PLANTED: UNRELATED, MIMIC: UNRELATED}))
        )
    return SimulatedDisease(seed, has_cause, proteins, edges, disease, drugs)


def _rng(seed: int, stream: str) -> np.random.Generator:
    """Give every kind of draw a stream of its own, so that parts may be asked for in any order."""
    return np.random.default_rng([seed, STREAMS.index(stream)])
