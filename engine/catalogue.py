"""Where each method lives, and how each kind of input is made; nothing is imported before it is asked for."""

import importlib
from typing import Any

from engine.core import Method, UserError
from engine.core.method import REGISTRY

# To add a method: write its module with the @method decorator, and name it here.
PLACES = {
    "pc": "engine.discovery.pc",
    "gsp": "engine.discovery.gsp",
}

# What a method may need -> the function ``make(data, params)`` that turns the user's data into it.
NEEDS = {
    "samples": "engine.data:samples_for",
    "independence": "engine.independence:test_for",
}


def find(name: str) -> Method:
    """Return the method called ``name``; an unknown name is a `UserError` that lists the known ones."""
    if name not in PLACES:
        raise UserError(f"There is no method '{name}'.", f"The methods are: {', '.join(PLACES)}.", name)
    importlib.import_module(PLACES[name])
    return REGISTRY[name]


def in_area(area: str) -> list[Method]:
    """List the methods of one area in the order of the catalogue."""
    return [find(name) for name, place in PLACES.items() if place.startswith(f"engine.{area}.")]


def everything() -> list[Method]:
    """List all methods."""
    return [find(name) for name in PLACES]


def input_for(method: Method, data: Any, params: Any) -> Any:
    """Turn the user's data into what the method needs."""
    module, _, function = NEEDS[method.needs].partition(":")
    return getattr(importlib.import_module(module), function)(data, params)
