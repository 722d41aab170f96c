"""A simulated interactome: proteins with families and modules, and edges with costs, heavy-tailed in degree as measured ones are."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

N_PROTEINS = 1_500
N_DRAWN_EDGES = 9_000  # before doubled ones go; mean degree about 10
N_MODULES = 30
DEGREE_EXPONENT = 2.6  # of the power law of degrees; measured interactomes lie between 2 and 3
HUB_OFFSET = 5  # ranks added before the power, so that the largest hub has about 100 partners and not 300
SHARE_INSIDE = 0.6  # of edges that stay within the module of their first end
COST_RANGE = (0.02, 0.86)  # 1 - confidence, clipped to the range of the published costs
CONFIDENCE = (4.0, 5.0)  # beta distribution of confidences, mean 0.44
INSIDE_BONUS = 0.05  # more confidence inside a module, where more is measured
FAMILIES = {"kinase": 0.15, "receptor": 0.12, "enzyme": 0.20, "channel": 0.05, "factor": 0.12, "adaptor": 0.36}
STEMS = {"kinase": "SIMK", "receptor": "SIMR", "enzyme": "SIME", "channel": "SIMC", "factor": "SIMT", "adaptor": "SIMA"}
DRUGGABLE = ("kinase", "receptor", "enzyme", "channel")


def protein_table(rng: np.random.Generator) -> pd.DataFrame:
    """Draw the proteins: ``gene``, ``family``, ``module``, ``weight`` (share of all ends of edges that it shall have).

    A symbol is made up of SIM, a letter for the family and a number, so that nobody takes it for a measured gene.
    """
    family = rng.choice(list(FAMILIES), size=N_PROTEINS, p=list(FAMILIES.values()))
    number = pd.Series(family).groupby(family).cumcount() + 1
    weight = (rng.permutation(N_PROTEINS) + HUB_OFFSET) ** (-1 / (DEGREE_EXPONENT - 1))
    return pd.DataFrame(
        {
            "gene": [f"{STEMS[kind]}{n}" for kind, n in zip(family, number, strict=True)],
            "family": family,
            "module": rng.permutation(N_PROTEINS) % N_MODULES,
            "weight": weight / weight.sum(),
        }
    )


def drawn_edges(proteins: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw one connected network: ``first``, ``second`` (row numbers of proteins, first < second) and ``cost``.

    Notes
    -----
    Ends are drawn in proportion to the wanted degree (Chung, Lu 2002), the second one mostly inside the first one's module. What is
    still apart is tied to the largest piece by one edge each.
    """
    weight, module = proteins["weight"].to_numpy(), proteins["module"].to_numpy()
    first = rng.choice(N_PROTEINS, N_DRAWN_EDGES, p=weight)
    second = rng.choice(N_PROTEINS, N_DRAWN_EDGES, p=weight)
    is_inside = rng.random(N_DRAWN_EDGES) < SHARE_INSIDE
    for label in range(N_MODULES):
        members = np.flatnonzero(module == label)
        places = np.flatnonzero(is_inside & (module[first] == label))
        second[places] = rng.choice(members, len(places), p=weight[members] / weight[members].sum())
    pairs = _joined(_without_doubles(np.column_stack([first, second])), weight, rng)
    confidence = rng.beta(*CONFIDENCE, len(pairs)) + INSIDE_BONUS * (module[pairs[:, 0]] == module[pairs[:, 1]])
    return pd.DataFrame({"first": pairs[:, 0], "second": pairs[:, 1], "cost": np.clip(1 - confidence, *COST_RANGE).round(6)})


def _without_doubles(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort the ends of each pair; drop loops and repeats."""
    ordered = np.sort(pairs, axis=1)
    return np.unique(ordered[ordered[:, 0] < ordered[:, 1]], axis=0)


def _joined(pairs: NDArray[np.int64], weight: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Tie every piece of the network to the largest one."""
    graph = sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(N_PROTEINS, N_PROTEINS))
    _, piece = sparse.csgraph.connected_components(graph, directed=False)
    largest = np.bincount(piece).argmax()
    apart = np.flatnonzero((piece != largest) & ~pd.Series(piece).duplicated().to_numpy())
    chances = np.where(piece == largest, weight, 0.0)
    ties = np.column_stack([apart, rng.choice(N_PROTEINS, len(apart), p=chances / chances.sum())])
    return _without_doubles(np.vstack([pairs, ties]))
