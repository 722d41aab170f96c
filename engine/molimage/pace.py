"""How long a training will take on this machine: a step of each level is timed, and what images cost before the first step."""

import time

import numpy as np
from numpy.typing import NDArray

from engine.core.one_thread import one_thread
from engine.molimage.level_training import CLIP, Material
from engine.molimage.plan import Plan
from engine.molimage.tone import Tone
from engine.molimage.train import TrainParams, profiles_with_light, schedule, steps_of

CONDITION = 24  # length of a condition vector; the time hardly depends on it
TIMED_IMAGES, TIMED_STEPS = 4, 3
MATERIAL = 16


def training_s(images: NDArray[np.uint8], n_images: int, params: TrainParams) -> float:
    """Return about how many seconds of one processor core a training takes: profiles of all images, all steps of all levels.

    Parameters
    ----------
    images : (n, C, H, W) a few of the images, at least as large as asked for.
    n_images : number of training images.

    Notes
    -----
    One step of each level is made for practice and a few are timed, in processor seconds of one thread, so that other work does not
    count. What learns to read molecules is not counted either.
    """
    size, some = params.size, images[:TIMED_IMAGES]
    pieces = 1 if params.whole else (images.shape[2] // size) * (images.shape[3] // size)
    before = time.process_time()
    profiles_with_light(np.ascontiguousarray(some[:, :, :size, :size]))
    per_image = (time.process_time() - before) / len(some) * pieces
    plan = Plan.standard(images.shape[1], CONDITION, size, params.network)
    paces = step_s(plan, params)
    return per_image * n_images + sum(paces[level] * steps_of(plan, level, params, n_images) for level in plan.sizes)


def step_s(plan: Plan, params: TrainParams) -> dict[int, float]:
    """Return the processor seconds that one training step of each level takes, by size in px."""
    with one_thread():
        return {size: _timed(plan, size, params) for size in plan.sizes}


def _timed(plan: Plan, size: int, params: TrainParams) -> float:
    """Train a level on noise and return the processor seconds of a step, the first left out."""
    import torch

    from engine.molimage.batches_net import LevelBatches
    from engine.molimage.level_net import TrainedLevel

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (MATERIAL, plan.channels, plan.size, plan.size), dtype=np.uint8)
    told = rng.standard_normal((2, MATERIAL, plan.condition), np.float32)
    material = Material(noise, np.arange(MATERIAL), told, np.zeros(MATERIAL, np.float32), np.full(MATERIAL, 1 / MATERIAL), Tone.fit(noise))
    net, asked, batches = TrainedLevel(plan, size), schedule(plan, size, params), LevelBatches(plan, size, material)
    best = torch.optim.AdamW(net.parameters(), fused=True)
    taken = []
    for step in range(TIMED_STEPS + 1):
        before = time.process_time()
        best.zero_grad()
        net.loss(batches.draw(asked.batch, 0, step), asked.contrast)[0].backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        best.step()
        taken.append(time.process_time() - before)
    return float(np.mean(taken[1:]))
