"""Which molecules belong together, and splits that keep them together."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}


@lru_cache(maxsize=16384)
def inchikey14(smiles: str) -> str:
    """First block of the InChIKey: equal for stereoisomers and for a drug and its salts once they are stripped."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        return str(Chem.MolToInchiKey(Chem.MolFromSmiles(smiles)))[:14]


@lru_cache(maxsize=16384)
def scaffold(smiles: str) -> str:
    """Bemis-Murcko scaffold: rings and what joins them, without stereo; empty for a molecule without rings.

    References
    ----------
    Bemis, Murcko 1996, J. Med. Chem. 39:2887.
    """
    from rdkit import Chem
    from rdkit.Chem.Scaffolds import MurckoScaffold

    core = MurckoScaffold.GetScaffoldForMol(Chem.MolFromSmiles(smiles))
    return str(Chem.MolToSmiles(core, isomericSmiles=False))


def scaffold_split(
    smiles: Sequence[str], shares: Mapping[str, float] = SHARES, seed: int = 0, labels: Sequence[str] | None = None
) -> NDArray[np.str_]:
    """Split molecules so that no scaffold is in two parts.

    Parameters
    ----------
    smiles : (M,) canonical SMILES.
    shares : part of the molecules that each split should get; scaled to sum to one.
    labels : (M,) mechanism of each molecule; when given, every mechanism is shared out as evenly as whole scaffolds allow.

    Returns
    -------
    (M,) names of the splits. Molecules without rings form a scaffold each, stereoisomers together.

    Notes
    -----
    Scaffolds are dealt out from the largest to the smallest, those of equal size in random order. Each goes where it most lowers the sum
    over splits and mechanisms of (molecules there - molecules wanted)^2 / molecules of the mechanism, so that rare mechanisms count as much
    as common ones and large scaffolds go to large splits.
    """
    groups = [scaffold(each) or inchikey14(each) for each in smiles]
    return _dealt(groups, shares, seed, labels if labels is not None else [""] * len(smiles))


def random_split(
    smiles: Sequence[str], shares: Mapping[str, float] = SHARES, seed: int = 0, labels: Sequence[str] | None = None
) -> NDArray[np.str_]:
    """Split molecules at random, stereoisomers and salts of one molecule together; arguments as for `scaffold_split`."""
    return _dealt([inchikey14(each) for each in smiles], shares, seed, labels if labels is not None else [""] * len(smiles))


def _dealt(groups: Sequence[str], shares: Mapping[str, float], seed: int, labels: Sequence[str]) -> NDArray[np.str_]:
    rng = np.random.default_rng(seed)
    names, share = list(shares), np.array(list(shares.values()), float) / sum(shares.values())
    _, group = np.unique(np.array(groups, dtype=str), return_inverse=True)
    kinds, kind = np.unique(np.array(labels, dtype=str), return_inverse=True)
    counts = np.zeros((group.max(initial=-1) + 1, len(kinds)))
    np.add.at(counts, (group, kind), 1)
    total = counts.sum(axis=0)
    lacking = share[:, None] * total
    split = np.zeros(len(counts), dtype=np.int64)
    shuffled = rng.permutation(len(counts))
    for each in shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]:
        # the fall of the sum of squares when these molecules come to a split
        split[each] = int(np.argmax((2 * lacking - counts[each]) @ (counts[each] / total)))
        lacking[split[each]] -= counts[each]
    return np.array(names)[split[group]] if len(groups) else np.array([], dtype=str)
