"""The table of simulators, and the one call that runs them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from engine.core import Dataset, Params, UserError
from engine.data.simulators.discrete import DiscreteParams, discrete
from engine.data.simulators.interventions import InterventionParams, interventions
from engine.data.simulators.linear import GaussianParams, LatentParams, gaussian, latent
from engine.data.simulators.mixtures import MixtureParams, mixture
from engine.data.simulators.nonlinear import NonlinearParams, nonlinear
from engine.data.simulators.returns import ReturnsParams, returns


@dataclass(frozen=True)
class Simulator:
    """One way to make data with known truth.

    Attributes
    ----------
    name : name in every way in.
    label : name on screen.
    params : the dataclass of its settings, from which a form is made.
    function : ``function(params) -> Dataset`` with ``truth``.
    """

    name: str
    label: str
    params: type[Params]
    function: Callable[[Any], Dataset]

    @property
    def about(self) -> str:
        """First line of the function's docstring."""
        return (self.function.__doc__ or "").partition("\n")[0]


STEP = "engine.data.simulate"
SIMULATORS = {
    simulator.name: simulator
    for simulator in (
        Simulator("gaussian", "Linear Gaussian", GaussianParams, gaussian),
        Simulator("nonlinear", "Smooth functions", NonlinearParams, nonlinear),
        Simulator("discrete", "Discrete network", DiscreteParams, discrete),
        Simulator("latent", "Hidden confounders", LatentParams, latent),
        Simulator("interventions", "Interventions", InterventionParams, interventions),
        Simulator("mixture", "Mixture of populations", MixtureParams, mixture),
        Simulator("returns", "Returns of assets", ReturnsParams, returns),
    )
}


def simulate(model: str, **settings: Any) -> Dataset:
    """Make data with known truth; same settings and seed, same data.

    Parameters
    ----------
    model : name of a simulator: gaussian, nonlinear, discrete, latent, interventions, mixture or returns.
    settings : its settings by name; the rest keep their defaults.

    Returns
    -------
    Dataset
        With ``truth["graph"]`` (see `Graph.from_dict`), and ``labels`` and ``targets`` where the model has them.

    Examples
    --------
    >>> from engine.data import simulate
    >>> simulate("gaussian", p=5, n=100, seed=1).frame.shape
    (100, 5)
    """
    if model not in SIMULATORS:
        raise UserError(f"There is no simulator '{model}'.", f"The simulators are: {', '.join(SIMULATORS)}.", model)
    simulator = SIMULATORS[model]
    params = simulator.params.from_dict(settings)
    made = replace(simulator.function(params), source=f"simulated: {simulator.label.lower()}", licence="CC0")
    return made.after(STEP, model=model, **params.to_dict())


def can_resimulate(dataset: Dataset) -> bool:
    """Say whether a table is as `simulate` made it."""
    return len(dataset.steps) == 1 and dataset.steps[0][0] == STEP


def resimulated(dataset: Dataset, further: int) -> Dataset:
    """Return another table of the model and settings that made a simulated one, with the truth of its own seed.

    Parameters
    ----------
    dataset : as `simulate` made it.
    further : how far its seed is from the seed of ``dataset``, at least 1; the name says which seed it is.
    """
    settings = dict(dataset.steps[0][1])
    seed = int(settings.pop("seed")) + further
    made = simulate(str(settings.pop("model")), **settings, seed=seed)
    return replace(made, name=f"{made.name}, seed {seed}")
