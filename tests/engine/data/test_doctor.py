"""Every bad table of the two lists is named in words its owner understands, and one click mends it."""

import time

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, UserError
from engine.data import apply, examine, samples_for, simulate
from engine.data.findings import Repair

RNG = np.random.default_rng(7)
X = RNG.standard_normal((200, 6))
A, B, C, D, E, F = X.T


def table(**columns):
    return Dataset(pd.DataFrame(columns), "table").after("engine.read", source="table.csv")


def codes(data):
    return [finding.code for finding in examine(data)]


def finding(data, code):
    found = [finding for finding in examine(data) if finding.code == code]
    assert found, [f"{f.code}: {f.message}" for f in examine(data)]
    return found[0]


def mended(data, code, which=0):
    """Click a repair; the finding must be gone and the step noted."""
    offer = finding(data, code).repairs[which]
    made = apply(data, offer)
    assert code not in codes(made)
    assert made.steps[-1] == (offer.call, dict(offer.arguments))
    return made


def test_clean_table_has_nothing_to_say():
    assert examine(table(A=A, B=B, C=C)) == ()


def test_constant_column():
    data = table(A=A, GAPDH=np.full(200, 3.25), B=B)
    assert finding(data, "constant").message.startswith("Column GAPDH never varies (SD 0): removed?")
    assert mended(data, "constant").columns == ("A", "B")


def test_constant_up_to_rounding():
    assert finding(table(A=A, K=0.1 + 1e-17 * np.arange(200)), "constant").columns == ("K",)


def test_empty_column():
    data = table(A=A, nothing=np.full(200, np.nan), B=B)
    assert "holds no values" in finding(data, "empty-column").message
    assert mended(data, "empty-column").columns == ("A", "B")


@pytest.mark.parametrize(("which", "kept"), [(0, ("A", "C")), (1, ("C", "B"))])
def test_duplicated_variable(which, kept):
    data = table(A=A, C=C, B=A)
    assert finding(data, "duplicate").message == "A and B are identical (r=1): keep which?"
    assert mended(data, "duplicate", which).columns == kept
    assert "linear-dependence" not in codes(data)


def test_sum_of_columns_is_named():
    data = table(X1=A, X2=B, X3=A + B, X4=C)
    assert finding(data, "linear-dependence").message.startswith("X3 = X1 + X2 (to 1e-10)")
    assert mended(data, "linear-dependence").columns == ("X1", "X2", "X4")


def test_scaled_copy_percentages_and_one_hot():
    assert str(finding(table(F=A, G=1.8 * A + 32), "linear-dependence").message).startswith("G = 1.8 × F + 32")
    shares = RNG.dirichlet([2, 3, 4], 200) * 100
    assert finding(table(p=shares[:, 0], q=shares[:, 1], r=shares[:, 2]), "linear-dependence").message.startswith("r = - p - q + 100")
    kind = RNG.integers(0, 3, 200)
    hot = {f"k{i}": (kind == i).astype(float) for i in range(3)}
    assert finding(table(A=A, **hot), "linear-dependence").where == "k2"


def test_nearly_dependent_columns_are_left_alone():
    assert "linear-dependence" not in codes(table(X1=A, X2=B, X3=A + B + 1e-6 * C))


def test_few_rows_for_many_columns():
    data = Dataset(pd.DataFrame(RNG.standard_normal((40, 60))))
    found = finding(data, "few-rows")
    assert found.message.startswith("n=40 for p=60: results limited to conditioning sets of 5.") and "shrinkage" in found.message
    assert len(found.columns) == 60
    made = apply(data, found.repairs[0])
    assert made.p == 5 and "few-rows" not in codes(made)


def test_most_variable_columns_are_kept():
    scale = np.array([1, 5, 1, 9, 1, 7.0])
    made = apply(
        table(**{n: x * s for n, x, s in zip("abcdef", X.T, scale, strict=True)}),
        Repair("", "engine.data.keep_most_variable", {"count": 3}),
    )
    assert made.columns == ("b", "d", "f")


