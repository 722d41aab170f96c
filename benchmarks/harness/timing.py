"""How long one call takes."""

import time
from collections.abc import Callable
from typing import Any


def cpu_seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of this process that one call took, and what it returned."""
    return _timed(time.process_time, call)


def wall_seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that passed during one call, work of other processes included, and what it returned."""
    return _timed(time.perf_counter, call)


def _timed(clock: Callable[[], float], call: Callable[[], Any]) -> tuple[float, Any]:
    started = clock()
    value = call()
    return clock() - started, value
