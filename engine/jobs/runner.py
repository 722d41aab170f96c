"""The desk where pages, command line and tests hand in runs and ask after them."""

import functools
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import catalogue
from engine.core import Data, ImageSet, Params, Result, Tables, UserError
from engine.jobs import folders as places
from engine.jobs import processes
from engine.jobs.folders import Folders
from engine.jobs.job import LIVE, DatasetRow, Job
from engine.jobs.keys import key_of
from engine.jobs.limits import Limits
from engine.jobs.store import Store, new_job, requeue
from engine.jobs.supervisor import Supervisor, drop

TURN_S = 0.05
STANDBY_S = 0.5
log = logging.getLogger("engine.jobs")


class Runner:
    """Everything one process can ask of the runs in one ``var`` folder.

    Exactly one process at a time runs jobs: the holder of a file lock, which the system frees when that process dies. Any other process
    reads and submits, and takes over when the lock is free. Running jobs do not notice the change.

    Parameters
    ----------
    var : folder for datasets, results and state; made if need be.
    limits : see `Limits`; from the environment if not given.

    Raises
    ------
    UserError
        When the list of runs in ``var`` cannot be read, or the folder cannot be written.
    """

    def __init__(self, var: str | Path, limits: Limits | None = None):
        self.limits = limits or Limits.from_environment()
        try:
            self.folders = Folders(Path(var).resolve())
        except OSError as error:
            raise UserError(
                f"The folder {var} cannot be written ({error.strerror}).", "Free some space, or set CAUSEWAY_VAR to another folder."
            ) from error
        self.store = Store(self.folders.base / "jobs.sqlite")
        self._lock = processes.RunnerLock(self.folders.base / "runner.lock")
        self._wake = threading.Event()
        self._is_closing = False
        self._thread: threading.Thread | None = None

    # -- life --------------------------------------------------------------------------------------------------

    def start(self) -> "Runner":
        """Run jobs as soon as no other process does; without this the runner only reads and submits."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="job runner", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop starting jobs and let another process take over; running jobs go on."""
        if self._is_closing:
            return
        self._is_closing = True
        self._wake.set()
        if self._thread:
            self._thread.join()
        self.store.close()

    @property
    def is_active(self) -> bool:
        """Whether this process is the one that runs jobs."""
        return self._lock.is_held

    def _live(self) -> None:
        supervisor = Supervisor(self.store, self.folders, self.limits)
        while not self._is_closing:
            pause = TURN_S
            try:
                if self._lock.is_held or self._lock.acquire():
                    supervisor.turn()
                else:
                    pause = STANDBY_S
            except Exception:  # a full disk or a locked file must not end the runner for good
                log.exception("the job runner will try again")
                pause = 1.0
            self._wake.wait(pause)
            self._wake.clear()
        supervisor.close()
        self._lock.release()

    # -- handing in --------------------------------------------------------------------------------------------

    def submit(self, method: str, data: Data, params: Params, owner: str = "") -> Job:
        """Ask for a run; the same question about the same data is one job, whoever asks.

        Parameters
        ----------
        method : name of a method.
        data : one table, or several by name; stored under their digest.
        params : parameters of the method.
        owner : who asks; limited to a few live jobs at a time. The empty owner (command line, tests) is not limited.

        Returns
        -------
        Job : done already, joined while it waits or runs, or waiting (again, if it had failed or was cancelled).

        Raises
        ------
        UserError
            When the method is unknown, the owner has too many live jobs, or the data cannot be stored.
        """
        found = catalogue.find(method)
        digest = self.keep(data, owner)
        key = key_of(found, params, digest)
        asked = {"method": method, "params": params.to_dict(), "dataset": digest, "dataset_name": data.name, "owner": owner}
        return self._queue(key, asked)

    def retry(self, key: str) -> Job:
        """Run a job again that failed or was cancelled; a done job is returned as it is."""
        job = self._known(key)
        if not self.folders.has_dataset(job.dataset):
            raise UserError(
                f"The table {job.dataset_name} is no longer here.", "Load it again on the data page, then run again.", job.dataset
            )
        asked = {"method": job.method, "params": job.params, "dataset": job.dataset, "dataset_name": job.dataset_name, "owner": job.owner}
        return self._queue(key, asked)

    def _queue(self, key: str, asked: dict[str, Any]) -> Job:
        known = self.get(key)
        if known and (known.is_live or (known.state == "done" and self.folders.has_result(key))):
            return known
        with self.store.transaction() as db:
            row = db.execute("select state from jobs where key = ?", (key,)).fetchone()
            # looked up inside the transaction: a result is there before its job is done
            whole = self.folders.has_result(key)
            if row is None and whole:  # the list was lost, the result was not
                new_job(db, key, asked, "done")
            elif row is None or not (row["state"] in LIVE or (row["state"] == "done" and whole)):
                self._check_live(db, asked["owner"])
                if row is None:
                    new_job(db, key, asked, "queued")
                else:
                    requeue(db, key)
        self._wake.set()
        return self._known(key)

    def _check_live(self, db: Any, owner: str) -> None:
        if not owner:
            return
        live = db.execute("select count(*) from jobs where owner = ? and state in ('queued', 'running')", (owner,)).fetchone()[0]
        if live >= self.limits.live_per_owner:
            raise UserError(
                f"You have {live} runs waiting or running, and {self.limits.live_per_owner} is the most at a time.",
                "Wait for one to finish, or cancel one on the jobs page.",
            )

    # -- asking ------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Job | None:
        """Return a job as it stands, or None when there is none with this key."""
        return self.store.job(key)

    def all(self, limit: int = 200) -> list[Job]:
        """List jobs, the latest first."""
        return self.store.jobs(limit)

    def result(self, key: str) -> Result:
        """Return the result of a done job; anything else is a `UserError` that says how it stands."""
        job = self._known(key)
        if job.problem:
            raise job.problem
        if job.state != "done":
            raise UserError(f"This run is {job.state}, it has no result yet.", "Wait for it, or run it again.", key)
        if not self.folders.has_result(key):
            raise _gone("result", key)
        return Result.from_dir(self.folders.job(key) / places.RESULT)

    def partials(self, key: str) -> dict[str, Any]:
        """Return the latest early version of each part that the run has shown."""
        return places.read_partials(self.folders.job(key))

    def log_tail(self, key: str, lines: int = 40) -> str:
        """Return the last lines of a job's log; empty when it has not said anything."""
        try:
            text = (self.folders.job(key) / places.LOG).read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def wait(self, key: str, timeout: float) -> Job:
        """Return the job once it neither waits nor runs; `TimeoutError` after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        pause = 0.002
        while (job := self._known(key)).is_live:
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {key} is {job.state} after {timeout} s")
            time.sleep(pause)
            pause = min(1.2 * pause, 0.02)
        return job

    # -- changing ----------------------------------------------------------------------------------------------

    def cancel(self, key: str) -> bool:
        """Stop a job that waits or runs; return whether there was anything to stop."""
        if not self.store.cancel(key):
            return False
        owner = self.store.process_of(key)
        if owner:
            processes.end(*owner)
        self._wake.set()
        return True

    def delete(self, key: str) -> bool:
        """Remove a job, its result and its log, stopping it first; return whether there was one."""
        self.cancel(key)
        owner = self.store.process_of(key)
        if owner and processes.end_and_wait(*owner):
            self.store.release(key, owner[0])
        gone = drop(self.store, self.folders, key)
        self.folders.empty_bin()
        return gone

    def pin(self, key: str, pinned: bool = True) -> None:
        """Protect a job from housekeeping, or stop protecting it."""
        if not self.store.pin(key, pinned):
            raise _gone("run", key)

    def arrange(self, key: str, places: Mapping[str, tuple[float, float]]) -> None:
        """Keep with a result where the user put the nodes of its picture."""
        if self.folders.has_result(key):
            self.folders.arrange(key, places)

    def arrangement(self, key: str) -> dict[str, tuple[float, float]]:
        """Return where the user put the nodes of a result's picture; empty when nothing was moved."""
        return self.folders.arrangement(key)

    # -- datasets ----------------------------------------------------------------------------------------------

    def keep(self, dataset: Data, owner: str = "") -> str:
        """Store data and return their digest, by which any process finds them; of several tables each is kept by itself too."""
        if isinstance(dataset, Tables):
            for table in dataset.tables.values():
                self.keep(table, owner)
        try:
            self.folders.keep_dataset(dataset)
        except OSError as error:
            raise UserError(f"{dataset.name} could not be stored ({error.strerror or error}).", "Free some space and try again.") from error
        if not isinstance(dataset, Tables):
            kind = "images" if isinstance(dataset, ImageSet) else dataset.kind
            rows, columns = dataset.n_samples, dataset.p
            self.store.keep_dataset(DatasetRow(dataset.digest, dataset.name, kind, rows, columns, time.time(), dataset.source, owner))
        return dataset.digest

    def dataset(self, digest: str) -> Data:
        """Return stored data; an unknown digest is a `UserError`."""
        if not self.folders.has_dataset(digest):
            raise _gone("table", digest)
        return self.folders.dataset(digest)

    def datasets(self) -> list[DatasetRow]:
        """List the stored datasets, the latest first."""
        return self.store.datasets()

    def forget(self, digest: str) -> bool:
        """Remove a stored dataset; results made from it stay. A dataset that a live job needs is a `UserError`."""
        with self.store.transaction() as db:
            live = db.execute("select count(*) from jobs where dataset = ? and state in ('queued', 'running')", (digest,)).fetchone()[0]
            if live:
                raise UserError("A run that waits or runs needs this table.", "Cancel the run first, or wait for it.", digest)
            gone = db.execute("delete from datasets where digest = ?", (digest,)).rowcount > 0
            if gone:
                self.folders.throw_away(self.folders.data / digest)
        self.folders.empty_bin()
        return gone

    def _known(self, key: str) -> Job:
        job = self.get(key)
        if job is None:
            raise _gone("result", key)
        return job


def shared() -> Runner:
    """Return the runner of this process for the current ``var`` folder; its thread starts on first use."""
    with _SHARED_LOCK:
        return _shared(places.var(), os.getpid())


_SHARED_LOCK = threading.Lock()


@functools.cache
def _shared(var: Path, pid: int) -> Runner:
    # the pid is part of the name: a forked process has no thread of its parent
    return Runner(var).start()


def _gone(what: str, where: str) -> UserError:
    return UserError(
        f"This {what} is no longer here.", "Run it again with the same settings." if what != "table" else "Load it again.", where
    )
