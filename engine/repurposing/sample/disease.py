"""The simulated disease: a linear causal model on the network, and the few proteins whose changed activity drives everything else."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.repurposing.sample.proteins import DRUGGABLE, N_MODULES, N_PROTEINS

SHARE_CAUSAL = 0.5  # of interactions that carry regulation; the others only bind
EXPLAINED = 0.6  # share of a regulated gene's variance that its regulators explain
WEIGHT_RANGE = (0.5, 1.0)  # of a regulator before scaling to EXPLAINED
N_DRIVERS = 8
N_DISEASE_MODULES = 4  # the drivers lie in these, two in each
DRIVER_CHILDREN = (8, 30)  # genes a driver regulates itself: enough to matter, no hub
DRIVER_DEGREE = 60  # most partners of a driver
SHIFT_RANGE = (3.0, 4.5)  # change of a driver's activity in the disease, log2 units, either sign
SECOND_SHIFT_RANGE = (2.0, 3.5)  # the same in the second condition (ageing)
SHARED = 0.75  # chance that a driver acts in the second condition as well, with the same sign
N_SECOND_DRIVERS = 6  # proteins that act in the second condition alone
BACKGROUND_SD = 0.1  # log2 change of every gene for reasons outside the model
N_GROWTH_GENES = 150
GROWTH_RANGE = (0.6, 1.4)  # loading of a growth gene, log2 units; half of them fall when the others rise, so that no mean level is shared
GROWTH_IN_DISEASE, GROWTH_IN_SECOND = 0.45, -0.25  # the disease raises the growth programme; ageing lowers it a little
N_OTHER_PARTNERS = 24  # proteins that bind the pathogen without any consequence


@dataclass(frozen=True, eq=False)
class Disease:
    """What is true of the disease.

    Attributes
    ----------
    regulation : (P, P) sparse; entry (i, j) is the effect of one unit of protein j's activity on gene i; acyclic.
    shift, shift_second : (P,) change of activity in the disease and in the second condition; zero except at drivers.
    growth : (P,) loadings of the growth programme, which no driver causes.
    log2fc, log2fc_second : (P,) true log2 fold changes of expression.
    partners : row numbers of the proteins that bind the pathogen: all drivers, and others without consequence.
    """

    regulation: "sparse.csr_array"
    shift: NDArray[np.float64]
    shift_second: NDArray[np.float64]
    growth: NDArray[np.float64]
    log2fc: NDArray[np.float64]
    log2fc_second: NDArray[np.float64]
    partners: NDArray[np.int64]

    @property
    def drivers(self) -> NDArray[np.int64]:
        """Row numbers of the proteins that cause the disease."""
        return np.flatnonzero(self.shift)

    def response(self, shift: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log2 change of expression, (P,) or (P, k), that changes of activity of the same shape lead to.

        Notes
        -----
        x = B (x + a), hence x = B a + B² a + ..., a finite sum because B is acyclic. A driver's own messenger does not change by its own
        activity: a cause need not be among the genes that move.
        """
        term = self.regulation @ shift
        total = term.copy()
        while term.any():
            term = self.regulation @ term
            total += term
        return np.asarray(total)


