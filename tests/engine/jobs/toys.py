"""One small method that does on demand whatever a real one might do to the job system."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core import Context, Dataset, Params, Result, UserError, field, method
from engine.graphs import Graph

METHODS = "toy=tests.engine.jobs.toys"
AUDIT = "TOY_AUDIT"
HASTE = "TOY_HASTE"
DEEDS = ("sleep", "empty", "segfault", "abort", "exit", "mistake", "bug", "greedy", "loop", "graph", "grandchild", "spin", "file", "full")


@dataclass(frozen=True)
class ToyParams(Params):
    deed: str = field("sleep", "What to do", choices=DEEDS)
    seconds: float = field(0.5, "How long", low=0.0, high=600.0)
    number: int = field(0, "Tells one run from another")


@dataclass(frozen=True, kw_only=True, eq=False)
class ToyResult(Result):
    """What the toy found: numbers that depend on data and seed alone."""

    values: Any
    total: float


def as_given(data: Dataset, params: Params) -> Dataset:
    return data


@method("toy", area="toys", label="Toy", needs="tests.engine.jobs.toys:as_given", gives="values", cite="none")
def toy(data: Dataset, params: ToyParams, context: Context) -> ToyResult:
    """Do the deed in small steps, and return the same numbers however often it was interrupted before."""
    with _Audit(params.number):
        values = data.numeric.sum(axis=0) + context.rng.normal(size=data.p)
        _do(params, context, data)
        return ToyResult(values=values, total=float(values.sum()))


def square_root_sum(values: np.ndarray) -> float:
    time.sleep(0.05)
    return float(np.sqrt(np.abs(values)).sum())


def _do(params: ToyParams, context: Context, data: Dataset) -> None:
    match params.deed:
        case "sleep":
            _sleep(params, context)
        case "graph":
            context.partial("graph", Graph.from_edges("ABC", ["A --> B"]))
            _sleep(params, context)
        case "segfault":
            _sleep(params, context)
            os.kill(os.getpid(), signal.SIGSEGV)
        case "abort":
            os.abort()
        case "exit":
            os._exit(17)
        case "mistake":
            raise UserError("Column B never varies.", "Remove it, or choose another.", "B")
        case "bug":
            raise ValueError("matrices are not aligned")
        case "greedy":
            np.ones(10**12)
        case "full":
            raise OSError(28, "No space left on device")
        case "file":
            import tempfile

            with tempfile.TemporaryFile() as big:
                big.truncate(2**40)
        case "spin":
            while True:
                pass
        case "grandchild":
            import subprocess

            if HASTE in os.environ:
                return
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            _sleep(params, context)
        case "loop":
            import joblib

            context.progress(0.0, "inner loop")
            blocks = np.array_split(data.numeric, 8)
            found = joblib.Parallel(n_jobs=2)(joblib.delayed(square_root_sum)(block) for block in blocks)
            context.warn(f"{sum(found):.6f}")


def _sleep(params: ToyParams, context: Context) -> None:
    if HASTE in os.environ:
        return
    started = time.monotonic()
    while (gone := time.monotonic() - started) < params.seconds:
        context.progress(gone / params.seconds, f"{gone:.1f} s")
        time.sleep(0.01)


class _Audit:
    """Write down start and stop; a file lock, which the system frees when a process dies, shows whether two run at once."""

    def __init__(self, number: int):
        self.folder = os.environ.get(AUDIT)
        self.number = number

    def __enter__(self) -> None:
        if not self.folder:
            return
        import fcntl

        self.lock = os.open(Path(self.folder) / f"{self.number}.lock", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._note("overlap")
        self._note("start")

    def __exit__(self, *_: object) -> None:
        if self.folder:
            self._note("stop")
            os.close(self.lock)

    def _note(self, what: str) -> None:
        handle = os.open(Path(str(self.folder)) / "audit.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{self.number} {what} {os.getpid()} {time.time()}\n".encode())
        os.close(handle)
