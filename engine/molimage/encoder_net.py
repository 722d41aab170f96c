"""Networks from a molecule and its dose to the profile of its images."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.molimage.molecular_graph import ATOM_FEATURES, BOND_FEATURES, MolecularGraph


class FingerprintEncoder(nn.Module):
    """Fingerprint and descriptors through two hidden layers."""

    def __init__(self, features: int, out: int, width: int = 256, dropout: float = 0.4):
        super().__init__()
        self.net = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(features + 1, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 64), nn.ReLU(),
            nn.Linear(64, out),
        )  # fmt: skip

    def forward(self, features: Tensor, log_dose: Tensor) -> Tensor:
        """Return (B, out) profiles of molecules (B, features) at log10 doses (B,) in µM."""
        return self.net(torch.cat([features, log_dose[:, None]], 1))


class GraphEncoder(nn.Module):
    """Message passing along directed bonds, then the sum over the atoms of a molecule.

    Notes
    -----
    h_vw <- ReLU(h0_vw + W sum over u in N(v) without w of h_uv), ``depth`` times; an atom hears the messages of all its bonds (directed
    message passing, Yang et al. 2019, which the method's authors use).
    """

    def __init__(self, out: int, width: int = 96, depth: int = 4, dropout: float = 0.2):
        super().__init__()
        self.depth = depth
        self.begin = nn.Linear(ATOM_FEATURES + BOND_FEATURES, width)
        self.hear = nn.Linear(width, width)
        self.atom = nn.Linear(ATOM_FEATURES + width, width)
        self.read = nn.Sequential(nn.Dropout(dropout), nn.Linear(width + 1, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, out))

    def forward(self, graph: MolecularGraph, log_dose: Tensor) -> Tensor:
        """Return (B, out) profiles of the molecules of a graph at log10 doses (B,) in µM."""
        atoms, bonds = torch.from_numpy(graph.atoms), torch.from_numpy(graph.bonds)
        source, target, reverse = (torch.from_numpy(part) for part in (graph.source, graph.target, graph.reverse))
        first = F.relu(self.begin(torch.cat([atoms[source], bonds], 1)))
        message = first
        for _ in range(self.depth - 1):
            heard = _sum(message, target, len(atoms))
            message = F.relu(first + self.hear(heard[source] - message[reverse]))
        states = F.relu(self.atom(torch.cat([atoms, _sum(message, target, len(atoms))], 1)))
        molecule = torch.from_numpy(graph.molecule)
        counts = torch.bincount(molecule, minlength=len(log_dose)).clamp(min=1)
        pooled = _sum(states, molecule, len(log_dose)) / counts[:, None] ** 0.5
        return self.read(torch.cat([pooled, log_dose[:, None]], 1))


def _sum(values: Tensor, places: Tensor, n: int) -> Tensor:
    return values.new_zeros(n, values.shape[1]).index_add_(0, places, values)
