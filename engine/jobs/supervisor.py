"""The loop of the one runner: start what waits, put dead runs into words, end what was cancelled, keep a spare warm."""

import json
import logging
import os
import subprocess
import sys
import time

from engine.jobs import endings, processes
from engine.jobs.folders import FRESH, LOG, RESULT, VARIABLE, Folders, root
from engine.jobs.limits import Limits
from engine.jobs.store import Store, Unsettled

GRACE_S = 3.0
TIDY_S = 60.0
TRIES = 3
# A new spare loads while the user looks at the first result, not while the run handed over competes for the same core.
SPARE_PAUSE_S = 0.5
SPARE_RETRY_S = 10.0
log = logging.getLogger("engine.jobs")

Child = subprocess.Popen[str]


class Supervisor:
    """What the holder of the runner lock does, one `turn` at a time; all that must survive it is in the store.

    Parameters
    ----------
    store, folders : of one ``var``.
    limits : how many runs at once, and how much each may use.
    """

    def __init__(self, store: Store, folders: Folders, limits: Limits):
        self.store, self.folders, self.limits = store, folders, limits
        self._children: dict[int, Child] = {}
        self._launched: dict[tuple[str, int], int] = {}
        self._tries: dict[tuple[str, int], int] = {}
        self._ending: dict[int, float] = {}
        self._spare: Child | None = None
        self._spare_at = 0.0
        self._tidy_at = 0.0

    def turn(self) -> None:
        """Look at every unsettled row once and do what it calls for."""
        rows = self.store.unsettled()
        waiting = [row for row in rows if row.state == "queued" and row.pid is None]
        for row in rows:
            if row.state == "running":
                self._watch(row)
            elif row.pid is not None:
                self._see_off(row)
        launched = {key: pid for key, pid in self._launched.items() if any((row.key, row.attempt) == key for row in waiting)}
        self._launched = launched
        self._tries = {key: count for key, count in self._tries.items() if any((row.key, row.attempt) == key for row in waiting)}
        busy = sum(row.state == "running" for row in rows) + len(launched)
        for row in waiting:
            if (row.key, row.attempt) in launched:
                self._recheck(row)
            elif busy < self.limits.n_slots:
                self._start(row)
                busy += 1
        self._reap({row.pid for row in rows})
        self._keep_spare()
        self._tidy()

    def close(self) -> None:
        """Let the spare go; runs go on without us."""
        if self._spare:
            self._spare.kill()
            self._spare.communicate()
            self._spare = None

    # -- starting ----------------------------------------------------------------------------------------------

    def _start(self, row: Unsettled) -> None:
        order = json.dumps({"var": str(self.folders.base), "key": row.key, "attempt": row.attempt}) + "\n"
        spare = None
        if (row.key, row.attempt) not in self._tries:  # a second try must not end like the first for the spare's sake
            spare, self._spare = self._spare, None
            self._spare_at = max(self._spare_at, time.monotonic() + SPARE_PAUSE_S)
        child = spare if spare and _hand(spare, order) else self._spawn()
        if child is not spare:
            _hand(child, order)
        self._launched[row.key, row.attempt] = child.pid
        self._tries[row.key, row.attempt] = self._tries.get((row.key, row.attempt), 0) + 1

    def _spawn(self, *flags: str) -> Child:
        """Start a worker in a session of its own, so that nothing that ends the server ends it too."""
        threads = str(self.limits.threads)
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
        environment = os.environ | dict.fromkeys(names, threads)
        environment |= {
            VARIABLE: str(self.folders.base),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(root()), os.environ.get("PYTHONPATH")])),
            "MALLOC_ARENA_MAX": "2",  # each further arena takes 64 MB of address space, which counts as memory here
        } | {f"CAUSEWAY_{name.upper()}": str(value) for name, value in vars(self.limits).items()}
        with (self.folders.base / "workers.log").open("a") as said:
            child = subprocess.Popen(
                [sys.executable, "-m", "engine.jobs.worker", *flags],
                cwd=root(), env=environment, stdin=subprocess.PIPE, stdout=said, stderr=said, text=True,
                start_new_session=True, creationflags=_windows_flags(),
            )  # fmt: skip
        self._children[child.pid] = child
        return child

    def _recheck(self, row: Unsettled) -> None:
        """See whether the process that was to take a waiting job died before it could; try again a few times."""
        child = self._children.get(self._launched[row.key, row.attempt])
        code = child.poll() if child else 0
        if child and code is None:
            return
        del self._launched[row.key, row.attempt]
        if self._tries[row.key, row.attempt] >= TRIES:
            log.error("job %s could not be started: exit code %s, see workers.log", row.key, code)
            self.store.fail_waiting(row.key, row.attempt, endings.of_exit(code, self.limits, ""))

    def _keep_spare(self) -> None:
        if not self.limits.spare or time.monotonic() < self._spare_at:
            return
        if self._spare and self._spare.poll() is not None:
            log.warning("the spare worker ended with exit code %s, see workers.log", self._spare.returncode)
            self._spare, self._spare_at = None, time.monotonic() + SPARE_RETRY_S
        elif self._spare is None:
            self._spare = self._spawn("--warm")

    # -- ending ------------------------------------------------------------------------------------------------

    def _watch(self, row: Unsettled) -> None:
        """Put a running job into words when its process is dead, and stop it when it takes too long."""
        pid, born = row.pid or 0, row.pid_born or 0.0
        child = self._children.get(pid)
        code = child.poll() if child else None
        # the system reports the end of a child only when all its threads are gone, but then with the reason
        if code is not None if child else not processes.is_alive(pid, born):
            restarted = child is None and processes.restarted_since(born)
            self.store.fail(row.key, pid, endings.of_exit(code, self.limits, self._log_tail(row.key), restarted))
        elif row.started and time.time() - row.started > self.limits.wall_s:
            self.store.fail(row.key, pid, endings.of_wall_time(self.limits))

    def _see_off(self, row: Unsettled) -> None:
        """End what is left of a settled job's processes; when all are gone, remove its unfinished files and free the row."""
        pid, born = row.pid or 0, row.pid_born or 0.0
        since = self._ending.setdefault(pid, time.monotonic())
        if pid in self._children:
            self._children[pid].poll()
        if processes.family(pid, born):
            late = time.monotonic() - since > GRACE_S
            if row.state != "done" or late:
                processes.end(pid, born, hard=late)
            return
        if row.state != "done":
            self.folders.clear(row.key, RESULT, FRESH, f"{FRESH}.tmp")
        self.store.release(row.key, pid)
        del self._ending[pid]

    def _reap(self, in_use: set[int | None]) -> None:
        for pid, child in list(self._children.items()):
            if child.poll() is not None and pid not in in_use and child is not self._spare and pid not in self._launched.values():
                del self._children[pid]

    def _log_tail(self, key: str) -> str:
        try:
            return (self.folders.job(key) / LOG).read_text(errors="replace")[-4000:]
        except OSError:
            return ""

    def _tidy(self) -> None:
        """Now and then drop the oldest unpinned runs beyond what is kept."""
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + TIDY_S
        for key in self.store.superseded(self.limits.keep_jobs, int(self.limits.keep_gb * 2**30)):
            drop(self.store, self.folders, key)
        self.folders.empty_bin()


def drop(store: Store, folders: Folders, key: str) -> bool:
    """Remove a settled job and its files; return False, and change nothing, when it waits, runs or still has a process."""
    with store.transaction() as db:
        gone = db.execute("delete from jobs where key = ? and state not in ('queued', 'running') and pid is null", (key,)).rowcount > 0
        if gone:
            folders.throw_away(folders.job(key))
    return gone


def _hand(child: Child, order: str) -> bool:
    """Tell a worker what to run; return False when it is no longer there."""
    assert child.stdin is not None
    try:
        child.stdin.write(order)
        child.stdin.close()
    except OSError:
        return False
    return child.poll() is None


def _windows_flags() -> int:
    names = ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW", "BELOW_NORMAL_PRIORITY_CLASS")
    return sum(getattr(subprocess, name, 0) for name in names)
