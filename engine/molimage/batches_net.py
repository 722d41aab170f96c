"""Batches of training images, drawn where the network is: pieces turned and mirrored, their smaller image, and what they are told."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.molimage.level_training import KNOWN_NOISE, Material
from engine.molimage.plan import Plan
from engine.molimage.pyramid_net import new_part, shrink
from engine.molimage.tone import UNIFORM_SD


def generator(device: str, *numbers: int) -> torch.Generator:
    """Return a generator that belongs to these numbers, each 0 or more."""
    seed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1)
    return torch.Generator(device).manual_seed(int(seed))


class Pieces:
    """Square pieces of images with the conditions of their molecules.

    Parameters
    ----------
    images : (N, C, H, W).
    edge : of a piece in pixels.
    material : which condition belongs to which image, and how often each image is drawn.
    device : where the images are kept and pieces are cut.
    """

    def __init__(self, images: Tensor, edge: int, material: Material, device: str):
        self.images, self.edge, self.device = images.to(device), edge, device
        self.rows = torch.from_numpy(material.rows).to(device)
        self.conditions = torch.from_numpy(material.conditions).to(device)
        self.doubt = torch.from_numpy(material.doubt.astype(np.float32)).to(device)
        self.share = torch.from_numpy(np.cumsum(material.weights)).to(device)  # of the images up to each

    def draw(self, n: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return n pieces (n, C, edge, edge), condition vectors (n, E) and condition rows (n,).

        Notes
        -----
        A piece lies anywhere in its image, turned by quarters and mirrored, all alike likely. Measured phenotypes and predicted ones are
        told in turn; to measured ones noise of their standard error is added, since a prediction carries its own.
        """
        at = {"device": self.device, "generator": random}
        chosen = torch.searchsorted(self.share, torch.rand(n, dtype=torch.float64, **at) * self.share[-1]).clamp(max=len(self.images) - 1)
        pieces = self._turned(self._cut(chosen, at), at)
        rows = self.rows[chosen]
        told = self.conditions[torch.randint(len(self.conditions), (n,), **at), rows]
        spread = torch.where(told[:, -1] == 0, self.doubt[rows], 0.0)
        noise = torch.randn(n, told.shape[1] - 1, **at) * spread[:, None]
        return pieces, torch.cat([told[:, :-1] + noise, told[:, -1:]], 1), rows

    def _cut(self, chosen: Tensor, at: dict[str, object]) -> Tensor:
        height, width = self.images.shape[2:]
        if height == width == self.edge:
            return self.images[chosen]
        reach = torch.arange(self.edge, device=self.device)
        top = torch.randint(height - self.edge + 1, chosen.shape, **at)[:, None] + reach  # type: ignore[call-overload]
        left = torch.randint(width - self.edge + 1, chosen.shape, **at)[:, None] + reach  # type: ignore[call-overload]
        # by channel the places are the same, so rows and columns are looked up once
        found = self.images[chosen[:, None, None], :, top[:, :, None], left[:, None, :]]
        return found.permute(0, 3, 1, 2)

    def _turned(self, pieces: Tensor, at: dict[str, object]) -> Tensor:
        turns = torch.rand(3, len(pieces), 1, 1, 1, **at) < 0.5  # type: ignore[call-overload]
        pieces = torch.where(turns[0], pieces.flip(3), pieces)
        pieces = torch.where(turns[1], pieces.flip(2), pieces)
        return torch.where(turns[2], pieces.transpose(2, 3), pieces)


@dataclass(frozen=True, eq=False)
class Batch:
    """Smaller images (None for the smallest size), new channels, conditions (B, E) and rows (B,) of one step."""

    known: Tensor | None
    new: Tensor
    conditions: Tensor
    rows: Tensor


class LevelBatches:
    """Batches of one level of the pyramid; the same seed and step draw the same batch."""

    def __init__(self, plan: Plan, size: int, material: Material, device: str = "cpu"):
        self.plan, self.size, self.device = plan, size, device
        self.averaged = size in material.small
        images = material.small[size] if self.averaged else material.images
        self.pieces = Pieces(
            torch.from_numpy(images), plan.level(size).crop * (1 if self.averaged else plan.size // size), material, device
        )
        mean, sd = (np.array(each, np.float32)[:, None, None] for each in (material.tone.mean, material.tone.sd))
        self.mean, self.sd, self.offset = torch.from_numpy(mean).to(device), torch.from_numpy(sd).to(device), material.tone.offset

    def draw(self, n: int, seed: int, step: int) -> Batch:
        """Draw the batch of a step; step -1 is the one that whitens."""
        random = generator(self.device, seed, self.size, step + 1)
        pieces, told, rows = self.pieces.draw(n, random)
        known, new = new_part(self._values(pieces, random), self.size)
        if known is not None:
            known = known + KNOWN_NOISE * torch.randn(known.shape, generator=random, device=self.device)
            known = known.contiguous(memory_format=torch.channels_last)
        return Batch(known, new.contiguous(memory_format=torch.channels_last), told, rows)

    def _values(self, pieces: Tensor, random: torch.Generator) -> Tensor:
        """Return pieces at the level's size on the scale of `Tone`, made continuous by uniform noise at the largest size."""
        if self.averaged:
            values = pieces.float()
            slope = (-(values * self.sd + self.mean)).exp() / self.sd  # of the logarithm
            noise = torch.randn(values.shape, generator=random, device=self.device)
            return values + noise * slope * (UNIFORM_SD * self.size / self.plan.size)
        noise = torch.rand(pieces.shape, generator=random, device=self.device)
        values = ((pieces + noise + self.offset).log() - self.mean) / self.sd
        return shrink(values, pieces.shape[-1] * self.size // self.plan.size)
