"""A conditional generative adversarial network on the flow's own condition vectors: a baseline of the ablation, not for drawing."""

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, UserError
from engine.molimage.conditions import Asked, Conditions
from engine.molimage.encoder import Encoder
from engine.molimage.phenotype_space import PhenotypeSpace
from engine.molimage.tone import GREYS, OFFSET
from engine.molimage.train import TrainParams, facts_of, prepare

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]

HEADER = "cell_gan"
NOISE = 64
LEARNING_RATE, BETAS = 4e-4, (0.0, 0.9)
SPAN = math.log((GREYS + OFFSET) / OFFSET)
NARROWEST, WIDEST = 4, 256  # of the generator's last hidden layer


@dataclass(frozen=True, eq=False)
class CellGan:
    """A trained generator; it draws like a `CellModel` but knows no likelihood.

    Parameters
    ----------
    width : of the generator.
    conditions : what a molecule stands for.
    weights : arrays of the generator by name.
    facts : as of a `CellModel`.
    """

    width: int
    conditions: Conditions
    weights: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]

    @cached_property
    def generator(self) -> Any:
        """The network, ready to draw."""
        import torch

        net = _generator(len(self.facts["channels"]), self.conditions.length, int(self.facts["size"]), self.width)
        net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in self.weights.items()})
        return net.eval()

    @property
    def parameters(self) -> int:
        """Number of parameters of the generator."""
        return sum(value.size for name, value in self.weights.items() if "running" not in name and "num_batches" not in name)

    def sample(
        self, asked: Sequence[Asked], n: int, *, temperature: float = 1.0, seed: int = 0, size: int | None = None
    ) -> NDArray[np.uint8]:
        """Draw n images (M, n, C, S, S) of each of M molecules at its dose, at the one size it has; arguments as of `CellModel.sample`."""
        import torch

        if size not in (None, self.facts["size"]):
            raise UserError(f"This model does not draw {size} px.", f"It draws {self.facts['size']} px.", "size")
        told = torch.from_numpy(np.repeat(self.conditions.of(asked), n, axis=0))
        noise = np.stack([np.random.default_rng([seed, i]).standard_normal(NOISE, np.float32) for i in range(n)])
        with torch.inference_mode():
            values = self.generator(torch.from_numpy(np.float32(temperature) * np.tile(noise, (len(asked), 1))), told).numpy()
        images = greys(values)
        return images.reshape(len(asked), n, *images.shape[1:])

    def save(self, place: str | Path) -> Path:
        """Write the model to a safetensors file."""
        from safetensors.numpy import save

        arrays = {f"gan.{name}": np.ascontiguousarray(value) for name, value in self.weights.items()}
        space, encoder = self.conditions.space, self.conditions.encoder
        arrays |= {"space.centre": space.centre, "space.axes": np.ascontiguousarray(space.axes), "measured": self.conditions.measured}
        for k, weights in enumerate(encoder.weights if encoder else ()):
            arrays |= {f"encoder.{k}.{name}": np.ascontiguousarray(value) for name, value in weights.items()}
        known = self.conditions.known.to_json(orient="split")
        header = {"width": self.width, "encoder": encoder.kind if encoder else "", "known": known, "facts": dict(self.facts)}
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_bytes(save(arrays, {HEADER: json.dumps(header)}))
        return Path(place)

    @classmethod
    def load(cls, place: str | Path) -> "CellGan":
        """Read what `save` wrote; see `is_gan`."""
        from safetensors.numpy import load

        data = Path(place).read_bytes()
        header, arrays = json.loads(_header(data)[HEADER]), load(data)
        known = pd.read_json(io.StringIO(header["known"]), orient="split", dtype={"smiles": str, "compound": str, "dose_um": float})
        folds = sorted({name.split(".")[1] for name in arrays if name.startswith("encoder.")})
        nets = tuple(_under(arrays, f"encoder.{k}.") for k in folds)
        encoder = Encoder(header["encoder"], nets, arrays["measured"].shape[1]) if nets else None
        conditions = Conditions(PhenotypeSpace(arrays["space.centre"], arrays["space.axes"]), known, arrays["measured"], encoder)
        return cls(int(header["width"]), conditions, _under(arrays, "gan."), header["facts"])


