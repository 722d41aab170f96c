"""Nothing stored is lost or half there: datasets, housekeeping, a damaged or newer list, an ending that comes too late."""

import os
import sqlite3
import time

import pytest

from engine.core import Dataset, UserError
from engine.jobs import Runner
from engine.jobs.folders import Folders, read_partials, write_partial
from engine.jobs.supervisor import Supervisor


def test_a_late_worker_cannot_undo_a_cancel(desk, submit):
    runner = desk(active=False)
    job = submit(runner)
    assert runner.store.claim(job.key, 1, os.getpid(), 0.0)
    assert runner.store.claim(job.key, 1, os.getpid() + 1, 0.0) is None
    assert runner.store.cancel(job.key)
    assert not runner.store.finish(job.key, os.getpid(), 0)
    assert not runner.store.fail(job.key, os.getpid(), "late")
    assert not runner.store.report(job.key, os.getpid(), 0.5, "late")
    assert runner.get(job.key).state == "cancelled"
    runner.store.release(job.key, os.getpid())


def test_a_job_asked_again_waits_until_its_last_process_is_gone(desk, submit):
    runner = desk(active=False)
    job = submit(runner)
    runner.store.claim(job.key, 1, os.getpid(), 0.0)
    runner.store.cancel(job.key)
    assert submit(runner).state == "queued"
    assert runner.store.claim(job.key, 2, 1234567, 0.0) is None
    runner.store.release(job.key, os.getpid())
    assert runner.store.claim(job.key, 1, 1234567, 0.0) is None
    assert runner.store.claim(job.key, 2, 1234567, 0.0)
    runner.store.cancel(job.key)
    runner.store.release(job.key, 1234567)


def test_a_pid_used_again_by_another_process_is_not_taken_for_the_run(desk, submit):
    runner = desk(active=False)
    job = submit(runner)
    runner.store.claim(job.key, 1, os.getpid(), 1000.0)
    supervisor = Supervisor(runner.store, runner.folders, runner.limits)
    supervisor.turn()
    assert "restarted" in runner.get(job.key).error
    supervisor.turn()
    assert runner.get(job.key).pid is None


def test_datasets_come_back_with_what_was_told_last(desk, table):
    runner = desk(active=False)
    digest = runner.keep(table)
    renamed = Dataset(table.frame, name="better name", truth={"graph": {"nodes": []}})
    assert runner.keep(renamed) == digest
    assert runner.keep(Dataset(table.frame, name="better name")) == digest
    back = runner.dataset(digest)
    assert (back.digest, back.name, back.truth) == (digest, "better name", {"graph": {"nodes": []}})
    (row,) = runner.datasets()
    assert (row.name, row.rows, row.columns) == ("better name", 40, 3)


def test_a_dataset_is_forgotten_unless_a_live_job_needs_it(desk, submit, table):
    runner = desk(active=False)
    job = submit(runner)
    with pytest.raises(UserError, match="needs this table"):
        runner.forget(table.digest)
    runner.cancel(job.key)
    assert runner.forget(table.digest)
    assert not runner.datasets()
    with pytest.raises(UserError, match="no longer here"):
        runner.dataset(table.digest)


def test_housekeeping_keeps_the_latest_the_pinned_and_the_live(desk, submit):
    runner = desk(active=False, keep_jobs=3)
    keys = [submit(runner, number=i).key for i in range(7)]
    for key in keys[:6]:
        runner.store.claim(key, 1, os.getpid(), 0.0)
        runner.folders.job(key).mkdir()
        runner.store.finish(key, os.getpid(), 10)
        runner.store.release(key, os.getpid())
        time.sleep(0.002)
    runner.pin(keys[0])
    assert set(runner.store.superseded(3, 10**9)) == {keys[1], keys[2]}
    assert set(runner.store.superseded(99, 25)) == {keys[1], keys[2], keys[3]}
    supervisor = Supervisor(runner.store, runner.folders, runner.limits)
    supervisor._tidy()
    assert {job.key for job in runner.all()} == {keys[0], *keys[3:]}
    assert not runner.folders.job(keys[1]).exists()


def test_a_damaged_list_names_the_file_and_the_way_out(tmp_path):
    (tmp_path / "jobs.sqlite").write_bytes(b"this is not a database" * 1000)
    with pytest.raises(UserError, match="damaged") as caught:
        Runner(tmp_path)
    assert "Rename it" in caught.value.fix and caught.value.where.endswith("jobs.sqlite")


def test_damage_inside_the_list_is_noticed(desk, submit, tmp_path):
    runner = desk(active=False)
    for i in range(200):
        submit(runner, number=i)
    runner.store._connection.execute("pragma wal_checkpoint(truncate)")
    copy = tmp_path / "copy"
    copy.mkdir()
    whole = (runner.folders.base / "jobs.sqlite").read_bytes()
    (copy / "jobs.sqlite").write_bytes(whole[:8192] + b"\x99" * 8192 + whole[16384:])
    with pytest.raises(UserError, match="damaged"):
        Runner(copy)


def test_a_list_of_a_newer_version_is_left_alone(tmp_path):
    Runner(tmp_path).store.close()
    with sqlite3.connect(tmp_path / "jobs.sqlite") as db:
        db.execute("update meta set version = 99")
    with pytest.raises(UserError, match="format 99") as caught:
        Runner(tmp_path)
    assert "CAUSEWAY_VAR" in caught.value.fix


def test_a_lost_list_finds_the_results_again(desk, submit):
    runner = desk()
    done = runner.wait(submit(runner).key, 30)
    digest = runner.result(done.key).digest
    runner.close()
    for file in runner.folders.base.glob("jobs.sqlite*"):
        file.unlink()
    runner = desk(active=False)
    assert submit(runner).state == "done"
    assert runner.result(done.key).digest == digest


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        Runner(tmp_path / "file" / "var")


def test_a_key_from_a_link_cannot_leave_the_folder(desk):
    runner = desk(active=False)
    assert runner.get("../../etc/passwd") is None
    with pytest.raises(ValueError, match="neither a key nor a digest"):
        runner.log_tail("../../etc")


def test_the_latest_early_version_wins_and_old_ones_go(tmp_path):
    for count in range(5):
        write_partial(tmp_path, "score", count, count)
    assert read_partials(tmp_path) == {"score": 4}
    assert len(list((tmp_path / "partials" / "score").iterdir())) == 2
    with pytest.raises(ValueError, match="not a name"):
        write_partial(tmp_path, "../x", 1, 0)


def test_two_processes_may_store_the_same_table(tmp_path, table):
    one, two = Folders(tmp_path), Folders(tmp_path)
    one.keep_dataset(table)
    two.has_dataset = lambda digest: False  # as if the other one was faster by a hair
    with pytest.raises(OSError):
        two.keep_dataset(table)
    del two.has_dataset
    assert two.dataset(table.digest).digest == table.digest
