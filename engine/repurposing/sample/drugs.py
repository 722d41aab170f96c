"""The simulated drugs: a few that undo the disease, some that make it worse, and many that only look as if."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.repurposing.sample.disease import Disease
from engine.repurposing.sample.proteins import DRUGGABLE, N_PROTEINS

PLANTED, MIMIC, PROMISCUOUS, UNRELATED, INACTIVE = "planted", "mimic", "promiscuous", "unrelated", "inactive"
ROLES = {PLANTED: 10, MIMIC: 10, PROMISCUOUS: 15, UNRELATED: 45, INACTIVE: 40}  # 120 drugs, a third of a 384-well plate at 3 doses
SHIFT_RANGE = (2.5, 4.0)  # change of a target's activity at a saturating dose, log2 units
MEAN_OTHER_TARGETS = 3.0  # targets of an ordinary drug beside its first, geometric
MOST_OTHER_TARGETS = 20
PANEL_TARGETS = (60, 140)  # kinases that a promiscuous inhibitor binds in an assay; published ones bind 38 to 260
PANEL_AFFINITY = (5.0, 7.0)  # -log10 M of binding that an assay sees and a cell does not
ACTING_AFFINITY = (7.0, 9.0)  # -log10 M of the targets that a drug acts on in cells
SHARE_UNMEASURED = 0.05  # rows without an affinity
SHARE_FAMILY = 0.03  # rows measured on a family of proteins
GROWTH_STOP = (0.3, 1.0)  # how far a promiscuous inhibitor stops growth, as multiples of the growth loadings
SHARE_TOXIC = 0.15  # of unrelated drugs that stop growth as well
HALF_DOSE_UM = (0.3, 3.0)  # dose of half the effect, log-uniform
KINDS = ("Ki", "IC50", "Kd")
SYLLABLES = ("ba", "ce", "do", "fi", "ga", "lo", "mu", "ne", "pi", "ro", "sa", "tu", "ve", "zo")
ENDINGS = {"kinase": "tinib", "receptor": "lantan", "enzyme": "stat", "channel": "dipine"}  # by the family of the first target


@dataclass(frozen=True, eq=False)
class Drugs:
    """What is true of the drugs.

    Attributes
    ----------
    table : (D, k) ``drug``, ``role``, ``acts_on`` (symbols, joined by "; "), ``n_targets``, ``half_dose_um``.
    targets : one row for each drug and gene: ``drug``, ``gene``, ``affinity``, ``kind``, ``source``, ``family``, ``action``.
    shift : (P, D) change of activity of each protein at a saturating dose.
    growth_stop : (D,) how far the drug stops growth.
    """

    table: pd.DataFrame
    targets: pd.DataFrame
    shift: NDArray[np.float64]
    growth_stop: NDArray[np.float64]

    def response(self, disease: Disease) -> NDArray[np.float64]:
        """Return the (P, D) true log2 changes of expression at a saturating dose."""
        return disease.response(self.shift) - np.outer(disease.growth, self.growth_stop)


def drawn_drugs(proteins: pd.DataFrame, disease: Disease, rng: np.random.Generator) -> Drugs:
    """Draw drugs of every role, in an order that tells nothing."""
    roles = rng.permutation(np.repeat(list(ROLES), list(ROLES.values())))
    shift, growth_stop = np.zeros((N_PROTEINS, len(roles))), np.zeros(len(roles))
    family = proteins["family"].to_numpy()
    druggable = np.flatnonzero(np.isin(family, DRUGGABLE))
    bystanders = np.setdiff1d(druggable, disease.drivers)
    first_targets = _first_targets(roles, disease.drivers, bystanders, rng)
    rows: list[tuple[str, int, bool, float]] = []
    names: list[str] = []
    for number, (role, first) in enumerate(zip(roles, first_targets, strict=True)):
        acting, listed = _bound(role, first, family, bystanders, rng)
        size = rng.choice([-1.0, 1.0], len(acting)) * rng.uniform(*SHIFT_RANGE, len(acting))
        if role in (PLANTED, MIMIC):
            size[0] = abs(size[0]) * np.sign(disease.shift[first]) * (-1 if role == PLANTED else 1)
        sign = dict(zip(acting.tolist(), np.sign(size), strict=True))
        if role != INACTIVE:
            shift[acting, number] = size
        if role == PROMISCUOUS or (role == UNRELATED and rng.random() < SHARE_TOXIC):
            growth_stop[number] = rng.uniform(*GROWTH_STOP)
        names.append(_name(family[acting[0]], names, rng))
        rows += [(names[-1], gene, gene in sign, sign.get(gene, -1.0)) for gene in listed.tolist()]
    targets = _target_rows(rows, proteins["gene"].to_numpy(), rng)
    acts_on = ["; ".join(proteins["gene"].to_numpy()[np.flatnonzero(column)]) for column in shift.T]
    low, high = np.log10(HALF_DOSE_UM)
    table = pd.DataFrame({"drug": names, "role": roles, "acts_on": acts_on})
    table["n_targets"] = targets.groupby("drug").size().reindex(names).to_numpy()
    table["half_dose_um"] = 10 ** rng.uniform(low, high, len(names))
    return Drugs(table, targets, shift, growth_stop)


def _first_targets(
    roles: NDArray[np.str_], drivers: NDArray[np.int64], bystanders: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Give each planted drug and each mimic a driver, every driver at least once; each other drug a bystander."""
    first = rng.choice(bystanders, len(roles))
    for role in (PLANTED, MIMIC):
        places = np.flatnonzero(roles == role)
        again = rng.choice(drivers, max(len(places) - len(drivers), 0))
        first[places] = np.append(rng.permutation(drivers), again)[: len(places)]
    return first


