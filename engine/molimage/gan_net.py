"""A conditional deep convolutional generator and the discriminator that teaches it; for comparison with the flow only."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

SMALLEST = 4  # px
WIDEST = 8  # times the width, the most maps of a layer


def maps(size: int, width: int) -> list[int]:
    """Return the number of maps at 4, 8, ... size / 2 px."""
    doublings = (size // SMALLEST).bit_length() - 1
    return [width * min(WIDEST, 2**k) for k in reversed(range(doublings))]


class Generator(nn.Module):
    """Noise and condition to an image: transposed convolutions from 4 px up, batch normalisation and ReLU (Radford et al. 2016)."""

    def __init__(self, channels: int, condition: int, size: int, width: int, noise: int):
        super().__init__()
        widths = maps(size, width)
        self.first = nn.Linear(noise + condition, widths[0] * SMALLEST**2)
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for w in widths)
        self.layers = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in zip(widths, [*widths[1:], channels], strict=True))

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Return images (B, C, S, S) in [-1, 1]."""
        x = self.first(torch.cat([noise, condition], 1)).unflatten(1, (-1, SMALLEST, SMALLEST))
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = layer(F.relu(norm(x)))
        return torch.tanh(x)


class Discriminator(nn.Module):
    """Image and condition to a score, high for real: spectrally normalised convolutions, condition by projection (Miyato, Koyama 2018)."""

    def __init__(self, channels: int, condition: int, size: int, width: int):
        super().__init__()
        widths = maps(size, width)[::-1]
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, 2, 1)) for a, b in zip([channels, *widths[:-1]], widths, strict=True))
        self.score = spectral_norm(nn.Linear(widths[-1], 1))
        self.match = spectral_norm(nn.Linear(condition, widths[-1], bias=False))

    def forward(self, images: Tensor, condition: Tensor) -> Tensor:
        """Return scores (B,)."""
        x = images
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        seen = x.sum((2, 3))
        scores: Tensor = self.score(seen)[:, 0] + (self.match(condition) * seen).sum(1)
        return scores
