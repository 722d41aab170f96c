"""The decorator that makes a function on datasets a repair: it writes itself into the dataset's history."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from engine.core import Dataset, UserError

P = ParamSpec("P")


def repairs(function: Callable[Concatenate[Dataset, P], Dataset]) -> Callable[Concatenate[Dataset, P], Dataset]:
    """Note the call and its JSON-ready arguments in the steps of the dataset that comes back."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def noted(dataset: Dataset, *args: P.args, **kwargs: P.kwargs) -> Dataset:
        given = signature.bind(dataset, *args, **kwargs).arguments
        arguments = {name: _plain(value) for name, value in list(given.items())[1:]}
        made = function(dataset, *args, **kwargs)
        return made.after(f"engine.data.{function.__name__}", **arguments) if dataset.steps else made

    noted.is_repair = True  # type: ignore[attr-defined]
    return noted  # type: ignore[return-value]


def known_columns(dataset: Dataset, columns: Any) -> list[str]:
    """Return the columns as a list, all of the table's numeric ones for None; an unknown name is a `UserError`."""
    if columns is None:
        return [name for name in dataset.columns if dataset.frame[name].dtype != "category"]
    columns = [columns] if isinstance(columns, str) else list(columns)
    for name in columns:
        if name not in dataset.columns:
            raise UserError(f"{dataset.name} has no column '{name}'.", "Choose one of its columns.", str(name))
    return columns


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
