"""Make the bundled model again, on a machine with a GPU or, in hours, without.

1. ``python -m engine.molimage.shipped_build begin FOLDER`` simulates the screen and writes what levels are trained on.
2. ``python -m engine.molimage.legs FOLDER/128 --sizes 2 4 8 16 32 64 128 --device cuda`` trains, in as many legs as it takes; levels may be
   trained side by side, each by a call of its own. The folder can be brought to another machine and back.
3. ``python -m engine.molimage.shipped_build end FOLDER`` adds the levels of 256 and 512 px, which are small, and writes the model.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from engine.core import Context, ImageSet
from engine.molimage import legs
from engine.molimage.domain import Typical, nats_per_value
from engine.molimage.gallery import drugs
from engine.molimage.level_training import Material, Schedule, averaged, train_level, weights_of
from engine.molimage.model import MODELS, CellModel, rounded
from engine.molimage.plan import Plan
from engine.molimage.scaffolds import scaffold_split
from engine.molimage.simulator import simulate
from engine.molimage.train import TrainParams, asked, facts_of, prepare, score

NAME = "simulated cell painting"
INACTIVE = 250  # of the molecules that do nothing, of which the gallery has many
DOSES_UM = (0.3, 2.0, 10.0)
PARAMS = TrainParams(size=128, network="wide", offset=16.0, batch=128, learning_rate=4e-3, steps=8000)
TOP = {256: 500, 512: 500}  # training steps of the levels above, whose details are mostly grain
TOP_DRUGS = 292
TYPICAL_DRUGS, TYPICAL_SCREENS = 30, 8
UNTRAINED = "untrained.safetensors"


def molecules() -> pd.DataFrame:
    """Return the molecules of the gallery whose mechanism the simulator knows, and of the inactive ones a sample."""
    gallery = drugs()
    labelled = gallery[gallery["mechanism"] != ""]
    inactive = labelled[labelled["mechanism"] == "inactive"].sample(INACTIVE, random_state=0)
    return pd.concat([labelled[labelled["mechanism"] != "inactive"], inactive]).sort_index().reset_index(drop=True)


def screen(n_each: int, context: Context) -> ImageSet:
    """Simulate the screen: molecules at three doses on four plates, split by scaffold; controls are trained on."""
    asked_for = molecules()
    found = simulate(asked_for, n_each, PARAMS.size, seed=0, dose_um=DOSES_UM, plates=4, controls=32, context=context)
    treated = found.table[found.table["dose_um"] > 0].drop_duplicates("smiles")
    smiles, mechanisms = treated["smiles"].tolist(), treated["moa"].tolist()
    tested = {each for each, part in zip(smiles, scaffold_split(smiles, seed=0, labels=mechanisms), strict=True) if part == "test"}
    split = ["test" if each in tested else "train" for each in found.table["smiles"]]
    return dataclasses.replace(found, table=found.table.assign(split=split))


def begin(folder: Path, n_each: int, context: Context) -> None:
    """Simulate, measure phenotypes, learn the encoder, and write it all."""
    from engine.molimage.pyramid_net import WaveletFlow

    images = screen(n_each, context.share(0.0, 0.6))
    images.to_dir(folder / "screen")
    material, told = prepare(images.split("train"), PARAMS, context.share(0.6, 1.0))
    plan = Plan.standard(images.p, told.length, PARAMS.size, PARAMS.network)
    small = averaged(plan, material.images, material.tone)
    legs.write(folder / str(PARAMS.size), plan, PARAMS, dataclasses.replace(material, small=small))
    facts = facts_of(images, images.split("train"), PARAMS, told) | {"name": NAME}
    untrained = {name: value.numpy() for name, value in WaveletFlow(plan).state_dict().items()}
    CellModel(plan, material.tone, told, untrained, facts).save(folder / UNTRAINED)


def end(folder: Path, context: Context, place: Path = MODELS / "shipped.safetensors") -> CellModel:
    """Put the finished levels together, train the levels above, and write the model."""
    images = ImageSet.from_dir(folder / "screen")
    chosen, model = images.split("train"), CellModel.load(folder / UNTRAINED)
    facts = dict(model.facts)
    model = dataclasses.replace(model, weights=rounded(legs.weights(folder / str(PARAMS.size) / "kept")))
    scores = score(model, images, chosen, PARAMS)
    facts["metrics"] = dict(zip(scores["images"], scores["bits_per_dim"], strict=True))
    model = enlarged(dataclasses.replace(model, facts=facts), images, context)
    model.save(place)
    return model


def enlarged(model: CellModel, images: ImageSet, context: Context) -> CellModel:
    """Add levels of 256 and 512 px, trained on a few simulated fields of 512 px of molecules that the model knows.

    What likelihood is typical is measured on fields of molecules that it does not know.
    """
    large = _large(images.split("train"), TOP_DRUGS, context.share(0.0, 0.3))
    plan = Plan.standard(large.p, model.conditions.length, max(TOP), PARAMS.network)
    told, even = model.told(asked(large)), np.full(len(large), 1 / len(large))
    material = Material(large.images, np.arange(len(large)), told[None], np.zeros(len(large), np.float32), even, model.tone)
    weights = dict(model.weights)
    for size, steps in TOP.items():
        flow, _ = train_level(plan, size, material, Schedule(steps), PARAMS.seed, context.share(0.3, 0.9))
        weights |= rounded(weights_of(size, flow))
    facts = dict(model.facts) | {"size": max(TOP), "pixel_um": large.pixel_um}
    made = CellModel(plan, model.tone, model.conditions, weights, facts)
    # plates differ more than fields: a screen of four plates would make the next screen look strange
    held = [_large(images.split("test"), TYPICAL_DRUGS, context.share(0.9, 1.0), seed=2 + k, first=k) for k in range(TYPICAL_SCREENS)]
    typical = Typical.fit(nats_per_value(made, np.concatenate([each.images for each in held])))
    return dataclasses.replace(made, facts=facts | {"typical": typical.to_dict()})


def _large(some: ImageSet, most: int, context: Context, seed: int = 1, first: int = 0) -> ImageSet:
    """Simulate a field of the largest size for each of so many molecules of a set."""
    known = some.table[some.table["dose_um"] > 0].drop_duplicates("smiles")
    known = known.iloc[first :: max(1, len(known) // most)][:most]
    wanted = pd.DataFrame({"smiles": known["smiles"], "name": known["compound"], "mechanism": known["moa"]})
    return simulate(wanted, 1, max(TOP), seed=seed, dose_um=10.0, controls=0, context=context)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m engine.molimage.shipped_build", description="Make the bundled model of cell images.")
    parser.add_argument("step", choices=("begin", "end"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n-each", type=int, default=24, help="images of each molecule and dose")
    given = parser.parse_args(arguments)
    context = Context(on_progress=_say)
    if given.step == "begin":
        begin(given.folder, given.n_each, context)
    else:
        sys.stdout.write(f"{end(given.folder, context).id}\n")
    return 0


def _say(fraction: float, note: str) -> None:
    sys.stderr.write(f"\r{fraction:4.0%} {note:60.60}")


if __name__ == "__main__":
    sys.exit(main())
