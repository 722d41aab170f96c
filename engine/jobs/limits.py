"""How much one run, one user and the whole store may take; set by the environment."""

import os
import sys
from dataclasses import dataclass, fields
from typing import Self

from engine.core import UserError

GB = 2**30


@dataclass(frozen=True)
class Limits:
    """Limits of the job system; each is read from ``CAUSEWAY_`` and its name in capitals, such as ``CAUSEWAY_MEMORY_GB=8``.

    Attributes
    ----------
    slots : runs at the same time; 0 means one less than the cores, and at least one.
    memory_gb : address space of one process of a run (on Windows and macOS: memory in use by the run and its children).
    cpu_s : processor seconds of one process of a run.
    wall_s : seconds from start to end.
    disk_gb : size of one file that a run writes.
    live_per_owner : waiting and running jobs of one owner.
    keep_jobs, keep_gb : finished runs that housekeeping keeps, beside the pinned ones.
    spare : whether one warm process waits for the next run (1 or 0); it costs about 170 MB.
    """

    slots: int = 0
    memory_gb: float = 4.0
    cpu_s: int = 24 * 3600
    wall_s: int = 6 * 3600
    disk_gb: float = 5.0
    live_per_owner: int = 3
    keep_jobs: int = 200
    keep_gb: float = 5.0
    spare: int = 1

    @classmethod
    def from_environment(cls) -> Self:
        """Read the limits; a value that is not a positive number is a `UserError`."""
        values: dict[str, float] = {}
        for field in fields(cls):
            name = f"CAUSEWAY_{field.name.upper()}"
            text = os.environ.get(name, "").strip()
            if not text:
                continue
            try:
                values[field.name] = float(text) if isinstance(field.default, float) else int(text)
            except ValueError:
                raise UserError(
                    f"{name} is '{text}', which is not a number.", f"Set it to a number such as {field.default}.", name
                ) from None
            if values[field.name] < 0 or (values[field.name] == 0 and field.name not in ("slots", "spare")):
                raise UserError(f"{name} is {text}, but it must be above zero.", f"Set it to a number such as {field.default}.", name)
        return cls(**values)  # type: ignore[arg-type]

    @property
    def n_slots(self) -> int:
        """Number of runs at the same time."""
        return self.slots or max(1, (os.cpu_count() or 1) - 1)

    @property
    def threads(self) -> int:
        """Threads or inner processes that each run may use."""
        return max(1, (os.cpu_count() or 1) // self.n_slots)


def has_address_limit() -> bool:
    """Whether the system enforces a limit on address space; macOS accepts one and ignores it, Windows has none."""
    return sys.platform == "linux"


def apply(limits: Limits) -> None:
    """Set the limits of this process and of the children it will start; where the system has none this does nothing."""
    if sys.platform == "win32":
        return
    import resource

    wanted = {
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_FSIZE: int(limits.disk_gb * GB),
        resource.RLIMIT_CORE: 0,
    }
    if has_address_limit():
        wanted[resource.RLIMIT_AS] = int(limits.memory_gb * GB)
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # the soft CPU limit sends SIGXCPU, which tells us the reason; the hard one a bare SIGKILL a little later
        top = ceiling + 5 if kind == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else ceiling
        resource.setrlimit(kind, (ceiling, top))
