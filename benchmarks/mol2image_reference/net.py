"""Three flows for 16, 32 and 64 px as the authors' released configuration has them; only what drawing needs, and all parameters."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS, STEPS, CONDITION, WIDTH = 5, 32, 512, 512
BASE_LATENTS = 50  # channels of the latents of the base, 10 and 40
SIZES = (16, 32, 64)


class Mixing(nn.Module):
    """Invertible 1 x 1 convolution W = P L (U + diag(sign exp log|s|)), inverted anew at every call."""

    def __init__(self, channels: int):
        super().__init__()
        rotation = torch.linalg.qr(torch.randn(channels, channels))[0]
        permutation, lower, upper = torch.linalg.lu(rotation)
        scale = upper.diagonal()
        self.lower, self.upper = nn.Parameter(lower), nn.Parameter(upper.triu(1))
        self.log_scale = nn.Parameter(scale.abs().log())
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", scale.sign())

    def inverse(self, y: Tensor) -> Tensor:
        """Return the input of the convolution."""
        n = len(self.log_scale)
        lower = self.lower.tril(-1) + torch.eye(n)
        weight = self.permutation @ lower @ (self.upper.triu(1) + torch.diag(self.sign * self.log_scale.exp()))
        return F.conv2d(y, weight.inverse()[:, :, None, None])


class Step(nn.Module):
    """ActNorm, mixing and affine coupling of one flow step, backwards."""

    def __init__(self, mixed: int, coupling: nn.Module):
        super().__init__()
        self.location, self.scale = nn.Parameter(torch.zeros(1, mixed, 1, 1)), nn.Parameter(torch.ones(1, mixed, 1, 1))
        self.mixing = Mixing(mixed)
        self.coupling = coupling

    def inverse(self, y: Tensor, low: Tensor | None = None) -> Tensor:
        """Return the input of the step; at a detail level the low-pass image is kept and feeds the coupling."""
        whole = y if low is None else torch.cat([low, y], 1)
        kept, moved = whole.chunk(2, 1)
        raw, shift = self.coupling(kept).chunk(2, 1)
        moved = moved * torch.exp(-(2 / math.pi) * torch.atan(raw)) - shift
        y = torch.cat([kept, moved], 1)[:, 0 if low is None else low.shape[1] :]
        return self.mixing.inverse(y) / self.scale - self.location


def base_coupling(channels: int) -> nn.Module:
    """3 x 3, 1 x 1, 1 x 1 convolutions of the base."""
    return nn.Sequential(
        nn.Conv2d(channels // 2, WIDTH, 3, padding=1), nn.ReLU(), nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU(), nn.Conv2d(WIDTH, channels, 1)
    )


def detail_net(given: int, out: int) -> nn.Module:
    """Four convolutions with batch normalisation of the detail levels, for couplings and priors."""
    layers: list[nn.Module] = []
    for before, after in ((given, 128), (128, 256), (256, WIDTH)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(WIDTH, out, 1))


class Prior(nn.Module):
    """Mean and log-sd of a base latent from its neighbour and the molecule."""

    def __init__(self, given: int, out: int):
        super().__init__()
        self.conv = nn.Conv2d(given + CONDITION, 2 * out, 3, padding=1)
        self.scale = nn.Parameter(torch.zeros(1, 2 * out, 1, 1))

    def draw(self, given: Tensor, condition: Tensor) -> Tensor:
        """Draw a latent."""
        mean, log_sd = (self.conv(torch.cat([given, condition], 1)) * (3 * self.scale).exp()).chunk(2, 1)
        return mean + log_sd.exp() * torch.randn_like(mean)


class Encoder(nn.Module):
    """What stands after message passing: a linear layer to the condition, and the projection of the contrastive term."""

    def __init__(self, latents: int):
        super().__init__()
        self.condition, self.projection = nn.Linear(CONDITION, CONDITION), nn.Linear(CONDITION, latents)


class Base(nn.Module):
    """Glow of two blocks for 16 px."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(BASE_LATENTS)
        self.outer = nn.ModuleList(Step(4 * CHANNELS, base_coupling(4 * CHANNELS)) for _ in range(STEPS))
        self.inner = nn.ModuleList(Step(8 * CHANNELS, base_coupling(8 * CHANNELS)) for _ in range(STEPS))
        self.outer_prior, self.inner_prior = Prior(2 * CHANNELS, 2 * CHANNELS), Prior(8 * CHANNELS, 8 * CHANNELS)

    def sample(self, molecule: Tensor) -> Tensor:
        """Return images (B, 5, 16, 16)."""
        told = self.encoder.condition(molecule)[:, :, None, None]
        x = self.inner_prior.draw(molecule.new_zeros(len(molecule), 8 * CHANNELS, 4, 4), told.expand(-1, -1, 4, 4))
        for step in reversed(self.inner):
            x = step.inverse(x)
        x = F.pixel_shuffle(x, 2)
        x = torch.cat([x, self.outer_prior.draw(x, told.expand(-1, -1, 8, 8))], 1)
        for step in reversed(self.outer):
            x = step.inverse(x)
        return F.pixel_shuffle(x, 2).clamp(-0.5, 0.5)


class Detail(nn.Module):
    """One block of 32 steps from an image to one of twice the size."""

    def __init__(self) -> None:
        super().__init__()
        details = 3 * CHANNELS
        self.encoder = Encoder(details)
        self.steps = nn.ModuleList(Step(details, detail_net(2 * CHANNELS, 4 * CHANNELS)) for _ in range(STEPS))
        self.prior = detail_net(CHANNELS + CONDITION, 2 * details)

    def sample(self, low: Tensor, molecule: Tensor) -> Tensor:
        """Return images (B, 5, 2 s, 2 s) for images (B, 5, s, s)."""
        told = self.encoder.condition(molecule)[:, :, None, None].expand(-1, -1, *low.shape[2:])
        mean, raw = self.prior(torch.cat([low, told], 1)).chunk(2, 1)
        x = mean + (2 * torch.tanh(raw)).exp() * torch.randn_like(mean)
        for step in reversed(self.steps):
            x = step.inverse(x, low)
        vertical, horizontal, diagonal = x.chunk(3, 1)
        corners = [low + a * vertical + b * horizontal + a * b * diagonal for a in (1, -1) for b in (1, -1)]
        return F.pixel_shuffle(torch.stack(corners, 2).flatten(1, 2), 2)


class Reference(nn.Module):
    """The base and two detail levels."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.details = Base(), nn.ModuleList([Detail(), Detail()])
        with torch.no_grad():  # small last layers, so that random couplings do not overflow
            for module in self.modules():
                if isinstance(module, nn.Sequential):
                    module[-1].weight.mul_(0.01)

    @torch.inference_mode()
    def sample(self, n: int) -> Tensor:
        """Draw n images (n, 5, 64, 64) for random molecules."""
        molecule = torch.randn(n, CONDITION)
        image = self.base.sample(molecule)
        for level in self.details:
            image = level.sample(image, molecule)
        return image

    def parameters_in_millions(self) -> float:
        """Count the parameters."""
        return sum(value.numel() for value in self.parameters()) / 1e6
