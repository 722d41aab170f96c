"""Training in legs, for a machine that is only lent for minutes and has no chemistry on it: a folder holds all that the levels need.

``write`` puts material into a folder; there ``python -m engine.molimage.legs FOLDER --sizes 32 64 --device cuda`` trains levels, in one
process or in several, and goes on where a stopped leg was; ``weights`` collects what has become of them.
"""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import Cancelled, Context
from engine.molimage.level_training import Material, train_level, weights_of
from engine.molimage.plan import Plan
from engine.molimage.tone import Tone
from engine.molimage.train import TrainParams, schedule

TOLD, PLAN, IMAGES = "told.npz", "plan.json", "images.npy"
OF_MATERIAL = ("rows", "conditions", "doubt", "weights")


def write(folder: Path, plan: Plan, params: TrainParams, material: Material) -> None:
    """Write what levels are trained on; images may be brought later as ``images.npy`` and ``small_SIZE.npy``."""
    folder.mkdir(parents=True, exist_ok=True)
    tone = dataclasses.asdict(material.tone)
    (folder / PLAN).write_text(json.dumps({"plan": plan.to_json(), "tone": tone, "params": params.to_dict()}))
    np.savez_compressed(folder / TOLD, **{name: getattr(material, name) for name in OF_MATERIAL})  # type: ignore[arg-type]
    if len(material.images):
        np.save(folder / IMAGES, material.images)
    for size, small in material.small.items():
        np.save(folder / f"small_{size}.npy", small)


def read(folder: Path) -> tuple[Plan, TrainParams, Material]:
    """Read what `write` wrote; images stay on disk until they are asked for."""
    facts = json.loads((folder / PLAN).read_text())
    plan, tone = Plan.from_json(facts["plan"]), Tone.from_dict(facts["tone"])
    with np.load(folder / TOLD) as told:
        parts = {name: told[name] for name in OF_MATERIAL}
    small = {int(place.stem.split("_")[1]): np.load(place, mmap_mode="c") for place in folder.glob("small_*.npy")}
    images = np.load(folder / IMAGES, mmap_mode="c")
    material = Material(images, tone=tone, small=small, **parts)
    return plan, TrainParams(**facts["params"]), material


def leg(folder: Path, sizes: Sequence[int], seconds: float, name: str = "kept", **changed: Any) -> dict[int, float]:
    """Train levels until they are done or the time is over; return the last nats per value of each.

    Parameters
    ----------
    seconds : after which the leg ends; the next one goes on from at most 250 steps before.
    name : of the folder in ``folder`` for states and finished weights, so that variants of one material lie side by side.
    changed : parameters of `TrainParams` other than those written.
    """
    plan, params, material = read(folder)
    params, end = dataclasses.replace(params, **changed), time.monotonic() + seconds
    if not params.molecule:
        material = material.untold()
    context = Context(params.seed, 1, is_cancelled=lambda: time.monotonic() > end, kept=folder / name)
    reached = {}
    for size in sizes:
        begun = time.monotonic()
        try:
            planned = schedule(plan, size, params, len(material.images))
            flow, curve = train_level(plan, size, material, planned, params.seed, context, params.device)
        except Cancelled:
            sys.stdout.write(f"{name} {size} px: not done in this leg\n")
            break
        np.savez(folder / name / f"done_{size}.npz", **weights_of(size, flow))  # type: ignore[arg-type]
        curve.to_csv(folder / name / f"curve_{size}.csv", index=False)
        reached[size] = float(curve["nats_per_value"].iloc[-1])
        steps = int(curve["step"].iloc[-1])
        sys.stdout.write(f"{name} {size} px: {reached[size]:.4f} nats a value, {steps} steps, {time.monotonic() - begun:.0f} s\n")
        sys.stdout.flush()
    return reached


def weights(kept: Path) -> dict[str, NDArray[Any]]:
    """Return the weights of all finished levels in a folder of states, named as `CellModel` names them."""
    found: dict[str, NDArray[Any]] = {}
    for place in kept.glob("done_*.npz"):
        with np.load(place) as stored:
            found |= dict(stored)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m engine.molimage.legs", description="Train levels of a model in legs.")
    parser.add_argument("folder", type=Path, help="what legs.write wrote")
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="px, one level after another")
    parser.add_argument("--seconds", type=float, default=540.0)
    parser.add_argument("--name", default="kept")
    for name, kind in (("steps", int), ("batch", int), ("learning-rate", float), ("contrast", float), ("seed", int), ("device", str)):
        parser.add_argument(f"--{name}", type=kind)
    parser.add_argument("--no-molecule", dest="molecule", action="store_false", default=None)
    given = vars(parser.parse_args(arguments))
    own = [given.pop(name) for name in ("folder", "sizes", "seconds", "name")]
    leg(*own, **{name: value for name, value in given.items() if value is not None})
    return 0


if __name__ == "__main__":
    sys.exit(main())
