"""Whatever a user uploads, the reader answers with findings and the doctor with sentences; neither falls over."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import Dataset, UserError
from engine.data import apply, examine, inspect_file
from engine.data.findings import READ

CELLS = st.sampled_from(
    ["1", "2.5", "-3,5", "", "NA", "inf", "x", '"', "a b", "2024-01-02", "1e5", "é", "\t", "=1+1", "0", ";", "\r", "\0", "9" * 400]
)
SEPARATORS = st.sampled_from([",", ";", "\t", "|", " "])
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])


@st.composite
def texts(draw):
    separator, end = draw(SEPARATORS), draw(ENDS)
    rows = draw(st.lists(st.lists(CELLS, min_size=0, max_size=5), min_size=0, max_size=8))
    return end.join(separator.join(row) for row in rows)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "index_column": st.integers(-1, 4),
        "transpose": st.booleans(),
        "header": st.booleans(),
        "duplicate_columns": st.sampled_from(["first", "rename", "average"]),
        "n_samples": st.integers(0, 50),
        "decimal": st.sampled_from([".", ","]),
        "separator": SEPARATORS,
        "encoding": st.sampled_from(["utf-8", "windows-1252", "utf-16", "latin-9", "nonsense"]),
        "regime_column": st.sampled_from(["1", "x", "column 1", "regime"]),
    },
)


def checked(report):
    assert report.dataset is not None or any(finding.level == "stop" for finding in report.findings)
    for finding in report.findings:
        assert finding.message and all(offer.call == READ for offer in finding.repairs)
    if report.dataset is not None:
        assert all(finding.message for finding in examine(report.dataset))


@given(texts(), OPTIONS, st.sampled_from(["utf-8", "utf-16"]))
def test_messy_text(text, options, encoding):
    checked(inspect_file(text.encode(encoding), "t.csv", **options))


@given(
    st.binary(max_size=300), st.sampled_from(["t.csv", "t.tsv", "t.xlsx", "t.parquet", "t.h5ad", "t.csv.gz", "t.zip", "", "...", "a/b.csv"])
)
def test_random_bytes(content, name):
    checked(inspect_file(content, name))


def test_a_cell_of_a_megabyte():
    checked(inspect_file(b'a,b\n"' + b"x" * 1_000_000 + b'",2\n', "t.csv"))
    checked(inspect_file(b"a" * 1_000_000 + b",b\n1,2\n", "t.csv"))


COLUMNS = st.sampled_from(
    ["normal", "constant", "gaps", "infinite", "text", "binary", "counts", "dates", "ids", "empty", "copy", "huge", "mixed"]
)


def column(kind, n, rng):
    x = rng.standard_normal(n)
    return {
        "normal": x, "constant": np.ones(n),
        "gaps": np.where(rng.random(n) < 0.3, np.nan, x),
        "infinite": np.where(rng.random(n) < 0.3, np.inf, x),
        "text": rng.choice(["u", "v", "w"], n), "binary": (x > 0) * 1.0, "counts": rng.poisson(1, n),
        "dates": [f"2024-01-{i % 28 + 1:02d}" for i in range(n)],
        "ids": np.arange(n), "empty": np.full(n, np.nan), "copy": np.arange(n) % 7.0, "huge": x * 1e300,
        "mixed": rng.choice(["1", "2.5", "x"], n),
    }[kind]  # fmt: skip


@settings(max_examples=30)
@given(st.lists(COLUMNS, min_size=1, max_size=6), st.integers(1, 40), st.integers(0, 5), st.booleans())
def test_every_offered_repair_can_be_clicked(kinds, n, seed, with_regimes):
    """A click gives the next table, or a sentence where it would leave nothing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"{kind}{i}": column(kind, n, rng) for i, kind in enumerate(kinds)})
    regime = tuple(rng.choice(["obs", "k"], n)) if with_regimes else None
    data = Dataset(frame, regime=regime, kind="interventional" if with_regimes else "samples")
    for finding in examine(data):
        for offer in finding.repairs:
            try:
                made = apply(data, offer)
            except UserError:
                assert finding.level == "stop"
                continue
            assert made.digest != data.digest
