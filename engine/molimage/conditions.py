"""What the flow is told of a molecule at a dose: the profile of its images, measured where there were any, predicted where not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, UserError
from engine.molimage.encoder import Encoder
from engine.molimage.phenotype_space import PhenotypeSpace, group_means

Floats = NDArray[np.float32]
Asked = tuple[str, float]  # a SMILES, or the name of a compound that the model was trained on, and a dose in µM

REFERENCE_UM = 1.0  # a dose that is not given
LOWEST_UM = 1e-4
FEWEST_TO_PREDICT = 20  # molecules; from fewer nothing can be learnt for others


@dataclass(frozen=True, eq=False)
class Conditions:
    """Condition vectors: P coordinates of the phenotype, and whether they are predicted.

    Parameters
    ----------
    space : coordinates of a profile.
    known : one row per compound and dose seen in training: ``smiles``, ``compound``, ``dose_um``, ``images``.
    measured : (G, P) mean coordinates of the rows of ``known``.
    encoder : predicts coordinates of other molecules; None when there were too few to learn from.
    """

    space: PhenotypeSpace
    known: pd.DataFrame
    measured: Floats
    encoder: Encoder | None

    @property
    def length(self) -> int:
        """Length of a condition vector."""
        return self.space.p + 1

    def of(self, asked: Sequence[Asked]) -> Floats:
        """Return one condition vector (M, P + 1) per molecule and dose; of a compound seen in training the measured phenotype.

        Raises
        ------
        UserError
            When a molecule was not seen and the model has no encoder, or a name is not a compound of the model.
        """
        found = np.zeros((len(asked), self.length), np.float32)
        rest = []
        for m, (what, dose_um) in enumerate(asked):
            rows = self.rows_of(what)
            if len(rows):
                found[m, :-1] = self._between(rows, dose_um)
            else:
                rest.append(m)
        if rest:
            found[rest] = self.predicted([asked[m] for m in rest])
        return found

    def predicted(self, asked: Sequence[Asked]) -> Floats:
        """Return condition vectors (M, P + 1) from the structures alone, also of molecules seen in training."""
        if self.encoder is None:
            names = ", ".join(dict.fromkeys(self.known["compound"].astype(str)))
            raise UserError(
                f"This model was trained on too few molecules to say anything about '{asked[0][0]}'.",
                f"Choose one of its own compounds: {names}.", asked[0][0],
            )  # fmt: skip
        found = np.ones((len(asked), self.length), np.float32)
        found[:, :-1] = self.encoder.predict([what for what, _ in asked], log_dose([dose_um for _, dose_um in asked]))
        return found

    def rows_of(self, what: str) -> NDArray[np.int64]:
        """Return the rows of ``known`` with this SMILES or compound name."""
        return np.flatnonzero((self.known["smiles"] == what) | (self.known["compound"] == what))

    def _between(self, rows: NDArray[np.int64], dose_um: float) -> Floats:
        """Interpolate measured coordinates in the logarithm of the dose; outside the doses seen, the nearest."""
        at = log_dose(self.known["dose_um"].to_numpy()[rows])
        order = np.argsort(at)
        asked = float(log_dose([dose_um])[0])
        values = self.measured[rows[order]]
        return np.array([np.interp(asked, at[order], values[:, p]) for p in range(values.shape[1])], np.float32)


def log_dose(doses_um: Sequence[float] | NDArray[np.float64]) -> Floats:
    """Return log10 of doses in µM; a dose that is not given counts as `REFERENCE_UM`, none as `LOWEST_UM`."""
    doses = np.asarray(doses_um, np.float64)
    return np.log10(np.maximum(np.where(np.isfinite(doses), doses, REFERENCE_UM), LOWEST_UM)).astype(np.float32)


def groups_of(images: ImageSet) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return one row per compound and dose of a set, and the number of each image's row."""
    compound, smiles = images.column("compound"), images.column("smiles")
    doses = pd.to_numeric(images.table["dose_um"], errors="coerce") if "dose_um" in images.table else pd.Series(np.nan, images.table.index)
    facts = pd.DataFrame({
        "smiles": smiles, "compound": np.where(compound == "", smiles, compound), "dose_um": doses.fillna(REFERENCE_UM).to_numpy(float),
    })  # fmt: skip
    numbers = facts.groupby(list(facts.columns), sort=True).ngroup().to_numpy().astype(np.int64)
    known = facts.assign(number=numbers).drop_duplicates("number").sort_values("number").drop(columns="number").reset_index(drop=True)
    return known.assign(images=np.bincount(numbers)), numbers


def fit(images: ImageSet, profiles: Floats, encoder: str, seed: int, context: Context) -> tuple[Conditions, NDArray[np.int64], Floats]:
    """Learn the phenotype space of a training set and, where there are enough molecules, the encoder.

    Parameters
    ----------
    images : the training images.
    profiles : (N, F) of `engine.molimage.profiles.profiles`.
    encoder : ``fingerprint`` or ``graph``.

    Returns
    -------
    The conditions; the row of ``known`` of each image (N,); and (G, P + 1) for each row the vector predicted by encoders that have not
    seen its scaffold, or its measured vector where nothing can be predicted.

    Notes
    -----
    A flow that is trained on measured and on predicted phenotypes in turn, and told which, draws sharp images of what it has seen, and of
    other molecules images as varied as the prediction is uncertain.
    """
    known, rows = groups_of(images)
    space = PhenotypeSpace.fit(profiles, rows)
    coordinates = space.coordinates(profiles)
    measured = group_means(coordinates, rows).astype(np.float32)
    unseen = np.concatenate([measured, np.zeros((len(known), 1), np.float32)], axis=1)
    with_structure = np.flatnonzero(known["smiles"] != "")
    if known["smiles"].iloc[with_structure].nunique() < FEWEST_TO_PREDICT:
        return Conditions(space, known, measured, None), rows, unseen
    table = known.iloc[with_structure]
    made, out_of_fold = Encoder.fit(
        encoder, table["smiles"].tolist(), log_dose(table["dose_um"].to_numpy()), measured[with_structure], seed, context
    )
    unseen[with_structure, :-1], unseen[with_structure, -1] = out_of_fold, 1.0
    return Conditions(space, known, measured, made), rows, unseen
