"""Bundled samples: ``NAME.parquet`` is the table (a column ``regime`` last), ``NAME.json`` what is known of it."""

import dataclasses
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from engine.core import Dataset, UserError

SAMPLES = Path(__file__).parents[2] / "assets" / "samples"
REGIME = "regime"


@dataclass(frozen=True)
class Sample:
    """A bundled dataset as a page lists it."""

    name: str
    label: str
    about: str
    source: str
    licence: str
    kind: str


@lru_cache(maxsize=1)
def samples() -> tuple[Sample, ...]:
    """List the bundled samples, measured ones first, markets behind the others."""
    facts = [_facts(path.stem) for path in sorted(SAMPLES.glob("*.json"))]
    found = [Sample(**{f.name: fact[f.name] for f in dataclasses.fields(Sample)}) for fact in facts]
    return tuple(sorted(found, key=lambda sample: (sample.source.startswith("simulated"), sample.kind in ("prices", "returns"))))


def sample_names() -> tuple[str, ...]:
    """Names of the bundled samples."""
    return tuple(sample.name for sample in samples())


def sample(name: str) -> Dataset:
    """Load a bundled sample.

    Examples
    --------
    >>> from engine.data import sample
    >>> sample("sachs").frame.shape
    (7466, 11)
    """
    if name not in sample_names():
        raise UserError(f"There is no sample '{name}'.", f"The samples are: {', '.join(sample_names())}.", name)
    facts, frame = _facts(name), pd.read_parquet(SAMPLES / f"{name}.parquet")
    regime = tuple(frame.pop(REGIME)) if facts["kind"] == "interventional" else None
    targets = {label: None if goal is None else tuple(goal) for label, goal in facts["targets"].items()}
    made = Dataset(frame, name, facts["kind"], facts["source"], facts["licence"], regime, targets, truth=facts["truth"])
    return made.after("engine.sample", name=name)


@lru_cache(maxsize=32)
def _facts(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return facts
