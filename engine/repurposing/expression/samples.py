"""Who is treated and who is control: samples of a table found in its design, and the two groups to compare."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.core.nearest import plain
from engine.repurposing.columns import column_of, labels

CONTROLS = (
    "control", "controls", "ctrl", "ctl", "mock", "dmso", "vehicle", "untreated", "healthy", "normal", "wt", "wildtype", "young", "placebo",
    "uninfected", "baseline", "negative", "20-29",
)  # fmt: skip
SAMPLE = ("sample", "sampleid", "samplename", "id", "name", "run", "gsm", "geoaccession")
GROUP = ("group", "condition", "treatment", "status", "disease", "state", "age", "agegroup", "class")

Floats = NDArray[np.float64]


def samples_in(design: pd.DataFrame, columns: Iterable[str], where: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows of a design whose samples are columns of a table, in the order of the columns, and what was left out.

    Parameters
    ----------
    design : with a column of samples and one of groups under usual names.
    columns : samples of the table of expression.
    where : the design, as named in messages.

    Returns
    -------
    Frame with samples (as spelt in the table) as index, ``group`` first; sentences.

    Raises
    ------
    UserError
        When a column is missing, a sample is listed twice, or no sample of the design is in the table.
    """
    sample, group = (column_of(design, usual, usual[0], where) for usual in (SAMPLE, GROUP))
    names, groups = labels(design[sample]), labels(design[group])
    if names.duplicated().any():
        raise UserError(f"Sample {names[names.duplicated()].iloc[0]} stands in {where} twice.", "Keep one row per sample.", where)
    there = list(columns)
    row = {_spelling(name): k for k, name in enumerate(names)} | {name: k for k, name in enumerate(names)}
    found = {column: row.get(column, row.get(_spelling(column))) for column in there}
    kept = {column: k for column, k in found.items() if k is not None and groups.iloc[k]}
    if not kept:
        raise UserError(
            f"No sample of {where} is a column of the expression table: {', '.join(names[:3])} … against {', '.join(there[:3])} …",
            "Use the same names in both.", where,
        )  # fmt: skip
    said = []
    if left := [column for column in there if column not in kept]:
        said.append(f"{len(left)} samples without a group in {where} are left out ({', '.join(left[:5])}{' …' if len(left) > 5 else ''}).")
    used = set(kept.values())
    if lost := [name for k, name in enumerate(names) if k not in used and groups.iloc[k]]:
        said.append(f"{len(lost)} samples of {where} have no column of expression ({', '.join(lost[:5])}{' …' if len(lost) > 5 else ''}).")
    frame = design.iloc[list(kept.values())].drop(columns=sample).set_axis(list(kept), axis=0)
    frame.insert(0, "group", labels(frame.pop(group)).astype(str))
    return frame, tuple(said)


def two_groups(groups: "pd.Series[str]", treated: str, control: str, where: str) -> tuple[str, str]:
    """Return the names of the treated and the control group: those asked for, or the guess where names leave no doubt.

    Raises
    ------
    UserError
        When a name is unknown, or names leave doubt; it lists the groups.
    """
    names = tuple(dict.fromkeys(groups))
    listed = ", ".join(f"{name} ({(groups == name).sum()})" for name in names)
    folded = {name.casefold(): name for name in reversed(names)}
    asked = [folded.get(name.strip().casefold()) for name in (treated, control)]
    for name, found, field in zip((treated, control), asked, ("treated", "control"), strict=True):
        if name and found is None:
            raise UserError(f"There is no group {name} in {where}.", f"The groups are: {listed}.", field)
    high, low = asked
    low = low or _only(name for name in names if name != high and is_control(name))
    low = low or (_only(name for name in names if name != high) if high else None)
    high = high or _only(name for name in names if name != low)
    if low is None or high is None or low == high:
        raise UserError(f"Which group of {where} is treated and which is control? There are {listed}.", "Name both groups.", "treated")
    return high, low


def is_control(name: str) -> bool:
    """Say whether a group bears one of the usual names of controls."""
    words = {name.casefold().strip(), *re.split(r"[^a-z0-9]+", name.casefold())}
    return not words.isdisjoint(CONTROLS)


def design_matrix(design: pd.DataFrame, treated: str, covariates: Sequence[str], where: str) -> tuple[Floats, tuple[str, ...]]:
    """Return the (n, p) design: ones, a column per further level of each covariate, who is treated; and the covariates used.

    Parameters
    ----------
    covariates : columns of the design, capitals aside; ``batch`` may be missing.
    """
    columns: list[Floats] = [np.ones(len(design))]
    used: list[str] = []
    known = {column.casefold(): column for column in reversed(design.columns)}
    for name in dict.fromkeys(covariates):
        if name.casefold() not in known:
            if name.casefold() == "batch":
                continue
            raise UserError(f"{where} has no column {name}.", f"Its columns are: {', '.join(design.columns)}.", "covariates")
        labels = design[known[name.casefold()]]
        if labels.isna().any():
            raise UserError(
                f"{name} of sample {labels.index[labels.isna()][0]} is missing in {where}.", "Fill it in, or leave it out.", name
            )
        levels = sorted(labels.astype(str).unique())
        columns += [np.where(labels.astype(str) == level, 1.0, 0.0) for level in levels[1:]]
        used += [name] if len(levels) > 1 else []
    columns.append(np.where(design["group"] == treated, 1.0, 0.0))
    return np.column_stack(columns), tuple(used)


def _only(names: Iterable[str]) -> str | None:
    """Return the name where there is exactly one."""
    found = list(names)
    return found[0] if len(found) == 1 else None


def _spelling(name: str) -> str:
    """Return a sample's name without what R changes when it makes names: punctuation, and an X before a digit."""
    return re.sub(r"^x(?=\d)", "", plain(str(name)))
