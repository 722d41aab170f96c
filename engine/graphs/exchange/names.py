"""Node names inside text: quoted where they are more than a plain word."""

import re

from engine.core import UserError

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
_BACK = {written: plain for plain, written in _ESCAPES.items()}


def quoted(name: str) -> str:
    """Return the name in double quotes, with quotes, backslashes and line ends escaped."""
    return '"' + re.sub(r'[\\"\n\r]', lambda found: _ESCAPES[found[0]], name) + '"'


def unquoted(text: str) -> str:
    """Return the name that `quoted` wrote; text without quotes is a name as it stands."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    return re.sub(r'\\[\\"nr]', lambda found: _BACK[found[0]], text[1:-1])


def safe_cell(name: str) -> str:
    """Return the name as a CSV cell that a spreadsheet does not take for a formula: an apostrophe goes in front."""
    return "'" + name if re.match(r"'*[=+\-@\t\r]", name) else name


def from_cell(cell: str) -> str:
    """Return the name that `safe_cell` wrote."""
    return cell[1:] if re.match(r"'+[=+\-@\t\r]", cell) else cell


def distinct(names: list[str]) -> tuple[str, ...]:
    """Return the names as a tuple, or complain about the first that appears twice."""
    for i, name in enumerate(names):
        if name in names[:i]:
            raise UserError(f"Two nodes are called '{name}'.", "Rename one of them.", name)
    return tuple(names)
