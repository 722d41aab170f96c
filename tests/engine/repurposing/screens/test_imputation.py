"""Missing signatures come back exactly in a world of low rank, never from themselves, and whatever the order they are asked in."""

import numpy as np
import pytest

from engine.core import Context
from engine.repurposing.screens.imputation import WAYS, Measured, gavish_donoho, left_out_error, recipes_for

LINES, DRUGS, D = 5, 24, 40


def low_rank(seed=0, rank=3, noise=0.0):
    """(lines, drugs, genes): every drug has a few traits, every line reads them in its own way."""
    rng = np.random.default_rng(seed)
    traits, readers = rng.normal(size=(DRUGS, rank)), rng.normal(size=(LINES, rank, D))
    return np.einsum("er,crd->ced", traits, readers) + noise * rng.normal(size=(LINES, DRUGS, D))


def measured_of(world, there):
    line, drug = np.nonzero(there)
    return Measured(line, drug, world[line, drug])


def some_missing(seed, share=0.35):
    there = np.random.default_rng(seed).random((LINES, DRUGS)) > share
    there[:, :6] = True
    return there


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(4))
def test_a_world_of_low_rank_comes_back_exactly(way, seed):
    world, there = low_rank(seed), some_missing(seed)
    measured = measured_of(world, there)
    recipes = recipes_for(measured, way, Context.silent())
    assert len(recipes) == ((~there) & there.any(axis=0)).sum()
    for recipe in recipes:
        assert recipe.weights @ measured.values[recipe.donors] == pytest.approx(world[recipe.line, recipe.drug], abs=1e-8)
        assert recipe.residual < 1e-8
    errors = left_out_error(measured, way, 0, Context.silent())
    assert errors["error"].max() < 1e-8
    assert errors["cosine"].min() > 1 - 1e-12
    assert errors["cosine_drug"].max() < 1 - 1e-3  # the simple guesses are not


@pytest.mark.parametrize("way", WAYS)
def test_the_order_of_the_predictions_does_not_matter(way):
    world, there = low_rank(1, noise=0.3), some_missing(1)
    wanted = list(measured_of(world, there).missing())
    one, two = measured_of(world, there), measured_of(world, there)
    forward = {pair: one.recipe(*pair, way) for pair in wanted}
    backward = {pair: two.recipe(*pair, way) for pair in reversed(wanted)}
    for pair in wanted:
        assert forward[pair].weights.tobytes() == backward[pair].weights.tobytes()
        assert forward[pair].donors.tolist() == backward[pair].donors.tolist()


def test_a_prediction_never_uses_what_it_predicts():
    world, there = low_rank(2, noise=0.5), some_missing(2)
    measured = measured_of(world, there)
    line, drug = next(zip(*np.nonzero(there), strict=True))
    changed = world.copy()
    changed[line, drug] += 100.0
    a, b = measured.recipe(line, drug, "least_squares"), measured_of(changed, there).recipe(line, drug, "least_squares")
    assert a.weights.tobytes() == b.weights.tobytes()
    assert measured.place[line, drug] not in a.donors


def test_donors_and_contexts_are_those_of_the_rule():
    there = np.array(
        [
            [0, 1, 1, 1, 1, 1, 1],  # the line where drug 0 is missing
            [1, 1, 1, 1, 1, 1, 0],
            [1, 1, 0, 0, 0, 0, 1],  # shares only drug 1 with it: given up
        ],
        dtype=bool,
    )
    values = np.random.default_rng(0).normal(size=(*there.shape, 4))
    measured = measured_of(values, there)
    recipe = measured.recipe(0, 0, "least_squares")
    assert recipe.contexts == (1,)
    assert recipe.donors.tolist() == measured.place[0, 1:6].tolist()
    assert measured.recipe(2, 2, "least_squares").contexts == (1,)  # giving up line 0 brings drug 0 as a second donor
    alone = Measured(np.array([0, 1]), np.array([0, 1]), np.ones((2, 4)))
    assert alone.recipe(0, 1, "least_squares") is None  # no donor was measured in both lines
    assert recipes_for(alone, "least_squares", Context.silent()) == []


def test_cutting_off_noise_predicts_better():
    world, there = low_rank(3, rank=2, noise=1.5), some_missing(3)
    measured = measured_of(world, there)
    clean = low_rank(3, rank=2)
    off = {}
    for way in WAYS:
        guesses = [(r, r.weights @ measured.values[r.donors]) for r in recipes_for(measured, way, Context.silent())]
        off[way] = np.mean([np.linalg.norm(guess - clean[r.line, r.drug]) for r, guess in guesses])
    assert off["singular_values"] < off["least_squares"]


def test_the_threshold_is_that_of_a_square_matrix_in_the_paper():
    assert gavish_donoho(50, 50) == pytest.approx(2.858, abs=0.005)  # their table for b = 1
