"""The advice names methods that exist and run, and follows from the answers and the table."""

import itertools

import numpy as np
import pandas as pd
import pytest

from engine import catalogue
from engine.core import Dataset
from engine.data import sample
from engine.discovery.advice import advise


def table(p=6, n=300, categories=0, levels=3):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((n, p)), columns=[f"X{k}" for k in range(p)])
    for k in range(categories):
        frame[f"X{k}"] = pd.Categorical(rng.integers(0, levels, n).astype(str))
    return Dataset(frame)


def test_every_advice_can_be_followed():
    tables = [table(), table(p=80), table(categories=2), table(categories=6), sample("regimes"), sample("sachs")]
    for data, hidden, changed, curved in itertools.product(tables, ("no", "maybe", "yes"), ("no", "known", "partly"), (False, True)):
        advice = advise(data, hidden, changed, curved)
        method = catalogue.find(advice.method)
        method.params.from_dict(advice.settings)
        assert advice.because and advice.second != advice.method
        catalogue.find(advice.second)
        assert method.needs != "interventional" or data.regimes


@pytest.mark.parametrize(
    ("data", "answers", "method"),
    [
        (table(), {}, "grasp"),
        (table(), {"hidden": "maybe"}, "fci"),
        (table(p=80), {"hidden": "yes"}, "bfci"),
        (table(), {"curved": True}, "pc"),
        (table(categories=2), {}, "pc"),
        (table(categories=6), {"curved": True}, "grasp"),
        (table(), {"changed": "known"}, "grasp"),
        (sample("regimes"), {"changed": "partly"}, "utigsp"),
        (sample("regimes"), {"changed": "known"}, "utigsp"),
    ],
)
def test_answers_lead_to_a_method(data, answers, method):
    assert advise(data, **answers).method == method


def test_known_targets_of_all_conditions_lead_to_the_method_for_them():
    frame = table().frame
    data = Dataset.from_frames({"obs": frame, "I": frame}, {"I": ["X1"]})
    assert advise(data, changed="known").method == "igsp"
    assert advise(data, changed="partly").method == "utigsp"
