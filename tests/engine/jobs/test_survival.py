"""A run survives the death of its server; one runner at a time, the next takes over; a spare does not outlive its server."""

import os
import shlex
import signal
import subprocess
import sys

import psutil
import pytest

import engine
from engine.jobs import shared
from engine.jobs.folders import root
from tests.engine.jobs.toys import METHODS
from tests.engine.jobs.waiting import until


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(**extra):
        environment = os.environ | {"CAUSEWAY_VAR": str(tmp_path / "var"), "CAUSEWAY_EXTRA_METHODS": METHODS, "CAUSEWAY_SPARE": "0"} | extra
        command = [*shlex.split(f"{shlex.quote(sys.executable)} -m tests.chaos.server")]
        servers.append(subprocess.Popen(command, cwd=root(), env=environment, start_new_session=True))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
        server.wait()


def test_a_running_job_survives_kill_9_of_the_server(desk, submit, serve, table):
    server = serve()
    runner = desk(active=False)
    job = submit(runner, "sleep", seconds=4, number=1)
    waiting = submit(runner, "sleep", seconds=0.1, number=2)
    pid = until(lambda: (now := runner.get(job.key)).progress > 0 and now.pid)
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    seen = runner.get(job.key).progress
    until(lambda: runner.get(job.key).progress > seen)
    serve()
    done = runner.wait(job.key, 30)
    assert (done.state, runner.log_tail(job.key).count("process")) == ("done", 1)
    assert runner.result(job.key).digest == engine.run("toy", table, deed="sleep", seconds=4, number=1).digest
    assert runner.wait(waiting.key, 30).state == "done"
    until(lambda: not psutil.pid_exists(pid))


def test_a_run_that_died_unwatched_is_put_into_words_by_the_next_server(desk, submit, serve):
    server = serve()
    runner = desk(active=False)
    job = submit(runner, "sleep", seconds=300)
    pid = until(lambda: (now := runner.get(job.key)).progress > 0 and now.pid)
    server.kill()
    server.wait()
    os.kill(pid, signal.SIGKILL)
    serve()
    assert "while the app was not watching" in runner.wait(job.key, 30).error


def test_one_runner_at_a_time_and_the_next_takes_over(desk, submit):
    first, second = desk(), desk()
    until(lambda: first.is_active or second.is_active)
    assert not (first.is_active and second.is_active)
    holder, other = (first, second) if first.is_active else (second, first)
    assert other.wait(submit(other).key, 30).state == "done"
    holder.close()
    until(lambda: other.is_active)
    assert other.wait(submit(other, number=2).key, 30).state == "done"


def test_a_spare_does_not_outlive_its_server(serve):
    server = serve(CAUSEWAY_SPARE="1")
    spare = until(lambda: next((c for c in psutil.Process(server.pid).children() if "--warm" in c.cmdline()), None))
    server.kill()
    server.wait()
    until(lambda: not spare.is_running() or spare.status() == psutil.STATUS_ZOMBIE)


def test_shared_is_one_object_per_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CAUSEWAY_VAR", str(tmp_path / "a"))
    monkeypatch.setenv("CAUSEWAY_SPARE", "0")
    one = shared()
    assert shared() is one
    monkeypatch.setenv("CAUSEWAY_VAR", str(tmp_path / "b"))
    two = shared()
    assert two is not one
    until(lambda: one.is_active and two.is_active)
    one.close()
    two.close()