def holes():
    a, b = A.copy(), B.copy()
    a[[1, 5]] = np.nan
    b[[5, 9, 11]] = [np.inf, -np.inf, np.inf]
    return table(A=a, B=b, C=C)


def test_gaps_and_infinities_are_counted_per_column():
    data = holes()
    assert "2 missing cells in 2 of 200 rows, in A (2)" in finding(data, "missing").message
    assert "3 infinite cells in 3 of 200 rows, in B (3)" in finding(data, "infinite").message
    assert finding(data, "missing").level == "stop"


@pytest.mark.parametrize(("which", "shape"), [(0, (198, 3)), (1, (200, 3)), (2, (200, 2))])
def test_gaps_are_dropped_filled_or_left_out(which, shape):
    made = mended(holes(), "missing", which)
    assert made.frame.shape == shape
    if which == 1:
        assert made.frame["A"].iloc[1] == np.nanmedian(holes().frame["A"])


@pytest.mark.parametrize("which", [0, 1, 2])
def test_infinities_are_dropped_filled_or_left_out(which):
    mended(holes(), "infinite", which)


def test_gaps_in_categories():
    data = table(A=A, g=["u", "v", None, "u"] * 50)
    assert "g (50)" in finding(data, "missing").message
    assert mended(data, "missing", 0).frame.shape == (150, 2)
    assert list(mended(data, "missing", 1).frame["g"].iloc[:4]) == ["u", "v", "u", "u"]


def test_text_among_numbers():
    data = table(A=A, w=["1.5", "2,25", "<LOD", "3"] * 50)
    assert finding(data, "text-in-numbers").message == "Column w holds 50 cells that are not numbers: '<LOD' (50)."
    made = mended(data, "text-in-numbers")
    assert list(made.frame["w"].iloc[:2]) == [1.5, 2.25] and made.frame["w"].isna().sum() == 50
    assert finding(made, "missing").columns == ("w",)


def test_identifiers_numbers_and_text():
    data = table(patient=np.arange(1, 201), A=A, B=B, code=[f"c{i * 7 % 200}" for i in range(200)])
    assert finding(data, "identifier").columns == ("patient", "code")
    assert mended(data, "identifier").columns == ("A", "B")


def test_large_different_counts_are_no_identifiers():
    counts = RNG.permutation(np.arange(1, 100_000, 37))[:200].astype(float)
    assert "identifier" not in codes(table(A=A, reads=counts))


def test_dates_in_a_column():
    data = table(A=A, B=B, day=[f"{d:%Y-%m-%d}" for d in pd.date_range("2024-01-01", periods=200)])
    assert mended(data, "date-column", 0).frame.index[1] == pd.Timestamp("2024-01-02")
    assert mended(data, "date-column", 1).columns == ("A", "B")


def test_spreadsheet_gene_names():
    data = table(**{"2-Sep": A, "Mar-07": B, "1-Dec": C, "TP53": D})
    assert finding(data, "spreadsheet-names").message.startswith("3 names look like dates made by a spreadsheet (2-Sep → SEPT2?")
    assert mended(data, "spreadsheet-names").columns == ("SEPT2", "MARCH7", "DEC1", "TP53")


def test_renaming_never_makes_two_columns_one():
    assert mended(table(**{"2-Sep": A, "SEPT2": B}), "spreadsheet-names").columns == ("SEPT2 (2-Sep)", "SEPT2")


def correlation(matrix, n=100):
    names = list("ABC")
    return Dataset(pd.DataFrame(matrix, names, names), "r", "correlation", n_rows=n)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 0.9, 0.9], [0.9, 1, -0.9], [0.9, -0.9, 1]],
        [[1, 1.0002, 0.3], [1.0002, 1, 0.3], [0.3, 0.3, 1]],
        [[1, np.nan, 0.3], [np.nan, 1, 0.3], [0.3, 0.3, 1]],
    ],
)
def test_impossible_correlations_are_repaired(matrix):
    data = correlation(np.array(matrix))
    found = finding(data, "not-psd")
    assert "Smallest eigenvalue" in found.message and "after repair" in found.message
    fixed = apply(data, found.repairs[0])
    assert "not-psd" not in codes(fixed)
    assert np.linalg.eigvalsh(fixed.numeric)[0] > 0 and np.allclose(np.diag(fixed.numeric), 1)
    if np.isfinite(matrix).all():
        assert np.abs(fixed.numeric - matrix).max() < 0.5


