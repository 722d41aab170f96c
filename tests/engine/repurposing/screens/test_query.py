"""A search returns what float64 over the whole screen returns, from any file, with or without codes, on any number of threads."""

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import Profiles, UserError
from engine.core.stored_matrix import StoredMatrix
from engine.repurposing.screens import query as query_module
from engine.repurposing.screens import query_codes, query_exact, query_many
from engine.repurposing.screens.query import top
from engine.repurposing.screens.query_codes import prepare

D = 250
GENES = tuple(f"G{i}" for i in range(D))


def screen_of(values):
    return Profiles.of(values, pd.DataFrame({"id": [f"p{i}" for i in range(len(values))]}), GENES[: np.shape(values)[1]])


def slow(values, signature, score):
    """Score each profile by itself, on the genes that it has."""
    found = []
    for x in np.asarray(values, dtype=np.float32).astype(np.float64):
        known = np.isfinite(x) & np.isfinite(signature)
        a, b = x[known], signature[known]
        if known.sum() < 3 or not a.any() or (score == "pearson" and len(set(a)) == 1):
            found.append(np.nan)
        elif score == "pearson":
            found.append(np.corrcoef(a, b)[0, 1])
        else:
            found.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    return np.array(found)


def values_of(kind, n=600, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, D))
    match kind:
        case "levels":  # as log2 expression: a large mean, so that centring cancels digits
            values = 8 + 2 * rng.normal(size=D) + 0.3 * values
        case "near":  # hundreds of profiles closer to each other than 8 bits can tell
            values = np.repeat(values[:3], n // 3, axis=0) + 1e-4 * values
        case "heavy":
            values = rng.standard_t(2, size=(n, D)) * np.exp(5 * rng.normal(size=(n, 1)))
        case "ties":
            values = np.repeat(values[: n // 5], 5, axis=0)
        case "flat":
            values[::7] = 0.0
            values[1::7] = 3.25
            values[2::7] = 3.25 + 1e-6 * values[2::7]
        case "missing":
            values[rng.random((n, D)) < 0.02] = np.nan
            values[5, 2:] = np.nan
            values[6] = np.nan
            values[7, 3] = np.inf
    return values.astype(np.float32)


KINDS = ["plain", "levels", "near", "heavy", "ties", "flat", "missing"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("score", ["cosine", "pearson"])
def test_the_answer_is_that_of_float64_over_all(kind, score, monkeypatch):
    monkeypatch.setattr(query_module, "ROWS", 150)
    values = values_of(kind)
    signature = np.random.default_rng(1).normal(size=D)
    signature[220:] = np.nan if kind in ("plain", "missing") else signature[220:]
    screen = screen_of(values)
    whole = slow(values, signature, score)
    for opposite in (False, True):
        wanted = np.sort(whole[~np.isnan(whole)])[:40] if opposite else -np.sort(-whole[~np.isnan(whole)])[:40]
        plain = top(screen, pd.Series(signature, GENES), 40, score, opposite=opposite, threads=1)
        np.testing.assert_allclose(plain.scores[0], wanted, atol=1e-12)
        np.testing.assert_allclose(whole[plain.rows[0]], plain.scores[0], atol=1e-12)
        assert len(set(plain.rows[0])) == 40
        assert (plain.flat, plain.compared) == (np.isnan(whole).sum(), (~np.isnan(whole)).sum())
        coded = top(prepare(screen), pd.Series(signature, GENES), 40, score, opposite=opposite, threads=2)
        np.testing.assert_array_equal(coded.rows, plain.rows)
        np.testing.assert_array_equal(coded.scores, plain.scores)
        assert coded.flat == plain.flat
        if kind == "plain":
            assert plain.rescored[0] < 60  # the bounds are tight enough to be of use
            assert coded.rescored[0] < 200


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(KINDS), st.booleans(), st.integers(3, D))
def test_no_score_lies_outside_its_bounds(seed, kind, is_centred, shared):
    values = values_of(kind, n=60, seed=seed)
    score = "pearson" if is_centred else "cosine"
    rng = np.random.default_rng(seed)
    signature = np.full(D, np.nan)
    signature[rng.permutation(D)[:shared]] = rng.standard_t(2, size=shared)
    screen = screen_of(values)
    query = query_module.lay_out(screen, pd.Series(signature, GENES), score)
    truth = slow(values, signature, score)
    for way in (screen, prepare(screen)):
        lower, upper = np.empty(60, np.float32), np.empty(60, np.float32)
        query_module._bounds(way, screen, query.units[0], query.places, is_centred)(slice(0, 60), lower, upper)
        there = ~np.isnan(truth)
        assert (lower[there] <= truth[there]).all()
        assert (truth[there] <= upper[there]).all()
        assert np.isinf(lower[~there]).all()


@pytest.mark.parametrize("transposed", [False, True])
def test_hdf5_is_searched_in_place(transposed, tmp_path):
    values = values_of("plain")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["m"] = values.T if transposed else values
    stored = Profiles(pd.DataFrame(index=range(len(values))), GENES, StoredMatrix(tmp_path / "m.h5", "m", transposed))
    signature = pd.Series(np.random.default_rng(1).normal(size=D), GENES)
    wanted = top(screen_of(values), signature, 10)
    for way in (stored, prepare(stored), stored.take(np.arange(len(values)))):
        found = top(way, signature, 10, threads=2)
        np.testing.assert_array_equal(found.rows, wanted.rows)
        np.testing.assert_array_equal(found.scores, wanted.scores)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("score", ["cosine", "pearson"])
def test_many_signatures_together_give_what_each_gives_alone(kind, score, monkeypatch):
    values = values_of(kind, n=600)
    rng = np.random.default_rng(3)
    signatures = pd.DataFrame(rng.normal(size=(D, 9)), index=GENES)
    signatures.iloc[200:, 4] = np.nan  # a gene that one of them lacks is left out of all
    screen = screen_of(values)
    monkeypatch.setattr(query_many, "PRODUCTS", 1_000)
    hits = [top(screen, signatures, 15, score, opposite=True, threads=threads) for threads in (1, 3)]
    np.testing.assert_array_equal(hits[0].rows, hits[1].rows)
    np.testing.assert_array_equal(hits[0].scores, hits[1].scores)
    for q in range(9):
        alone = top(screen, signatures.iloc[:200, q], 15, score, opposite=True)
        np.testing.assert_array_equal(hits[0].rows[q], alone.rows[0])
        np.testing.assert_array_equal(hits[0].scores[q], alone.scores[0])
        assert hits[0].flat == alone.flat
    assert hits[0].names == tuple("012345678")


def test_many_signatures_over_hdf5(tmp_path, monkeypatch):
    monkeypatch.setattr(query_exact, "ROWS", 50)
    values = values_of("missing", n=300)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["m"] = values
    stored = Profiles(pd.DataFrame(index=range(300)), GENES, StoredMatrix(tmp_path / "m.h5", "m"))
    signatures = pd.DataFrame(np.random.default_rng(3).normal(size=(D, 12)), index=GENES)
    wanted, found = top(screen_of(values), signatures, 5), top(stored, signatures, 5)
    np.testing.assert_array_equal(found.rows, wanted.rows)
    np.testing.assert_array_equal(found.scores, wanted.scores)


def test_equal_scores_share_their_rank_and_the_earlier_profile_comes_first():
    values = values_of("ties", n=100)
    hits = top(screen_of(values), pd.Series(np.random.default_rng(1).normal(size=D), GENES), 12)
    assert hits.ranks[0].tolist() == [1] * 5 + [6] * 5 + [11] * 2
    assert (np.diff(hits.rows[0].reshape(-1)[:5]) == 1).all()
    frame = hits.frame(screen_of(values))
    assert frame.columns.tolist() == ["signature", "rank", "score", "id"]
    assert frame["id"].tolist() == [f"p{i}" for i in hits.rows[0]]


def test_fewer_profiles_than_asked_for():
    values = values_of("flat", n=14)
    hits = top(screen_of(values), pd.Series(np.random.default_rng(1).normal(size=D), GENES), 20, "pearson")
    assert (hits.rows[0] >= 0).sum() == hits.compared == 10
    assert (hits.rows[0][10:] == -1).all()
    assert np.isnan(hits.scores[0][10:]).all()
    assert (hits.ranks[0][10:] == 0).all()
    assert len(hits.frame(screen_of(values))) == 10


def test_codes_are_kept_where_the_caller_says_and_each_has_its_bound(tmp_path):
    values = values_of("heavy", n=100)
    ready = prepare(screen_of(values), tmp_path / "codes", threads=2)
    assert (tmp_path / "codes" / "codes.npy").is_file()
    assert ready.codes.shape == (100, 256)
    scale = np.abs(values.astype(np.float64)).max(axis=1, keepdims=True) / 127
    apart = np.linalg.norm(values / scale - ready.codes[:, :D], axis=1)
    assert (apart <= ready.slack).all()
    assert (ready.slack <= 1.01 * apart + 1e-3).all()
    assert query_codes.ALIGNED == 32


def test_few_shared_genes_are_said():
    screen = screen_of(values_of("plain", n=50))
    few = top(screen, pd.Series(np.arange(30.0), [gene.lower() for gene in GENES[:30]]), 5)
    assert few.genes == GENES[:30]
    assert "Only 30 of the 250 genes" in few.notes[0]
    assert top(screen, pd.Series(np.arange(250.0), GENES), 5).notes == ()


@pytest.mark.parametrize(
    ("signature", "score", "words"),
    [
        (pd.Series([1.0, 2.0], ["Trp53", "Egfr"]), "cosine", r"0 of the 2 genes .* same species.*TRP53.*G0"),
        (pd.Series([1.0, 2.0, 3.0], ["G1", "g1", "G2"]), "cosine", "Gene G1 appears twice"),
        (pd.Series(0.0, GENES), "cosine", "is zero"),
        (pd.Series(0.1, GENES), "pearson", "never varies"),
        (pd.Series(1.0, GENES), "spearman", "no score 'spearman'"),
    ],
)
def test_a_signature_that_cannot_be_compared_is_refused(signature, score, words):
    with pytest.raises(UserError, match=words):
        top(screen_of(values_of("plain", n=10)), signature, 3, score)
