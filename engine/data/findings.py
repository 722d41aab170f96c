"""What the data doctor and the readers say: findings, and the one-click repairs they offer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from engine.core import UserError

if TYPE_CHECKING:
    import pandas as pd

    from engine.core import Dataset

Level = Literal["stop", "warn", "note"]
ORDER: Mapping[Level, int] = {"stop": 0, "warn": 1, "note": 2}
READ = "engine.read"
NAMED = 5  # columns named in a message; more are counted


@dataclass(frozen=True)
class Repair:
    """One way out of a finding.

    Attributes
    ----------
    label : text of the button.
    call : ``engine.read`` (the file is read again with the arguments added to the options) or ``engine.data.<function>``.
    arguments : JSON-ready keyword arguments.
    asks : name of an argument whose value only the user knows; the page asks for it. Empty when nothing is missing.
    """

    label: str
    call: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    asks: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing worth saying about a file or a table.

    Attributes
    ----------
    code : stable name, such as ``constant``.
    level : ``stop`` (no method can run), ``warn`` (results would mislead) or ``note``.
    message : a sentence naming the place and the consequence.
    where : column, row or regime to point at; may be empty.
    columns : the columns concerned.
    repairs : the ways out, the best first.
    """

    code: str
    level: Level
    message: str
    where: str = ""
    columns: tuple[str, ...] = ()
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True)
class FileReport:
    """What was found in an uploaded file.

    Attributes
    ----------
    findings : what the reader has to say, stops first; the doctor's findings on the table come from `examine`.
    dataset : the table, or None when something stops.
    preview : the first rows as they would be read; may be empty.
    options : the options given and detected; give them to `read` for the same table.
    """

    findings: tuple[Finding, ...]
    dataset: "Dataset | None"
    preview: "pd.DataFrame"
    options: Mapping[str, Any]


class Refusal(UserError):
    """A file or table that cannot be used as it is; carries the finding that says why, and a preview where one can be had."""

    def __init__(self, finding: Finding, preview: "pd.DataFrame | None" = None):
        fixes = " Or: ".join(f"{repair.label} ({_spelled(repair)})." for repair in finding.repairs[:3])
        super().__init__(finding.message, fixes, finding.where)
        self.finding, self.preview = finding, preview


def refuse(code: str, message: str, *repairs: Repair, where: str = "", columns: tuple[str, ...] = ()) -> Refusal:
    """Make the error that stops a reader."""
    return Refusal(Finding(code, "stop", message, where, columns, repairs))


def reread(label: str, asks: str = "", **options: Any) -> Repair:
    """Offer to read the file again with these options."""
    return Repair(label, READ, options, asks)


def repair(label: str, function: str, **arguments: Any) -> Repair:
    """Offer a function of `engine.data.transform` or `engine.data.regimes`."""
    return Repair(label, f"engine.data.{function}", arguments)


def named(names: Any) -> str:
    """List the first few names and count the rest: ``A, B and 3 more``."""
    names = [str(name) for name in names]
    if len(names) <= NAMED:
        return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED:,} more"


def stops_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put findings in order: stops, then warnings, then notes, each as they came."""
    return tuple(sorted(findings, key=lambda finding: ORDER[finding.level]))


def verb(names: Any, one: str, several: str) -> str:
    """Choose the form of a verb that fits the number of names."""
    return one if len(list(names)) == 1 else several


def _spelled(offer: Repair) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in offer.arguments.items()) or offer.call
