"""Train an autoencoder on the profiles of a screen, whole compounds held back to choose and to judge its weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, UserError
from engine.core.one_thread import one_thread

Floats = NDArray[np.float64]

LEARNING_RATE = 1e-4
VALIDATION = TEST = 0.1  # shares of the compounds
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """A trained network's first layer, and how well it makes profiles again.

    Parameters
    ----------
    first : (d, width) weights of the first layer: the embedding before the activation is profile @ first.
    losses : one row per epoch: ``epoch``, ``train``, ``validation``, ``test`` mean squared errors of profiles scaled to [0, 1].
    best : the epoch whose weights are kept, that of the least validation error.
    split : part (n,) of each profile: ``train``, ``validation`` or ``test``.
    """

    first: Floats
    losses: pd.DataFrame
    best: int
    split: NDArray[np.object_]


def split_by_compound(compound: NDArray[np.object_], is_control: NDArray[np.bool_], seed: int) -> NDArray[np.object_]:
    """Return the part (n,) of each profile: all profiles of a compound share one, controls are trained on.

    Notes
    -----
    A tenth of the compounds, at least one, is held back for choosing weights and another for judging them, so that no replicate of a
    compound that was trained on is in either.
    """
    names = np.array(sorted(set(compound[~is_control])), dtype=object)
    if len(names) < 3:
        raise UserError(
            f"The screen has {len(names)} compounds; an autoencoder needs at least 3, to train, choose and judge its weights on.",
            "Choose another representation.", "representation",
        )  # fmt: skip
    order = np.random.default_rng(seed).permutation(len(names))
    held = [max(1, round(share * len(names))) for share in (VALIDATION, TEST)]
    part = dict.fromkeys(names, "train")
    part |= {names[k]: "validation" for k in order[: held[0]]}
    part |= {names[k]: "test" for k in order[held[0] : sum(held)]}
    return np.array(["train" if control else part[name] for name, control in zip(compound, is_control, strict=True)], dtype=object)


def train(
    profiles: Floats, compound: NDArray[np.object_], is_control: NDArray[np.bool_], *, width: int, epochs: int, batch: int, seed: int,
    context: Context,
) -> Autoencoder:  # fmt: skip
    """Train on profiles scaled to [0, 1] each; keep the weights with the least error on the validation compounds.

    Parameters
    ----------
    profiles : (n, d) without profiles that never vary.
    compound : (n,) name of each profile's compound.
    is_control : (n,) which are controls.
    width : of the layer; more than d means overparameterised.

    Notes
    -----
    Mean squared error, Adam at 1e-4, no biases. On one thread, so that the same seed gives the same weights on any machine of a kind.
    """
    import torch

    from engine.repurposing.screens.autoencoder_net import WideAutoencoder

    split = split_by_compound(compound, is_control, seed)
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        data = {part: torch.from_numpy(profiles[split == part].astype(np.float32)) for part in PARTS}
        net = WideAutoencoder(profiles.shape[1], width)
        optimiser = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
        random = torch.Generator().manual_seed(seed)
        losses: list[tuple[float, ...]] = []
        kept, least, best = net.first.weight.detach().clone(), np.inf, 0
        for epoch in range(epochs):
            context.progress(epoch / epochs, f"autoencoder, epoch {epoch + 1} of {epochs}")
            _epoch(net, optimiser, data["train"], batch, random, context)
            losses.append((epoch + 1, *(_error(net, data[part]) for part in PARTS)))
            if losses[-1][2] < least:
                kept, least, best = net.first.weight.detach().clone(), losses[-1][2], epoch + 1
            context.partial("losses", lambda: pd.DataFrame(losses, columns=["epoch", *PARTS]))
    return Autoencoder(kept.numpy().T.astype(np.float64), pd.DataFrame(losses, columns=["epoch", *PARTS]), best, split)


def _epoch(net: Any, optimiser: Any, data: Any, batch: int, random: Any, context: Context) -> None:
    import torch

    order = torch.randperm(len(data), generator=random)
    for start in range(0, len(data), batch):
        context.check()
        given = data[order[start : start + batch]]
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(net(given), given).backward()
        optimiser.step()


def _error(net: Any, data: Any) -> float:
    """Return the mean squared error over many profiles."""
    import torch

    with torch.no_grad():
        return sum(float(((net(part) - part) ** 2).sum()) for part in data.split(4096)) / data.numel()
