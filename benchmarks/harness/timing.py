"""CPU time of one call."""

import time
from collections.abc import Callable
from typing import Any


def cpu_seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of this process that one call took, and what it returned."""
    started = time.process_time()
    value = call()
    return time.process_time() - started, value
