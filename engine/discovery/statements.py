"""Statements about causes as text: ``age, sex < smoking < cancer; smoking --> tar; cancer -/-> tar``."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.core import UserError

Kind = Literal["before", "required", "forbidden"]
EVERY = "*"
SIGNS: dict[str, Kind] = {
    "<": "before", "-->": "required", "->": "required", "→": "required", "-/->": "forbidden", "-/>": "forbidden", "↛": "forbidden",
}  # fmt: skip
DRAWN: dict[Kind, str] = {"before": "<", "required": "-->", "forbidden": "-/->"}
_PART = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^;"])+')  # up to a semicolon outside quotes
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|-/->|-/>|-->|->|→|↛|<|,|(?:(?!-/->|-/>|-->|->)[^"<,→↛])+)')


@dataclass(frozen=True)
class Statement:
    """One statement: these variables come before those, or drive them, or do not drive them directly.

    Attributes
    ----------
    text : as it was written.
    kind : ``before``, ``required`` or ``forbidden``.
    left, right : the variables on both sides.
    """

    text: str
    kind: Kind
    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every variable of the left side with every one of the right side."""
        return ((a, b) for a in self.left for b in self.right if a != b)


def statements(text: str, names: Sequence[str]) -> list[Statement]:
    """Read statements, one a line or with semicolons between them; a line that begins with # is a remark.

    Parameters
    ----------
    text : ``A, B < C < D``: A and B come before C, and C before D. ``A --> C``: A drives C. ``D -/-> A``: D does not drive A; ``*`` is
        every variable. A name with one of the signs ``, ; < " -->`` in it stands in double quotes.
    names : of the variables.

    Raises
    ------
    UserError
        When a statement has no sign between two sides, a side is empty, or a name is not among the variables.
    """
    return [statement for part in split(text) for statement in _statement(part, names)]


def split(text: str) -> list[str]:
    """Return the statements of a text one by one, remarks left out."""
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
    return [part.strip() for line in lines for part in _PART.findall(line) if part.strip()]


def write(before: Sequence[Sequence[str]] = (), required: Sequence[tuple[str, str]] = (), forbidden: Sequence[tuple[str, str]] = ()) -> str:
    """Write tiers, first to last, and arrows as text that `statements` reads back."""
    lines = [" < ".join(", ".join(map(_quoted, tier)) for tier in before if tier)] if sum(map(bool, before)) > 1 else []
    for kind, arrows in (("required", required), ("forbidden", forbidden)):
        lines += [f"{_quoted(a)} {DRAWN[kind]} {_quoted(b)}" for a, b in arrows]  # type: ignore[index]
    return "\n".join(lines)


def from_tetrad(text: str) -> str:
    """Turn a knowledge file of Tetrad into statements.

    Raises
    ------
    UserError
        When a line is not what its section holds.

    Notes
    -----
    Sections ``addtemporal`` (a number, then the names of a tier; ``*`` behind the number forbids arrows inside it), ``forbiddirect`` and
    ``requiredirect`` (two names a line); names are parted by white space or commas.
    """
    tiers: dict[int, list[str]] = {}
    arrows: Mapping[str, list[tuple[str, str]]] = {"forbiddirect": [], "requiredirect": []}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        words = re.split(r"[\s,]+", line.strip())
        if words in ([""], ["/knowledge"]):
            continue
        if words[0] in ("addtemporal", *arrows):
            section = words[0]
        elif section == "addtemporal" and words[0].rstrip("*").isdigit():
            tier = tiers.setdefault(int(words[0].rstrip("*")), [])
            tier += words[1:]
            if words[0].endswith("*"):
                arrows["forbiddirect"].extend((a, b) for a in words[1:] for b in words[1:] if a != b)
        elif section in arrows and len(words) == 2:
            arrows[section].append((words[0], words[1]))
        else:
            raise UserError(
                f"Line {number} of the knowledge file, '{line.strip()}', fits no section.",
                "Sections are addtemporal, forbiddirect, requiredirect.",
            )
    return write([tiers[tier] for tier in sorted(tiers)], arrows["requiredirect"], arrows["forbiddirect"])


def _statement(text: str, names: Sequence[str]) -> Iterator[Statement]:
    """Read one statement; a chain of ``<`` is several."""
    tokens = [token.strip() for token in _TOKEN.findall(text)]
    sides: list[list[str]] = [[]]
    signs: list[Kind] = []
    for token in tokens:
        if token in SIGNS:
            signs.append(SIGNS[token])
            sides.append([])
        elif token and token != ",":
            sides[-1].append(token[1:-1].replace('\\"', '"') if token.startswith('"') else token)
    if not signs or not all(sides) or (len(signs) > 1 and set(signs) != {"before"}):
        raise UserError(
            f"'{text}' is no statement about causes.",
            "Write A, B < C for what comes before what, A --> C for an arrow that must be there, C -/-> A for one that cannot be.", text,
        )  # fmt: skip
    known = [_known(side, names, text, EVERY in side and signs[0] == "forbidden") for side in sides]
    if signs[0] != "before":
        yield Statement(text, signs[0], known[0], known[1])
        return
    for n, earlier in enumerate(known):
        later = tuple(name for side in known[n + 1 :] for name in side)
        if later:
            yield Statement(text, "before", earlier, later)


def _known(side: Sequence[str], names: Sequence[str], text: str, every: bool) -> tuple[str, ...]:
    """Return the variables that one side names."""
    if every:
        return tuple(names)
    for name in side:
        if name not in names:
            close = difflib.get_close_matches(name, names, 3)
            fix = (
                f"Did you mean {' or '.join(close)}?"
                if close
                else f"The variables are: {', '.join(names[:10])}{' …' if len(names) > 10 else ''}."
            )
            raise UserError(f"'{text}' names {name}, which is not a variable.", fix, name)
    return tuple(side)


def _quoted(name: str) -> str:
    """Put a name into double quotes where it would be misread."""
    plain = not re.search(r'[,;<"→↛\n#*]|->|/>|^\s|\s$|^$', name)
    return name if plain else '"' + name.replace('"', '\\"') + '"'
