"""Regimes: a column or several files as settings of the experiment, and the table of their targets."""

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.core import Dataset, UserError
from engine.core.nearest import nearest, with_nearest
from engine.data.findings import Finding, named, repair, verb
from engine.data.history import replay
from engine.data.step import known_columns, repairs

OBSERVATIONAL_NAMES = ("obs", "observational", "observation", "control", "ctrl", "baseline", "none", "untreated", "wt", "0")
NO_TARGET = ("", "-", "none", "nan", "na")
UNKNOWN_TARGET = ("?", "unknown")

Targets = dict[str, tuple[str, ...] | None]


@repairs
def as_regimes(dataset: Dataset, column: str, observational: str | None = None) -> Dataset:
    """Take a column as the name of the setting in which each row was measured; the observational rows come first.

    Parameters
    ----------
    column : becomes the regimes and is no variable any more; a row without a value is a `UserError`.
    observational : which value is the observational setting; by default one called obs, control, ... or the first.
    """
    known_columns(dataset, [column])
    values = dataset.frame[column]
    if values.isna().any():
        raise UserError(f"Column {column} has {values.isna().sum():,} gaps.", "Remove these rows, then use it for the regimes.", column)
    labels = [f"{v:g}" if isinstance(v, float) else str(v) for v in values]
    regimes = list(dict.fromkeys(labels))
    usual = next((r for r in regimes if r.strip().lower() in OBSERVATIONAL_NAMES), regimes[0])
    first = usual if observational is None else observational
    if first not in regimes:
        raise UserError(f"Column {column} has no value '{first}'.", f"Its values are: {named(regimes)}.", column)
    rank = {regime: i for i, regime in enumerate([first, *(r for r in regimes if r != first)])}
    order = np.argsort([rank[label] for label in labels], kind="stable")
    frame = dataset.frame.drop(columns=column).iloc[order]
    if frame.shape[1] == 0:
        raise UserError(f"{column} is the only column of {dataset.name}.", "Choose a table with variables beside it.", column)
    regime = tuple(labels[i] for i in order)
    return dataclasses.replace(dataset, frame=frame, kind="interventional", regime=regime, targets={first: ()})


@repairs
def drop_regimes(dataset: Dataset, regimes: Sequence[str]) -> Dataset:
    """Remove all rows of these regimes."""
    from engine.data.transform import keep_rows

    for regime in regimes:
        if regime not in dataset.regimes:
            raise UserError(f"{dataset.name} has no regime '{regime}'.", f"Its regimes are: {named(dataset.regimes)}.", regime)
    return keep_rows(dataset, np.array([label not in regimes for label in dataset.regime or ()], dtype=bool))


@repairs
def with_targets(dataset: Dataset, targets: Mapping[str, Sequence[str] | None]) -> Dataset:
    """Say which variables each regime intervened on: () for none, None for unknown; other regimes keep what they had."""
    known = dict(dataset.targets) | {regime: None if goal is None else tuple(goal) for regime, goal in targets.items()}
    return dataclasses.replace(dataset, targets=known)


def combine(
    datasets: Mapping[str, Any],
    targets: Mapping[str, Sequence[str] | None] | None = None,
    name: str = "combined",
) -> Dataset:
    """Stack several tables as regimes; the first, or the one named ``obs``, is the observational one.

    Parameters
    ----------
    datasets : regime -> Dataset, path of a file, or the steps that make the table (as in ``Dataset.steps``).
    targets : regime -> variables intervened on; a missing entry means unknown.

    Raises
    ------
    UserError
        When the tables' columns differ, or a target is not a column.
    """
    if len(datasets) < 2:
        raise UserError("One table makes no regimes.", "Add a second file, or use a column as the regime.")
    tables = {regime: _table(table) for regime, table in datasets.items()}
    made = Dataset.from_frames({regime: table.frame for regime, table in tables.items()}, targets, name)
    sources = "; ".join(dict.fromkeys(table.source for table in tables.values() if table.source))
    licences = "; ".join(dict.fromkeys(table.licence for table in tables.values() if table.licence))
    made = dataclasses.replace(made, source=sources, licence=licences)
    if not all(table.steps for table in tables.values()):
        return made
    goals = None if targets is None else {regime: None if goal is None else list(goal) for regime, goal in targets.items()}
    steps = {regime: [[call, dict(arguments)] for call, arguments in table.steps] for regime, table in tables.items()}
    return made.after("engine.data.combine", datasets=steps, targets=goals, name=name)


