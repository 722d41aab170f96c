"""Non-linear data: each variable is a random smooth function of its causes plus noise."""

from dataclasses import dataclass

import numpy as np

from engine.core import Dataset, Params, field
from engine.data.simulators.structure import Floats, random_order_and_arrows, table
from engine.graphs import Graph

FEATURES = 100  # random Fourier features of one function: close to a draw from a Gaussian process


@dataclass(frozen=True)
class NonlinearParams(Params):
    """A random DAG with smooth random functions."""

    p: int = field(10, "Variables", low=2, high=200, paper=10)
    n: int = field(1_000, "Samples", low=10, high=200_000, log=True)
    degree: float = field(1.5, "Neighbours per variable", low=0.0, high=20.0, step=0.5, paper=1.5)
    wiggle: float = field(
        1.0, "Wiggliness", low=0.05, high=5.0, log=True, help="Turns of a function per SD of its causes; small is near linear."
    )
    noise: float = field(0.5, "Noise SD", low=0.01, high=10.0, log=True, help="Beside the functions, whose SD is 1.")
    joint: bool = field(False, "Causes interact", help="One function of all causes together instead of a sum of one per cause.")
    standardise: bool = field(True, "Standardise")


def nonlinear(params: NonlinearParams) -> Dataset:
    """Draw from x_j = f_j(causes) + noise with f_j a draw from a Gaussian process with squared-exponential kernel.

    Notes
    -----
    f(x) = sqrt(2/m) sum_k a_k cos(w_k x + b_k), w ~ N(0, wiggle^2), b ~ U[0, 2 pi], a ~ N(0, 1) (Rahimi and Recht 2007), m = 100. Causes
    are scaled to SD 1 before, the function's values after, so no variable runs away along the order.
    """
    rng = np.random.default_rng(params.seed)
    order, arrows = random_order_and_arrows(params.p, params.degree, rng)
    values = rng.standard_normal((params.n, params.p))
    for node in order:
        causes = np.flatnonzero(arrows[:, node])
        if not len(causes):
            continue
        inputs = _scaled(values[:, causes])
        groups = [inputs] if params.joint else [inputs[:, [i]] for i in range(len(causes))]
        signal = sum((_smooth(group, params.wiggle, rng) for group in groups), np.zeros(params.n))
        values[:, node] = _scaled(signal) + params.noise * values[:, node]
    graph = Graph.from_directed([f"X{i + 1}" for i in range(params.p)], arrows, "dag")
    truth = {"graph": graph.to_dict(), "standardised": params.standardise}
    return Dataset(table(values, params.standardise), f"smooth functions, p={params.p}", truth=truth)


def _smooth(inputs: Floats, wiggle: float, rng: np.random.Generator) -> Floats:
    frequency = wiggle * rng.standard_normal((inputs.shape[1], FEATURES))
    phase = rng.uniform(0, 2 * np.pi, FEATURES)
    values: Floats = np.cos(inputs @ frequency + phase) @ rng.standard_normal(FEATURES) * np.sqrt(2 / FEATURES)
    return values


def _scaled(values: Floats) -> Floats:
    return (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
