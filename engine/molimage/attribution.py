"""Which atoms move which stain: the same cells are drawn with and without each atom of the molecule."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError

if TYPE_CHECKING:
    from engine.molimage.model import CellModel

Floats = NDArray[np.float64]

SIZE_PX = 32  # large enough for the light in a stain, small enough to draw every atom's images at once
IMAGES = 8
FLOOR = 1e-3  # of full scale
CHUNK = 512  # images drawn at a time


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each atom adds to each stain.

    Parameters
    ----------
    smiles : the molecule; atoms are in its order.
    channels : names of the C stains.
    weights : (A, C) change of a stain's mean level that is due to the atom, as a share of the level with the whole molecule.
    errors : (A, C) standard error of the weights over the images.
    """

    smiles: str
    channels: tuple[str, ...]
    weights: Floats
    errors: Floats

    def of(self, channel: str) -> Floats:
        """Return the weights (A,) of one stain."""
        return np.asarray(self.weights[:, self.channels.index(channel)])


def attribute(model: "CellModel", smiles: str, dose_um: float, seed: int = 0, n: int = IMAGES) -> Attribution:
    """Occlude each atom of a molecule in turn and draw the same cells again.

    Parameters
    ----------
    smiles : canonical SMILES.
    dose_um : in µM.
    n : images drawn for the molecule and for each occlusion, at 32 px.

    Raises
    ------
    UserError
        When the model cannot predict from structures, or there are fewer than two images to compare.

    Notes
    -----
    An occluded atom becomes one of no element, with its bonds; weight = (level of the whole - level of the occluded) / level of the whole,
    levels averaged over n images with the same noise. Both sides are predicted from the structure, also for a molecule that was trained on.
    Occlusion measures what the encoder uses, which need not be what the molecule does (Zeiler, Fergus 2014; for fingerprints Riniker,
    Landrum 2013).
    """
    if n < 2:
        raise UserError("One image cannot say how far a difference is chance.", "Draw at least two.", "n")
    parts = occluded(smiles)
    conditions = model.conditions.predicted([(part, dose_um) for part in (smiles, *parts)])
    size = min(SIZE_PX, model.size)
    each = max(1, CHUNK // n)
    levels = []
    for at in range(0, len(conditions), each):
        *_, (_, images) = model.draw(conditions[at : at + each], n, seed=seed, size=size)
        levels.append(images.mean(axis=(3, 4), dtype=np.float64) / 255)
    found = np.concatenate(levels)  # (1 + A, n, C)
    whole = found[:1]
    apart = (whole - found[1:]) / np.maximum(whole.mean(axis=1, keepdims=True), FLOOR)
    return Attribution(smiles, model.channels, apart.mean(axis=1), apart.std(axis=1, ddof=1) / np.sqrt(n))


def occluded(smiles: str) -> list[str]:
    """Return the SMILES of a molecule with each of its atoms in turn replaced by one of no element (``*``)."""
    from rdkit import Chem, rdBase

    from engine.molimage.fingerprint import read

    whole, found = read(smiles), []
    for atom in range(whole.GetNumAtoms()):
        part = Chem.RWMol(whole)
        gone = part.GetAtomWithIdx(atom)
        gone.SetAtomicNum(0)
        gone.SetFormalCharge(0)
        gone.SetNumExplicitHs(0)
        gone.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        with rdBase.BlockLogs():
            found.append(str(Chem.MolToSmiles(part)))
    return found
