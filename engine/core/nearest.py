"""The name that a user may have meant."""

import difflib
from collections.abc import Iterable, Sequence


def nearest(name: str, choices: Sequence[str]) -> str | None:
    """Return the choice most like ``name``, capitals and punctuation aside; None when nothing is near.

    Examples
    --------
    >>> nearest("p-Erk", ["Raf", "pErk"])
    'pErk'
    """
    known = {plain(choice): choice for choice in reversed(choices)}
    match = difflib.get_close_matches(plain(name), known, n=1, cutoff=0.6)
    return known[match[0]] if match else None


def with_nearest(names: Iterable[str], choices: Sequence[str]) -> list[str]:
    """Write each name with the choice nearest to it: ``pkc (nearest: PKC)``."""
    matches = {name: nearest(name, choices) for name in names}
    return [f"{name} (nearest: {match})" if match else f"{name} (nothing near)" for name, match in matches.items()]


def plain(name: str) -> str:
    """Return the letters and digits of a name without capitals."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
