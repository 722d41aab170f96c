"""Inner loops sent to a real local Dask cluster give the same result, and a cluster that is not there is said in words."""

import os
import subprocess
import sys

import psutil
import pytest

import engine
from engine import catalogue
from engine.data import simulate
from engine.jobs.folders import root
from tests.engine.jobs.waiting import until

pytest.importorskip("distributed", reason="the optional requirements-cluster.txt is not installed")

CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit=0) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Address of a scheduler with two worker processes on the loopback."""
    script = tmp_path_factory.mktemp("cluster") / "cluster.py"
    script.write_text(CLUSTER)
    environment = os.environ | {"PYTHONPATH": str(root()), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, script], cwd=script.parent, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    address = process.stdout.readline().strip()
    assert address.startswith("tcp://127.0.0.1:"), address
    yield address
    process.communicate()


def test_a_cluster_gives_the_same_result(desk, submit, cluster, table, monkeypatch):
    here = engine.run("toy", table, deed="loop", number=1)
    monkeypatch.setenv("CLUSTER", cluster)
    runner = desk()
    tasks = _TaskCounter(cluster)
    job = runner.wait(submit(runner, "loop", number=1).key, 60)
    assert job.state == "done", job.error + runner.log_tail(job.key)
    result = runner.result(job.key)
    assert result.digest == here.digest
    assert result.provenance.warnings == here.provenance.warnings != ()
    assert tasks.seen() >= 1


def test_the_bootstrap_of_a_method_gives_the_same_support_on_a_cluster(desk, cluster, monkeypatch):
    data = simulate("gaussian", p=8, n=500, seed=1)
    here = engine.run("pc", data, bootstrap=20)
    monkeypatch.setenv("CLUSTER", cluster)
    runner = desk()
    tasks = _TaskCounter(cluster)
    job = runner.wait(runner.submit("pc", data, catalogue.find("pc").params(bootstrap=20)).key, 90)
    assert job.state == "done", job.error + runner.log_tail(job.key)
    assert runner.result(job.key).digest == here.digest
    assert tasks.seen() >= 1


def test_cancel_works_while_a_cluster_computes(desk, submit, cluster, monkeypatch):
    monkeypatch.setenv("CLUSTER", cluster)
    runner = desk()
    job = submit(runner, "sleep", seconds=300)
    leader = until(lambda: runner.get(job.key).progress > 0 and psutil.Process(runner.get(job.key).pid), 40)
    assert runner.cancel(job.key)
    until(lambda: not leader.is_running() or leader.status() == psutil.STATUS_ZOMBIE, 5)


def test_a_cluster_that_is_not_there_is_said(desk, submit, monkeypatch):
    monkeypatch.setenv("CLUSTER", "tcp://127.0.0.1:9")
    runner = desk()
    job = runner.wait(submit(runner).key, 60)
    assert job.problem.message == "The cluster at tcp://127.0.0.1:9 does not answer."


class _TaskCounter:
    """Counts the tasks that the workers of a cluster have finished since it was made."""

    def __init__(self, address):
        from distributed import Client

        self.client = Client(address, set_as_default=False)
        self.before = self._count()

    def seen(self):
        count = self._count() - self.before
        self.client.close()
        return count

    def _count(self):
        return self.client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)
