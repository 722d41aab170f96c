"""The events: each does one thing to the world at a random moment and says what it did."""

import os
import signal
import time

import numpy as np

from tests.chaos.world import World
from tests.engine.jobs.toys import ToyParams

DEEDS = {"sleep": 8, "graph": 3, "empty": 2, "segfault": 1, "mistake": 1, "bug": 1, "greedy": 1, "exit": 1, "grandchild": 2}
WEIGHTS = {
    "submit": 26, "resubmit": 12, "cancel": 10, "retry": 6, "delete": 5, "hurt_worker": 14, "kill_server": 7, "second_server": 3,
    "kill_spare": 4, "freeze_worker": 2, "freeze_server": 3, "browse": 10,
}  # fmt: skip


class Events:
    """Chooses and performs events; the same seed chooses the same ones, though not at the same instant of the runs."""

    def __init__(self, world: World, seed: int):
        self.world, self.rng = world, np.random.default_rng(seed)
        self.number = 0

    def one(self) -> str:
        """Perform one random event and return its name in words."""
        names = list(WEIGHTS)
        weights = np.array([WEIGHTS[name] for name in names], float)
        if self.world.browser is None:
            weights[names.index("browse")] = 0
        event = str(self.rng.choice(names, p=weights / weights.sum()))
        done: str = getattr(self, event)()
        if not self.world.servers:
            self.world.start_server()
        time.sleep(self.rng.uniform(0, 0.4))
        return done

    def submit(self) -> str:
        self.number += 1
        deeds, weights = list(DEEDS), np.array(list(DEEDS.values()), float)
        deed = str(self.rng.choice(deeds, p=weights / weights.sum()))
        params = ToyParams(deed=deed, seconds=float(self.rng.uniform(0.05, 2.5)), number=self.number)
        if self.rng.random() < 0.2:
            mine, other = self.world.submit_twice(params)
            assert mine == other, (mine, other)
            return "submitted by two processes at once"
        self.world.submit(params)
        return "submitted"

    def resubmit(self) -> str:
        if not self.world.asked:
            return self.submit()
        params = self.world.asked[self._any(list(self.world.asked))]
        mine, other = self.world.submit_twice(params)
        assert mine == other, (mine, other)
        return "submitted again by two processes"

    def cancel(self) -> str:
        live = [job.key for job in self.world.desk.all(10_000) if job.is_live]
        if not live:
            return "nothing to cancel"
        key = self._any(live)
        self.world.desk.cancel(key)
        self.world.cancelled.add(key)
        return "cancelled"

    def retry(self) -> str:
        settled = [job.key for job in self.world.desk.all(10_000) if not job.is_live]
        if not settled:
            return "nothing to retry"
        key = self._any(settled)
        self.world.desk.retry(key)
        self.world.cancelled.discard(key)
        return "retried"

    def delete(self) -> str:
        keys = [job.key for job in self.world.desk.all(10_000)]
        return "deleted" if keys and self.world.desk.delete(self._any(keys)) else "nothing deleted"

    def hurt_worker(self) -> str:
        pids = self._workers()
        if not pids:
            return "no worker to hurt"
        number = signal.Signals(int(self._any([signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT])))
        self.world.hit(self._any(pids), number)
        return f"worker {number.name}"

    def freeze_worker(self) -> str:
        pids = self._workers()
        if not pids:
            return "no worker to freeze"
        pid = self._any(pids)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                break
            time.sleep(self.rng.uniform(0.1, 0.6))
        return "worker frozen for a moment"

    def kill_spare(self) -> str:
        spares = self.world.spares()
        if not spares:
            return "no spare to kill"
        self.world.hit(spares[0].pid, signal.SIGKILL)
        return "spare SIGKILL"

    def kill_server(self) -> str:
        number = signal.SIGKILL if self.rng.random() < 0.75 else signal.SIGTERM
        self.world.stop_server(int(self.rng.integers(len(self.world.servers))), number)
        time.sleep(self.rng.uniform(0, 1.0))
        return f"server {signal.Signals(number).name}"

    def second_server(self) -> str:
        if len(self.world.servers) > 1:
            return self.kill_server()
        self.world.start_server()
        return "second server started"

    def freeze_server(self) -> str:
        server, _ = self.world.servers[0]
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.2, 1.0))
        os.kill(server.pid, signal.SIGCONT)
        return "server frozen for a moment"

    def browse(self) -> str:
        assert self.world.browser
        _, port = self.world.servers[-1]
        page = self._any(["", "jobs", "data", "discovery"])
        keys = list(self.world.asked) or ["none"]
        return self.world.browser.act(int(self.rng.integers(4)), f"http://127.0.0.1:{port}/{page}?job={self._any(keys)}")

    def _workers(self) -> list[int]:
        """Wait a little for a worker, then list them."""
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            if pids := [job.pid for job in self.world.desk.all(10_000) if job.state == "running" and job.pid]:
                time.sleep(self.rng.uniform(0, 0.3))
                return pids
            time.sleep(0.02)
        return []

    def _any(self, choices: list) -> object:
        return choices[int(self.rng.integers(len(choices)))]
