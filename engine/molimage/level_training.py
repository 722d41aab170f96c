"""Train one level of the flow: batches, steps, running mean of the weights, and a state from which a killed run goes on bit by bit."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context
from engine.molimage.haar import halve
from engine.molimage.plan import Plan
from engine.molimage.tone import Tone

Floats = NDArray[np.float32]

WARM_UP = 50  # steps
CLIP = 1.0  # largest norm of the gradient
RUNNING_MEAN = 0.995  # of the weights
KNOWN_NOISE = 0.03  # added to the smaller image, which when drawn is never perfect
TEMPERATURE = 0.1  # of InfoNCE
WHITENING = 256  # images of the first batch
KEEP_EVERY = 250  # steps
FINE = 4  # images that are this many times larger are averaged once
AVERAGED = 64  # images at a time


@dataclass(frozen=True, eq=False)
class Material:
    """What a flow is trained on.

    Parameters
    ----------
    images : (N, C, S, S) uint8; S is at least the largest size of the plan; where it is more, pieces of the size are cut out.
    rows : (N,) row of the condition table of each image.
    conditions : (2, G, E) condition vectors of each row: measured, and predicted from structure.
    doubt : (G,) standard error of each measured phenotype, added as noise; without it small levels learn their few images by heart.
    weights : (N,) how often each image is drawn, sums to 1.
    tone : scale of the grey levels.
    turn : whether images may be turned and mirrored.
    small : images (N, C, s, s) already averaged down, by size s, for levels that see whole images; see `averaged`.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    conditions: Floats
    doubt: Floats
    weights: NDArray[np.float64]
    tone: Tone
    turn: bool = True
    small: Mapping[int, NDArray[np.float16]] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a level is trained; ``contrast`` is the weight of InfoNCE."""

    steps: int
    batch: int = 12
    learning_rate: float = 5e-3
    contrast: float = 0.05


def train_level(
    plan: Plan, size: int, material: Material, schedule: Schedule, seed: int, context: Context, device: str = "cpu"
) -> tuple[Any, pd.DataFrame]:
    """Train the flow of one size; return it with the running mean of its weights, and its learning curve.

    Notes
    -----
    The loss per image is -log p / dimension + contrast InfoNCE(tau = 0.1). For InfoNCE the image side is the spatial mean of the latents,
    the molecule side a linear projection of the condition, both of length one; images of the same compound and dose share the target
    evenly; the loss is the mean of both directions. Each step draws from a generator of its own, seeded by seed, size and step, so a
    run that goes on from a kept state makes the same bytes as one that was never stopped.
    """
    import torch

    from engine.molimage.level_net import TrainedLevel

    torch.manual_seed(seed * 1000 + size)
    net = TrainedLevel(plan, size)
    first = batch_of(plan, size, material, WHITENING, seed, -1)
    net.flow.whiten(torch.from_numpy(first.new))
    net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    best = torch.optim.AdamW(net.parameters(), lr=schedule.learning_rate, weight_decay=0.01, fused=True)
    mean = [value.detach().clone() for value in net.parameters()]
    name, begun = f"level{size}", 0
    kept = context.kept.get(name)
    if kept is not None:
        begun = net.restore(kept, best, mean)
    losses = [] if kept is None else kept["losses"].tolist()
    for step in range(begun, schedule.steps):
        for group in best.param_groups:
            group["lr"] = rate(step, schedule)
        batch = batch_of(plan, size, material, schedule.batch, seed, step)
        loss = net.loss(batch.known, batch.new, batch.conditions, batch.rows, schedule.contrast, device)
        best.zero_grad()
        loss[0].backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        best.step()
        torch._foreach_lerp_(mean, [value.detach() for value in net.parameters()], 1 - min(RUNNING_MEAN, (step + 1) / (step + 10)))
        losses.append(float(loss[1]))
        context.progress((step + 1) / schedule.steps, f"{size} px: step {step + 1:,} of {schedule.steps:,}")
        if (step + 1) % KEEP_EVERY == 0 or step + 1 == schedule.steps:
            context.kept.put(name, net.state(best, mean, step + 1, losses))
            context.partial("curve", lambda: curve(losses, size))
    return net.finished(mean), curve(losses, size)


def rate(step: int, schedule: Schedule) -> float:
    """Learning rate of a step: a linear start, then half a cosine."""
    start = min(1.0, (step + 1) / WARM_UP)
    return schedule.learning_rate * start * (0.5 * (1 + math.cos(math.pi * step / schedule.steps)) + 2e-3)


def curve(losses: list[float], size: int, points: int = 100) -> pd.DataFrame:
    """Return the nats per value of a level over its steps, averaged to so many points."""
    pieces = np.array_split(np.array(losses), min(points, len(losses)))
    ends = np.cumsum([len(piece) for piece in pieces])
    return pd.DataFrame({"size_px": size, "step": ends, "nats_per_value": [float(piece.mean()) for piece in pieces]})


@dataclass(frozen=True, eq=False)
class Batch:
    """Smaller images (None for the smallest size), new channels, conditions (B, E) and rows (B,) of one step."""

    known: Floats | None
    new: Floats
    conditions: Floats
    rows: NDArray[np.int64]


def batch_of(plan: Plan, size: int, material: Material, n: int, seed: int, step: int) -> Batch:
    """Draw the batch of a step; step -1 is the one that whitens."""
    rng = np.random.default_rng([seed, size, step + 1])
    chosen = rng.choice(len(material.images), n, p=material.weights)
    if size in material.small:
        whole = material.small[size]
        values = np.stack([piece(whole[i], size, rng, material.turn) for i in chosen]).astype(np.float32)
        values += rng.standard_normal(values.shape, np.float32) * material.tone.grain(values, plan.size // size)
    else:
        edge = plan.level(size).crop * (plan.size // size)  # of the piece, in pixels of the largest size
        pieces = np.stack([piece(material.images[i], edge, rng, material.turn) for i in chosen])
        values = material.tone.values(pieces, rng.random(pieces.shape, np.float32))
        for _ in range(int(math.log2(plan.size // size))):
            values, _ = halve(values)
    rows = material.rows[chosen]
    conditions = material.conditions[rng.integers(len(material.conditions), size=n), rows]
    doubt = np.where(conditions[:, -1] == 0, material.doubt[rows], 0.0).astype(np.float32)  # a prediction carries its own
    conditions[:, :-1] += doubt[:, None] * rng.standard_normal((n, conditions.shape[1] - 1), np.float32)
    if size == plan.sizes[0]:
        n, c, h, w = values.shape
        new = values.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 3, 5, 2, 4).reshape(n, 4 * c, h // 2, w // 2)
        return Batch(None, np.ascontiguousarray(new), conditions, rows)
    low, details = halve(values)
    noise = rng.standard_normal(low.shape, np.float32) * np.float32(KNOWN_NOISE)
    return Batch(low + noise, np.concatenate(details, axis=1), conditions, rows)


def averaged(plan: Plan, images: NDArray[np.uint8], tone: Tone) -> dict[int, NDArray[np.float16]]:
    """Average whole images (N, C, S, S) down to each size that is trained on whole images, once instead of in every step.

    Notes
    -----
    The noise that makes grey levels continuous is left out here and added in each step as `Tone.grain`.
    """
    sizes = [s for s in plan.sizes if plan.level(s).crop == s and plan.size // s >= FINE]
    found = {s: np.empty((len(images), images.shape[1], s, s), np.float16) for s in sizes}
    for at in range(0, len(images), AVERAGED):
        values = tone.values(images[at : at + AVERAGED], 0.5)
        while values.shape[-1] > plan.sizes[0]:
            values, _ = halve(values)
            if values.shape[-1] in found:
                found[values.shape[-1]][at : at + AVERAGED] = values
    return found


def piece(image: NDArray[Any], edge: int, rng: np.random.Generator, turn: bool) -> NDArray[Any]:
    """Cut a square of this edge out of an image at random, turned and mirrored at random."""
    top, left = (int(rng.integers(side - edge + 1)) for side in image.shape[1:])
    cut = image[:, top : top + edge, left : left + edge]
    if turn:
        cut = np.rot90(cut, int(rng.integers(4)), (1, 2))
        cut = cut[:, :, ::-1] if rng.integers(2) else cut
    return cut
