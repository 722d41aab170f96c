"""Train one level of the flow: batches, steps, running mean of the weights, and a state from which a killed run goes on bit by bit."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
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
MEAN_OF = 20  # the running mean of the weights spans the last twentieth of the steps
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
    small : images (N, C, s, s) already averaged down, by size s, for levels that see whole images; see `averaged`.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    conditions: Floats
    doubt: Floats
    weights: NDArray[np.float64]
    tone: Tone
    small: Mapping[int, NDArray[np.float16]] = dataclasses.field(default_factory=dict)

    def untold(self) -> "Material":
        """Return the same images with nothing told of their molecules."""
        return dataclasses.replace(self, conditions=self.conditions * 0, doubt=self.doubt * 0)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a level is trained; ``contrast`` is the weight of InfoNCE."""

    steps: int
    batch: int = 12
    learning_rate: float = 5e-3
    contrast: float = 0.0


def weights_of(size: int, flow: Any) -> dict[str, NDArray[Any]]:
    """Return the weights of a level's flow, named as those of the whole flow are."""
    return {f"levels.{size}.{name}": value.numpy().copy() for name, value in flow.state_dict().items()}


def train_level(
    plan: Plan, size: int, material: Material, schedule: Schedule, seed: int, context: Context, device: str = "cpu",
    before: Sequence[pd.DataFrame] = (),
) -> tuple[Any, pd.DataFrame]:  # fmt: skip
    """Train the flow of one size; return it with the running mean of its weights, and its learning curve.

    Parameters
    ----------
    before : curves of levels that are done, which whoever watches sees with this one's.

    Notes
    -----
    The loss per image is -log p / dimension + contrast InfoNCE(tau = 0.1). For InfoNCE the image side is the spatial mean of the latents,
    the molecule side a linear projection of the condition, both of length one; images of the same compound and dose share the target
    evenly; the loss is the mean of both directions. Each step draws from a generator of its own, seeded by seed, size and step, so a
    run that goes on from a kept state makes the same bytes as one that was never stopped.
    """
    import torch

    from engine.molimage.batches_net import LevelBatches
    from engine.molimage.level_net import TrainedLevel

    torch.manual_seed(seed * 1000 + size)
    net = TrainedLevel(plan, size)
    batches = LevelBatches(plan, size, material, device)
    net.flow.whiten(batches.draw(WHITENING, seed, -1).new.cpu())
    net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    best = torch.optim.AdamW(net.parameters(), lr=schedule.learning_rate, weight_decay=0.01, fused=True)
    mean = [value.detach().clone() for value in net.parameters()]
    name, begun = f"level{size}", 0
    kept = context.kept.get(name)
    if kept is not None:
        begun = net.restore(kept, best, mean)
    losses = [] if kept is None else kept["losses"].tolist()
    recent: list[Any] = []

    def so_far() -> pd.DataFrame:
        return pd.concat([*before, *([curve(losses, size)] if losses else [])], ignore_index=True)

    if before or losses:
        context.partial("curve", so_far)
    for step in range(begun, schedule.steps):
        for group in best.param_groups:
            group["lr"] = rate(step, schedule)
        loss = net.loss(batches.draw(schedule.batch, seed, step), schedule.contrast)
        best.zero_grad()
        loss[0].backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        best.step()
        torch._foreach_lerp_(mean, [value.detach() for value in net.parameters()], min(0.1, MEAN_OF / (step + 1)))
        recent.append(loss[1])  # read together: each reading waits for the device
        context.progress((step + 1) / schedule.steps, f"{size} px: step {step + 1:,} of {schedule.steps:,}")
        if (step + 1) % KEEP_EVERY == 0 or step + 1 == schedule.steps:
            losses.extend(torch.stack(recent).tolist())
            recent.clear()
            context.kept.put(name, net.state(best, mean, step + 1, losses))
            context.partial("curve", so_far)
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


def averaged(plan: Plan, images: NDArray[np.uint8], tone: Tone) -> dict[int, NDArray[np.float16]]:
    """Average whole images (N, C, S, S) down to each size that is trained on whole images, once instead of in every step.

    Notes
    -----
    The noise that makes grey levels continuous is left out here and added in each step, as wide as the mean of so much uniform noise is.
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
