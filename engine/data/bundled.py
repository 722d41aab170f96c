"""Samples that come with the product, each with its source and licence."""

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
    """List the bundled samples, measured ones first."""
    facts = [_facts(path.stem) for path in sorted(SAMPLES.glob("*.json"))]
    found = [Sample(**{f.name: fact[f.name] for f in dataclasses.fields(Sample)}) for fact in facts]
    return tuple(sorted(found, key=lambda sample: sample.source.startswith("simulated")))


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


def keep(made: Dataset, name: str, label: str, about: str) -> None:
    """Write a dataset into the folder of samples: the table as parquet, what is known about it as JSON beside it."""
    frame = made.frame.assign(**{REGIME: made.regime}) if made.regime else made.frame
    frame.to_parquet(SAMPLES / f"{name}.parquet", compression="zstd", index=False)
    facts = {
        "name": name, "label": label, "about": about, "source": made.source, "licence": made.licence, "kind": made.kind,
        "targets": {regime: None if goal is None else list(goal) for regime, goal in made.targets.items()},
        "truth": dict(made.truth), "steps": list(made.steps),
    }  # fmt: skip
    (SAMPLES / f"{name}.json").write_text(json.dumps(facts, ensure_ascii=False, separators=(",", ":")) + "\n")


@lru_cache(maxsize=32)
def _facts(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return facts
