"""Who is who on a screen: which profiles are replicates of one drug in one cell line, and which controls they are compared with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.repurposing.columns import flags, numbers

LEAST_CONTROLS = 3  # a plate with fewer is compared with the controls of its whole cell line
LEAST_REPLICATES = 3  # below it the noise of a drug's signature cannot be told from its effect
ONE_LINE = "all"  # name of the cell line where none is stated
DOSES = ("all", "highest")
SHOWN = 5  # names listed in a sentence

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Design:
    """What each of n profiles is, by number.

    Parameters
    ----------
    groups : one row per drug and cell line: ``drug``, ``cell``, ``replicates``, ``plates``, ``doses``, ``times`` (numbers of different
        ones), ``controls`` (that the line has), ``plate_controls`` (share of its profiles with controls on their own plate).
    group : (n,) row of ``groups`` of each profile; -1 for controls and profiles left out.
    plate : (n,) number of the plate within its line of each treated or control profile; -1 where left out.
    line_of_plate : (P,) row of ``lines`` of each plate.
    has_controls : (P,) whether the plate has `LEAST_CONTROLS` controls of its own.
    is_control : (n,) bool.
    lines : names of the L cell lines.
    has_reference : whether there are controls; without them a profile already is a difference from something.
    sentences : what was left out or mixed, for the reader.
    """

    groups: pd.DataFrame
    group: Codes
    plate: Codes
    line_of_plate: Codes
    has_controls: NDArray[np.bool_]
    is_control: NDArray[np.bool_]
    lines: tuple[str, ...]
    has_reference: bool
    sentences: tuple[str, ...]

    @property
    def line(self) -> Codes:
        """(n,) row of ``lines`` of each profile; -1 where left out."""
        return np.where(self.plate >= 0, self.line_of_plate[self.plate], -1)


def design_of(rows: pd.DataFrame, *, cell: str = "", doses: str = "all", is_differential: bool = False) -> Design:
    """Sort the profiles of a screen into drugs, cell lines, plates and controls.

    Parameters
    ----------
    rows : (n, k) facts per profile; ``drug`` must be there; ``cell``, ``plate``, ``dose_um``, ``time_h`` and ``is_control`` may be.
    cell : the only cell line wanted; empty for all.
    doses : ``all`` averages over the doses of a drug, ``highest`` keeps the profiles at its highest one in each line.
    is_differential : whether the values already are differences from controls, such as z-scores; then no controls are asked for.

    Raises
    ------
    UserError
        When no drug is named, the cell line is not there, or no cell line has controls.
    """
    drug, line = _drugs(rows), _text(rows, "cell", ONE_LINE)
    control = flags(rows["is_control"], "the screen") if "is_control" in rows else np.zeros(len(rows), dtype=bool)
    wanted = (control | (drug != "")) & (_lines_wanted(line, cell))
    sentences = _unnamed(drug, control)
    if not is_differential:
        wanted = _with_controls(wanted, control, line, sentences)
    if doses == "highest":
        if "dose_um" not in rows or np.isnan(numbers(rows["dose_um"])).all():
            sentences.append("No dose is known, so the highest of a drug cannot be told: all its profiles are kept.")
        wanted &= control | _highest(rows, drug, line)
    treated = wanted & ~control
    if not treated.any():
        raise UserError("No profile of a treated sample is left.", "Choose another cell line, or check which rows are controls.", "screen")
    lines, line_code = _codes(line, wanted)
    plate, line_of_plate = _plates(_text(rows, "plate", ""), line_code, wanted)
    counts = np.bincount(plate[wanted & control], minlength=len(line_of_plate))
    has_controls = counts >= LEAST_CONTROLS
    groups, group = _groups(rows, drug, line, treated, plate)
    groups["controls"] = groups["cell"].map(pd.Series(line[wanted & control]).value_counts()).fillna(0).astype(int)
    own = pd.Series(has_controls[plate[treated]]).groupby(group[treated]).mean()
    groups["plate_controls"] = own.reindex(range(len(groups))).to_numpy(float)
    sentences += _mixed(groups, doses) + _few(groups, has_controls, is_differential)
    return Design(groups, group, plate, line_of_plate, has_controls, control & wanted, tuple(lines), not is_differential, tuple(sentences))


def _drugs(rows: pd.DataFrame) -> NDArray[np.object_]:
    if "drug" not in rows:
        raise UserError(
            "The screen does not say which drug each profile is of.",
            f"Add a column drug (or pert_iname); the facts given are: {', '.join(map(str, rows.columns[:20]))}.", "drug",
        )  # fmt: skip
    return _text(rows, "drug", "")


def _text(rows: pd.DataFrame, name: str, missing: str) -> NDArray[np.object_]:
    """(n,) one fact as text, without spaces around it."""
    if name not in rows:
        return np.full(len(rows), missing, dtype=object)
    values = rows[name].astype(object)
    return values.where(values.notna(), missing).astype(str).str.strip().to_numpy(object)


def _lines_wanted(line: NDArray[np.object_], cell: str) -> NDArray[np.bool_]:
    if not cell:
        return np.ones(len(line), dtype=bool)
    if cell not in line:
        known = sorted(set(line))
        more = " …" if len(known) > 20 else ""
        raise UserError(f"The screen has no cell line '{cell}'.", f"It has: {', '.join(known[:20])}{more}.", "cell")
    return np.asarray(line == cell)


def _unnamed(drug: NDArray[np.object_], control: NDArray[np.bool_]) -> list[str]:
    n = int(((drug == "") & ~control).sum())
    return [f"{n:,} profiles name no drug and are left out."] if n else []


def _with_controls(
    wanted: NDArray[np.bool_], control: NDArray[np.bool_], line: NDArray[np.object_], sentences: list[str]
) -> NDArray[np.bool_]:
    """Leave out the lines without controls, and say which."""
    have = set(line[control & wanted])
    without = sorted(set(line[wanted]) - have)
    if not have:
        counts = pd.Series(line[wanted]).value_counts().head(SHOWN)
        listed = ", ".join(f"{name}: {n} profiles" for name, n in counts.items())
        raise UserError(
            f"The screen has no controls ({listed}; 0 controls), and its values are not differences.",
            "Mark the vehicle wells (DMSO) in a column is_control or pert_type (ctl_vehicle), or give z-scores against controls.",
            "is_control",
        )
    if without:
        gone = np.isin(line, without)
        sentences.append(
            f"{len(without)} cell lines have no controls and are left out ({int((gone & wanted).sum()):,} profiles): {_listed(without)}."
        )
        wanted = wanted & ~gone
    return wanted


def _highest(rows: pd.DataFrame, drug: NDArray[np.object_], line: NDArray[np.object_]) -> NDArray[np.bool_]:
    """(n,) whether a profile is at the highest known dose of its drug in its line; all where no dose is known."""
    if "dose_um" not in rows:
        return np.ones(len(rows), dtype=bool)
    dose = pd.Series(numbers(rows["dose_um"]))
    highest = dose.groupby([drug, line]).transform("max")
    return (highest.isna() | (dose >= highest * (1 - 1e-6))).to_numpy()


def _codes(names: NDArray[np.object_], wanted: NDArray[np.bool_]) -> tuple[list[str], Codes]:
    """Return the names among those wanted, sorted, and the (n,) number of each; -1 for the others."""
    known = sorted(set(names[wanted]))
    codes = pd.Series(names).map({name: k for k, name in enumerate(known)}).fillna(-1).to_numpy(np.int64)
    return known, np.where(wanted, codes, -1)


def _plates(plate: NDArray[np.object_], line_code: Codes, wanted: NDArray[np.bool_]) -> tuple[Codes, Codes]:
    """Return the (n,) number of each profile's plate, counted within lines, and the (P,) line of each plate."""
    _, plate_code = _codes(plate, wanted)
    pairs = line_code * (plate_code.max() + 1) + plate_code
    known, inverse = np.unique(pairs[wanted], return_inverse=True)
    numbers = np.full(len(plate), -1, dtype=np.int64)
    numbers[wanted] = inverse
    return numbers, known // (plate_code.max() + 1)