def _bound(
    role: str, first: int, family: NDArray[np.str_], bystanders: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the proteins a drug acts on in cells, its first target in front, and all that its assays list."""
    if role == PROMISCUOUS:
        kinases = np.flatnonzero(family == "kinase")
        listed = rng.choice(kinases, min(int(rng.integers(*PANEL_TARGETS)), len(kinases)), replace=False)
        acting = listed[np.isin(listed, bystanders)][:2]
        return acting, np.sort(listed)
    n_others = min(int(rng.geometric(1 / (1 + MEAN_OTHER_TARGETS))) - 1, MOST_OTHER_TARGETS)
    others = np.setdiff1d(rng.choice(bystanders, n_others, replace=False), [first])
    acting = np.append(first, others[rng.random(len(others)) < 0.5])
    return acting, np.sort(np.append(others, first))


def _target_rows(rows: list[tuple[str, int, bool, float]], genes: NDArray[np.object_], rng: np.random.Generator) -> pd.DataFrame:
    """Write the drug-target table: what acts in cells binds tightly, what an assay lists binds less."""
    n = len(rows)
    is_acting = np.array([acting for _, _, acting, _ in rows])
    affinity = np.where(is_acting, rng.uniform(*ACTING_AFFINITY, n), rng.uniform(*PANEL_AFFINITY, n)).round(2)
    affinity[rng.random(n) < SHARE_UNMEASURED] = np.nan
    kind = np.where(np.isnan(affinity), "", rng.choice(KINDS, n))
    return pd.DataFrame(
        {
            "drug": [drug for drug, _, _, _ in rows],
            "gene": [genes[gene] for _, gene, _, _ in rows],
            "affinity": affinity,
            "kind": kind,
            "source": "simulated",
            "family": (rng.random(n) < SHARE_FAMILY).astype(float),
            "action": ["activator" if sign > 0 else "inhibitor" for _, _, _, sign in rows],
        }
    )


def _name(family: str, taken: list[str], rng: np.random.Generator) -> str:
    """Make up a drug name: sim, two syllables, and an ending for the family of the first target."""
    while True:
        name = "sim" + "".join(rng.choice(SYLLABLES, 2)) + ENDINGS.get(family, "stat")
        if name not in taken:
            return name
