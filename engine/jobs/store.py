"""The state of all runs: one small SQLite file that many processes read and write."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core import UserError
from engine.jobs import endings
from engine.jobs.job import DatasetRow, Job, State

VERSION = 1
BUSY_S = 10.0

_TABLES = """
create table if not exists meta (version integer not null);
create table if not exists datasets (
    digest text primary key, name text not null, kind text not null, rows integer not null, cols integer not null,
    created real not null, source text not null, owner text not null);
create table if not exists jobs (
    key text primary key, method text not null, params text not null, dataset text not null, dataset_name text not null,
    state text not null, progress real not null default 0, note text not null default '',
    created real not null, started real, finished real, pid integer, pid_born real, attempt integer not null default 1,
    error text not null default '', seconds real, owner text not null default '', pinned integer not null default 0,
    bytes integer not null default 0);
create index if not exists jobs_by_state on jobs (state, created);
create index if not exists jobs_by_process on jobs (pid) where pid is not null;
"""


@dataclass(frozen=True)
class Unsettled:
    """A row that the runner has to do something about: it waits, runs, or has a process that is not gone yet."""

    key: str
    state: State
    attempt: int
    pid: int | None
    pid_born: float | None
    started: float | None


class Store:
    """The tables ``datasets`` and ``jobs`` of one ``var`` folder; safe to use from many threads and processes.

    A worker owns its row while ``state='running'`` and the row carries its pid; every change it makes is bound to both, so that a late
    worker cannot undo a cancel. A row keeps its pid until that process and its children are gone, and only a row without one is started.

    Raises
    ------
    UserError
        When the file is damaged, or was written by a newer version.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            self._connection.row_factory = sqlite3.Row
            self._prepare()
        except sqlite3.DatabaseError as error:
            raise self._mendable(error) from error

    def _prepare(self) -> None:
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        if self._connection.execute("pragma quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("malformed")
        with self.transaction() as db:
            known = db.execute("select count(*) from sqlite_master where name = 'meta'").fetchone()[0]
            if not known:
                for statement in _TABLES.split(";"):
                    db.execute(statement)
                db.execute("insert into meta (version) values (?)", (VERSION,))
            found = db.execute("select max(version) from meta").fetchone()[0]
        if found != VERSION:
            raise UserError(
                f"The list of runs {self.path} was written by another version of Causeway (format {found}, this one reads {VERSION}).",
                "Update Causeway, or set CAUSEWAY_VAR to another folder; nothing in the old one is touched.",
                str(self.path),
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the only write lock of the file for the block; all of it happens or nothing."""
        with self._lock:
            try:
                self._connection.execute("begin immediate")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("rollback")
                    raise
                self._connection.execute("commit")
            except sqlite3.DatabaseError as error:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise self._mendable(error) from error

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise self._mendable(error) from error

    def _change(self, statement: str, *values: Any) -> bool:
        """Run one statement and return whether it changed a row."""
        with self._lock:
            try:
                return self._connection.execute(statement, values).rowcount > 0
            except sqlite3.DatabaseError as error:
                raise self._mendable(error) from error

    def _mendable(self, error: sqlite3.DatabaseError) -> Exception:
        """Turn what people can mend into words: a damaged file, a full or read-only disk."""
        said = str(error)
        if any(word in said for word in ("malformed", "not a database", "no such column", "no such table")):
            fix = "Rename it and start again. Results stay in the folder 'jobs' beside it, and the same run asked for again finds its own."
            return UserError(f"The list of runs {self.path} cannot be read: the file is damaged.", fix, str(self.path))
        if "disk is full" in said:
            message, _, fix = endings.of_disk().partition("\n")
            return UserError(message, fix, str(self.path))
        if "readonly" in said or "unable to open" in said:
            fix = "Allow writing to its folder, or set CAUSEWAY_VAR to another one."
            return UserError(f"The list of runs {self.path} cannot be written.", fix, str(self.path))
        return error

    # -- looking -----------------------------------------------------------------------------------------------

    def job(self, key: str) -> Job | None:
        """Return one job."""
        found = self._rows("select * from jobs where key = ?", key)
        return _job(found[0]) if found else None

    def jobs(self, limit: int) -> list[Job]:
        """List jobs, the latest first."""
        return [_job(row) for row in self._rows("select * from jobs order by created desc, rowid desc limit ?", limit)]

    def unsettled(self) -> list[Unsettled]:
        """List what waits, runs or has a process, in order of arrival."""
        query = (
            "select key, state, attempt, pid, pid_born, started from jobs"
            " where state in ('queued', 'running') or pid is not null order by created, rowid"
        )
        return [Unsettled(*row) for row in self._rows(query)]

    def process_of(self, key: str) -> tuple[int, float] | None:
        """Return pid and creation time of the process that runs a job or is about to end."""
        found = self._rows("select pid, pid_born from jobs where key = ? and pid is not null", key)
        return (found[0]["pid"], found[0]["pid_born"]) if found else None

    def superseded(self, keep_jobs: int, keep_bytes: int) -> list[str]:
        """List the keys of settled, unpinned jobs beyond the latest ``keep_jobs`` or ``keep_bytes``."""
        query = "select key, bytes, pinned from jobs where state not in ('queued', 'running') and pid is null order by finished desc"
        total, count, over = 0, 0, []
        for row in self._rows(query):
            if row["pinned"]:
                continue
            total, count = total + row["bytes"], count + 1
            if count > keep_jobs or total > keep_bytes:
                over.append(row["key"])
        return over

    # -- asked for by people -----------------------------------------------------------------------------------

    def cancel(self, key: str) -> bool:
        """Cancel a job that waits or runs; its process is ended by whoever sees the row next."""
        statement = (
            "update jobs set state = 'cancelled', finished = ?1, seconds = ?1 - started where key = ?2 and state in ('queued', 'running')"
        )
        return self._change(statement, time.time(), key)

    def pin(self, key: str, pinned: bool) -> bool:
        """Protect a job from housekeeping, or stop protecting it."""
        return self._change("update jobs set pinned = ? where key = ?", int(pinned), key)

    # -- written by workers ------------------------------------------------------------------------------------

    def claim(self, key: str, attempt: int, pid: int, pid_born: float) -> Job | None:
        """Take a waiting job for a process; None when another one was faster or the job was cancelled."""
        statement = (
            "update jobs set state = 'running', pid = ?, pid_born = ?, started = ?, note = ''"
            " where key = ? and attempt = ? and state = 'queued' and pid is null"
        )
        return self.job(key) if self._change(statement, pid, pid_born, time.time(), key, attempt) else None

    def report(self, key: str, pid: int, progress: float, note: str) -> bool:
        """Write progress; return whether the process still owns the job."""
        statement = "update jobs set progress = ?, note = ? where key = ? and state = 'running' and pid = ?"
        return self._change(statement, progress, note, key, pid)

    def finish(self, key: str, pid: int, size: int) -> bool:
        """Mark a job as done; only its owner can, and only while it runs."""
        statement = (
            "update jobs set state = 'done', progress = 1, note = '', finished = ?1, seconds = ?1 - started, bytes = ?2"
            " where key = ?3 and state = 'running' and pid = ?4"
        )
        return self._change(statement, time.time(), size, key, pid)

    def fail(self, key: str, pid: int, error: str) -> bool:
        """Mark a running job of process ``pid`` as failed, with the reason in words."""
        statement = (
            "update jobs set state = 'failed', error = ?1, finished = ?2, seconds = ?2 - started"
            " where key = ?3 and state = 'running' and pid = ?4"
        )
        return self._change(statement, error, time.time(), key, pid)

    # -- written by the runner ---------------------------------------------------------------------------------

    def fail_waiting(self, key: str, attempt: int, error: str) -> bool:
        """Mark a job that no process could take as failed."""
        statement = (
            "update jobs set state = 'failed', error = ?, finished = ? where key = ? and attempt = ? and state = 'queued' and pid is null"
        )
        return self._change(statement, error, time.time(), key, attempt)

    def release(self, key: str, pid: int) -> None:
        """Note that process ``pid`` and its children are gone."""
        self._change("update jobs set pid = null, pid_born = null where key = ? and pid = ? and state != 'running'", key, pid)

    # -- datasets ----------------------------------------------------------------------------------------------

    def keep_dataset(self, row: DatasetRow) -> None:
        """List a stored dataset, or give a known one its latest name."""
        statement = (
            "insert into datasets (digest, name, kind, rows, cols, created, source, owner) values (?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict (digest) do update set name = excluded.name, created = excluded.created"
        )
        self._change(statement, row.digest, row.name, row.kind, row.rows, row.columns, row.created, row.source, row.owner)

    def datasets(self) -> list[DatasetRow]:
        """List the stored datasets, the latest first."""
        return [DatasetRow(*row) for row in self._rows("select * from datasets order by created desc, rowid desc")]


def new_job(db: sqlite3.Connection, key: str, asked: dict[str, Any], state: State) -> None:
    """Add a job inside a transaction."""
    now = time.time()
    values = {
        "key": key, **asked, "params": json.dumps(asked["params"]), "state": state, "created": now,
        "finished": now if state == "done" else None, "progress": float(state == "done"),
    }  # fmt: skip
    marks = ", ".join(f":{name}" for name in values)
    db.execute(f"insert into jobs ({', '.join(values)}) values ({marks})", values)


def requeue(db: sqlite3.Connection, key: str) -> None:
    """Let a job that has ended wait again, inside a transaction; a process that is still ending stays noted."""
    db.execute(
        "update jobs set state = 'queued', attempt = attempt + 1, progress = 0, note = '', error = '', created = ?,"
        " started = null, finished = null, seconds = null, bytes = 0 where key = ?",
        (time.time(), key),
    )


def _job(row: sqlite3.Row) -> Job:
    seconds = row["seconds"]
    if row["state"] == "running" and row["started"] is not None:
        seconds = max(0.0, time.time() - row["started"])
    return Job(
        key=row["key"], method=row["method"], params=json.loads(row["params"]), dataset=row["dataset"], dataset_name=row["dataset_name"],
        state=row["state"], progress=row["progress"], note=row["note"], created=row["created"], started=row["started"],
        finished=row["finished"], seconds=seconds, error=row["error"], owner=row["owner"], pinned=bool(row["pinned"]),
        bytes=row["bytes"], pid=row["pid"],
    )  # fmt: skip
