"""What is known of one run, and of one stored dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.core import UserError

State = Literal["queued", "running", "done", "failed", "cancelled"]
LIVE: tuple[State, ...] = ("queued", "running")


@dataclass(frozen=True)
class Job:
    """One run as it stood when it was looked up.

    Attributes
    ----------
    key : content key, see `engine.jobs.key_of`.
    method, params : what was asked.
    dataset, dataset_name : digest and label of the data.
    state : ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    progress, note : fraction in [0, 1] and what the run does.
    created, started, finished : seconds since 1970; None when it has not come to that.
    seconds : how long it ran, or has been running; None while it waits.
    error : why it failed, in two lines: what happened, and what to do; empty otherwise.
    owner : who asked first.
    pinned : whether housekeeping must keep it.
    bytes : size of the result on disk.
    pid : the process that runs it or is about to end; None otherwise.
    """

    key: str
    method: str
    params: Mapping[str, Any]
    dataset: str
    dataset_name: str
    state: State
    progress: float
    note: str
    created: float
    started: float | None
    finished: float | None
    seconds: float | None
    error: str
    owner: str
    pinned: bool
    bytes: int = 0
    pid: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether it waits or runs."""
        return self.state in LIVE

    @property
    def problem(self) -> UserError | None:
        """The reason of a failure as an error card: message and way out."""
        message, _, fix = self.error.partition("\n")
        return UserError(message, fix, self.key) if message else None


@dataclass(frozen=True)
class DatasetRow:
    """One stored dataset without its values."""

    digest: str
    name: str
    kind: str
    rows: int
    columns: int
    created: float
    source: str
    owner: str