def test_counts_and_heavy_zeros():
    counts = {f"g{i}": RNG.negative_binomial(0.5, 0.05, 200).astype(float) for i in range(3)}
    data = table(**counts)
    found = finding(data, "counts")
    assert "zeros" in found.message and "rank test" in found.message and found.repairs[0].call == "engine.data.log1p"
    made = apply(data, found.repairs[0])
    assert np.allclose(made.frame["g0"], np.log1p(counts["g0"]))


def test_small_counts_are_counts_and_not_groups():
    assert codes(table(a=RNG.poisson(0.6, 400), b=RNG.poisson(0.5, 400))) == ["counts"]


def test_skew_is_logged_or_ranked():
    data = table(A=np.exp(2 * A), B=np.exp(2 * B))
    assert "heavily skewed" in finding(data, "skewed").message
    assert np.allclose(mended(data, "skewed", 0).frame["A"], 2 * A)
    scores = mended(data, "skewed", 1).frame["B"]
    assert np.array_equal(np.argsort(scores), np.argsort(B)) and abs(scores.mean()) < 1e-12


def test_real_proteins_are_advised_logs_and_ranks():
    from engine.data import sample

    found = finding(sample("sachs"), "skewed")
    assert set(found.columns) == set(sample("sachs").columns)
    assert [offer.call for offer in found.repairs] == ["engine.data.log", "engine.data.normal_scores"]
    assert "skewed" not in codes(apply(sample("sachs"), found.repairs[0]))


def test_binary_is_allowed_with_a_note():
    data = table(A=A, b=(B > 0).astype(float))
    assert finding(data, "binary").level == "note" and "approximate" in finding(data, "binary").message
    assert mended(data, "binary").frame["b"].cat.categories.tolist() == ["0", "1"]


def test_few_levels_become_categories_or_go():
    data = table(A=A, grade=RNG.integers(1, 5, 200), B=B)
    assert "G²" in finding(data, "few-levels").message
    assert mended(data, "few-levels", 0).frame["grade"].dtype == "category"
    assert mended(data, "few-levels", 1).columns == ("A", "B")


def test_mixed_table_is_said():
    data = table(A=A, g=["u", "v", "w", "x"] * 50)
    assert "mixed. The kernel test takes both" in finding(data, "categories").message
    assert mended(data, "categories").columns == ("A",)
    discrete = table(k=RNG.integers(0, 3, 200), g=["u", "v", "w", "x"] * 50)
    assert "Make all" in finding(discrete, "categories").repairs[0].label
    assert codes(apply(discrete, finding(discrete, "categories").repairs[0])) == []


def test_a_million_rows():
    found = finding(Dataset(pd.DataFrame(RNG.standard_normal((1_000_000, 2)))), "many-rows")
    assert "smallest effect to 0.02" in found.message and "BIC" in found.message


def walk(memory, n=600, p=2):
    noise = RNG.standard_normal((n, p))
    for i in range(1, n):
        noise[i] += memory * noise[i - 1]
    return table(**{f"s{j}": noise[:, j] for j in range(p)})


def test_rows_that_remember_the_row_before():
    data = walk(0.7)
    assert (
        "Rows are not independent" in finding(data, "autocorrelation").message
        and "p-values are too small" in finding(data, "autocorrelation").message
    )
    assert mended(data, "autocorrelation").n_samples < 600
    assert "autocorrelation" not in codes(walk(0.1))


def test_blocks_are_not_thinned():
    blocks = np.repeat(RNG.standard_normal(4) * 10, 200)
    found = finding(table(A=blocks + RNG.standard_normal(800), B=RNG.standard_normal(800)), "autocorrelation")
    assert "blocks" in found.message and not found.repairs


def test_regime_means_are_not_memory():
    level = np.repeat([0.0, 20.0, -20.0], 100)
    frames = pd.DataFrame({"A": level + RNG.standard_normal(300), "B": RNG.standard_normal(300)})
    data = Dataset(frames, kind="interventional", regime=tuple(np.repeat(["obs", "k", "l"], 100)))
    assert "autocorrelation" not in codes(data)


