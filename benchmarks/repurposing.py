"""Drug repurposing, stage by stage: each topic is a module of its own and can be run alone by its name."""

import importlib
from collections.abc import Iterator

from benchmarks.harness import Row

TOPICS = ("signatures", "query", "screen", "interactome", "target_network", "ranking")  # in the order of the stages


def run(quick: bool) -> Iterator[Row]:
    """Yield the rows of all stages."""
    for topic in TOPICS:
        yield from importlib.import_module(f"benchmarks.repurposing_{topic}").run(quick)
