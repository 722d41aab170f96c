"""Draw cells treated with molecules: images, and for each molecule how far they may be believed."""

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, Params, Result, field, method
from engine.core.one_thread import one_thread
from engine.molimage.belief import belief
from engine.molimage.model import CellModel, path_of
from engine.molimage.plan import SIZES


@dataclass(frozen=True)
class SampleParams(Params):
    """How many images, how large, at which dose, from which model."""

    dose_um: float = field(10.0, "Dose", low=1e-3, high=1000.0, log=True, unit="µM", help="Of molecules that have no dose of their own.")
    temperature: float = field(
        1.0, "Temperature", low=0.1, high=1.2, step=0.1, paper=1.0,
        help="How much chance goes into an image. 1 draws as learnt; lower values draw cells closer to the typical one.",
    )  # fmt: skip
    size: int | None = field(
        None, "Image size", low=SIZES[0], high=SIZES[-1], unit="px", paper=64, absent="the largest that the model draws"
    )
    n: int = field(16, "Images", low=1, high=256, advanced=True, help="For each molecule.")
    model: str = field(
        "shipped", "Model", advanced=True, help="Name of a bundled model, a .safetensors file, or the folder of a training run."
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleResult(Result):
    """Images of cells that a model draws for molecules.

    Attributes
    ----------
    images : (M, n, C, S, S) uint8; image i has the same noise for every molecule.
    table : one row per molecule: ``smiles``, ``name``, ``dose_um``, ``measured`` (whether its images were trained on), ``nearest`` training
        molecule and ``similarity``, ``spread`` of the predictions, ``doubtful``, ``sentence``, ``notes``.
    facts : facts of the model, with ``id``, and of this drawing: ``size``, ``pixel_um`` (at this size), ``temperature``, ``seed``.
    """

    images: NDArray[np.uint8]
    table: pd.DataFrame
    facts: dict[str, Any]

    def told(self, row: int = 0) -> dict[str, Any]:
        """Return where the images of one molecule come from, as it stands in every file that is written."""
        drawn = self.table.iloc[row]
        kept = {key: self.facts[key] for key in ("origin", "name", "id", "data", "size", "pixel_um", "temperature", "seed", "licence")}
        kept["model"] = f"{kept.pop('name')} ({kept.pop('id')})"
        return kept | {
            "made_by": "drawn by a model, not photographed", "smiles": str(drawn["smiles"]), "compound": str(drawn["name"]),
            "dose_um": float(drawn["dose_um"]), "applicability": str(drawn["sentence"]),
        }  # fmt: skip

    def image_set(self) -> ImageSet:
        """Return all images as a set, molecule after molecule."""
        m, n = self.images.shape[:2]
        facts = self.table[["smiles", "name", "dose_um"]].rename(columns={"name": "compound"})
        return ImageSet(
            self.images.reshape(m * n, *self.images.shape[2:]), facts.loc[facts.index.repeat(n)], tuple(self.facts["channels"]),
            f"drawn by {self.facts['name']}", "simulated", self.facts["pixel_um"], source=f"model {self.facts['id']}",
        )  # fmt: skip

    def summary(self) -> list[tuple[str, str]]:
        """Return molecules, images, model and how many of the molecules are doubtful."""
        size = self.images.shape[-1]
        return [
            *super().summary(), ("Molecules", str(len(self.table))), ("Images", f"{self.images.shape[1]} each, {size} × {size} px"),
            ("Model", f"{self.facts['name']} ({self.facts['id']})"), ("Doubtful", str(int(self.table["doubtful"].sum()))),
        ]  # fmt: skip


@method(
    "molimage_sample", area="molimage", label="Draw cells", needs="molecules", gives="images",
    cite="Yang, Goldman, Jin, Lu, Barzilay, Jaakkola, Uhler 2021 (Mol2Image)",
)  # fmt: skip
@one_thread()
def sample(asked: pd.DataFrame, params: SampleParams, context: Context) -> SampleResult:
    """Draw images of cells as they look under a molecule.

    Parameters
    ----------
    asked : one row per molecule, as `engine.molimage.asked.molecules_for` returns.

    Returns
    -------
    SampleResult with ``images`` (M, n, C, S, S), a row of facts for each molecule, and the facts of the model.

    Notes
    -----
    A conditional Haar-wavelet flow turns noise into the smallest image and then adds the details of each doubling, given the smaller image
    and the phenotype of the molecule: the measured one of a molecule whose images were trained on, otherwise one predicted from its
    structure. Image i starts from the same noise for every molecule, so that two molecules are seen on the same cells. What a model drew is
    as true as what it was trained on: one that learnt from a simulator knows the rules of that simulator, not biology.
    """
    context.progress(0.0, "reading the model")
    model = opened(params.model)
    told = [(str(smiles), float(dose)) for smiles, dose in zip(asked["smiles"], asked["dose_um"], strict=True)]
    images = None
    for size, drawn in model.refine(told, params.n, temperature=params.temperature, seed=params.seed, size=params.size):
        images = drawn
        context.progress(0.9 * size / (params.size or model.size), f"{size} px")
    assert images is not None
    beliefs = [dataclasses.asdict(belief(model, *one)) for one in told]
    for one, each in zip(asked.itertuples(), beliefs, strict=True):
        if each["is_doubtful"]:
            context.warn(": ".join((str(one.name or one.smiles), str(each["sentence"]))))
    known = pd.DataFrame(beliefs).rename(columns={"is_measured": "measured", "is_doubtful": "doubtful"})
    table = pd.concat([asked[["smiles", "name", "dose_um"]].reset_index(drop=True), known, asked[["notes"]].reset_index(drop=True)], axis=1)
    facts = facts_of(model, images.shape[-1]) | {"temperature": params.temperature, "seed": params.seed}
    return SampleResult(images=images, table=table, facts=facts)


def facts_of(model: CellModel, size: int) -> dict[str, Any]:
    """Return the facts of a model with its id, its sizes, and the edge of a pixel at one of them, without what only the engine needs."""
    facts = {key: value for key, value in model.facts.items() if key != "typical"}
    edge = facts.get("pixel_um")
    return facts | {
        "id": model.id, "sizes": list(model.sizes), "size": size, "pixel_um": edge and edge * model.size / size,
        "licence": facts.get("licence", ""), "data": facts.get("data", ""), "learnt_at_px": model.size,
    }  # fmt: skip


def opened(place: str) -> CellModel:
    """Return a model, read once as long as its file stays the same."""
    return _opened(place, changed_at(place))


def changed_at(place: str) -> int:
    """Return when the file of a model was last written, in ns; 0 when there is none."""
    path = path_of(place)
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=2)
def _opened(place: str, _changed: int) -> CellModel:
    return CellModel.load(place)
