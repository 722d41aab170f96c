"""Run the steps of a dataset's history: a repair is one more step, and a list of steps makes the table again."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from engine.core import Dataset, UserError
from engine.data.findings import READ, Repair

MAKERS = ("engine.read", "engine.sample", "engine.data.simulate", "engine.data.combine")
CHANGERS = ("engine.data.transform", "engine.data.correlations", "engine.data.series", "engine.data.splits", "engine.data.regimes")


def apply(dataset: Dataset, repair: Repair) -> Dataset:
    """Return the repaired dataset, the repair noted in its steps.

    Raises
    ------
    UserError
        When the repair belongs to a file (read it again with the options) or needs an answer first.
    """
    if repair.call == READ:
        raise UserError(f"'{repair.label}' reads the file again.", "Call engine.read with these options added.", repair.call)
    return changer(repair.call)(dataset, **repair.arguments)


def replay(steps: Sequence[tuple[str, Mapping[str, Any]]]) -> Dataset:
    """Make a dataset again from its steps: the first call makes it, each further one changes it."""
    if not steps:
        raise UserError("A table without a history cannot be made again.", "Read it from a file, or make it with a simulator.")
    (first, arguments), *rest = steps
    if first not in MAKERS:
        raise UserError(f"'{first}' does not make a dataset.", f"The makers are: {', '.join(MAKERS)}.", first)
    package, _, name = first.rpartition(".")
    dataset: Dataset = getattr(importlib.import_module(package), name)(**arguments)
    for call, settings in rest:
        dataset = changer(call)(dataset, **settings)
    return dataset


def changer(call: str) -> Any:
    """Find the repair named ``engine.data.<function>``; no other function can be called by name."""
    name = call.removeprefix("engine.data.")
    for place in CHANGERS:
        found = getattr(importlib.import_module(place), name, None) if call == f"engine.data.{name}" else None
        if found is not None and getattr(found, "is_repair", False):
            return found
    raise UserError(f"There is no repair '{call}'.", "Repairs are functions of engine.data.", call)
