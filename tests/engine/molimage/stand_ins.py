"""Stand-ins for trained models whose answers are known: one that draws from the truth, one that knows no molecule, one that draws noise."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from engine.molimage import scoring
from engine.molimage.swd import sliced_wasserstein
from engine.molimage.train import TrainParams
from tests.engine.molimage.worlds import blobs


def facts(size=32, channels=2, origin="simulated", **more):
    """What a model of `blobs` says of itself."""
    names = [f"stain {c}" for c in range(channels)]
    params = TrainParams(size=size).to_dict()
    return {"name": "stand-in", "origin": origin, "channels": names, "size": size, "params": params, "data_digest": "", **more}


def quick_textures(patch):
    """Compare textures by few patches and directions."""
    patch.setattr(scoring, "sliced_wasserstein", partial(sliced_wasserstein, patches=32, projections=64))


class Nothing:
    """The memory of a model that has seen no molecule."""

    def rows_of(self, what):
        return []


@dataclass
class Truth:
    """Draws from the simulator itself."""

    facts: dict = field(default_factory=facts)
    conditions: Nothing = field(default_factory=Nothing)
    drawn: int = 0

    @property
    def size(self):
        return self.facts["size"]

    @property
    def channels(self):
        return tuple(self.facts["channels"])

    def told(self, asked):
        return np.zeros((len(asked), 1), np.float32)

    def log_prob(self, images, conditions, seed=0):
        return pd.DataFrame({"bits_per_dim": images.mean(axis=(1, 2, 3)) / 64})

    def sample(self, asked, n, *, temperature=1.0, seed=0, size=None):
        self.drawn += n * len(asked)
        images = blobs([self.shown(what) for what, _ in asked], n, self.size, seed + 1000).images
        return images.reshape(len(asked), n, *images.shape[1:])

    def shown(self, what):
        return what


class Blind(Truth):
    """Draws the same alcohol for every molecule."""

    def shown(self, what):
        return "CCCCO"


class Noise(Truth):
    """Draws noise."""

    def sample(self, asked, n, *, temperature=1.0, seed=0, size=None):
        self.drawn += n * len(asked)
        shape = (len(asked), n, len(self.channels), self.size, self.size)
        return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
