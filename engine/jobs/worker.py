"""One run in a process of its own: ``python -m engine.jobs.worker``; told on its standard input what to run.

With ``--warm`` it first loads what every method needs and then waits, so that a run handed to it starts within milliseconds. It ends by
itself when its input closes before a run was handed over, that is, when the runner is gone. Once it runs, it needs nobody.
"""

import contextlib
import faulthandler
import importlib
import io
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from engine import api, catalogue
from engine.core import Cancelled, Context, Result, UserError
from engine.core.plugins import plugins
from engine.jobs import cluster, endings, limits
from engine.jobs.folders import FRESH, KEPT, LOG, PARTIALS, RESULT, Folders, sync, write_partial
from engine.jobs.job import Job
from engine.jobs.limits import GB, Limits
from engine.jobs.store import Store

# At most five notes a second reach the store, whatever the method says.
PAUSE_S = 0.2
WATCH_S = 1.0
NICE = 5
log = logging.getLogger("engine.jobs.worker")


def main() -> int:
    """Wait for the one line that names the run, do it, and return the exit status."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    line = _order(is_warm="--warm" in sys.argv)
    if not line.endswith("\n"):
        return 0
    order = json.loads(line)
    folders = Folders(Path(order["var"]))
    store = Store(folders.base / "jobs.sqlite")
    pid = os.getpid()
    job = store.claim(order["key"], order["attempt"], pid, psutil.Process(pid).create_time())
    if job is None:
        return 0
    return _Run(store, folders, job, Limits.from_environment()).go()


class _Run:
    """One claimed job from the first progress to the last word."""

    def __init__(self, store: Store, folders: Folders, job: Job, allowed: Limits):
        self.store, self.folders, self.job, self.limits = store, folders, job, allowed
        self.folder, self.pid = folders.job(job.key), os.getpid()
        self.is_owner = True
        self._told = -PAUSE_S
        self._partials: dict[str, _Partial] = {}

    def go(self) -> int:
        """Run the job; return 0 when the store knows the ending, else the exit status that tells it."""
        try:
            self._open_log()
            self.folders.clear(self.job.key, RESULT, FRESH, f"{FRESH}.tmp", PARTIALS)
            limits.apply(self.limits)
            if not limits.has_address_limit():
                threading.Thread(target=self._watch_memory, daemon=True).start()
            self._publish(self._compute())
        except Cancelled:
            log.info("stopped: the job is cancelled or belongs to another process")
        except BaseException as error:  # noqa: BLE001 - this is the last place that can put it into words
            return self._fail(error)
        return 0

    def _compute(self) -> Result:
        method = catalogue.find(self.job.method)
        params = method.params.from_dict(dict(self.job.params))
        if not self.folders.has_dataset(self.job.dataset):
            raise UserError(f"The table {self.job.dataset_name} is no longer here.", "Load it again on the data page, then run again.")
        data = self.folders.dataset(self.job.dataset)
        kept = self.folder / KEPT
        context = Context(params.seed, self.limits.threads, self._progress, self._partial, lambda: not self.is_owner, kept)
        log.info("process %d: %s on %s (%s), seed %d", self.pid, method.name, data.name, self.job.dataset, params.seed)
        with cluster.inner_loops():
            return api.execute(method, data, params, context)

    def _publish(self, result: Result) -> None:
        """Write, flush, rename, and only then say done; a result that nobody waits for any more is removed."""
        fresh = result.to_dir(self.folder / FRESH)
        size = sync(fresh)
        if not self.store.report(self.job.key, self.pid, 1.0, "saving the result"):
            self.folders.clear(self.job.key, FRESH)
            raise Cancelled
        fresh.rename(self.folder / RESULT)
        sync(self.folder)
        if not self.store.finish(self.job.key, self.pid, size):
            self.folders.clear(self.job.key, RESULT)
            raise Cancelled
        self.folders.clear(self.job.key, KEPT)
        log.info("done, result %s, %d bytes", result.digest, size)

    def _fail(self, error: BaseException) -> int:
        try:
            self.folders.clear(self.job.key, RESULT, FRESH, f"{FRESH}.tmp")
            if not isinstance(error, UserError):
                log.error("reference %s", endings.reference(error), exc_info=error)
            self.store.fail(self.job.key, self.pid, endings.of_exception(error, self.limits))
        except BaseException as second:  # the exit status still tells the runner
            with contextlib.suppress(Exception):
                log.error("the ending could not be written", exc_info=second)
            return endings.exit_code(error)
        return 0

    def _progress(self, fraction: float, note: str) -> None:
        now = time.monotonic()
        for name, partial in self._partials.items():
            partial.write(self.folder, name, now)
        if now - self._told >= PAUSE_S:
            self._told = now
            self.is_owner = self.store.report(self.job.key, self.pid, fraction, note)
            if not self.is_owner:
                raise Cancelled

    def _partial(self, name: str, value: Any) -> None:
        partial = self._partials.setdefault(name, _Partial())
        partial.value, partial.is_new = value, True
        partial.write(self.folder, name, time.monotonic())

    def _open_log(self) -> None:
        """Send everything this process says, crashes in native code included, to the job's own log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        sys.stdout.flush()
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.close(handle)
        faulthandler.enable(2)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", force=True)
        logging.captureWarnings(True)

    def _watch_memory(self) -> None:
        """End the run when it and its children use more than allowed; for systems without a limit on address space."""
        me = psutil.Process()
        while True:
            time.sleep(WATCH_S)
            with contextlib.suppress(psutil.Error):
                used = sum(process.memory_info().rss for process in [me, *me.children(recursive=True)])
                if used > self.limits.memory_gb * GB:
                    self.store.fail(self.job.key, self.pid, endings.of_memory(self.limits))
                    for child in me.children(recursive=True):
                        child.kill()
                    os._exit(endings.EXIT_MEMORY)


class _Partial:
    """The latest early version of one part, written at most five times a second."""

    def __init__(self) -> None:
        self.value: Any = None
        self.is_new = False
        self._count = 0
        self._told = -PAUSE_S

    def write(self, folder: Path, name: str, now: float) -> None:
        """Write the value unless it was written already, or another one was a moment ago."""
        if self.is_new and now - self._told >= PAUSE_S:
            write_partial(folder, name, self.value, self._count)
            self.is_new, self._told, self._count = False, now, self._count + 1


def _order(is_warm: bool) -> str:
    """Wait for the line that names the run; a spare gets warm meanwhile, and stops at the next step once the line is there."""
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(sys.stdin.readline()), daemon=True)
    reader.start()
    for _ in _steps_to_warm() if is_warm else ():
        if not reader.is_alive():
            break
    reader.join()
    return lines[0]


def _steps_to_warm() -> Iterator[None]:
    """Load what nearly every run needs, and touch the parquet reader, whose first use is slow."""
    import pandas as pd

    with io.BytesIO() as memory:
        pd.DataFrame({"a": [0.0]}).to_parquet(memory)
        memory.seek(0)
        pd.read_parquet(memory)
    yield
    for name in catalogue.PLACES | plugins():
        with contextlib.suppress(Exception):  # a method that cannot be loaded is the business of the run that asks for it
            catalogue.find(name)
        yield
    for module in ("scipy.linalg", "scipy.stats"):
        importlib.import_module(module)
        yield


if __name__ == "__main__":
    sys.exit(main())
