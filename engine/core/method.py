"""The decorator that makes a plain function a method of the product."""

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.core.params import Params


@dataclass(frozen=True)
class Method:
    """A function with its name, its place in the product and its parameters.

    Attributes
    ----------
    name : name in every way in (Python, command line, job, URL).
    area : folder and page it belongs to.
    label : name on screen.
    needs : what it is given: ``samples``, ``independence``, ... (see `engine.catalogue.NEEDS`).
    gives : what its result holds: ``cpdag``, ``pag``, ``covariance``, ...
    cite : the source.
    version : part of every job's key; raise it when the same input gives another result.
    function : ``function(input, params, context) -> Result``.
    params : the dataclass of its parameters.
    """

    name: str
    area: str
    label: str
    needs: str
    gives: str
    cite: str
    version: int
    function: Callable[..., Any]
    params: type[Params]

    @property
    def summary(self) -> str:
        """First line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def place(self) -> str:
        """Where the function lives, as ``module:name``; a job finds it by this."""
        return f"{self.function.__module__}:{self.function.__name__}"


REGISTRY: dict[str, Method] = {}


def method(
    name: str, *, area: str, label: str, needs: str, gives: str, cite: str, version: int = 1
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function ``f(input, params, context)``; its parameter class is read from the type hint of ``params``."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        params = typing.get_type_hints(function)["params"]
        known = REGISTRY.get(name)
        if known and known.place != f"{function.__module__}:{function.__name__}":
            raise ValueError(f"method '{name}' is registered twice: {known.place} and {function.__module__}")
        REGISTRY[name] = Method(name, area, label, needs, gives, cite, version, function, params)
        return function

    return register
