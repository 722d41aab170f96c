"""Wait for what must come, and say when it does not."""

import time
from collections.abc import Callable
from typing import Any


def until(condition: Callable[[], Any], timeout: float = 60.0) -> Any:
    """Return the first true value of ``condition``."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
    return value
