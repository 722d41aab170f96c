"""Train a model on images of treated cells."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, Params, Result, UserError, field, method
from engine.core.one_thread import one_thread
from engine.molimage import conditions
from engine.molimage.domain import Typical, nats_per_value
from engine.molimage.encoder import KINDS
from engine.molimage.haar import halve
from engine.molimage.level_training import Material, Schedule, averaged, train_level, weights_of
from engine.molimage.model import CellModel, rounded
from engine.molimage.phenotype_space import standard_errors
from engine.molimage.plan import BASE, DRAWN, NETWORKS, Plan
from engine.molimage.profiles import profiles
from engine.molimage.tone import OFFSET, Tone

Floats = NDArray[np.float32]

SCORED = 64  # held-out images whose likelihood is reported
PASSES = 50  # over the images, for the smallest level: it sees little but how bright each is and soon knows them by heart
ENCODED = 0.12  # share of the progress bar before the levels
PROFILED_PX = 64  # larger images are halved before their profiles are taken, which cost time by the pixel
TYPICAL, FEWEST_TYPICAL = 400, 40  # images that say what likelihood is usual


@dataclass(frozen=True)
class TrainParams(Params):
    """How large the images are, how long is trained, and how molecules are read."""

    size: int = field(64, "Image size", choices=DRAWN, unit="px", paper=64)
    steps: int = field(
        3000, "Training steps", low=10, high=1_000_000, step=500,
        help="Of each level; twice as many of the level from 16 to 32 px, where shapes appear. 3,000 take about 30 CPU minutes at 64 px.",
    )  # fmt: skip
    encoder: str = field(
        "fingerprint", "Molecules are read as", choices=KINDS, paper="graph", help="A fingerprint with descriptors, or a graph."
    )
    contrast: float = field(
        0.0, "Contrastive weight", low=0.0, high=0.5, step=0.05,
        help="Weight of InfoNCE beside the likelihood. At 0.05 simulated cells of unseen molecules came out worse than without it.",
    )  # fmt: skip
    whole: bool = field(
        False, "Whole fields", advanced=True,
        help="Average fields down to the image size. Otherwise pieces of that size are cut out of fields that are larger.",
    )  # fmt: skip
    batch: int = field(12, "Images per step", low=2, high=4096, advanced=True)
    learning_rate: float = field(5e-3, "Learning rate", low=1e-5, high=0.1, log=True, advanced=True)
    balance: str = field(
        "moa", "Balance by", choices=("moa", "compound", "nothing"), advanced=True, help="Rare groups are drawn more often."
    )
    molecule: bool = field(True, "Use the molecule", advanced=True, help="Off: one distribution for all images, to compare with.")
    network: str = field(
        "standard", "Network", choices=tuple(NETWORKS), advanced=True, help="Wide: two to four times the weights, for training on a GPU."
    )  # fmt: skip
    offset: float = field(
        OFFSET, "Offset of the logarithm", low=0.5, high=64.0, log=True, unit="grey levels", advanced=True,
        help="Images are learnt as the logarithm of grey level plus this: more of it gives noise in the dark less weight.",
    )  # fmt: skip
    device: str = field("cpu", "Device", choices=("cpu", "cuda"), advanced=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainResult(Result):
    """A trained model.

    Attributes
    ----------
    model : the model as the bytes of its file, (n,) uint8.
    curve : nats per value of each level over its steps.
    scores : bits/dim of training and of held-out images.
    facts : facts of the model.
    """

    model: NDArray[np.uint8]
    curve: pd.DataFrame
    scores: pd.DataFrame
    facts: dict[str, Any]

    def cell_model(self) -> CellModel:
        """Return the model, ready to draw."""
        return CellModel.from_bytes(self.model.tobytes())

    def summary(self) -> list[tuple[str, str]]:
        """Return size, channels, data and likelihood."""
        held = self.scores.set_index("images")["bits_per_dim"]
        rows = [("Draws", f"{self.facts['size']} px, {len(self.facts['channels'])} channels"), ("Learnt from", self.facts["data"])]
        return [*super().summary(), *rows, *((f"bits/dim, {name}", f"{value:.3f}") for name, value in held.items())]


@method(
    "molimage_train", area="molimage", label="Cell image model", needs="images", gives="model",
    cite="Yang, Goldman, Jin, Lu, Barzilay, Jaakkola, Uhler 2021 (Mol2Image)",
)  # fmt: skip
@one_thread()
def train(images: ImageSet, params: TrainParams, context: Context) -> TrainResult:
    """Learn how cells look under a molecule: a conditional Haar-wavelet flow with exact likelihood.

    Parameters
    ----------
    images : rows whose fact ``split`` is ``train`` (all rows when there is none) are trained on.

    Returns
    -------
    TrainResult with ``model``, which `CellModel.from_bytes` reads, the learning curve, and bits/dim of held-out images.

    Raises
    ------
    UserError
        When images are smaller than the size asked for, or no row is for training.

    Notes
    -----
    Phenotypes are measured on profiles of the training images (`engine.molimage.profiles`) in a space of linear discriminants; from 20
    molecules on an encoder learns to predict them from structures. Each level of the pyramid is then a normalizing flow given the smaller
    image and the phenotype, trained by its own likelihood and, where ``contrast`` is not 0, a contrastive term
    (`engine.molimage.level_training`). Levels are independent, so a run that was stopped goes on at the step where it was.
    """
    chosen = images.split("train") if "split" in images.table else images
    if not len(chosen):
        raise UserError(
            f"No image of {images.name} is for training.", "Write 'train' in the column split of some rows, or leave the column out."
        )
    material, told = prepare(chosen, params, context)
    plan = Plan.standard(images.p, told.length, params.size, params.network)
    if material.images.shape[2:] == (plan.size, plan.size):
        material = dataclasses.replace(material, small=averaged(plan, material.images, material.tone))
    weights, curve = train_levels(plan, material, params, context.share(ENCODED, 0.97))
    facts = facts_of(images, chosen, params, told)
    model = CellModel(plan, material.tone, told, rounded(weights), facts)
    context.progress(0.97, "likelihood of held-out images")
    scores = score(model, images, chosen, params)
    facts["metrics"] = dict(zip(scores["images"], scores["bits_per_dim"], strict=True))
    facts["typical"] = Typical.fit(nats_per_value(model, held_out(images, chosen, params))).to_dict()
    model = dataclasses.replace(model, facts=facts)
    return TrainResult(model=np.frombuffer(model.to_bytes(), np.uint8).copy(), curve=curve, scores=scores, facts=dict(model.facts))


def prepare(images: ImageSet, params: TrainParams, context: Context) -> tuple[Material, conditions.Conditions]:
    """Return what the levels are trained on, and the conditions; profiles are kept for a run that goes on."""
    fields = whole_fields(images, params.size) if params.whole else images.images
    if fields.shape[2] < params.size or fields.shape[3] < params.size:
        raise UserError(
            f"The images of {images.name} are {images.images.shape[2]} × {images.images.shape[3]} px, too small for {params.size} px.",
            f"Choose a smaller size, such as {max((s for s in DRAWN if s <= min(fields.shape[2:])), default=DRAWN[0])} px.",
        )  # fmt: skip
    context.progress(0.0, f"profiles of {len(fields):,} images")
    pieces, rows = _pieces(fields, params.size)
    kept = context.kept.get("profiles")
    measured = kept["profiles"].astype(np.float32) if kept else profiles_with_light(pieces)
    context.kept.put("profiles", {"profiles": measured})
    context.progress(ENCODED / 2, "what molecules do")
    told, groups, predicted = conditions.fit(images.take(rows), measured, params.encoder, params.seed, context.share(ENCODED / 2, ENCODED))
    own = np.concatenate([told.measured, np.zeros((len(told.known), 1), np.float32)], axis=1)
    both = np.stack([own, predicted])
    row_of = np.empty(len(fields), np.int64)
    row_of[rows] = groups
    doubt = standard_errors(measured, groups, images.column("plate")[rows])
    material = Material(fields, row_of, both, doubt, balance(images, params.balance), Tone.fit(fields, params.offset))
    return (material if params.molecule else material.untold()), told


def profiles_with_light(images: NDArray[np.uint8]) -> Floats:
    """Return profiles (N, F) of images and, since these leave out how bright an image is, the log of each channel's mean and quantile."""
    while images.shape[-1] >= 2 * PROFILED_PX and images.shape[-1] % 2 == images.shape[-2] % 2 == 0:
        images = np.concatenate([_halved(images[at : at + 256]) for at in range(0, len(images), 256)])
    light = [images.mean(axis=(2, 3)), np.quantile(images.reshape(*images.shape[:2], -1), 0.99, axis=2)]
    return np.concatenate([profiles(images), np.log1p(np.concatenate(light, axis=1))], axis=1).astype(np.float32)


