"""All levels together: the density of an image and the way from noise to an image."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.molimage.flow_net import LevelFlow
from engine.molimage.haar import double, halve, log_det
from engine.molimage.plan import BASE, SIZES, Plan


class WaveletFlow(nn.Module):
    """Conditional Haar-wavelet flow: the smallest image, then the details of each size given the image below.

    log p(x_L | e) = log p(x_0 | e) + sum over l of [log p(d_l | x_(l-1), e) + log |det Haar_l|], e the condition.
    """

    def __init__(self, plan: Plan):
        super().__init__()
        self.plan = plan
        self.levels = nn.ModuleDict({str(size): level_flow(plan, size) for size in plan.sizes})
        self._back: dict[int, list[tuple[Tensor, Tensor]]] = {}

    def level(self, size: int) -> LevelFlow:
        """Return the flow of one size."""
        found = self.levels[str(size)]
        assert isinstance(found, LevelFlow)
        return found

    def forward(self, images: Tensor, condition: Tensor) -> dict[int, Tensor]:
        """Return log p in nats (B,) of each level's part of images (B, C, S, S) on the scale of `Tone`, Haar steps included."""
        found = {}
        for size, known, new in parts(images):
            _, nats = self.level(size)(new, known, condition)
            found[size] = nats + (log_det(images.shape[1], size, size) if known is not None else 0.0)
        return found

    def latents(self, images: Tensor, condition: Tensor) -> dict[int, Tensor]:
        """Return the standardised latents of each level, by which `sample` gives the same images back."""
        return {size: self.level(size)(new, known, condition)[0] for size, known, new in parts(images)}

    def sample(self, latents: dict[int, Tensor], condition: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield (size, images), smallest first, as far as there are latents."""
        image: Tensor | None = None
        for size in sorted(latents):
            new = self.level(size).inverse(latents[size], image, condition, self._unmixings(size))
            image = F.pixel_shuffle(new, 2) if image is None else double(image, _three(new))
            yield size, image

    def shape(self, size: int) -> tuple[int, int, int]:
        """Return channels, height and width of the latents of one size."""
        channels = self.plan.channels
        return (4 * channels, BASE // 2, BASE // 2) if size == BASE else (3 * channels, size // 2, size // 2)

    def _unmixings(self, size: int) -> list[tuple[Tensor, Tensor]] | None:
        if self.training:
            return None
        if size not in self._back:
            self._back[size] = self.level(size).unmixings()
        return self._back[size]


def level_flow(plan: Plan, size: int) -> LevelFlow:
    """Make the untrained flow of one size."""
    level, known = plan.level(size), 0 if size == BASE else plan.channels
    new = 4 * plan.channels if size == BASE else 3 * plan.channels
    return LevelFlow(new, known, plan.condition, level.steps, level.hidden, level.context, level.blocks)


def parts(images: Tensor) -> Iterator[tuple[int, Tensor | None, Tensor]]:
    """Yield (size, image below, what is new) from the largest size down; the smallest has nothing below and all its pixels are new."""
    for size in reversed([n for n in SIZES if n <= images.shape[-1]]):
        known, new = new_part(images, size)
        yield size, known, new
        images = images if known is None else known


def new_part(images: Tensor, size: int) -> tuple[Tensor | None, Tensor]:
    """Return the image below and what is new for images that have the size of a level, or are crops of such images."""
    if size == BASE:
        return None, F.pixel_unshuffle(images, 2)
    low, details = halve(images)
    return low, torch.cat(details, 1)


def _three(details: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    vertical, horizontal, diagonal = details.chunk(3, 1)
    return vertical, horizontal, diagonal


def shrink(images: Tensor, size: int) -> Tensor:
    """Average images (B, C, S, S) down to a size by repeated halving, as the pyramid does."""
    while images.shape[-1] > size:
        images, _ = halve(images)
    return images
