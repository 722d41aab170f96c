"""Interventional data: several regimes of one linear Gaussian DAG, with known and unknown targets."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core import Dataset, Params, UserError, field
from engine.data.simulators.structure import Floats, Integers, linear, names, random_order_and_arrows, random_weights, weighted_graph


@dataclass(frozen=True)
class InterventionParams(Params):
    """One observational regime and several interventional ones."""

    p: int = field(20, "Variables", low=2, high=500, paper=20)
    n: int = field(1_000, "Samples per regime", low=10, high=100_000, log=True)
    degree: float = field(1.5, "Neighbours per variable", low=0.0, high=20.0, step=0.5, paper=1.5)
    settings: int = field(5, "Interventional regimes", low=1, high=100, paper=5)
    known: int = field(1, "Known targets per regime", low=0, high=10, paper=1)
    unknown: int = field(1, "Unknown targets per regime", low=0, high=10, help="Off-target effects that the data do not name.")
    kind: str = field("shift", "Intervention", choices=("shift", "perfect"), help="Shift adds to the target; perfect cuts its causes off.")
    strength: float = field(2.0, "Shift", low=-20.0, high=20.0, paper=2.0, help="Added to a shifted target.")
    level: float = field(1.0, "Mean under a perfect intervention", low=-20.0, high=20.0, paper=1.0, advanced=True)
    variance: float = field(0.01, "Variance under a perfect intervention", low=1e-6, high=100.0, log=True, paper=0.01, advanced=True)
    low: float = field(0.25, "Smallest weight", low=0.0, high=5.0, paper=0.25, advanced=True)
    high: float = field(1.0, "Largest weight", low=0.01, high=5.0, paper=1.0, advanced=True)
    reveal: str = field("known", "Targets named in the data", choices=("known", "all", "none"))


def interventions(params: InterventionParams) -> Dataset:
    """Draw ``obs`` and regimes I1, I2, ... from one random linear Gaussian DAG.

    Notes
    -----
    Targets are drawn anew for each regime, without repetition inside it. ``Dataset.targets`` holds the known ones (a regime with none is
    unknown), ``truth["targets"]`` all of them.
    """
    per_regime = params.known + params.unknown
    if per_regime > params.p or per_regime == 0:
        raise UserError(
            f"{per_regime} targets of {params.p} variables cannot be drawn.", "Choose at least one target and at most p.", "known"
        )
    rng = np.random.default_rng(params.seed)
    order, arrows = random_order_and_arrows(params.p, params.degree, rng)
    weights = random_weights(arrows, params.low, params.high, rng)
    nodes = names(params.p)
    frames = {"obs": linear(weights, rng.standard_normal((params.n, params.p)), order)}
    told: dict[str, tuple[str, ...] | None] = {}
    true: dict[str, list[str]] = {"obs": []}
    for k in range(params.settings):
        regime, drawn = f"I{k + 1}", rng.permutation(params.p)[:per_regime]
        frames[regime] = _intervened(weights, order, drawn, params, rng)
        true[regime] = [nodes[i] for i in drawn]
        shown = {"known": true[regime][: params.known], "all": true[regime], "none": []}[params.reveal]
        told[regime] = tuple(shown) or None
    tables = {regime: pd.DataFrame(values, columns=list(nodes)) for regime, values in frames.items()}
    truth = {"graph": weighted_graph(weights).to_dict(), "targets": true}
    return Dataset.from_frames(tables, told, f"{params.settings} interventions, p={params.p}", truth=truth)


def _intervened(weights: Floats, order: Integers, targets: Integers, params: InterventionParams, rng: np.random.Generator) -> Floats:
    noise = rng.standard_normal((params.n, params.p))
    if params.kind == "shift":
        noise[:, targets] += params.strength
        return linear(weights, noise, order)
    cut = weights.copy()
    cut[:, targets] = 0.0
    noise[:, targets] = params.level + np.sqrt(params.variance) * noise[:, targets]
    return linear(cut, noise, order)
