"""How far a model may be believed: whether a molecule is like those it learnt from, and an image of the kind it knows."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engine.molimage.model import CellModel

FAR = 0.3  # Tanimoto similarity to the nearest training molecule below which an answer is an extrapolation
FALSE_ALARMS = 0.02  # share of images of the known kind that may be flagged


@dataclass(frozen=True)
class Typical:
    """What the likelihood of images of the known kind is, level by level.

    Parameters
    ----------
    mean, sd : of nats per value, by size in px.
    limit : largest distance from the mean, in sd, of any level for an image to be of the known kind.

    Notes
    -----
    An image is out of the distribution when a level's likelihood is too low, and also when it is too high: blank and blurred images are
    likelier than any cell (Nalisnick et al. 2019, typicality). The distance is the largest over levels; ``limit`` is its 1 - `FALSE_ALARMS`
    quantile on held-out images.
    """

    mean: Mapping[int, float]
    sd: Mapping[int, float]
    limit: float

    @classmethod
    def fit(cls, nats: pd.DataFrame) -> "Typical":
        """Measure on the nats per value (N, sizes) of held-out images, half for mean and sd, half for the limit."""
        first, second = nats.iloc[::2], nats.iloc[1::2]
        mean, sd = first.median(), 1.4826 * (first - first.median()).abs().median() + 1e-6
        sizes = [int(str(size)) for size in nats]
        made = cls(dict(zip(sizes, mean.tolist(), strict=True)), dict(zip(sizes, sd.tolist(), strict=True)), np.inf)
        return dataclasses.replace(made, limit=float(np.quantile(made.distance(second), 1 - FALSE_ALARMS)))

    def distance(self, nats: pd.DataFrame) -> NDArray[np.float64]:
        """Return (N,) the largest distance of any level from what is typical, in sd."""
        apart = [np.abs(nats[size].to_numpy() - self.mean[size]) / self.sd[size] for size in self.mean]
        largest: NDArray[np.float64] = np.max(apart, axis=0)
        return largest

    def is_strange(self, nats: pd.DataFrame) -> NDArray[np.bool_]:
        """Return (N,) whether each image is of another kind than the model knows."""
        strange: NDArray[np.bool_] = self.distance(nats) > self.limit
        return strange

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, JSON-ready."""
        return {"sizes": list(self.mean), "mean": list(self.mean.values()), "sd": list(self.sd.values()), "limit": self.limit}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Typical":
        """Read what `to_dict` returned."""
        sizes = [int(size) for size in values["sizes"]]
        return cls(dict(zip(sizes, values["mean"], strict=True)), dict(zip(sizes, values["sd"], strict=True)), float(values["limit"]))


def nats_per_value(model: "CellModel", images: NDArray[np.uint8], seed: int = 0) -> pd.DataFrame:
    """Return the nats per value (N, sizes) of images under the average phenotype, which needs no molecule."""
    average = np.zeros((len(images), model.plan.condition), np.float32)
    average[:, -1] = 1.0
    parts = [model.log_prob(images[at : at + 32], average[at : at + 32], seed + at) for at in range(0, len(images), 32)]
    nats = pd.concat(parts, ignore_index=True)
    return pd.DataFrame({size: nats[size] / float(np.prod(model.flow.shape(size))) for size in model.plan.sizes})


def strange_images(model: "CellModel", images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return (N,) whether images (N, C, S, S) of the model's channels and size are of a kind that the model does not know."""
    return Typical.from_dict(model.facts["typical"]).is_strange(nats_per_value(model, images))


def neighbours(model: "CellModel", smiles: str, most: int = 5) -> pd.DataFrame:
    """Return the training molecules most like this one: ``compound``, ``smiles``, ``similarity`` (Tanimoto), most alike first."""
    from engine.molimage.fingerprint import nearest

    known = model.conditions.known
    known = known[known["smiles"] != ""].drop_duplicates("smiles")
    if known.empty:
        return pd.DataFrame({"compound": [], "smiles": [], "similarity": []})
    near = nearest(smiles, known["smiles"].tolist(), most)
    return near.assign(compound=known["compound"].to_numpy()[near["row"]])[["compound", "smiles", "similarity"]]
