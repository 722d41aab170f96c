"""A small screen shows every mechanism and is made again by its own history; the time of a training is steps times pace, and images."""

import numpy as np
import pytest

from engine.core import UserError
from engine.core.recipe import data_recipe
from engine.molimage import pace
from engine.molimage.bring import with_split
from engine.molimage.gallery import drugs
from engine.molimage.plan import Plan
from engine.molimage.sample_screen import chosen, small_screen
from engine.molimage.train import TrainParams, steps_of


def test_drugs_of_every_mechanism_come_before_a_second_of_any():
    mechanisms = {name for name in drugs()["mechanism"] if name}
    one_each = chosen(len(mechanisms), seed=3)
    assert set(one_each["mechanism"]) == mechanisms
    more = chosen(len(mechanisms) + 5, seed=3)
    assert more["mechanism"].value_counts().max() == 2 and more["smiles"].is_unique
    assert list(more["smiles"][: len(one_each)]) == list(one_each["smiles"])
    assert list(chosen(20, seed=4)["smiles"]) != list(chosen(20, seed=3)["smiles"])


def test_more_drugs_than_there_are_is_an_error_with_the_number():
    known = int((drugs()["mechanism"] != "").sum())
    with pytest.raises(UserError, match=f"{known:,}"):
        chosen(known + 1, seed=0)


def test_the_printed_python_makes_the_same_images():
    made = with_split(small_screen(molecules=4, n_each=1, size=32, seed=5), "molecule", (0.5, 0.25, 0.25))
    assert made.origin == "simulated" and "simulate_cells" in dict(made.steps)
    names: dict = {}
    lines = data_recipe(made)
    assert not any("simulate_cells" in line for line in lines)  # that step was done inside the first
    exec("\n".join(["import engine", *lines]), names)
    assert names["data"].digest == made.digest


def test_a_history_that_begins_with_no_function_is_not_printed():
    made = small_screen(molecules=1, n_each=1, size=32)
    without = type(made)(made.images, made.table, made.channels, steps=made.steps[1:])
    assert data_recipe(without) == []


def test_the_time_is_pace_times_steps_and_profiles_times_images(monkeypatch):
    pytest.importorskip("torch")
    params = TrainParams(size=32, steps=40)
    plan = Plan.standard(5, pace.CONDITION, 32)
    paces = {size: 0.001 * size for size in plan.sizes}
    monkeypatch.setattr(pace, "step_s", lambda *_: paces)
    clock = iter((10.0, 10.4))
    monkeypatch.setattr(pace.time, "process_time", lambda: next(clock))
    images = np.random.default_rng(0).integers(0, 255, (4, 5, 64, 64), dtype=np.uint8)
    expected = sum(paces[size] * steps_of(plan, size, params) for size in plan.sizes)
    # four pieces of 32 px in a field of 64 px, each timed at 0.1 s
    assert np.isclose(pace.training_s(images, 50, params), expected + 50 * 4 * 0.1)


def test_every_level_of_a_plan_is_timed():
    pytest.importorskip("torch")
    plan = Plan.standard(2, pace.CONDITION, 32)
    found = pace.step_s(plan, TrainParams(size=32, batch=2))
    assert set(found) == set(plan.sizes) and all(seconds > 0 for seconds in found.values())