def _groups(
    rows: pd.DataFrame, drug: NDArray[np.object_], line: NDArray[np.object_], treated: NDArray[np.bool_], plate: Codes
) -> tuple[pd.DataFrame, Codes]:
    """Return one row per drug and line with its counts, in order of line and drug, and the (n,) row of each profile."""
    chosen = np.flatnonzero(treated)
    facts: dict[str, Any] = {"drug": drug[chosen], "cell": line[chosen], "plate": plate[chosen]}
    for name in ("dose_um", "time_h"):
        facts[name] = rows[name].to_numpy()[chosen] if name in rows else np.nan
    by_group = pd.DataFrame(facts).groupby(["cell", "drug"], sort=True)
    groups = by_group.agg(
        replicates=("plate", "size"), plates=("plate", "nunique"), doses=("dose_um", "nunique"), times=("time_h", "nunique")
    ).reset_index()
    group = np.full(len(rows), -1, dtype=np.int64)
    group[chosen] = by_group.ngroup().to_numpy()
    return groups[["drug", "cell", "replicates", "plates", "doses", "times"]], group


def _mixed(groups: pd.DataFrame, doses: str) -> list[str]:
    told = []
    mixed = int((groups["doses"] > 1).sum())
    if mixed and doses == "all":
        told.append(f"{mixed:,} of {len(groups):,} drug signatures average over several doses; 'highest' keeps one dose per drug.")
    times = int((groups["times"] > 1).sum())
    if times:
        told.append(f"{times:,} of {len(groups):,} drug signatures average over several times of treatment.")
    return told


def _few(groups: pd.DataFrame, has_controls: NDArray[np.bool_], is_differential: bool) -> list[str]:
    told = []
    few = groups[groups["replicates"] < LEAST_REPLICATES]
    if len(few):
        told.append(
            f"{len(few):,} of {len(groups):,} drug signatures rest on fewer than {LEAST_REPLICATES} profiles, such as "
            f"{_listed([f'{drug} in {cell}' for drug, cell in zip(few['drug'], few['cell'], strict=True)])}."
        )
    if is_differential:
        return told
    poor = groups.loc[groups["controls"] < LEAST_CONTROLS, "cell"].unique()
    if len(poor):
        told.append(f"Fewer than {LEAST_CONTROLS} controls in {_listed(sorted(poor))}: their signatures carry the noise of these few.")
    if len(has_controls) > 1 and not has_controls.all():
        told.append(
            f"{int((~has_controls).sum()):,} of {len(has_controls):,} plates have fewer than {LEAST_CONTROLS} controls; their profiles are "
            "compared with all controls of their cell line."
        )
    return told


def _listed(names: list[str]) -> str:
    return ", ".join(map(str, names[:SHOWN])) + (" …" if len(names) > SHOWN else "")
