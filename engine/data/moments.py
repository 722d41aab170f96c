"""Sufficient statistics of a table that never lies in memory: one pass over a Parquet file, batch by batch."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Dataset
from engine.data.binary import foreign
from engine.data.findings import Finding, named, refuse, verb
from engine.data.safety import MAX_OPENED

Floats = NDArray[np.float64]

BATCH_CELLS = 4_000_000  # numbers in memory at once, 32 MB
MOST_VARIABLES = 5_000  # their correlations take 200 MB
MOST_REGIMES = 10_000
DIGITS = 10  # of a correlation; what comes after depends on the order in which a processor adds
CONSTANT = 1e-12  # SD below this part of the largest value is rounding
MANY_GAPS = 0.05  # share of rows left out that could mislead


class Moments:
    """Number of rows, means and products of deviations of p variables, collected batch by batch.

    Parameters
    ----------
    p : number of variables.

    Attributes
    ----------
    n : rows counted.
    dropped : rows left out because a value was missing or infinite.
    gaps : (p,) missing and infinite values.
    scatter : (p, p) sum over rows of the products of deviations from the mean of their group.
    means : group -> (rows, (p,) mean).
    largest : (p,) largest absolute values.

    Notes
    -----
    Two batches with means m, m' join by ``scatter + scatter' + (m - m')(m - m')' n n' / (n + n')`` (Chan, Golub, LeVeque 1983), which loses
    no digits where means are large and deviations small, as sums of squares do.
    """

    def __init__(self, p: int):
        self.n = self.dropped = 0
        self.gaps = np.zeros(p, np.int64)
        self.scatter = np.zeros((p, p))
        self.means: dict[str, tuple[int, Floats]] = {}
        self.largest = np.zeros(p)

    def add(self, values: Floats, group: str = "") -> None:
        """Count (m, p) more rows of one group."""
        finite = np.isfinite(values)
        complete = finite.all(axis=1)
        self.gaps += (~finite).sum(axis=0)
        self.dropped += int((~complete).sum())
        values = values[complete]
        m = len(values)
        if not m:
            return
        before, old = self.means.get(group, (0, np.zeros(values.shape[1])))
        mean = values.mean(axis=0)
        centred, step = values - mean, mean - old
        self.scatter += centred.T @ centred + np.outer(step, step) * (before * m / (before + m))
        self.means[group] = before + m, old + step * (m / (before + m))
        self.largest = np.maximum(self.largest, np.abs(values).max(axis=0))
        self.n += m

    @property
    def varies(self) -> NDArray[np.bool_]:
        """(p,) whether a variable varies within groups, rounding aside."""
        varies: NDArray[np.bool_] = np.sqrt(np.diag(self.scatter) / max(self.n, 1)) > CONSTANT * self.largest
        return varies

    @property
    def freedom(self) -> int:
        """Rows less the means that were fitted beyond the first."""
        return self.n - max(len(self.means) - 1, 0)

    def correlation(self) -> Floats:
        """Return the (q, q) correlations of the q variables that vary."""
        scatter = self.scatter[np.ix_(self.varies, self.varies)]
        scale = np.sqrt(np.diag(scatter))
        correlation: Floats = np.round(scatter / np.outer(scale, scale), DIGITS)
        np.fill_diagonal(correlation, 1.0)
        return correlation


@foreign("a Parquet file")
def read_correlations(source: bytes | Path, filename: str, regime_column: str | None) -> tuple[Dataset, tuple[Finding, ...]]:
    """Read the correlations of the numeric columns of a Parquet file of any size in one pass.

    Parameters
    ----------
    source : the file's bytes, or its path.
    regime_column : column that names the setting of each row; deviations are then taken from the mean of the setting, so that
        settings with other means do not look like dependence.

    Returns
    -------
    A dataset of kind ``correlation`` whose ``n_rows`` counts the complete rows, and what was left out, in words.
    """
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    total = file.metadata.num_rows
    names, others = _columns(file, filename, regime_column)
    moments = Moments(len(names))
    for values, groups in _batches(file, names, regime_column, filename):
        for group in dict.fromkeys(groups):
            moments.add(values if len(set(groups)) == 1 else values[np.array(groups, dtype=object) == group], group)
        if len(moments.means) > MOST_REGIMES:
            raise refuse("regime-column", f"Column {regime_column} has more than {MOST_REGIMES:,} values.", where=str(regime_column))
    kept = [name for name, varies in zip(names, moments.varies, strict=True) if varies]
    if moments.freedom < 4 or not kept:
        raise refuse("few-rows", f"{filename} has {moments.n} complete rows of {total:,}; correlations need more.", where=filename)
    frame = pd.DataFrame(moments.correlation(), kept, kept)
    told = f"{filename}: {moments.n:,} complete rows of {total:,}"
    dataset = Dataset(frame, filename, "correlation", told, n_rows=moments.freedom)
    return dataset, tuple(_findings(moments, total, names, others, filename, regime_column))


def _columns(file: Any, filename: str, regime_column: str | None) -> tuple[list[str], list[str]]:
    """Return the names of the numeric columns, and of those that are left out."""
    import pyarrow as pa

    schema = [field for field in file.schema_arrow if not field.name.startswith("__index_level_")]
    repeated = [name for name, count in Counter(field.name for field in schema).items() if count > 1]
    if repeated:
        raise refuse("duplicate-columns", f"Column '{repeated[0]}' appears twice in {filename}.", where=repeated[0])
    if regime_column is not None and regime_column not in [field.name for field in schema]:
        raise refuse("regime-column", f"{filename} has no column '{regime_column}'.", where=regime_column)
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    names = [field.name for field in schema if any(kind(field.type) for kind in kinds) and field.name != regime_column]
    if not names:
        raise refuse("one-column", f"{filename} has no numeric columns to correlate.", where=filename)
    if len(names) > MOST_VARIABLES:
        message = f"{filename} has {len(names):,} numeric columns; correlations are taken of at most {MOST_VARIABLES:,}."
        raise refuse("too-wide", message + " Leave some out when saving the file.", where=filename)
    return names, [field.name for field in schema if field.name not in names and field.name != regime_column]


def _batches(file: Any, names: list[str], regime_column: str | None, filename: str) -> Iterator[tuple[Floats, list[str]]]:
    """Yield (m, p) values and the group of each row, one row group after the other."""
    import pyarrow as pa

    for number in range(file.metadata.num_row_groups):
        opens = file.metadata.row_group(number).total_byte_size
        if opens > MAX_OPENED:
            message = f"Row group {number + 1} of {filename} opens to {opens / 1e6:,.0f} MB. Write the file again in smaller row groups."
            raise refuse("file-archive", message, where=filename)
        wanted = names if regime_column is None else [*names, regime_column]
        for batch in file.iter_batches(max(1, BATCH_CELLS // len(names)), row_groups=[number], columns=wanted):
            columns = [batch.column(name).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) for name in names]
            groups = [""] * len(batch) if regime_column is None else batch.column(regime_column).to_pandas().astype(str).tolist()
            yield np.column_stack(columns), groups


def _findings(
    moments: Moments, total: int, names: list[str], others: list[str], filename: str, regime_column: str | None
) -> Iterator[Finding]:
    """Say what was left out."""
    still = [name for name, varies in zip(names, moments.varies, strict=True) if not varies]
    if still:
        message = f"{named(still)} never {verb(still, 'varies', 'vary')} (SD 0) and {verb(still, 'was', 'were')} left out."
        yield Finding("constant", "warn", message, still[0], tuple(still))
    if moments.dropped:
        worst = names[int(moments.gaps.argmax())]
        message = (
            f"{moments.dropped:,} of {total:,} rows have missing or infinite values and were left out "
            f"(most in {worst}: {int(moments.gaps.max()):,})."
        )
        yield Finding("gaps", "warn" if moments.dropped > MANY_GAPS * total else "note", message, worst)
    if others:
        yield Finding(
            "text-columns", "note", f"{named(others)} {verb(others, 'is', 'are')} not numeric: left out.", others[0], tuple(others)
        )
    inside = f" within the {len(moments.means):,} values of {regime_column}" if regime_column else ""
    message = (
        f"Only correlations{inside} were kept, of {moments.n:,} rows: for the Gaussian test, which needs no more. Other tests need rows."
    )
    yield Finding("correlations", "note", message, filename)