def drawn_disease(proteins: pd.DataFrame, edges: pd.DataFrame, rng: np.random.Generator) -> Disease:
    """Draw regulation, drivers and fold changes."""
    regulation = _regulation(edges, rng)
    drivers = _drivers(proteins, edges, regulation, rng)
    shift, second = np.zeros(N_PROTEINS), np.zeros(N_PROTEINS)
    sign = rng.choice([-1.0, 1.0], len(drivers))
    shift[drivers] = sign * rng.uniform(*SHIFT_RANGE, len(drivers))
    is_shared = rng.random(len(drivers)) < SHARED
    second[drivers] = is_shared * sign * rng.uniform(*SECOND_SHIFT_RANGE, len(drivers))
    others = rng.choice(np.setdiff1d(np.arange(N_PROTEINS), drivers), N_SECOND_DRIVERS, replace=False)
    second[others] = rng.choice([-1.0, 1.0], N_SECOND_DRIVERS) * rng.uniform(*SECOND_SHIFT_RANGE, N_SECOND_DRIVERS)
    growth = np.zeros(N_PROTEINS)
    loading = rng.uniform(*GROWTH_RANGE, N_GROWTH_GENES) * np.resize([1.0, -1.0], N_GROWTH_GENES)
    growth[rng.choice(N_PROTEINS, N_GROWTH_GENES, replace=False)] = loading
    bystanders = np.setdiff1d(np.arange(N_PROTEINS), drivers)
    chances = proteins["weight"].to_numpy()[bystanders]  # well-studied proteins are found to bind more often
    partners = np.sort(np.append(drivers, rng.choice(bystanders, N_OTHER_PARTNERS, replace=False, p=chances / chances.sum())))
    empty = np.zeros(N_PROTEINS)
    model = Disease(regulation, shift, second, growth, empty, empty, partners)
    noise = rng.normal(0, BACKGROUND_SD, (2, N_PROTEINS))
    log2fc = model.response(shift) + GROWTH_IN_DISEASE * growth + noise[0]
    log2fc_second = model.response(second) + GROWTH_IN_SECOND * growth + noise[1]
    return Disease(regulation, shift, second, growth, log2fc, log2fc_second, partners)


def permuted(disease: Disease, order: NDArray[np.int64]) -> Disease:
    """Return a disease whose genes changed places: as many move, as far, but none for a reason in the network."""
    drawn = np.zeros(N_PROTEINS)
    return Disease(
        disease.regulation, drawn, drawn, disease.growth, disease.log2fc[order], disease.log2fc_second[order],
        np.sort(order[disease.partners]),
    )  # fmt: skip


def _regulation(edges: pd.DataFrame, rng: np.random.Generator) -> "sparse.csr_array":
    """Orient some interactions along a random order of proteins; scale what regulates a gene so that it explains `EXPLAINED`."""
    rank = rng.permutation(N_PROTEINS)
    causal = edges[rng.random(len(edges)) < SHARE_CAUSAL]
    ends = causal[["first", "second"]].to_numpy(copy=True)
    is_turned = rank[ends[:, 0]] > rank[ends[:, 1]]
    ends[is_turned] = ends[is_turned][:, ::-1]
    raw = rng.uniform(*WEIGHT_RANGE, len(ends)) * rng.choice([-1.0, 1.0], len(ends))
    total = np.bincount(ends[:, 1], raw**2, N_PROTEINS)
    weight = raw * np.sqrt(EXPLAINED / total[ends[:, 1]])
    return sparse.csr_array((weight, (ends[:, 1], ends[:, 0])), shape=(N_PROTEINS, N_PROTEINS))


def _drivers(proteins: pd.DataFrame, edges: pd.DataFrame, regulation: "sparse.csr_array", rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose druggable proteins with some genes to regulate, from few modules."""
    children = np.bincount(regulation.nonzero()[1], minlength=N_PROTEINS)
    degree = np.bincount(edges[["first", "second"]].to_numpy().ravel(), minlength=N_PROTEINS)
    is_fit = proteins["family"].isin(DRUGGABLE).to_numpy() & (children >= DRIVER_CHILDREN[0]) & (children <= DRIVER_CHILDREN[1])
    candidates = np.flatnonzero(is_fit & (degree <= DRIVER_DEGREE))
    module = proteins["module"].to_numpy()
    per_module = N_DRIVERS // N_DISEASE_MODULES
    chosen: list[int] = []
    for label in rng.permutation(N_MODULES):
        inside = candidates[module[candidates] == label]
        if len(inside) >= per_module and len(chosen) < N_DRIVERS:
            chosen += rng.choice(inside, per_module, replace=False).tolist()
    return np.sort(np.array(chosen))
