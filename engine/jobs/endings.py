"""Every way a run can die, in words a biologist can use: what happened, and on the next line what to do."""

import errno
import hashlib
import signal
import sqlite3
import traceback

from engine.core import UserError
from engine.jobs.limits import Limits

# How a worker leaves when it could not write its own ending into the store.
EXIT_MEMORY, EXIT_DISK, EXIT_ERROR = 71, 72, 73

SMALLER = "Try fewer variables or rows, or a simpler setting; whoever runs the app can raise CAUSEWAY_MEMORY_GB."
_OUT_OF_MEMORY = ("out of memory", "bad_alloc", "cannot allocate memory", "memoryerror", "unable to allocate")
_CRASHES = {
    name: getattr(signal, name)
    for name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS")
    if hasattr(signal, name)
}
_WINDOWS_CRASHES = {0xC0000005: "access violation", 0xC00000FD: "stack overflow", 0xC0000374: "damaged heap", 0xC0000409: "damaged stack"}


def of_exit(code: int | None, limits: Limits, log: str, machine_restarted: bool = False) -> str:
    """Put the end of a process into words.

    Parameters
    ----------
    code : exit status, negative for a signal; None when nobody was there to see it.
    limits : the limits the run was under.
    log : the last lines of its log.
    machine_restarted : whether the machine started after the run did.
    """
    if machine_restarted:
        return _two("The machine was restarted during this run.", "Run it again.")
    if code in (EXIT_MEMORY, -getattr(signal, "SIGKILL", 9)):
        return of_memory_kill(limits) if code != EXIT_MEMORY else of_memory(limits)
    if code == EXIT_DISK:
        return of_disk()
    crash = next((name for name, number in _CRASHES.items() if code == -number), None) or _WINDOWS_CRASHES.get((code or 0) & 0xFFFFFFFF)
    if crash is None and code is None and "Fatal Python error" in log:
        crash = "unseen"
    if crash and any(word in log.lower() for word in _OUT_OF_MEMORY):
        return of_memory(limits)
    if crash:
        return _two(
            f"The run crashed in native code{'' if crash == 'unseen' else f' ({crash})'}; other runs are not touched.",
            "Run it again; if it crashes again, try other settings or a smaller table, and report it with the log below.",
        )
    if code == -getattr(signal, "SIGXCPU", 24):
        return _two(
            f"The run used more processor time than the {_hours(limits.cpu_s)} allowed.", "Try fewer variables, rows or repetitions."
        )
    if code is None:
        return _two(
            "The run's process ended while the app was not watching, most likely stopped by the system for lack of memory or from outside.",
            "Run it again; if it ends again, try fewer variables or rows.",
        )
    if code < 0:
        return _two(f"The run was stopped from outside the app ({_signal_name(-code)}).", "Run it again.")
    return _two(f"The run ended early (exit code {code}).", "Run it again; if it ends again, report it with the log below.")


def of_exception(error: BaseException, limits: Limits) -> str:
    """Put what a method raised into words; anything but a `UserError` is a bug and gets a reference that is also in the log."""
    if isinstance(error, UserError):
        return _two(error.message, error.fix)
    if isinstance(error, MemoryError):
        return of_memory(limits)
    if is_disk_full(error):
        return of_disk()
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return _two(
            f"The run wrote a file larger than the {limits.disk_gb:g} GB allowed.", "Ask for less output, or raise CAUSEWAY_DISK_GB."
        )
    said = " ".join(str(error).split()) or "no message"
    return _two(
        f"The method met a case it cannot handle: {said.rstrip('.')} ({type(error).__name__}).",
        f"This is a mistake of the app, not yours. Report it with reference {reference(error)}; the log below has the details.",
    )


def of_memory(limits: Limits) -> str:
    """Say that the run asked for more memory than it may have."""
    return _two(f"The run needed more memory than it may use (limit {limits.memory_gb:g} GB).", SMALLER)


def of_memory_kill(limits: Limits) -> str:
    """Say that the system killed the run, which it does when memory runs out."""
    return _two(f"The run was stopped by the system, most likely out of memory (limit {limits.memory_gb:g} GB).", SMALLER)


def of_disk() -> str:
    """Say that the disk is full."""
    return _two(
        "The disk is full, so nothing more can be saved.",
        "Free some space, for example by deleting old runs on the jobs page, and run it again.",
    )


def of_wall_time(limits: Limits) -> str:
    """Say that the run took too long."""
    return _two(
        f"The run took longer than the {_hours(limits.wall_s)} allowed and was stopped.",
        "Try fewer variables, rows or repetitions; whoever runs the app can raise CAUSEWAY_WALL_S.",
    )


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of the file system or of the store means that no space is left."""
    if isinstance(error, UserError) and error.__cause__:
        return is_disk_full(error.__cause__)
    if isinstance(error, sqlite3.OperationalError):
        return "disk is full" in str(error)
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def exit_code(error: BaseException) -> int:
    """Choose the exit status that lets the runner put the error into words."""
    return EXIT_MEMORY if isinstance(error, MemoryError) else EXIT_DISK if is_disk_full(error) else EXIT_ERROR


def reference(error: BaseException) -> str:
    """Return six digits that name the place where the error was raised."""
    frames = [(frame.name, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    return hashlib.sha256(repr((type(error).__name__, frames)).encode()).hexdigest()[:6]


def _two(message: str, fix: str) -> str:
    return f"{' '.join(message.split())}\n{' '.join(fix.split())}".strip()


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds:g} s"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
