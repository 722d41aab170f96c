"""The evidence that a network gives to a drug, and what the same drug gets from networks of random diseases."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from engine.repurposing.ranking.affinity import weight_of

PARTNER = 1.0  # what binding a protein of the disease adds to the worth 1 of a protein in the interactome
WINDOW = 0.05  # share of the interactome's proteins, on each side, from whose degrees a carried worth may come
VARIANTS = ("all", "causal", "partners", "affinity")  # what is left out of the evidence of the network
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Hits:
    """Which proteins each drug acts on, as one sparse table.

    Parameters
    ----------
    drugs : (D,) names.
    proteins : (P,) names of the network, in its order.
    affinity : (D, P) sparse; a stored entry is a target, its value the weight of the affinity, see `affinity.weight_of`.
    """

    drugs: tuple[str, ...]
    proteins: tuple[str, ...]
    affinity: sparse.csr_array

    @classmethod
    def of(cls, pairs: pd.DataFrame, drugs: Sequence[str], proteins: tuple[str, ...]) -> "Hits":
        """Make the table of pairs ``drug``, ``gene``, ``affinity`` (-log10 M), each pair once; other drugs and genes are left out."""
        row, column = ({name: at for at, name in enumerate(names)} for names in (drugs, proteins))
        kept = pairs[pairs["drug"].isin(row) & pairs["gene"].isin(column)]
        at = (kept["drug"].map(row).to_numpy(dtype=np.int64), kept["gene"].map(column).to_numpy(dtype=np.int64))
        weights = weight_of(kept["affinity"].to_numpy(dtype=float))
        return cls(tuple(drugs), proteins, sparse.csr_array((weights, at), shape=(len(row), len(column))))

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """(T,) places in the network of the proteins that some drug acts on."""
        return np.unique(self.affinity.indices).astype(np.int64)

    @cached_property
    def weights(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """(D, T) weights of affinity, and the same with every weight 1."""
        weights = sparse.csr_array(self.affinity[:, self.columns])
        same = weights.copy()
        same.data[:] = 1.0
        return weights, same


@dataclass(frozen=True, eq=False)
class Worth:
    """What is known of each protein of the interactome beyond being in it.

    Parameters
    ----------
    members : (M,) places of the interactome's proteins in the network.
    reach : (M,) causal reach in [0, 1], see `reach_of`; 0 outside the causal graph.
    partner : (M,) whether it binds a protein of the disease.
    degree : (P,) number of neighbours of every protein of the network.
    """

    members: NDArray[np.int64]
    reach: Floats
    partner: Bools
    degree: NDArray[np.int64]

    def own(self, member: Bools) -> tuple[Floats, Floats]:
        """Reach and partnership, each (n, P), of the proteins in ``member`` (n, P) under their own names; 0 for what is not known."""
        found = []
        for known in (self.reach, self.partner * PARTNER):
            full = np.zeros(member.shape[1])
            full[self.members] = known
            found.append(member * full)
        return found[0], found[1]

    def carried(self, member: Bools, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Reach and partnership, each (n, P), that random interactomes ``member`` (n, P) get: those of observed proteins of like degree.

        Notes
        -----
        A causal graph per random interactome would cost hours. The null hypothesis of this part is instead that the reach does not
        depend on which protein of a given degree it is: proteins of both interactomes are put in order of degree (ties at random), and
        one at share f of its order gets the worth of an observed one at share f +- `WINDOW`.
        """
        ranked = self.members[np.lexsort((rng.random(len(self.members)), self.degree[self.members]))]
        at = np.empty(member.shape[1], dtype=np.int64)
        at[self.members] = np.arange(len(self.members))
        reach, partner = self.reach[at[ranked]], (self.partner * PARTNER)[at[ranked]]
        found = np.zeros((2, *member.shape))
        for row, inside in enumerate(member):
            proteins = np.flatnonzero(inside)
            order = proteins[np.lexsort((rng.random(len(proteins)), self.degree[proteins]))]
            share = (np.arange(len(order)) + 0.5) / max(len(order), 1) + rng.uniform(-WINDOW, WINDOW, len(order))
            source = _reflected(share * len(ranked), len(ranked))
            found[0, row, order], found[1, row, order] = reach[source], partner[source]
        return found[0], found[1]


def _reflected(place: Floats, n: int) -> NDArray[np.int64]:
    """Return whole places 0 to n - 1; what falls outside comes back in, so that the ends are not drawn more often."""
    inside = np.abs(place)
    inside = np.where(inside >= n, 2 * n - inside, inside)
    return np.clip(inside.astype(np.int64), 0, max(n - 1, 0))


def reach_of(terminal_descendants: Floats, path_stability: Floats) -> Floats:
    """Causal reach k / (1 + k) * s of a protein with k affected descendants whose best directed path has stability s; missing is 0.

    Half for one affected descendant on a path that is always found, towards 1 for many: ten descendants are no ten times the evidence of
    one, since they mostly hang on one another.
    """
    count, stability = np.nan_to_num(np.asarray(terminal_descendants, float)), np.nan_to_num(np.asarray(path_stability, float))
    return count / (1 + count) * stability


def network_evidence(hits: Hits, member: Bools, reach: Floats, partner: Floats) -> Floats:
    """Return (V, n, D): evidence N of D drugs in n interactomes, whole and with one kind of evidence left out, see `VARIANTS`.

    Parameters
    ----------
    member : (n, P) whether a protein is in the interactome.
    reach, partner : (n, P), see `Worth`.

    Notes
    -----
    N(d) = sum over targets t of d in the interactome of a(d, t) (1 + reach(t) + partner(t)). A drug with a hundred targets has a large N in
    every network; N is therefore never compared between drugs, only with the same drug's N in networks of random diseases.
    """
    weights, same = hits.weights
    inside, reached, bound = (np.asarray(part[:, hits.columns], dtype=float).T for part in (member, reach, partner))
    plain, causal, partners = weights @ inside, weights @ reached, weights @ bound
    return np.stack([plain + causal + partners, plain + partners, plain + causal, same @ (inside + reached + bound)]).transpose(0, 2, 1)
