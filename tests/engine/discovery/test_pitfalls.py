"""What users upload by mistake is told in words with a way out, and never becomes a graph in silence.

Where each pitfall is tested; a name without a file is in this one, files are below ``tests/engine`` unless they start with pages or e2e:

- constant or duplicate column: a_table_that_stops_..., data/test_doctor (constant_column, duplicated_variable),
  pages/test_discovery (bad_data_stop_with_words_and_one_click_mends_them)
- exact linear dependence: a_table_that_stops_..., no_method_draws_a_graph_of_dependent_columns,
  data/test_doctor (sum_of_columns_is_named, scaled_copy_percentages_and_one_hot), independence/test_checks
- n <= p: fewer_rows_than_variables_..., shrunken_..., independence/test_gaussian (too_few_rows_are_not_tested_and_keep_the_edge),
  test_gsp (too_few_samples_for_full_conditioning), test_scores (few_rows_allow_few_parents), data/test_doctor (few_rows_for_many_columns)
- gaps, infinities, text, dates, identifiers: a_table_that_stops_..., pairwise_...,
  data/test_doctor (gaps_and_infinities, text_among_numbers, dates_in_a_column, identifiers_numbers_and_text)
- |r| >= 1, matrix that is not positive: a_pairwise_matrix_that_no_data_have_..., data/test_doctor (impossible_correlations_are_repaired)
- counts and heavy zeros: counts_are_tested_by_ranks, data/test_doctor (counts_and_heavy_zeros), pages/test_data (quantiles)
- binary and categorical columns: independence/test_choose (mixed_columns), data/test_doctor (binary_is_allowed, few_levels, mixed_table)
- a million rows: data/test_doctor (a_million_rows), independence/test_floor, independence/test_choose (few_rows_and_many_rows)
- rows that depend on the row before: data/test_doctor (rows_that_remember_the_row_before, blocks_are_not_thinned)
- environments of five cells: an_environment_of_five_cells_..., independence/test_interventional (regimes_of_five_cells),
  test_utigsp (a_regime_too_small_for_a_test), data/test_doctor (regime_of_five_cells_is_named)
- targets that are no columns: targets_that_are_no_columns_..., data/test_regimes (unmatched_targets), pages/test_data (target_table)
- contradictory knowledge: test_knowledge; exceeded budget: test_time_limit
- simulated data on the raw scale: the_scale_of_simulated_data_..., data/test_doctor (raw_scale_of_simulated_data_is_noted)
- conflicts of rules, no valid PAG: test_fci (conflicts_are_counted, an_invalid_pag, repair_is_valid), test_rfci,
  pages/test_discovery (an_invalid_graph_wears_a_badge)

Numerics: no jitter (no_method_draws_a_graph_of_dependent_columns); atanh stays finite (independence/test_gaussian); small p-values
(p_values_too_small_for_a_number, test_result); ties (every_search_repeats_itself; order of columns: test_pc, test_fci, test_rfci,
test_fci_plus, test_gsp, test_grasp, test_boss); exact classes under an oracle (test_gsp with and without look-ahead, test_utigsp,
test_igsp, test_fci, graphs/test_pag); changes that keep the class (test_gspo); CPDAG and back (graphs/test_cpdag); exports
(graphs/test_exchange); the collider from all six orders (test_gsp, test_pc); rates of false rejections (independence/test_type_one,
test_kernel, test_invariance, test_interventional); circles, large graphs and names of edges on screen (e2e/test_graph, test_result).
"""

import numpy as np
import pandas as pd
import pytest

from engine import catalogue
from engine.core import Dataset, UserError
from engine.data import apply, examine, simulate

QUICK = {"mixture": {"most": 2}}  # one population or two; more of them would only be more of the same
METHODS = tuple(name for name, place in catalogue.PLACES.items() if place.startswith(("engine.discovery.", "engine.mixtures.")))
RNG = np.random.default_rng(11)
CHAIN = pd.DataFrame(RNG.standard_normal((300, 4)), columns=list("ABCD"))
CHAIN["B"] += CHAIN["A"]
CHAIN["C"] += CHAIN["B"]


def with_holes(value):
    return CHAIN.assign(A=CHAIN["A"].where(CHAIN.index % 50 > 0, value))


def with_regimes(frame):
    """Split a table into two regimes, so that methods for interventions take it too."""
    return Dataset.from_frames({"obs": frame[:200], "I1": frame[200:]}, {"I1": tuple(frame.columns[:1])})


