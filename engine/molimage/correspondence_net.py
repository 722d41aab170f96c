"""Networks that say whether an image and a molecule belong together."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EMBEDDED = 64
HIDDEN = 256
DROPOUT = 0.3


class BasicBlock(nn.Module):
    """Two convolutions and a way around them, the resolution halved by ``stride``."""

    def __init__(self, inside: int, outside: int, stride: int):
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(outside), nn.BatchNorm2d(outside)])
        self.around = nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inside, H, W) to (B, outside, H / stride, W / stride)."""
        inner = F.relu(self.norms[0](self.first(x)))
        return F.relu(self.norms[1](self.second(inner)) + self.around(x))


class ImageNet(nn.Module):
    """A residual network with one basic block per stage, of width w, 2w, 4w and 8w."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, 2, 1)
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.Sequential(*[BasicBlock(widths[k], widths[k + 1], 1 if k == 0 else 2) for k in range(4)])
        self.out = nn.Linear(8 * width, EMBEDDED)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, S, S) to (B, EMBEDDED)."""
        return self.out(self.stages(F.relu(self.stem(x))).mean((2, 3)))


class MatchNet(nn.Module):
    """Image and molecule, each embedded, then judged together with their product.

    Parameters
    ----------
    seen : channels of an image, or statistics of a profile when ``width`` is None.
    features : numbers of a molecule.
    width : of the residual network; None for two layers over a profile.
    """

    def __init__(self, seen: int, features: int, width: int | None):
        super().__init__()
        self.image = ImageNet(seen, width) if width else _two_layers(seen, EMBEDDED)
        self.molecule = _two_layers(features, EMBEDDED)
        self.head = _two_layers(3 * EMBEDDED, 1)

    def forward(self, seen: Tensor, molecules: Tensor) -> Tensor:
        """(B,) log odds that image and molecule match."""
        i, m = self.image(seen), self.molecule(molecules)
        return self.head(torch.cat([i, m, i * m], 1))[:, 0]


def _two_layers(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inside, HIDDEN), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, outside))
