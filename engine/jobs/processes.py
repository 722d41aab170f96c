"""Processes of the operating system: who is alive, who belongs to a run, how to end it, and the lock of the one runner."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

# Creation times are derived from the boot time, which moves when the clock is set.
CLOCK_SLACK_S = 1.5


def born(pid: int) -> float | None:
    """Return when a process was created (seconds since 1970); None when there is no such process or it is only a zombie."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def is_alive(pid: int, pid_born: float) -> bool:
    """Whether this very process lives: the number alone may belong to another one by now."""
    found = born(pid)
    return found is not None and abs(found - pid_born) <= CLOCK_SLACK_S


def restarted_since(moment: float) -> bool:
    """Whether the machine was started after ``moment``."""
    return psutil.boot_time() > moment + CLOCK_SLACK_S


def family(pid: int, pid_born: float) -> list[psutil.Process]:
    """List the living processes of a run: its leader, and everything in the leader's process group (on Windows its children)."""
    there = psutil.pid_exists(pid)
    if restarted_since(pid_born) or (there and _is_other(pid, pid_born)):
        return []
    if sys.platform == "win32":
        with suppress(psutil.Error):
            leader = psutil.Process(pid)
            return [leader, *leader.children(recursive=True)]
        return []
    found = []
    for number in psutil.pids():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getpgid(number) == pid and born(number) is not None:
                found.append(psutil.Process(number))
    return found


def end(pid: int, pid_born: float, hard: bool = False) -> bool:
    """Ask a run and its children to end, or kill them; return whether any of them is still there."""
    members = family(pid, pid_born)
    for process in members:
        with suppress(psutil.Error):
            process.kill() if hard else process.terminate()
    return bool(members)


def end_and_wait(pid: int, pid_born: float, timeout: float = 3.0) -> bool:
    """Kill a run and return whether all of it is gone within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while end(pid, pid_born, hard=True):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class RunnerLock:
    """A lock on a file, held by one process at a time and let go by the system when that process dies."""

    def __init__(self, path: Path):
        self.path = path
        self._file: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._file is not None

    def acquire(self) -> bool:
        """Try to take the lock; return whether it is held now."""
        if self._file is not None:
            return True
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._file = handle
        return True

    def release(self) -> None:
        """Let the lock go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _is_other(pid: int, pid_born: float) -> bool:
    try:
        return abs(psutil.Process(pid).create_time() - pid_born) > CLOCK_SLACK_S
    except psutil.Error:
        return False
