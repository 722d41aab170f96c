"""However a run ends, its job says so in words, and other runs are not touched."""

import errno
import os
import signal
import sqlite3
import time

import psutil
import pytest

from engine.core import UserError
from engine.jobs import Limits, endings
from tests.engine.jobs.waiting import until

DEATHS = {
    "segfault": ("crashed in native code", "Run it again"),
    "abort": ("crashed in native code", "Run it again"),
    "exit": ("ended early", "report"),
    "mistake": ("Column B never varies.", "Remove it, or choose another."),
    "bug": ("matrices are not aligned", "mistake of the app, not yours"),
    "greedy": ("more memory than it may use (limit 4 GB)", "fewer variables"),
    "full": ("disk is full", "Free some space"),
    "file": ("larger than the 5 GB allowed", "less output"),
}


def test_every_death_has_its_words_and_spares_the_neighbour(desk, submit):
    runner = desk(slots=2)
    neighbour = submit(runner, "sleep", seconds=300)
    for deed, (message, fix) in DEATHS.items():
        job = runner.wait(submit(runner, deed, seconds=0).key, 60)
        assert job.state == "failed", deed
        assert message in job.problem.message, (deed, job.error)
        assert fix in job.problem.fix, (deed, job.error)
        with pytest.raises(UserError, match=r"."):
            runner.result(job.key)
        assert not (runner.folders.job(job.key) / "result").exists()
    assert runner.get(neighbour.key).state == "running"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_from_outside_is_told_apart(desk, submit, number):
    runner = desk()
    job = submit(runner, "sleep", seconds=300)
    until(lambda: runner.get(job.key).progress > 0)
    os.kill(runner.get(job.key).pid, number)
    said = runner.wait(job.key, 20).problem.message
    expected = {signal.SIGKILL: "out of memory", signal.SIGSEGV: "native code", signal.SIGTERM: "from outside the app (SIGTERM)"}
    assert expected[number] in said


def test_a_bug_leaves_its_trace_and_its_reference_in_the_log(desk, submit):
    runner = desk()
    job = runner.wait(submit(runner, "bug").key, 30)
    reference = job.problem.fix.split("reference ")[1][:6]
    assert reference in runner.log_tail(job.key)
    assert "ValueError: matrices are not aligned" in runner.log_tail(job.key)


def test_a_run_that_takes_too_long_is_stopped(desk, submit):
    runner = desk(wall_s=1)
    job = submit(runner, "spin")
    until(lambda: runner.get(job.key).pid)
    pid = runner.get(job.key).pid
    assert "longer than the 1 s allowed" in runner.wait(job.key, 20).error
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_processor_time_is_limited(desk, submit):
    runner = desk(cpu_s=3)
    assert "processor time than the 3 s allowed" in runner.wait(submit(runner, "spin").key, 60).error


def test_the_memory_limit_is_the_one_that_was_set(desk, submit):
    runner = desk(memory_gb=2.5)
    assert "limit 2.5 GB" in runner.wait(submit(runner, "greedy").key, 30).error


def test_words_for_what_cannot_be_staged_here():
    limits = Limits()
    assert "machine was restarted" in endings.of_exit(None, limits, "", machine_restarted=True)
    assert "not watching" in endings.of_exit(None, limits, "")
    assert "native code" in endings.of_exit(None, limits, "Fatal Python error: Segmentation fault")
    assert "needed more memory" in endings.of_exit(-signal.SIGABRT, limits, "terminate called after throwing 'std::bad_alloc'")
    assert "native code (access violation)" in endings.of_exit(-1073741819, limits, "")
    assert "disk is full" in endings.of_exception(OSError(errno.ENOSPC, "no space"), limits)
    assert "disk is full" in endings.of_exception(sqlite3.OperationalError("database or disk is full"), limits)


def test_a_method_unknown_to_the_worker_fails_in_words(desk, submit, monkeypatch):
    """As after an update that removed a method while its job was waiting."""
    runner = desk(active=False)
    job = submit(runner)
    monkeypatch.delenv("CAUSEWAY_EXTRA_METHODS")
    runner.start()
    assert "There is no method 'toy'" in runner.wait(job.key, 30).error


def test_a_lost_table_fails_in_words(desk, submit, table):
    runner = desk(active=False)
    job = submit(runner)
    runner.folders.throw_away(runner.folders.data / table.digest)
    runner.start()
    assert "small table is no longer here" in runner.wait(job.key, 30).error
    with pytest.raises(UserError, match="no longer here"):
        runner.retry(job.key)


def test_a_worker_that_cannot_start_is_not_tried_for_ever(desk, submit, monkeypatch):
    runner = desk(active=False)
    job = submit(runner)
    monkeypatch.setattr("engine.jobs.supervisor.sys.executable", "/bin/false")
    runner.start()
    started = time.monotonic()
    assert "ended early (exit code 1)" in runner.wait(job.key, 20).error
    assert time.monotonic() - started < 10
