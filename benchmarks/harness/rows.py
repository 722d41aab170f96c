"""One line of a benchmark, and the table that grows line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

MOST_VALUES = 5  # more seeds are shown by their median and range
WIDTHS = {"workload": 32, "metric": 27, "method": 20, "product": 30, "peer": 20, "its value": 30, "ratio": 6, "note": 4}
CLOSING = (
    "One run, one thread unless said; seconds are CPU seconds unless called wall seconds. Ratio above 1: the product is faster or more "
    "accurate (means over the seeds that both have)."
)


@dataclass(frozen=True)
class Row:
    """One metric of one workload for the product and one peer.

    Parameters
    ----------
    workload : name as in the specs, with its size.
    metric : what was measured, such as ``seconds`` or ``SHD``.
    method, product : the product's method and its values, one per seed.
    peer_name, peer : the other program and its values, those of the first seeds when it was stopped; none when it gave nothing or has no
        such metric.
    higher_is_better : decides which way the ratio is taken.
    note : one sentence on what the numbers cannot say.
    """

    workload: str
    metric: str
    method: str
    product: Sequence[float]
    peer_name: str
    peer: Sequence[float]
    higher_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better the product is, by the means over common seeds; None where a mean is zero or missing."""
        if not self.product or not self.peer:
            return None
        better, worse = fmean(self.product[: len(self.peer)]), fmean(self.peer)
        if self.higher_is_better:
            better, worse = worse, better
        return worse / better if better else None

    def to_dict(self) -> dict[str, Any]:
        """Return the row with means over seeds, JSON-ready."""
        return {
            "workload": self.workload, "metric": self.metric, "product": _mean(self.product), "peer": _mean(self.peer), "ratio": self.ratio,
            "method": self.method, "peer_name": self.peer_name, "note": self.note,
            "product_values": list(self.product), "peer_values": list(self.peer),
        }  # fmt: skip


def header() -> str:
    """Return the two lines above the table."""
    return f"{_line(list(WIDTHS))}\n{_line(['-' * width for width in WIDTHS.values()])}"


def line(row: Row) -> str:
    """Return one row of the table; a cell too long for its column pushes the others along."""
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    return _line([row.workload, row.metric, row.method, _values(row.product), row.peer_name, _values(row.peer), ratio, row.note])


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS.values(), strict=True)).rstrip()


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _values(values: Sequence[float]) -> str:
    if len(values) > MOST_VALUES:
        return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g}) x{len(values)}"
    return " ".join(f"{value:.3g}" for value in values) or "-"
