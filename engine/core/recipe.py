"""The Python behind a result: a few lines that make it again."""

from collections.abc import Mapping

from engine.core.dataset import Dataset
from engine.core.result import Result


def recipe(result: Result, data: Dataset | None = None) -> str:
    """Return Python that reads the data, runs the method and checks that the digest is the same.

    Parameters
    ----------
    result : a result with provenance.
    data : the dataset it was made from; its steps become the first lines.
    """
    made = result.provenance
    if made is None:
        raise ValueError("a result without provenance has no recipe")
    lines = ["import engine", ""]
    if data is not None and data.steps:
        (first, arguments), *rest = data.steps
        lines.append(f"data = {first}({_keywords(arguments)})")
        lines += [f"data = {call}(data, {_keywords(arguments)})" for call, arguments in rest]
    else:
        lines.append(f'data = engine.read("{made.data_name}")  # the table with digest {made.data}')
    keywords = _keywords(made.params)
    lines += [f'result = engine.run("{made.method}", data, {keywords})', f'assert result.digest == "{result.digest}"']
    return "\n".join(lines) + "\n"


def _keywords(arguments: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())
