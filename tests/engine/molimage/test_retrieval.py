"""Average precision is the count by brute force and chance its mean over all orders; copies and repetition are found."""

import itertools

import numpy as np
import pytest

from engine.core import UserError
from engine.molimage.retrieval import average_precision, diversity, memorisation, nearest_distance, retrieval


def slow_precision(similarity, relevant):
    """Average precision by counting, equal similarities ranked against the query."""
    found = []
    for i in np.flatnonzero(relevant):
        above = [j for j in range(len(similarity)) if similarity[j] > similarity[i] or (similarity[j] == similarity[i] and not relevant[j])]
        ties = [j for j in np.flatnonzero(relevant) if similarity[j] == similarity[i] and j < i]
        before = [j for j in above if relevant[j]] + ties
        rank = len(above) + len(ties) + 1
        found.append((len(before) + 1) / rank)
    return np.mean(found)


def test_average_precision_is_counted():
    rng = np.random.default_rng(0)
    for _ in range(50):
        similarity = rng.integers(0, 5, 9).astype(float)
        relevant = rng.random(9) < 0.4
        relevant[rng.integers(9)] = True
        assert average_precision(similarity, relevant) == pytest.approx(slow_precision(similarity, relevant))
    assert np.isnan(average_precision(np.ones(3), np.zeros(3, bool)))


def test_retrieval_is_the_mean_over_queries_and_molecules():
    rng = np.random.default_rng(1)
    real, generated = rng.standard_normal((20, 4)), rng.standard_normal((15, 4))
    of_real, of_generated = rng.choice(list("abc"), 20).astype(object), np.array(list("abcde") * 3, dtype=object)
    found = retrieval(real, of_real, generated, of_generated)
    a, b = (real - real.mean(0)) / real.std(0), (generated - real.mean(0)) / real.std(0)
    by_hand = {name: [] for name in "abc"}
    for row, name in zip(b, of_generated, strict=True):
        if name in by_hand:
            cosine = a @ row / np.linalg.norm(a, axis=1) / np.linalg.norm(row)
            by_hand[name].append(slow_precision(cosine, of_real == name))
    assert found.by_molecule["average_precision"].tolist() == pytest.approx([np.mean(by_hand[name]) for name in "abc"])
    assert found.precision.value == pytest.approx(np.mean([np.mean(each) for each in by_hand.values()]))


def test_chance_is_the_mean_over_all_orders():
    real, names = np.random.default_rng(2).standard_normal((6, 3)), np.array(list("aabbbb"), dtype=object)
    expected = np.mean([average_precision(np.array(order, float), names == "a") for order in itertools.permutations(range(6))])
    found = retrieval(real, names, real[:1], names[:1])
    assert found.chance == pytest.approx(expected)


def test_clusters_are_retrieved_and_noise_is_not():
    rng = np.random.default_rng(3)
    centres, names = rng.standard_normal((12, 8)) * 4, np.repeat([f"m{k}" for k in range(12)], 5).astype(object)
    real, near, noise = (np.repeat(c, 5, axis=0) + rng.standard_normal((60, 8)) for c in (centres, centres, 0 * centres))
    assert retrieval(real, names, near, names).precision.value > 0.9
    lost = retrieval(real, names, noise, names)
    assert lost.precision.low < lost.chance < lost.precision.high
    with pytest.raises(UserError, match="No generated image"):
        retrieval(real, names, near, np.full(60, "z", dtype=object))


def test_diversity_is_the_ratio_of_mean_distances():
    rng = np.random.default_rng(4)
    real, names = rng.standard_normal((80, 3)), np.repeat(list("abcd"), 20).astype(object)
    centre, scale = real.mean(0), real.std(0)
    ratio, table = diversity(real, names, real, names)
    assert ratio.value == pytest.approx(1)
    half, _ = diversity(real, names, centre + 0.5 * (real - centre), names)
    assert half.value == pytest.approx(0.5)
    z = (real[:20] - centre) / scale
    pairs = [np.linalg.norm(p - q) for p, q in itertools.combinations(z, 2)]
    assert table.loc[0, "real"] == pytest.approx(np.mean(pairs))
    collapsed, _ = diversity(real, names, np.repeat(real[::20], 20, axis=0), names)
    assert collapsed.value == pytest.approx(0, abs=1e-6)


def test_copies_of_training_images_are_found():
    rng = np.random.default_rng(5)
    train, held, fresh = (rng.standard_normal((300, 6)) for _ in range(3))
    assert np.allclose(nearest_distance(held, train), [np.linalg.norm(train - p, axis=1).min() for p in held])
    honest = memorisation(train, held, fresh)
    assert honest.ratio == pytest.approx(1, abs=0.15)
    assert honest.copied < 0.05
    half = fresh.copy()
    half[:150] = train[:150] + 0.01
    cheat = memorisation(train, held, half)
    assert cheat.copied == pytest.approx(0.5, abs=0.05)
    with pytest.raises(UserError, match="needs training images"):
        memorisation(train[:0], held, fresh)
