"""The Python behind a result: a few lines that make it again."""

from collections.abc import Mapping

from engine.core.result import Result
from engine.core.tables import Data, Tables


def recipe(result: Result, data: Data | None = None) -> str:
    """Return Python that reads the data, runs the method and checks that the digest is the same.

    Parameters
    ----------
    result : a result with provenance.
    data : what it was made from; its steps become the first lines.
    """
    made = result.provenance
    if made is None:
        raise ValueError("a result without provenance has no recipe")
    history = data_recipe(data) if data is not None else []
    lines = ["import engine", "", *(history or [f"data = engine.read({made.data_name!r})  # the table with digest {made.data}"])]
    keywords = _keywords(made.params)
    lines.append(f'result = engine.run("{made.method}", data, {keywords})')
    if result.is_complete:
        lines.append(f'assert result.digest == "{result.digest}"')
    else:
        lines.append("# the time limit stopped the search, so another run may find another graph")
    return "\n".join(lines) + "\n"


def data_recipe(data: Data, name: str = "data") -> list[str]:
    """Return the lines of Python that make data called ``name`` by their steps; empty when there is no history.

    A step without a package says what was done inside the one before it and is not called.
    """
    if isinstance(data, Tables):
        made = {part: data_recipe(table, part) for part, table in data.tables.items()}
        parts = ", ".join(f'"{part}": {part}' for part in made)
        return [*(line for lines in made.values() for line in lines), f"{name} = {{{parts}}}"] if all(made.values()) else []
    if not data.steps or "." not in data.steps[0][0]:
        return []
    (first, arguments), *rest = data.steps
    later = [f"{name} = {call}({name}, {_keywords(arguments)})" for call, arguments in rest if "." in call]
    return [f"{name} = {first}({_keywords(arguments)})", *later]


def _keywords(arguments: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())
