"""A level in training: its flow, the projection of the contrastive term, its loss and its state."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engine.molimage.batches_net import Batch
from engine.molimage.flow_net import LevelFlow
from engine.molimage.level_training import TEMPERATURE
from engine.molimage.plan import Plan
from engine.molimage.pyramid_net import level_flow

MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # of Adam


class TrainedLevel(nn.Module):
    """The flow of one size with the molecule's side of InfoNCE."""

    def __init__(self, plan: Plan, size: int):
        super().__init__()
        self.flow: LevelFlow = level_flow(plan, size)
        self.project = nn.Linear(plan.condition, self.flow.prior.out_channels // 2)

    def loss(self, batch: Batch, contrast: float) -> tuple[Tensor, Tensor]:
        """Return the loss and its likelihood part, in nats per value."""
        latents, nats = self.flow(batch.new, batch.known, batch.conditions)
        likelihood = -nats.mean() / latents[0].numel()
        if not contrast:
            return likelihood, likelihood.detach()
        image = F.normalize(latents.mean((2, 3)), dim=1)
        molecule = F.normalize(self.project(batch.conditions), dim=1)
        return likelihood + contrast * info_nce(image, molecule, batch.rows), likelihood.detach()

    def state(self, best: torch.optim.Optimizer, mean: Sequence[Tensor], step: int, losses: Sequence[float]) -> dict[str, NDArray[Any]]:
        """Return everything that the next step depends on, as arrays."""
        found: dict[str, NDArray[Any]] = {"step": np.array(step), "losses": np.array(losses)}
        for i, (value, average) in enumerate(zip(self.parameters(), mean, strict=True)):
            found |= {f"value{i}": _array(value), f"mean{i}": _array(average)}
            found |= {f"{name}{i}": _array(best.state[value][name]) for name in MOMENTS if value in best.state}  # none without the contrast
        return found

    def restore(self, kept: Mapping[str, NDArray[Any]], best: torch.optim.Optimizer, mean: Sequence[Tensor]) -> int:
        """Take over what `state` returned and return the number of steps done."""
        with torch.no_grad():
            for i, (value, average) in enumerate(zip(self.parameters(), mean, strict=True)):
                value.copy_(torch.from_numpy(kept[f"value{i}"]))
                average.copy_(torch.from_numpy(kept[f"mean{i}"]))
                moments = {name: torch.from_numpy(kept[f"{name}{i}"]) for name in MOMENTS if f"{name}{i}" in kept}
                # the fused optimizer walks through memory, so moments must lie there as their weights do
                if moments:
                    best.state[value] = {
                        name: m.to(value.device) if m.ndim == 0 else torch.empty_like(value).copy_(m) for name, m in moments.items()
                    }
        return int(kept["step"])

    def finished(self, mean: Sequence[Tensor]) -> LevelFlow:
        """Return the flow with the running mean of its weights, on the CPU."""
        with torch.no_grad():
            for value, average in zip(self.parameters(), mean, strict=True):
                value.copy_(average)
        return self.flow.cpu().eval()


def info_nce(image: Tensor, molecule: Tensor, rows: Tensor) -> Tensor:
    """InfoNCE of unit vectors (B, d) in both directions; pairs with the same row (B,) share the target evenly."""
    alike = image @ molecule.T / TEMPERATURE
    same = (rows[:, None] == rows[None, :]).to(alike.dtype)
    target = same / same.sum(1, keepdim=True)
    there = -(target * F.log_softmax(alike, 1)).sum(1).mean()
    back = -(target * F.log_softmax(alike.T, 1)).sum(1).mean()
    return 0.5 * (there + back)


def _array(tensor: Tensor) -> NDArray[Any]:
    found: NDArray[Any] = tensor.detach().cpu().contiguous().numpy().copy()
    return found