def is_gan(place: str | Path) -> bool:
    """Whether a path is a file that `CellGan.save` wrote."""
    path = Path(place)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return 0 < length < 1 << 24 and f'"{HEADER}"'.encode() in file.read(length)


def train_gan(images: ImageSet, params: TrainParams, steps: int, parameters: int, context: Context) -> CellGan:
    """Train a generator and its discriminator on the training images, by the hinge loss.

    Parameters
    ----------
    params : of the flow that it is compared with: size, batch, balance, encoder, seed.
    steps : of either network; the flow's levels together take as many.
    parameters : of the flow; the generator's width is chosen to have as many.

    Notes
    -----
    Discriminator: mean max(0, 1 - D(real)) + mean max(0, 1 + D(drawn)); generator: -mean D(drawn), in turn, one step each (Lim, Ye 2017;
    spectral normalisation, Miyato et al. 2018). Same seed, same weights.
    """
    import torch
    from torch.nn import functional as F

    from engine.molimage.batches_net import Pieces
    from engine.molimage.gan_net import Discriminator

    chosen = images.split("train") if "split" in images.table else images
    material, told = prepare(chosen, params, context.share(0.0, 0.1))
    channels, size, condition = images.p, params.size, told.length
    width = width_for(channels, condition, size, parameters)
    torch.manual_seed(params.seed)
    generator, critic = _generator(channels, condition, size, width), Discriminator(channels, condition, size, width)
    best = [torch.optim.Adam(net.parameters(), lr=LEARNING_RATE, betas=BETAS) for net in (generator, critic)]
    pieces = Pieces(torch.from_numpy(material.images), size, material, "cpu")
    for step in range(steps):
        rng = np.random.default_rng([params.seed, step])
        real, condition_rows = _batch(pieces, params.batch, params.seed, step)
        noise = torch.from_numpy(rng.standard_normal((params.batch, NOISE), np.float32))
        drawn = generator(noise, condition_rows)
        loss = F.relu(1 - critic(real, condition_rows)).mean() + F.relu(1 + critic(drawn.detach(), condition_rows)).mean()
        best[1].zero_grad()
        loss.backward()
        best[1].step()
        fooled = -critic(drawn, condition_rows).mean()
        best[0].zero_grad()
        fooled.backward()
        best[0].step()
        context.progress(0.1 + 0.9 * (step + 1) / steps, f"adversarial step {step + 1:,} of {steps:,}")
    facts = facts_of(images, chosen, params, told) | {"name": f"adversarial network of {images.name} at {size} px"}
    return CellGan(width, told, {name: value.detach().numpy().copy() for name, value in generator.state_dict().items()}, facts)


def width_for(channels: int, condition: int, size: int, parameters: int) -> int:
    """Return the width with which a generator has the number of parameters that is nearest to this one."""

    def count(width: int) -> int:
        return sum(value.numel() for value in _generator(channels, condition, size, width).parameters())

    low, high = NARROWEST, WIDEST
    while high - low > 1:  # the count grows with the width
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= parameters else (low, middle)
    return min((low, high), key=lambda width: abs(count(width) - parameters))


def values(images: NDArray[np.uint8], noise: Any) -> Floats:
    """Return grey levels plus noise in [0, 1) on the generator's scale: their logarithm, spread over [-1, 1]."""
    return (np.log((images + np.asarray(noise, np.float32) + np.float32(OFFSET)) / OFFSET) * (2 / SPAN) - 1).astype(np.float32)


def greys(values: Floats) -> NDArray[np.uint8]:
    """Return the grey levels that values in [-1, 1] lie in."""
    return np.clip(np.floor(OFFSET * np.exp((values + 1) * (SPAN / 2)) - OFFSET), 0, GREYS - 1).astype(np.uint8)


def _batch(pieces: Any, n: int, seed: int, step: int) -> tuple[Any, Any]:
    import torch

    from engine.molimage.batches_net import generator

    random = generator("cpu", seed, step)
    cut, told, _ = pieces.draw(n, random)
    return torch.from_numpy(values(cut.numpy(), torch.rand(cut.shape, generator=random).numpy())), told


def _generator(channels: int, condition: int, size: int, width: int) -> Any:
    from engine.molimage.gan_net import Generator

    return Generator(channels, condition, size, width, NOISE)


def _header(data: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    return found


def _under(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
