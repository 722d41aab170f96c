"""The thread between a running method and whoever watches it: progress, partial results, cancel."""

import copy
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import Cancelled, OutOfTime
from engine.core.kept import Kept


@dataclass
class Clock:
    """When a run must end with what it has, what it did last, what it was doing when it was stopped, and whether it may be stopped now."""

    seconds: float | None = None
    end: float = float("inf")
    note: str = ""
    stopped: str | None = None
    open_blocks: int = 0


class Context:
    """What a method may say while it runs, and how it learns that it should stop.

    Parameters
    ----------
    seed : seed of `rng`; the only source of randomness for NumPy code.
    threads : how many threads or processes inner loops may use.
    on_progress : called with (fraction in [0, 1], note).
    on_partial : called with (name, value) when there is something to show early.
    is_cancelled : asked at each `check`; True makes it raise.
    kept : folder of this run for finished parts; the same run finds them again after it was killed.
    """

    def __init__(
        self,
        seed: int = 0,
        threads: int | None = None,
        on_progress: Callable[[float, str], None] | None = None,
        on_partial: Callable[[str, Any], None] | None = None,
        is_cancelled: Callable[[], bool] | None = None,
        kept: Path | None = None,
    ):
        self.rng = np.random.default_rng(seed)
        self.threads = threads or os.cpu_count() or 1
        self.warnings: list[str] = []
        self.kept = Kept(kept)
        self._clock = Clock()
        self._on_progress, self._on_partial, self._is_cancelled = on_progress, on_partial, is_cancelled

    @classmethod
    def silent(cls, seed: int = 0, threads: int = 1) -> "Context":
        """Make a context that nobody watches, for tests and notebooks."""
        return cls(seed=seed, threads=threads)

    def share(self, low: float, high: float) -> "Context":
        """Return this context for a part of the run: its progress from 0 to 1 counts from ``low`` to ``high`` here."""
        part = copy.copy(self)
        whole = self._on_progress
        part._on_progress = whole and (lambda fraction, note: whole(low + (high - low) * fraction, note))
        return part

    def progress(self, fraction: float, note: str = "") -> None:
        """Report how far the run is and what it does; raises like `check`."""
        self._clock.note = note or self._clock.note
        self.check()
        if self._on_progress:
            self._on_progress(min(max(fraction, 0.0), 1.0), note)

    def partial(self, name: str, value: Any) -> None:
        """Show an early version of part ``name`` of the result; a function is called for it, and only when somebody watches."""
        if self._on_partial:
            self._on_partial(name, value() if callable(value) else value)

    def check(self) -> None:
        """Raise `Cancelled` if the user stopped the run; inside `best_so_far` `OutOfTime` if its time limit has passed."""
        if self._is_cancelled and self._is_cancelled():
            raise Cancelled
        if self._clock.open_blocks and time.monotonic() > self._clock.end:
            raise OutOfTime

    def limit(self, seconds: float | None) -> None:
        """Let `check` raise `OutOfTime` once so many seconds have passed from now; None takes a limit away."""
        self._clock.seconds = seconds
        self._clock.end = float("inf") if seconds is None else time.monotonic() + seconds

    def finish(self, kept: str) -> bool:
        """Take the time limit away; return whether the search came to its end, and say so where it did not.

        Parameters
        ----------
        kept : what the search returns, such as ``graph``.
        """
        if self.stopped is not None:
            self.warn(
                f"The search was stopped after {self._clock.seconds:g} s ({self.stopped}); this is the best {kept} so far. Allow more time "
                "to let it come to its end."
            )
        self.limit(None)
        return self.stopped is None

    @contextmanager
    def best_so_far(self) -> Iterator[None]:
        """Leave the block quietly when the time limit passes inside it; what was found up to there is what follows works on."""
        self._clock.open_blocks += 1
        try:
            yield
        except OutOfTime:
            self._clock.stopped = self._clock.stopped or self._clock.note or "the start"
        finally:
            self._clock.open_blocks -= 1

    @property
    def stopped(self) -> str | None:
        """What the run was doing when its time limit passed; None when it came to its end."""
        return self._clock.stopped

    def warn(self, message: str) -> None:
        """Attach a sentence to the result that its reader must see."""
        if message not in self.warnings:
            self.warnings.append(message)
