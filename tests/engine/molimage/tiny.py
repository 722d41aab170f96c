"""A model that never learnt anything: random weights in every part, so that whatever is asked of a model can be asked in a second."""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from engine.molimage.conditions import Conditions
from engine.molimage.encoder import Encoder
from engine.molimage.model import CellModel
from engine.molimage.phenotype_space import PhenotypeSpace
from engine.molimage.plan import SIZES, LevelPlan, Plan
from engine.molimage.tone import Tone
from engine.molimage.train import profiles_with_light

CHANNELS = ("DNA", "ER", "RNA", "AGP", "Mito")
P = 4
KNOWN = {
    "DMSO": ("CS(C)=O", 0.0), "paclitaxel": ("", 10.0), "aspirin": ("CC(=O)Oc1ccccc1C(=O)O", 10.0),
    "caffeine": ("Cn1c(=O)c2c(ncn2C)n(C)c1=O", 3.0),
}  # fmt: skip


def tiny(size: int = 64) -> CellModel:
    """Make the model; conditions and noise both change what it draws."""
    import torch

    from engine.molimage.encoder_net import FingerprintEncoder
    from engine.molimage.fingerprint import FEATURES
    from engine.molimage.molecule import parse
    from engine.molimage.pyramid_net import WaveletFlow

    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    level = LevelPlan(steps=2, hidden=8, context=8, blocks=0, crop=8, length=1.0)
    plan = Plan(len(CHANNELS), P + 1, tuple((s, level) for s in SIZES if s <= size))
    weights = {
        name: value.numpy() + rng.normal(0, 0.03, value.shape).astype(np.float32) for name, value in WaveletFlow(plan).state_dict().items()
    }
    nets = [{n: v.numpy() for n, v in FingerprintEncoder(FEATURES, P).state_dict().items()} for _ in range(2)]
    known = pd.DataFrame([(smiles or parse(name).smiles, name, dose, 6) for name, (smiles, dose) in KNOWN.items()])
    known.columns = ["smiles", "compound", "dose_um", "images"]
    n_features = profiles_with_light(np.zeros((1, len(CHANNELS), 32, 32), np.uint8)).shape[1]
    space = PhenotypeSpace(np.zeros(n_features, np.float32), rng.normal(0, 0.05, (n_features, P)).astype(np.float32))
    told = Conditions(space, known, rng.normal(size=(len(known), P)).astype(np.float32), Encoder("fingerprint", tuple(nets), P))
    facts = {
        "name": "random weights", "origin": "simulated", "channels": list(CHANNELS), "size": size, "pixel_um": 1.8, "data": "nothing",
        "seed": 0,
        "images": 24, "compounds": len(known), "licence": "", "source": "a test", "uses_molecule": True, "metrics": {"train": 8.0},
    }  # fmt: skip
    return CellModel(plan, Tone((3.5,) * 5, (0.6,) * 5), told, weights, facts)


@lru_cache(maxsize=1)
def tiny_place() -> str:
    """Write the model into the state folder of the tests, once, and return its path."""
    return str(tiny().save(Path(os.environ["CAUSEWAY_VAR"]) / "tiny.safetensors"))
