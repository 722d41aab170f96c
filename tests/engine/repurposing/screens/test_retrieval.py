"""Average precision is that of its definition, chance that of shuffled labels, and the real plate gives what was measured before."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Context
from engine.repurposing.screens.design import design_of
from engine.repurposing.screens.files import read_screen
from engine.repurposing.screens.readings import readings_of
from engine.repurposing.screens.representations import Linear, principal_components, untrained, z_scores
from engine.repurposing.screens.retrieval import average_precision, retrieval_table


def slow(values, compound, line):
    """Average precision by walking down the ordered list of each query."""
    found = np.full(len(values), np.nan)
    for i, query in enumerate(values):
        others = [j for j in range(len(values)) if j != i and line[j] == line[i] and values[j].any()]
        if not query.any() or not any(compound[j] == compound[i] for j in others):
            continue
        near = sorted(others, key=lambda j: -(values[j] @ query) / np.linalg.norm(values[j]) / np.linalg.norm(query))
        hits, precisions = 0, []
        for place, j in enumerate(near, 1):
            if compound[j] == compound[i]:
                hits += 1
                precisions.append(hits / place)
        found[i] = np.mean(precisions)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_definition(seed):
    rng = np.random.default_rng(seed)
    values, compound, line = rng.normal(size=(40, 6)), rng.integers(0, 9, 40), rng.integers(0, 2, 40)
    values[3] = 0
    found = average_precision(values, compound, line)
    assert found.of_query == pytest.approx(slow(values, compound, line), nan_ok=True)
    assert found.left_out == 1


def test_perfect_clusters_have_precision_one_and_noise_has_that_of_chance():
    compound, line = np.repeat(np.arange(20), 5), np.zeros(100, dtype=int)
    rng = np.random.default_rng(0)
    centre = rng.normal(size=(20, 30))
    perfect = average_precision(centre[compound] + 0.01 * rng.normal(size=(100, 30)), compound, line, shuffles=20)
    assert perfect.mean == 1
    noise = average_precision(rng.normal(size=(100, 30)), compound, line, shuffles=200)
    assert noise.by_chance.min() < noise.mean < noise.by_chance.max()
    assert perfect.by_chance.max() < 0.2


def test_the_table_compares_with_plain_differences():
    rng = np.random.default_rng(1)
    compound, line = np.repeat(np.arange(30), 4), np.zeros(120, dtype=int)
    centre = rng.normal(size=(30, 20))
    good = centre[compound] + rng.normal(size=(120, 20))
    poor = centre[compound] + 4 * rng.normal(size=(120, 20))
    given = {"difference": ("plain", poor), "better": ("better", good), "same": ("same", 3 * poor)}
    table = retrieval_table(given, compound, line, shuffles=50, seed=0, context=Context.silent())
    assert table["representation"][0] == "better"
    table = table.set_index("representation")
    assert table.loc["better", "gain_low"] > 0
    assert (table.loc["same", ["gain", "gain_low", "gain_high"]].astype(float).abs() < 1e-12).all()
    assert (table["low"] <= table["map"]).all() and (table["map"] <= table["high"]).all()
    assert table.loc["better", "p"] == pytest.approx(1 / 51)


@pytest.mark.shared_data
def test_the_measured_plate(shared_data):
    """Figures measured for the specification, W13; the autoencoder's row is in the benchmark."""
    screen = read_screen(shared_data / "l1000" / "a375_24h_978x377.gct.gz")
    readings = readings_of(screen, screen.genes, design_of(screen.rows), Context.silent())
    rows = readings.treated
    x = readings.take(rows)
    compound, line = pd.factorize(screen.rows["drug"][rows])[0], readings.design.line[rows]
    components = principal_components(readings, 100, rows).of_profiles(readings, x, rows)
    components = components - components.mean(axis=0)
    found = {
        "raw": x, "difference": Linear("difference").of_profiles(readings, x, rows), "z": z_scores(readings).of_profiles(readings, x, rows),
        "pca20": components[:, :20], "pca100": components, "untrained": untrained(readings, 1024, 0).of_profiles(readings, x, rows),
    }  # fmt: skip
    measured = {"raw": 0.120, "difference": 0.156, "z": 0.186, "pca20": 0.148, "pca100": 0.157, "untrained": 0.152}
    precision = {name: average_precision(values, compound, line) for name, values in found.items()}
    assert all(len(one.of_query) - np.isnan(one.of_query).sum() == 351 for one in precision.values())
    assert {name: one.mean for name, one in precision.items()} == pytest.approx(measured, abs=0.005)
    assert sorted(measured, key=lambda name: precision[name].mean) == sorted(measured, key=measured.get)
