"""The same question is one job: done at once, joined while live, asked again after a failure, and its result is that of a plain call."""

import contextlib
import dataclasses
import threading
import time

import psutil
import pytest

import engine
from engine import catalogue
from engine.core import UserError
from engine.jobs import key_of
from tests.engine.jobs.toys import ToyParams
from tests.engine.jobs.waiting import until


def test_a_job_gives_the_digest_of_a_plain_call(desk, submit, table):
    runner = desk()
    job = runner.wait(submit(runner, number=7, seed=3).key, 30)
    plain = engine.run("toy", table, deed="empty", number=7, seed=3)
    assert (job.state, job.progress, job.error) == ("done", 1.0, "")
    assert runner.result(job.key).digest == plain.digest
    assert job.seconds < 20 and job.bytes > 0 and job.dataset_name == "small table"


def test_the_key_changes_with_everything_asked_and_nothing_else(table):
    method, params = catalogue.find("toy"), ToyParams()
    keys = {
        key_of(method, params, table.digest),
        key_of(method, ToyParams(seed=1), table.digest),
        key_of(method, ToyParams(number=1), table.digest),
        key_of(method, params, "0" * 32),
        key_of(dataclasses.replace(method, version=2), params, table.digest),
        key_of(dataclasses.replace(method, name="other"), params, table.digest),
    }
    assert len(keys) == 6 and all(len(key) == 20 and set(key) <= set("0123456789abcdef") for key in keys)
    assert key_of(dataclasses.replace(method, label="Another label"), ToyParams(), table.digest) in keys


def test_a_done_job_is_returned_at_once_and_a_live_one_joined(desk, submit):
    runner = desk()
    live = submit(runner, "sleep", seconds=300)
    assert submit(runner, "sleep", seconds=300).key == live.key
    done = runner.wait(submit(runner).key, 30)
    again = submit(runner)
    assert (again.state, again.finished) == ("done", done.finished)
    assert len(runner.all()) == 2


def test_a_failed_or_cancelled_job_is_run_again(desk, submit):
    runner = desk()
    failed = runner.wait(submit(runner, "mistake").key, 30)
    assert submit(runner, "mistake").state == "queued"
    assert runner.wait(failed.key, 30).started > failed.started
    slow = submit(runner, "sleep", seconds=300)
    assert runner.cancel(slow.key) and not runner.cancel(slow.key)
    assert runner.get(slow.key).state == "cancelled"
    assert runner.retry(slow.key).is_live


def test_a_result_removed_by_hand_is_computed_again(desk, submit):
    runner = desk()
    key = runner.wait(submit(runner).key, 30).key
    runner.folders.clear(key, "result")
    with pytest.raises(UserError, match="no longer here"):
        runner.result(key)
    assert submit(runner).state == "queued"
    assert runner.wait(key, 30).state == "done" and runner.result(key)


def test_no_more_runs_at_once_than_slots_and_all_get_their_turn(desk, submit):
    runner = desk(slots=2)
    keys = [submit(runner, "sleep", seconds=0.4, number=i).key for i in range(5)]
    most = 0
    while any(runner.get(key).is_live for key in keys):
        most = max(most, sum(runner.get(key).state == "running" for key in keys))
        time.sleep(0.01)
    assert most == 2
    assert {runner.get(key).state for key in keys} == {"done"}


def test_an_owner_has_a_few_live_jobs_at_a_time(desk, submit):
    runner = desk(active=False)
    keys = [submit(runner, number=i, owner="ada").key for i in range(3)]
    with pytest.raises(UserError, match="3 runs waiting or running") as caught:
        submit(runner, number=3, owner="ada")
    assert caught.value.fix
    assert submit(runner, number=0, owner="ada").key == keys[0]
    assert submit(runner, number=3, owner="ben").is_live
    runner.cancel(keys[0])
    assert submit(runner, number=4, owner="ada").is_live