def prices(n=400, p=4):
    steps = np.random.default_rng(3).normal(3e-4, 0.01, (n, p))
    return 100 * np.exp(np.cumsum(steps, axis=0))


def test_prices_become_returns():
    values = prices()
    data = table(**{f"p{j}": values[:, j] for j in range(4)})
    assert finding(data, "prices").message == "Looks like prices (all > 0, drift). Convert to returns?"
    made = mended(data, "prices")
    assert made.kind == "returns" and np.allclose(made.numeric, values[1:] / values[:-1] - 1)
    assert np.allclose(mended(data, "prices", 1).numeric, np.diff(np.log(values), axis=0))
    assert "prices" not in codes(walk(0.7)) and "prices" not in codes(table(A=np.arange(1, 201.0) ** 2, B=np.arange(1, 201.0)))


def test_dates_out_of_order_and_repeated():
    days = pd.DatetimeIndex(["2024-01-02", "2024-01-01", "2024-01-03", "2024-01-03"])
    data = Dataset(pd.DataFrame({"A": A[:4], "B": B[:4]}, index=days)).after("engine.read", source="t.csv")
    assert "row 2" in finding(data, "dates-unsorted").message
    assert "1 dates" in finding(data, "dates-repeated").message
    assert mended(data, "dates-unsorted").frame.index.is_monotonic_increasing
    assert list(mended(data, "dates-repeated").frame["A"]) == [A[0], A[1], A[3]]


def test_regime_of_five_cells_is_named():
    regime = ("obs",) * 150 + ("PKC",) * 45 + ("Mek",) * 5
    data = Dataset(pd.DataFrame({"A": A, "B": B}), kind="interventional", regime=regime, targets={"obs": (), "Mek": ("A",)})
    data = data.after("engine.read", source="t.csv")
    assert "Mek (5 rows)" in finding(data, "small-regime").message and "|S| + 5" in finding(data, "small-regime").message
    assert mended(data, "small-regime").regimes == ("obs", "PKC")


def test_regime_column_is_offered():
    data = table(A=A, B=B, experiment=np.repeat([1, 2, 3, 4], 50))
    made = mended(data, "regime-column")
    assert made.regimes == ("1", "2", "3", "4") and made.columns == ("A", "B")


def test_raw_scale_of_simulated_data_is_noted():
    data = simulate("gaussian", p=8, n=500, degree=3, seed=1)
    assert "sorting by variance" in finding(data, "raw-scale").message
    made = mended(data, "raw-scale")
    assert np.allclose(made.frame.std(ddof=0), 1)
    assert "raw-scale" not in codes(simulate("gaussian", p=8, n=500, degree=3, seed=1, standardise=True))


def test_stops_come_first():
    levels = [finding.level for finding in examine(table(A=np.exp(3 * A), K=np.ones(200), L=np.ones(200), id=np.arange(200)))]
    assert levels == sorted(levels, key=["stop", "warn", "note"].index) and levels[0] == "stop"


def test_methods_never_see_a_table_that_stops():
    with pytest.raises(UserError, match="GAPDH"):
        samples_for(pd.DataFrame({"A": A, "GAPDH": np.ones(200)}), None)
    assert samples_for(pd.DataFrame({"A": A, "B": B}), None).p == 2


@pytest.mark.parametrize("call", ["engine.data.read", "engine.data.keep_rows", "os.system", "engine.data.transform.log"])
def test_only_repairs_are_called_by_name(call):
    with pytest.raises(UserError):
        apply(table(A=A, B=B), Repair("", call, {}))


@pytest.mark.parametrize("shape", [(200_000, 10), (500, 2_000), (12, 20_000)], ids=str)
def test_the_doctor_takes_a_moment(shape):
    data = Dataset(pd.DataFrame(RNG.standard_normal(shape)))
    started = time.process_time()
    examine(data)
    assert time.process_time() - started < 3.0  # CPU seconds of all threads; about 0.2 on an idle machine
