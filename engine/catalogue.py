"""Where each method lives, and how each kind of input is made; nothing is imported before it is asked for."""

import importlib
from pathlib import Path
from typing import Any

from engine.core import Method, UserError
from engine.core.method import REGISTRY
from engine.core.plugins import plugins

# To add a method: write its module with the @method decorator, and name it here. A method outside this tree is named in the environment:
# CAUSEWAY_EXTRA_METHODS="name=package.module"; its ``needs`` may be a "package.module:function" of its own.
PLACES = {
    "grasp": "engine.discovery.grasp",  # the first of an area is what its page offers
    "boss": "engine.discovery.boss",
    "ges": "engine.discovery.ges",
    "pc": "engine.discovery.pc",
    "gsp": "engine.discovery.gsp",
    "igsp": "engine.discovery.igsp",
    "utigsp": "engine.discovery.utigsp",
    "fci": "engine.discovery.fci",
    "rfci": "engine.discovery.rfci",
    "fci_plus": "engine.discovery.fci_plus",
    "bfci": "engine.discovery.bfci",
    "gspo": "engine.discovery.gspo",
    "mixture": "engine.mixtures.mixture",
    "mtp2": "engine.mtp2.mtp2",
    "mtp2_graph": "engine.mtp2.mtp2_graph",
    "backtest": "engine.portfolio.backtest",
    "molimage_sample": "engine.molimage.sample",
    "molimage_train": "engine.molimage.train",
    "molimage_evaluate": "engine.molimage.evaluate",
    "repurposing": "engine.repurposing.repurposing",
    "signature": "engine.repurposing.signature",
    "screen": "engine.repurposing.screen",
    "interactome": "engine.repurposing.interactome",
    "target_network": "engine.repurposing.target_network",
}

# What a method may need -> the function ``make(data, params)`` that turns the user's data into it.
NEEDS = {
    "samples": "engine.data:samples_for",
    "independence": "engine.independence:test_for",
    "interventional": "engine.independence:interventional_for",
    "moments": "engine.mtp2.inputs:table_for",
    "prices": "engine.portfolio.inputs:market_for",
    "expression": "engine.repurposing.expression.inputs:expression_for",
    "screen": "engine.repurposing.screens.inputs:screen_for",
    "interactome": "engine.repurposing.steiner.inputs:interactome_for",
    "cells": "engine.repurposing.causal.inputs:cells_for",
    "repurposing": "engine.repurposing.ranking.inputs:repurposing_for",
    "molecules": "engine.molimage.asked:molecules_for",
    "images": "engine.molimage.inputs:images_for",
}

# Needs that several tables by name can meet; for all others a dict of tables is one table per condition.
SEVERAL = {"prices", "expression", "screen", "interactome", "cells", "repurposing"}

# Needs that a text can meet which names no file -> the function that reads it.
TEXTS = {"molecules": "engine.molimage.asked:molecules"}

# Needs, and parts of that name, that only a folder or file of a kind of its own can meet -> the function that reads it.
FILES = {"images": "engine.molimage.inputs:read_set", "screen": "engine.repurposing.screens.files:read_screen"}


def find(name: str) -> Method:
    """Return the method called ``name``; an unknown name is a `UserError` that lists the known ones."""
    places = PLACES | plugins()
    if name not in places:
        raise UserError(f"There is no method '{name}'.", f"The methods are: {', '.join(places)}.", name)
    importlib.import_module(places[name])
    return REGISTRY[name]


def in_area(area: str) -> list[Method]:
    """List the methods of one area in the order of the catalogue."""
    own = [find(name) for name, place in PLACES.items() if place.startswith(f"engine.{area}.")]
    return own + [found for found in map(find, plugins()) if found.area == area]


def everything() -> list[Method]:
    """List all methods."""
    return [find(name) for name in PLACES | plugins()]


def input_for(method: Method, data: Any, params: Any) -> Any:
    """Turn the user's data into what the method needs."""
    return _function(NEEDS.get(method.needs, method.needs))(data, params)


def from_text(needs: str, text: str | Path) -> Any:
    """Read a text that names no file, or a path of a kind of its own, as what a method needs."""
    return _function((TEXTS | FILES)[needs])(text)


def _function(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
