"""One level of the pyramid as a conditional normalizing flow: what is new at this size, given what is known and the molecule."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PRIOR_LOG_SD = 2.0  # bound of the prior's log standard deviation


def silence(module: nn.Module) -> None:
    """Set all weights of a layer to zero, so that it says nothing before it has learnt."""
    for value in module.parameters():
        nn.init.zeros_(value)


class Film(nn.Module):
    """Scale and shift of feature maps by the condition; the identity at the start."""

    def __init__(self, condition: int, channels: int):
        super().__init__()
        self.linear = nn.Linear(condition, 2 * channels)
        silence(self.linear)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Return (B, channels, h, w) maps times (1 + scale) plus shift."""
        scale, shift = self.linear(condition)[:, :, None, None].chunk(2, 1)
        return torch.addcmul(shift, maps, 1 + scale)


class Context(nn.Module):
    """What a level knows before it draws: the smaller image, looked at widely, and the molecule."""

    def __init__(self, known: int, condition: int, width: int, blocks: int):
        super().__init__()
        self.first = nn.Conv2d(known, width, 3, padding=1) if known else None
        self.start = nn.Linear(condition, width)
        self.wide = nn.ModuleList(nn.Conv2d(width, width, 3, padding=2, dilation=2) for _ in range(blocks))
        self.near = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(blocks))
        self.films = nn.ModuleList(Film(condition, width) for _ in range(blocks))
        silence(self.near)

    def forward(self, known: Tensor | None, condition: Tensor, height: int, width: int) -> Tensor:
        """Return (B, width, h, w) maps."""
        start = self.start(condition)[:, :, None, None]
        maps = start.expand(-1, -1, height, width) if self.first is None else self.first(known) + start
        for wide, near, film in zip(self.wide, self.near, self.films, strict=True):
            maps = maps + near(F.relu(film(wide(F.relu(maps)), condition)))
        return F.relu(maps)


