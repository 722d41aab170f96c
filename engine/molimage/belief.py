"""How far the answer about one molecule may be believed, in a sentence: seen in training, like one that was, or an extrapolation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.molimage.conditions import log_dose
from engine.molimage.domain import FAR, neighbours

if TYPE_CHECKING:
    from engine.molimage.model import CellModel

DISAGREE = 0.5  # spread of the predictions, in units of the spread between the phenotypes of training molecules


@dataclass(frozen=True)
class Belief:
    """What is known about a molecule at a dose.

    Parameters
    ----------
    is_measured : whether images of it were trained on; otherwise its phenotype is predicted from the structure.
    nearest, similarity : the most similar training molecule and its Tanimoto similarity; empty and NaN when none has a structure.
    spread : root mean square difference of the predictions from their mean; 1 is the spread between training molecules; NaN when measured.
    is_doubtful : whether a reader must be warned.
    sentence : all this in words.
    """

    is_measured: bool
    nearest: str
    similarity: float
    spread: float
    is_doubtful: bool
    sentence: str


def belief(model: "CellModel", smiles: str, dose_um: float) -> Belief:
    """Say how far images of a molecule at a dose may be believed.

    Parameters
    ----------
    smiles : canonical SMILES.
    dose_um : in µM.

    Notes
    -----
    A reader is warned when the molecule was not seen and either its Tanimoto similarity to every training molecule is below 0.3, or the
    encoders, each trained without a fifth of the scaffolds, differ by more than half the spread between training molecules.
    """
    near = neighbours(model, smiles, 1)
    nearest, similarity = (str(near["compound"][0]), float(near["similarity"][0])) if len(near) else ("", np.nan)
    rows = model.conditions.rows_of(smiles)
    if len(rows):
        doses = model.conditions.known["dose_um"].to_numpy(float)[rows]
        return Belief(True, nearest, similarity, np.nan, False, _of_known(doses, dose_um))
    encoder = model.conditions.encoder
    spread = float(encoder.spread([smiles], log_dose([dose_um]))[0]) if encoder else np.nan
    alike = f"the most similar molecule it learnt from is {nearest} (similarity {similarity:.2f})"
    if not similarity >= FAR:
        words = f"Extrapolation: {alike}, and below {FAR} a prediction is little more than a guess."
    elif spread > DISAGREE:
        words = f"Uncertain: predictions trained on different molecules disagree about this one, though {alike}."
    else:
        words = f"Predicted from its structure; {alike}."
    return Belief(False, nearest, similarity, spread, bool(not similarity >= FAR or spread > DISAGREE), words)


def _of_known(doses: "np.ndarray[tuple[int], np.dtype[np.float64]]", dose_um: float) -> str:
    seen = [f"{dose:g}" for dose in sorted(set(doses.tolist())) if dose > 0]
    if not seen:
        return "The model learnt from images of these untreated cells."
    words = f"The model learnt from images of this molecule at {' and '.join(', '.join(seen).rsplit(', ', 1))} µM."
    if not min(doses) <= dose_um <= max(doses):
        words += f" At {dose_um:g} µM it shows the nearest of these."
    return words
