"""One line of a benchmark, and the table of all lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any


@dataclass(frozen=True)
class Row:
    """One metric of one workload for the product and one peer.

    Parameters
    ----------
    workload : name as in the specs, with its size.
    metric : what was measured, such as ``seconds`` or ``SHD``.
    method, product : the product's method and its values, one per seed.
    peer_name, peer : the other program and its values; none when it was stopped or has no such metric.
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
        """How many times better the product is, by the means; above 1 the product wins, None where a mean is zero or missing."""
        if not self.product or not self.peer:
            return None
        better, worse = fmean(self.product), fmean(self.peer)
        if self.higher_is_better:
            better, worse = worse, better
        return worse / better if better else None

    def to_dict(self) -> dict[str, Any]:
        """Return the row with means over seeds, JSON-ready."""
        return {
            "workload": self.workload, "metric": self.metric, "product": _mean(self.product), "peer": _mean(self.peer), "ratio": self.ratio,
            "method": self.method, "peer_name": self.peer_name, "note": self.note,
        }  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Return the rows as an aligned text table; several seeds are shown one by one."""
    lines = [("workload", "metric", "method", "product", "peer", "its value", "ratio", "note")]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        lines.append((row.workload, row.metric, row.method, _values(row.product), row.peer_name, _values(row.peer), ratio, row.note))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    text.append("One run, one thread, CPU seconds; ratio above 1: the product is faster or more accurate (means over seeds).")
    return "\n".join(text)


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _values(values: Sequence[float]) -> str:
    return " ".join(f"{value:.3g}" for value in values) or "-"
