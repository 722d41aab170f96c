"""Learn what a molecule does to a cell's image from its structure, and answer for molecules that were never seen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import Context

Floats = NDArray[np.float32]

KINDS = ("fingerprint", "graph")
FOLDS = 5
EPOCHS, MOST_STEPS = 150, 2000  # of each network, whichever is less
BATCH = 64
LEARNING_RATE = 2e-3
DECAY = 0.05
TEMPERATURE = 0.1
CONTRAST = 0.05


@dataclass(frozen=True, eq=False)
class Encoder:
    """Several networks, each trained without one fold of scaffolds; their mean predicts.

    Parameters
    ----------
    kind : one of `KINDS`.
    weights : arrays of each network by name.
    out : number of coordinates that come out.
    """

    kind: str
    weights: tuple[Mapping[str, NDArray[Any]], ...]
    out: int

    @classmethod
    def fit(
        cls, kind: str, smiles: Sequence[str], log_doses: Floats, targets: Floats, seed: int, context: Context
    ) -> tuple["Encoder", Floats]:
        """Train on (M,) molecules at doses with phenotypes ``targets`` (M, P).

        Returns
        -------
        The encoder, and for each row the prediction (M, P) of the network that has not seen its scaffold.

        Notes
        -----
        The loss is the squared error plus `CONTRAST` times InfoNCE (van den Oord et al. 2018): of the phenotypes in the batch, the
        prediction should be most like its own.
        """
        import torch

        folds = scaffold_folds(smiles, seed)
        unseen, weights = np.zeros_like(targets), []
        for fold in range(FOLDS):
            context.progress(fold / FOLDS, f"encoder {fold + 1} of {FOLDS}")
            held = folds == fold
            net = _train(kind, smiles, log_doses, targets, np.flatnonzero(~held), seed + fold, context)
            with torch.no_grad():
                for rows in _batches(np.flatnonzero(held)):
                    unseen[rows] = _call(kind, net, [smiles[r] for r in rows], log_doses[rows]).numpy()
            weights.append({name: value.numpy().copy() for name, value in net.state_dict().items()})
        return cls(kind, tuple(weights), targets.shape[1]), unseen

    @cached_property
    def _nets(self) -> list[Any]:
        import torch

        nets = [_net(self.kind, self.out) for _ in self.weights]
        for net, arrays in zip(nets, self.weights, strict=True):
            net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in arrays.items()})
            net.eval()
        return nets

    def predict(self, smiles: Sequence[str], log_doses: Floats) -> Floats:
        """Return predicted phenotypes (M, P): the mean over the networks."""
        import torch

        with torch.no_grad():
            return np.mean([_call(self.kind, net, smiles, log_doses).numpy() for net in self._nets], axis=0).astype(np.float32)

    def spread(self, smiles: Sequence[str], log_doses: Floats) -> Floats:
        """Return (M,) root mean square difference of the networks from their mean: how much they disagree on a molecule."""
        import torch

        with torch.no_grad():
            answers = np.stack([_call(self.kind, net, smiles, log_doses).numpy() for net in self._nets])
        return np.sqrt(answers.var(axis=0).mean(axis=1)).astype(np.float32)


def scaffold_folds(smiles: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Return the fold (M,) of each molecule; molecules with one scaffold share a fold, and folds are about equally large."""
    from engine.molimage.scaffolds import scaffold_split

    return scaffold_split(smiles, {str(fold): 1.0 for fold in range(FOLDS)}, seed).astype(np.int64)


def _train(
    kind: str, smiles: Sequence[str], log_doses: Floats, targets: Floats, rows: NDArray[np.int64], seed: int, context: Context
) -> Any:
    import torch
    from torch.nn import functional as F

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = _net(kind, targets.shape[1])
    best = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=DECAY, fused=True)
    epochs = min(EPOCHS, math.ceil(MOST_STEPS * BATCH / len(rows)))
    for epoch in range(epochs):
        context.check()
        for group in best.param_groups:
            group["lr"] = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
        for batch in _batches(rng.permutation(rows)):
            truth = torch.from_numpy(targets[batch])
            guess = _call(kind, net, [smiles[r] for r in batch], log_doses[batch])
            alike = F.normalize(guess, dim=1) @ F.normalize(truth, dim=1).T / TEMPERATURE
            loss = F.mse_loss(guess, truth) + CONTRAST * F.cross_entropy(alike, torch.arange(len(batch)))
            best.zero_grad()
            loss.backward()
            best.step()
    return net.eval()


def _batches(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return np.array_split(rows, max(1, round(len(rows) / BATCH))) if len(rows) else []


def _net(kind: str, out: int) -> Any:
    from engine.molimage.encoder_net import FingerprintEncoder, GraphEncoder
    from engine.molimage.fingerprint import FEATURES

    return FingerprintEncoder(FEATURES, out) if kind == "fingerprint" else GraphEncoder(out)


def _call(kind: str, net: Any, smiles: Sequence[str], log_doses: Floats) -> Any:
    import torch

    doses = torch.from_numpy(np.asarray(log_doses, np.float32))
    if kind == "fingerprint":
        from engine.molimage.fingerprint import features

        return net(torch.from_numpy(features(smiles)), doses)
    from engine.molimage.molecular_graph import molecular_graph

    return net(molecular_graph(tuple(smiles)), doses)