def test_cancel_ends_the_run_and_its_children(desk, submit):
    runner = desk()
    job = submit(runner, "grandchild", seconds=300)
    leader = until(lambda: (pid := runner.get(job.key).pid) and psutil.Process(pid))
    (child,) = until(leader.children)
    started = time.monotonic()
    assert runner.cancel(job.key)
    until(lambda: not leader.is_running() or leader.status() == psutil.STATUS_ZOMBIE)
    assert time.monotonic() - started < 2
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 5)
    until(lambda: runner.get(job.key).pid is None)
    assert runner.get(job.key).state == "cancelled"


def test_the_children_of_a_killed_run_are_ended_too(desk, submit):
    runner = desk()
    job = submit(runner, "grandchild", seconds=300)
    leader = until(lambda: (pid := runner.get(job.key).pid) and psutil.Process(pid))
    (child,) = until(leader.children)
    leader.kill()
    assert runner.wait(job.key, 20).state == "failed"
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 10)


def test_progress_and_early_pictures_are_seen_while_it_runs(desk, submit):
    runner = desk()
    job = submit(runner, "graph", seconds=3)
    graph = until(lambda: runner.partials(job.key).get("graph"))
    assert [str(edge) for edge in graph.edges()] == ["A --> B"]
    seen = until(lambda: (now := runner.get(job.key)).progress > 0.1 and now)
    assert seen.state == "running" and seen.note.endswith(" s") and seen.seconds > 0
    with pytest.raises(UserError, match="running"):
        runner.result(job.key)


def test_delete_removes_row_files_and_process(desk, submit):
    runner = desk()
    done = runner.wait(submit(runner).key, 30)
    live = submit(runner, "sleep", seconds=300)
    pid = until(lambda: runner.get(live.key).pid)
    for key in (done.key, live.key):
        until(lambda key=key: runner.delete(key))
        assert runner.get(key) is None and not runner.folders.job(key).exists()
        with pytest.raises(UserError, match="no longer here"):
            runner.result(key)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not list(runner.folders.bin.iterdir())


def test_twenty_threads_that_ask_at_once_get_one_run(desk, table):
    runner = desk(active=False)
    threads = [threading.Thread(target=runner.submit, args=("toy", table, ToyParams())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runner.all()) == 1


def test_a_spare_takes_the_run_and_is_gone_when_the_runner_closes(desk, submit):
    others = _spares()  # of runners that other tests of this process have left open
    runner = desk(spare=1)
    spare = until(lambda: next(iter(_spares() - others), None))
    assert runner.wait(submit(runner, "sleep", seconds=0.3).key, 60).state == "done"
    until(lambda: not spare.is_running() or spare.status() == psutil.STATUS_ZOMBIE)
    another = until(lambda: next(iter(_spares() - others - {spare}), None))
    runner.close()
    until(lambda: not another.is_running() or another.status() == psutil.STATUS_ZOMBIE)


def _spares():
    found = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "--warm" in child.cmdline():
                found.add(child)
    return found


def test_a_wish_the_operator_got_wrong_is_said(monkeypatch):
    from engine.jobs import Limits

    monkeypatch.setenv("CAUSEWAY_MEMORY_GB", "lots")
    with pytest.raises(UserError, match="CAUSEWAY_MEMORY_GB is 'lots'"):
        Limits.from_environment()
    monkeypatch.setenv("CAUSEWAY_MEMORY_GB", "6.5")
    assert Limits.from_environment().memory_gb == 6.5


def test_where_the_user_put_the_nodes_is_kept_with_the_result(desk, submit):
    runner = desk()
    job = runner.wait(submit(runner).key, 60)
    assert runner.arrangement(job.key) == {}
    runner.arrange(job.key, {"A": (1.5, -2.0)})
    assert runner.arrangement(job.key) == {"A": (1.5, -2.0)}
    runner.delete(job.key)
    runner.arrange(job.key, {"A": (0.0, 0.0)})
    assert runner.arrangement(job.key) == {}