def _halved(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    low, _ = halve(images.astype(np.float32))
    return np.rint(low).astype(np.uint8)


def _pieces(fields: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Cut each field into pieces of the size, as many as fit, and return them with the number of their field."""
    found, rows = [], []
    for top in range(0, fields.shape[2] - size + 1, size):
        for left in range(0, fields.shape[3] - size + 1, size):
            found.append(fields[:, :, top : top + size, left : left + size])
            rows.append(np.arange(len(fields)))
    return np.concatenate(found), np.concatenate(rows)


def whole_fields(images: ImageSet, size: int) -> NDArray[np.uint8]:
    """Average whole fields (N, C, S, S) down to a size; a field that does not halve evenly is a `UserError`."""
    factor, rest = divmod(images.size, size)
    if rest or factor & (factor - 1):
        raise UserError(f"Fields of {images.size} px cannot be halved down to {size} px.", "Cut them to a multiple of the size.")
    n, c, height, width = images.images.shape
    blocks = images.images.reshape(n, c, height // factor, factor, width // factor, factor)
    return np.rint(blocks.mean(axis=(3, 5), dtype=np.float32)).astype(np.uint8)


def balance(images: ImageSet, column: str) -> NDArray[np.float64]:
    """Return how often each image is drawn: by one over the root of the size of its group."""
    groups = images.column(column)
    _, numbers, counts = np.unique(groups.astype(str), return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1 / np.sqrt(counts[numbers])
    return weights / weights.sum()


def train_levels(plan: Plan, material: Material, params: TrainParams, context: Context) -> tuple[dict[str, NDArray[Any]], pd.DataFrame]:
    """Train all levels, smallest first; return the weights of the flow and the learning curves."""
    n = len(material.images)
    work = np.array([steps_of(plan, size, params, n) for size in plan.sizes], float)
    ends = np.concatenate([[0.0], np.cumsum(work) / work.sum()])
    weights: dict[str, NDArray[Any]] = {}
    curves: list[pd.DataFrame] = []
    for k, size in enumerate(plan.sizes):
        part = context.share(ends[k], ends[k + 1])
        flow, curve = train_level(plan, size, material, schedule(plan, size, params, n), params.seed, part, params.device, curves)
        weights |= weights_of(size, flow)
        curves.append(curve)
    return weights, pd.concat(curves, ignore_index=True)


def steps_of(plan: Plan, size: int, params: TrainParams, n_images: int | None = None) -> int:
    """Training steps of one level; of the smallest, no more than `PASSES` over n images."""
    steps = max(1, round(params.steps * plan.level(size).length))
    if size > BASE or n_images is None:
        return steps
    return min(steps, math.ceil(PASSES * n_images / (params.batch * plan.level(size).batch)))


def schedule(plan: Plan, size: int, params: TrainParams, n_images: int | None = None) -> Schedule:
    """Return how a level is trained on n images."""
    steps = steps_of(plan, size, params, n_images)
    return Schedule(steps, params.batch * plan.level(size).batch, params.learning_rate, params.contrast)


def score(model: CellModel, images: ImageSet, chosen: ImageSet, params: TrainParams) -> pd.DataFrame:
    """Return bits/dim of a fixed sample of training images and of each held-out split, at the conditions that `Conditions.of` gives."""
    rng = np.random.default_rng(params.seed)
    sets = {"train": chosen} | {label: images.split(label) for label in ("val", "test") if (images.column("split") == label).any()}
    rows = []
    for label, part in sets.items():
        some = part.take(np.sort(rng.choice(len(part), min(SCORED, len(part)), replace=False)))
        whats = asked(some)
        known = [k for k, what in enumerate(whats) if model.conditions.encoder or len(model.conditions.rows_of(what[0]))]
        if not known:
            continue
        fields = fitting(some.take(known), params)
        rows.append((label, len(known), float(model.log_prob(fields, model.told([whats[k] for k in known]))["bits_per_dim"].mean())))
    return pd.DataFrame(rows, columns=["images", "n", "bits_per_dim"])


def held_out(images: ImageSet, chosen: ImageSet, params: TrainParams) -> NDArray[np.uint8]:
    """Return at most `TYPICAL` images of the validation split, else of the test split, else of those trained on, at the model's size."""
    splits = [images.split(label) for label in ("val", "test")]
    part = next((part for part in splits if len(part) >= FEWEST_TYPICAL), chosen)
    some = part.take(np.linspace(0, len(part) - 1, min(TYPICAL, len(part))).astype(np.int64))
    return fitting(some, params)


def fitting(images: ImageSet, params: TrainParams) -> NDArray[np.uint8]:
    """Return images (N, C, size, size): whole fields averaged, or their first corner, as the model was trained."""
    return whole_fields(images, params.size) if params.whole else images.images[:, :, : params.size, : params.size]


def asked(images: ImageSet) -> list[tuple[str, float]]:
    """Return (SMILES or compound, dose in µM) of each image."""
    table, rows = conditions.groups_of(images)
    what = np.where(table["smiles"] != "", table["smiles"], table["compound"])
    return [(str(what[row]), float(table["dose_um"].iloc[row])) for row in rows]


def facts_of(images: ImageSet, chosen: ImageSet, params: TrainParams, told: conditions.Conditions) -> dict[str, Any]:
    """Return what a model says of itself."""
    return {
        "name": f"{images.name} at {params.size} px", "origin": images.origin, "channels": list(images.channels), "size": params.size,
        "pixel_um": images.pixel_um, "data": images.name, "data_digest": images.digest, "images": len(chosen),
        "compounds": int(told.known["compound"].nunique()), "licence": images.licence, "source": images.source, "seed": params.seed,
        "uses_molecule": params.molecule, "params": params.to_dict(),
    }  # fmt: skip