@dataclass(frozen=True)
class TargetsReport:
    """What a target table says and what does not match; `targets` holds the entries that match."""

    targets: Mapping[str, tuple[str, ...] | None]
    findings: tuple[Finding, ...]


def read_targets(source: str | Path | bytes, *, filename: str = "targets.csv") -> Targets:
    """Read a table with the columns environment and target, one row per target.

    An empty target (or none) marks an environment without targets, ``?`` one whose targets are unknown.
    """
    from engine.data import text
    from engine.data.safety import TEXT, checked_file, opened

    content, label = (source, filename) if isinstance(source, bytes) else (checked_file(source), Path(source).name)
    content, label = opened(content, label, allowed=TEXT)
    decoded, _ = text.decode(content, None, label)
    try:
        rows = list(csv.reader(decoded.splitlines(), delimiter=text.layout_of(decoded).separator))
    except csv.Error as problem:
        raise UserError(f"{label} cannot be read: {problem}.", "It needs the columns environment and target.", label) from None
    names = {name.strip().lower(): i for i, name in enumerate(rows[0])}
    environment = next((names[n] for n in ("environment", "regime", "experiment", "setting", "condition") if n in names), None)
    target = next((names[n] for n in ("target", "targets", "variable", "gene") if n in names), None)
    if environment is None or target is None:
        fix = "It needs the columns environment and target, one row per target."
        raise UserError(f"The target table has the columns {named(rows[0])}.", fix, "targets")
    targets: Targets = {}
    for cells in rows[1:]:
        regime, goal = (cells[place].strip() if place < len(cells) else "" for place in (environment, target))
        if goal.lower() in UNKNOWN_TARGET:
            targets[regime] = None
        elif goal.lower() in NO_TARGET:
            targets.setdefault(regime, ())
        else:
            targets[regime] = (*(targets.get(regime) or ()), goal)
    targets.pop("", None)
    return targets


def inspect_targets(targets: Mapping[str, tuple[str, ...] | None], dataset: Dataset) -> TargetsReport:
    """Match the names of a target table to the regimes and columns of a dataset.

    Returns
    -------
    The entries that match, and one finding per kind of mismatch with the nearest matches; its repair sets the targets with
    every unmatched name replaced by its nearest match, names without one left out.
    """
    known = {regime: goal for regime, goal in targets.items() if regime in dataset.regimes}
    wrong_regimes = [regime for regime in targets if regime not in dataset.regimes]
    wrong = list(dict.fromkeys(t for goal in targets.values() for t in goal or () if t not in dataset.columns))
    free = [regime for regime in dataset.regimes if regime not in targets]
    renamed = {name: nearest(name, dataset.columns) for name in wrong}
    moved = {name: nearest(name, free) for name in wrong_regimes}
    matched = {regime: _kept(goal, dict.fromkeys(wrong)) for regime, goal in known.items()}
    findings = []
    if wrong or wrong_regimes:
        corrected: Targets = {regime: _kept(goal, renamed) for regime, goal in known.items()}
        corrected |= {place: _kept(targets[regime], renamed) for regime, place in moved.items() if place}
        ready = {regime: None if goal is None else list(goal) for regime, goal in corrected.items()}
        offer = (repair("Use the nearest matches", "with_targets", targets=ready),) if corrected else ()
        for code, what, names, place, choices in (
            ("unmatched-targets", verb(wrong, "target", "targets"), wrong, "columns", dataset.columns),
            ("unmatched-regimes", verb(wrong_regimes, "environment", "environments"), wrong_regimes, "regimes", free),
        ):
            if names:
                listed = named(with_nearest(names, choices))
                message = f"{len(names)} {what} {verb(names, 'is', 'are')} not among the {place} of {dataset.name}: {listed}."
                findings.append(Finding(code, "stop", message, names[0], tuple(names), offer))
    return TargetsReport(matched, tuple(findings))


def _kept(goal: tuple[str, ...] | None, renamed: Mapping[str, str | None]) -> tuple[str, ...] | None:
    """Rename targets and leave out those without a new name; None when nothing is left, for then they are unknown."""
    if goal is None or goal == ():
        return goal
    kept = tuple(dict.fromkeys(new for new in (renamed.get(target, target) for target in goal) if new))
    return kept or None


def _table(table: Any) -> Dataset:
    if isinstance(table, (Dataset, pd.DataFrame)):
        return Dataset.of(table)
    if isinstance(table, (str, Path)):
        from engine.data.files import read

        return read(table)
    return replay([(call, arguments) for call, arguments in table])