class Step(nn.Module):
    """Mix all channels by an invertible matrix, then shift and scale one half given the other."""

    def __init__(self, channels: int, condition: int, hidden: int, context: int, bound: float):
        super().__init__()
        self.kept = channels // 2
        self.bound = bound
        self.mix = nn.Parameter(torch.linalg.qr(torch.randn(channels, channels))[0].contiguous())
        self.shift = nn.Parameter(torch.zeros(channels))
        self.see = nn.Conv2d(self.kept, hidden, 3, padding=1)
        self.know = nn.Conv2d(context, hidden, 1, bias=False)
        self.think = nn.Conv2d(hidden, hidden, 1)
        self.film = Film(condition, hidden)
        self.say = nn.Conv2d(hidden, 2 * (channels - self.kept), 3, padding=1)
        silence(self.say)

    def law(self, kept: Tensor, context: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-scale, bounded by ``bound``, and shift of the other half."""
        maps = F.relu(self.see(kept) + self.know(context))
        raw, shift = self.say(F.relu(self.film(self.think(maps), condition))).chunk(2, 1)
        return (2 * self.bound / math.pi) * torch.atan(raw), shift

    def forward(self, x: Tensor, context: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output and the log-determinant (B,) of the scaling; that of the mixing is `LevelFlow`'s, once for all steps."""
        y = F.linear(x.movedim(1, -1), self.mix, self.shift).movedim(-1, 1)  # a product, which GPUs do not round as they do convolutions
        kept, moved = y[:, : self.kept], y[:, self.kept :]
        log_scale, shift = self.law(kept, context, condition)
        return torch.cat([kept, (moved + shift) * log_scale.exp()], 1), log_scale.flatten(1).sum(1)

    def inverse(self, y: Tensor, context: Tensor, condition: Tensor, back: tuple[Tensor, Tensor]) -> Tensor:
        """Return the input; ``back`` is the inverse of the mixing as matrix and shift."""
        kept, moved = y[:, : self.kept], y[:, self.kept :]
        log_scale, shift = self.law(kept, context, condition)
        return F.conv2d(torch.cat([kept, moved * (-log_scale).exp() - shift], 1), back[0][:, :, None, None], back[1])

    def unmixing(self) -> tuple[Tensor, Tensor]:
        """Return the inverse matrix of the mixing and its shift, computed in double precision."""
        back = torch.linalg.inv(self.mix.double())
        return back.to(self.mix.dtype), -(back @ self.shift.double()).to(self.mix.dtype)


class LevelFlow(nn.Module):
    """Density of the new channels of one level given the image below it and the condition.

    Parameters
    ----------
    channels : number of new channels: three details per stain, or for the smallest image all its squeezed pixels.
    known : channels of the image below; 0 for the smallest.
    condition : length of the condition vector.
    steps, hidden : flow steps, and width of their networks.
    context, blocks : width and depth of what looks at the image below.
    bound : largest absolute log-scale of one step.
    """

    def __init__(self, channels: int, known: int, condition: int, steps: int, hidden: int, context: int, blocks: int, bound: float = 1.5):
        super().__init__()
        self.context = Context(known, condition, context, blocks)
        self.steps = nn.ModuleList(Step(channels, condition, hidden, context, bound) for _ in range(steps))
        self.prior = nn.Conv2d(context, 2 * channels, 1)
        self.prior_film = Film(condition, 2 * channels)
        silence(self.prior)

    def _prior(self, context: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = self.prior_film(self.prior(context), condition).chunk(2, 1)
        return mean, PRIOR_LOG_SD * torch.tanh(raw / PRIOR_LOG_SD)

    def forward(self, x: Tensor, known: Tensor | None, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the standardised latents (B, channels, h, w) and log p(x | known, condition) in nats (B,)."""
        context = self.context(known, condition, x.shape[2], x.shape[3])
        mixed = torch.linalg.slogdet(torch.stack([step.mix for step in self._steps()]))[1].sum()
        total = (mixed * (x.shape[2] * x.shape[3])).expand(len(x))
        for step in self._steps():
            x, log_det = step(x, context, condition)
            total = total + log_det
        mean, log_sd = self._prior(context, condition)
        z = (x - mean) * (-log_sd).exp()
        return z, total - (0.5 * z * z + log_sd + 0.5 * math.log(2 * math.pi)).flatten(1).sum(1)

    def inverse(self, z: Tensor, known: Tensor | None, condition: Tensor, back: list[tuple[Tensor, Tensor]] | None = None) -> Tensor:
        """Return the new channels that standardised latents stand for; ``back`` caches `unmixings`."""
        context = self.context(known, condition, z.shape[2], z.shape[3])
        mean, log_sd = self._prior(context, condition)
        x = mean + z * log_sd.exp()
        back = back or self.unmixings()
        for step, unmix in zip(reversed(self._steps()), reversed(back), strict=True):
            x = step.inverse(x, context, condition, unmix)
        return x

    def unmixings(self) -> list[tuple[Tensor, Tensor]]:
        """Return the inverse mixings of all steps, first step first."""
        return [step.unmixing() for step in self._steps()]

    def _steps(self) -> list[Step]:
        return cast(list[Step], list(self.steps))

    @torch.no_grad()
    def whiten(self, x: Tensor) -> None:
        """Let the first mixing whiten a first large batch (B, channels, h, w)."""
        rows = x.movedim(1, -1).reshape(-1, x.shape[1]).double()
        mean = rows.mean(0)
        values, vectors = torch.linalg.eigh(torch.cov(rows.T) + 1e-6 * torch.eye(x.shape[1], dtype=torch.float64))
        white = vectors @ torch.diag(values.rsqrt()) @ vectors.T
        first = self._steps()[0]
        mix = first.mix.double() @ white
        first.mix.copy_(mix)
        first.shift.copy_(-(mix @ mean))