def finding(data, code):
    return next(found for found in examine(Dataset.of(data)) if found.code == code)


@pytest.mark.parametrize(
    ("frame", "code", "words"),
    [
        (CHAIN.assign(GAPDH=3.0), "constant", "GAPDH never varies"),
        (CHAIN.assign(D=CHAIN["A"]), "duplicate", "A and D are identical"),
        (CHAIN.assign(D=CHAIN["A"] + CHAIN["C"]), "linear-dependence", r"D = A \+ C \(to 1e-10\)"),
        (with_holes(np.nan), "missing", r"missing values in A \(6\)"),
        (with_holes(np.inf), "infinite", r"infinite values in A \(6\)"),
    ],
    ids=["constant", "copy", "sum", "gaps", "infinities"],
)
def test_a_table_that_stops_is_refused_in_words_and_runs_after_any_click(frame, code, words, run):
    with pytest.raises(UserError, match=words):
        run("pc", frame)
    for offer in finding(frame, code).repairs:
        assert run("pc", apply(Dataset(frame), offer)).graph.n_edges > 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "extra",
    [{"D": CHAIN["A"] + CHAIN["B"]}, {"share": 100 - 2 * CHAIN["A"]}, {"low": 1.0 * (CHAIN["D"] < 0), "high": 1.0 * (CHAIN["D"] >= 0)}],
    ids=["sum", "percentage", "one-hot"],
)
def test_no_method_draws_a_graph_of_dependent_columns(method, extra, run):
    with pytest.raises(UserError, match=r"combination|multiples|functions of each other|to 1e-10"):
        run(method, with_regimes(CHAIN.assign(**extra)))


def common_cause(n, p):
    rng = np.random.default_rng(3)
    return pd.DataFrame(2 * rng.standard_normal((n, 1)) + rng.standard_normal((n, p))).add_prefix("X")


@pytest.mark.parametrize("method", ["pc", "fci", "rfci", "fci_plus", "grasp", "boss", "ges"])
def test_fewer_rows_than_variables_limit_the_conditioning_sets_and_edges_stay(method, run):
    # nothing but the hidden common cause separates any pair
    frame = common_cause(12, 14)
    result = run(method, frame, alpha=0.5)
    assert "n=12 for p=14: results limited to conditioning sets of 1." in result.provenance.warnings[0]
    counts = result.trace.counts().set_index("size")
    assert counts["not tested"][counts.index > 1].equals(counts["asked"][counts.index > 1])
    assert not counts["not tested"][counts.index <= 1].any()
    if method == "pc":
        assert counts["not tested"].sum() > 0
        separated = result.trace.frame().query("decision == 'independent'")
        apart = set(zip(separated["a"], separated["b"], strict=True))
        assert {(a, b) for k, a in enumerate(frame) for b in list(frame)[k + 1 :] if b not in result.graph.adjacent(a)} == apart
    if method in ("grasp", "boss"):
        assert max(result.trace.sizes) <= 1


def test_the_banner_counts_as_the_specification_does(run):
    frame = pd.DataFrame(RNG.standard_normal((40, 60)))
    banner = "n=40 for p=60: results limited to conditioning sets of 5."
    assert run("pc", frame).provenance.warnings[0].startswith(banner)
    assert finding(frame, "few-rows").message.startswith(banner)


def test_shrunken_correlations_are_offered_for_few_rows_and_marked_as_such(run):
    frame = common_cause(12, 14)
    offer = next(offer for offer in finding(frame, "few-rows").repairs if "Ledoit-Wolf" in offer.label)
    shrunk = apply(Dataset(frame, "cells"), offer)
    x = ((frame - frame.mean()) / frame.std(ddof=0)).to_numpy()
    r = np.corrcoef(x.T)
    noise = np.mean([np.square(np.outer(row, row) - r).sum() for row in x]) / len(x)
    s = noise / np.square(r - np.eye(14)).sum()
    assert 0 < s < 1
    np.testing.assert_allclose(shrunk.numeric, (1 - s) * r + s * np.eye(14), atol=1e-12)
    assert np.linalg.eigvalsh(r)[0] < 1e-12 < np.linalg.eigvalsh(shrunk.numeric)[0]
    assert shrunk.n_samples == 12 and f"shrunk by {s:.0%} (Ledoit-Wolf)" in shrunk.source
    result = run("pc", shrunk)
    assert result.provenance.data_name == "cells, shrunken correlations"
    assert result.provenance.warnings[0].startswith("n=12 for p=14: results limited")


