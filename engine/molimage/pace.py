"""How long a training will take on this machine: a step of each level is timed, and what images cost before the first step."""

import time

import numpy as np
from numpy.typing import NDArray

from engine.molimage.level_training import Material, batch_of
from engine.molimage.plan import Plan
from engine.molimage.tone import Tone
from engine.molimage.train import TrainParams, profiles_with_light, schedule, steps_of

CONDITION = 24  # length of a condition vector; the time hardly depends on it
TIMED_IMAGES = 4
MATERIAL = 16


def training_s(images: NDArray[np.uint8], n_images: int, params: TrainParams, threads: int = 1) -> float:
    """Return about how many seconds a training takes on a machine that does nothing else: profiles of all images, all steps of all levels.

    Parameters
    ----------
    images : (n, C, H, W) a few of the images, at least as large as asked for.
    n_images : number of training images.
    threads : that the training may use.

    Notes
    -----
    One step of each level is made for practice and one is timed, in processor seconds, so that other work does not count. What learns to
    read molecules is not counted either.
    """
    size, some = params.size, images[:TIMED_IMAGES]
    pieces = 1 if params.whole else (images.shape[2] // size) * (images.shape[3] // size)
    before = time.process_time()
    profiles_with_light(np.ascontiguousarray(some[:, :, :size, :size]))
    per_image = (time.process_time() - before) / len(some) * pieces
    plan = Plan.standard(images.shape[1], CONDITION, size)
    paces = step_s(plan, params, threads)
    return per_image * n_images + sum(paces[level] * steps_of(plan, level, params) for level in plan.sizes)


def step_s(plan: Plan, params: TrainParams, threads: int = 1) -> dict[int, float]:
    """Return the processor seconds of each thread that one training step of each level takes, by size in px."""
    import torch

    was = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return {size: _timed(plan, size, params) / threads for size in plan.sizes}
    finally:
        torch.set_num_threads(was)


def _timed(plan: Plan, size: int, params: TrainParams) -> float:
    """Make two steps of a level on noise and return the processor seconds of the second."""
    import torch

    from engine.molimage.level_net import TrainedLevel

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (MATERIAL, plan.channels, plan.size, plan.size), dtype=np.uint8)
    told = rng.standard_normal((2, MATERIAL, plan.condition), np.float32)
    material = Material(noise, np.arange(MATERIAL), told, np.zeros(MATERIAL, np.float32), np.full(MATERIAL, 1 / MATERIAL), Tone.fit(noise))
    net, asked = TrainedLevel(plan, size), schedule(plan, size, params)
    best = torch.optim.AdamW(net.parameters(), fused=True)
    taken = 0.0
    for step in range(2):
        before = time.process_time()
        batch = batch_of(plan, size, material, asked.batch, 0, step)
        best.zero_grad()
        net.loss(batch.known, batch.new, batch.conditions, batch.rows, asked.contrast, "cpu")[0].backward()
        best.step()
        taken = time.process_time() - before
    return taken
