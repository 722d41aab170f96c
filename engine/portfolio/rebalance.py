"""The weights of one date: every estimator's covariance, and from it minimum variance or Markowitz weights within limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.portfolio.constrained import constrained
from engine.portfolio.estimators import ESTIMATORS, Estimate, estimate
from engine.portfolio.limits import Limits
from engine.portfolio.momentum import momentum, target_return, top_quintile_weights
from engine.portfolio.prices import Floats
from engine.portfolio.weights import equal_weights, leverage_notes, markowitz, minimum_variance

FACTS = ("predicted_sd", "gap", "edges", "condition", "shrinkage", "ridge", "threshold", "penalty")
TOP_QUINTILE = "top_quintile"  # equal weights on the fifth with most momentum; needs no covariance


@dataclass(frozen=True)
class Plan:
    """What is done at every date.

    Attributes
    ----------
    strategies : names of estimators, and `TOP_QUINTILE`.
    limits : on the weights.
    target : ``""`` for minimum variance, else the target return of Markowitz weights: ``top_quintile`` or ``mean``.
    momentum : rows of momentum, and how many of the last are skipped.
    """

    strategies: tuple[str, ...]
    limits: Limits
    target: str
    momentum: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Window:
    """What is known at one date.

    Attributes
    ----------
    returns : (T, n) of the estimation window.
    factors : (T, k) of the same rows, or None.
    past : (M, n) returns from which momentum is computed; empty without a target.
    names, groups : of the n assets; groups may be None.
    """

    returns: Floats
    factors: Floats | None
    past: Floats
    names: tuple[str, ...]
    groups: tuple[str, ...] | None

    @cached_property
    def table(self) -> pd.DataFrame:
        """(T, n) returns with the names of the assets, which serve in messages."""
        return pd.DataFrame(self.returns, columns=pd.Index(self.names, dtype=object))

    def estimate(self, name: str) -> Estimate:
        """Return the estimate of the window by one of `ESTIMATORS`."""
        return estimate(name, self.table, self.factors if ESTIMATORS[name].factors else None)

    def expected(self, plan: Plan) -> Floats:
        """Return the (n,) momentum of the assets."""
        return momentum(self.past, self.names, window=plan.momentum[0], skipped=plan.momentum[1])


@dataclass(frozen=True, eq=False)
class Decision:
    """The weights of one date.

    Attributes
    ----------
    weights : (S, n), one row per strategy; NaN where it has no answer.
    facts : (S, len(FACTS)); NaN where a fact does not apply.
    notes : (S,) what the reader must see of a strategy at this date, or why it has no answer.
    """

    weights: Floats
    facts: Floats
    notes: NDArray[np.str_]


def decide(window: Window, plan: Plan, previous: Floats | None = None) -> Decision:
    """Return the weights of every strategy at one date.

    Parameters
    ----------
    previous : (S, n) weights held before, as drifted, for a limit on turnover.
    """
    n, count = window.returns.shape[1], len(plan.strategies)
    weights, facts, notes = np.full((count, n), np.nan), np.full((count, len(FACTS)), np.nan), [""] * count
    expected = None
    if plan.target or TOP_QUINTILE in plan.strategies:
        expected = window.expected(plan)
    for s, name in enumerate(plan.strategies):
        if name == TOP_QUINTILE:
            assert expected is not None
            weights[s] = top_quintile_weights(expected)
            continue
        try:
            found = window.estimate(name)
            before = None if previous is None else previous[s]
            weights[s] = weights_from(name, found.covariance, found.precision, plan, window.names, window.groups, expected, before)
        except UserError as problem:
            notes[s] = str(problem)
            continue
        found.facts["predicted_sd"] = float(np.sqrt(max(weights[s] @ found.covariance @ weights[s], 0.0)))
        facts[s] = [found.facts.get(fact, np.nan) for fact in FACTS]
        notes[s] = " ".join((*found.notes, *(leverage_notes(weights[s], window.names) if plan.limits.is_free else ())))
    return Decision(weights, facts, np.array(notes))


def weights_from(
    name: str,
    covariance: Floats,
    precision: Floats,
    plan: Plan,
    names: Sequence[str],
    groups: Sequence[str] | None,
    expected: Floats | None,
    previous: Floats | None = None,
) -> Floats:
    """Return the (n,) weights that a plan makes of one estimate; 1/N stays 1/N whatever is asked.

    Raises
    ------
    UserError
        When limits or the target cannot be met.
    """
    target = target_return(expected, plan.target) if plan.target and expected is not None else None
    if name == "equal":
        return equal_weights(len(covariance))
    if not plan.limits.is_free:
        return constrained(
            covariance,
            plan.limits,
            names=names,
            groups=groups,
            previous=previous,
            expected=expected if plan.target else None,
            target=target,
        ).weights
    return minimum_variance(precision) if target is None or expected is None else markowitz(precision, expected, target)
