"""How random diseases of each kind are drawn, for one disease in one network."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core import Context
from engine.repurposing.ranking.disease import Disease
from engine.repurposing.ranking.nulls import Sampler
from engine.repurposing.steiner.network import Network
from engine.repurposing.steiner.nulls import Kind, forests, null_networks

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Forester:
    """Forests of one disease's network, all at the same (w, b, g).

    Parameters
    ----------
    network : the whole network.
    prizes : (P,) of the disease, not scaled by b.
    w, b, g : of the forest.
    threads : solves at the same time; no result depends on it.
    """

    network: Network
    prizes: Floats
    w: float
    b: float
    g: float | None
    threads: int

    def members(self, rows: Floats, context: Context) -> Bools:
        """Return (n, P) which proteins the forests of other prizes (n, P) hold."""
        return forests(self.network.graph(self.g), list(rows), w=self.w, b=self.b, threads=self.threads, progress=context.progress)

    def matched(self, kind: Kind, n: int, seed: int, context: Context) -> Bools:
        """Return (n, P) members of random diseases of one kind, see `engine.repurposing.steiner.nulls.MEANING`."""
        return null_networks(
            self.network,
            self.prizes,
            kind=kind,
            n=n,
            w=self.w,
            b=self.b,
            g=self.g,
            seed=seed,
            threads=self.threads,
            progress=context.progress,
        ).members


def samplers_of(disease: Disease, forester: Forester) -> dict[str, Sampler]:
    """Return how the three nulls of the network are drawn, by name.

    Notes
    -----
    Without a signature nobody knows which genes could have been selected; the null of labels then draws names uniformly from the network.
    """

    def labels(n: int, seed: int, context: Context) -> Bools:
        if disease.selected is None:
            return forester.matched("uniform", n, seed, context)
        rng = np.random.default_rng(seed)
        place = {protein: at for at, protein in enumerate(forester.network.proteins)}
        rows = np.zeros((n, len(place)))
        for row in rows:
            for gene, prize in disease.under_random_names(rng).items():
                if gene in place:
                    row[place[gene]] = prize
        return forester.members(rows, context)

    return {
        "labels": labels,
        "terminals": lambda n, seed, context: forester.matched("degree_matched", n, seed, context),
        "rewired": lambda n, seed, context: forester.matched("rewired", n, seed, context),
    }