def test_pairwise_correlations_use_the_rows_that_each_pair_shares():
    frame = CHAIN.where(np.random.default_rng(0).random(CHAIN.shape) > 0.3)
    made = apply(Dataset(frame), next(offer for offer in finding(frame, "missing").repairs if "pair" in offer.label))
    shared = []
    for a in "ABCD":
        for b in "ABCD":
            both = frame[[a, b]].dropna() if a != b else frame[[a, a]].dropna()
            shared.append(len(both))
            assert made.frame.loc[a, b] == pytest.approx(np.corrcoef(both.to_numpy().T)[0, 1])
    assert made.kind == "correlation" and made.n_samples == min(shared)


def test_a_pairwise_matrix_that_no_data_have_is_repaired_with_its_eigenvalues_told(run):
    rng = np.random.default_rng(2)
    frame = common_cause(24, 8).where(rng.random((24, 8)) > 0.4)
    made = apply(Dataset(frame), next(offer for offer in finding(frame, "missing").repairs if "pair" in offer.label))
    before = np.linalg.eigvalsh(made.numeric)[0]
    assert before < 0
    with pytest.raises(UserError, match="smallest eigenvalue is -"):
        run("pc", made)
    told = finding(made, "not-psd")
    fixed = apply(made, told.repairs[0])
    after = np.linalg.eigvalsh(fixed.numeric)[0]
    assert f"Smallest eigenvalue {before:.2g}; {after:.2g} after repair." in told.message and after > 0
    assert run("pc", fixed).graph.p == 8


def test_counts_are_tested_by_ranks(run):
    depth = RNG.gamma(2, 2, 500)
    counts = pd.DataFrame({f"g{k}": RNG.poisson(depth * RNG.gamma(0.5, 1, 500)) for k in range(4)})
    result = run("pc", counts)
    assert result.trace.test == "rank"
    assert "rank test was chosen" in result.provenance.warnings[0]


@pytest.mark.parametrize("method", ["igsp", "utigsp"])
def test_an_environment_of_five_cells_is_named_and_skipped(method, run):
    frames = {"obs": CHAIN[:200], "I1": CHAIN[200:] + 2 * (np.arange(4) == 0), "tiny": CHAIN[:5]}
    result = run(method, Dataset.from_frames(frames, {"I1": ("A",), "tiny": ("B",)}))
    assert "Too few rows to compare, so left out: tiny (5 rows)." in result.provenance.warnings
    assert list(result.targets) == ["I1"]


def test_targets_that_are_no_columns_are_listed_with_their_nearest_matches():
    frames = {name: pd.DataFrame(RNG.standard_normal((20, 3)), columns=["PKC", "Mek", "Akt"]) for name in ("obs", "I1", "I2")}
    with pytest.raises(UserError, match=r"Target 'pkc' of regime 'I1' is not a column of data, nor are 2 more targets") as problem:
        Dataset.from_frames(frames, {"I1": ("pkc", "Akt"), "I2": ("MEK1", "GAPDH")})
    assert "pkc (nearest: PKC), MEK1 (nearest: Mek), GAPDH (nothing near)" in problem.value.fix


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("igsp", "utigsp")])
def test_the_scale_of_simulated_data_tells_no_method_anything(method, run):
    raw = simulate("gaussian", p=8, n=400, degree=2, seed=5)
    standard = apply(raw, finding(raw, "raw-scale").repairs[0])
    settings = QUICK.get(method, {})
    assert run(method, raw, **settings).graph == run(method, standard, **settings).graph


def test_p_values_too_small_for_a_number(run):
    frame = pd.DataFrame({"A": np.arange(3000.0), "B": np.arange(3000.0) + RNG.standard_normal(3000)})
    result = run("pc", frame, test="gaussian")
    assert "p = <1e-300 given nothing" in result.evidence("A", "B").sentence


@pytest.mark.parametrize("method", METHODS)
def test_every_search_repeats_itself(method, run):
    data = with_regimes(simulate("gaussian", p=8, n=300, degree=3, seed=2).frame)
    settings = QUICK.get(method, {})
    assert run(method, data, seed=3, **settings).digest == run(method, data, seed=3, **settings).digest
