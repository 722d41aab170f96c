"""What chaos is done to: servers, a second submitter, a browser, and the jobs they share."""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from engine.core import Dataset
from engine.jobs import Runner
from engine.jobs.folders import root
from tests.chaos.browser import Browser
from tests.engine.jobs.toys import AUDIT, METHODS, ToyParams

PLAIN = f"{shlex.quote(sys.executable)} -m tests.chaos.server"
REAL = f"{shlex.quote(sys.executable)} -m streamlit run app.py --server.headless true --server.port {{port}}"


class World:
    """One folder of state and everybody who works on it.

    Parameters
    ----------
    base : an empty folder.
    command : how to start a server; ``{port}`` is filled in.
    with_browser : whether to open pages of the server in a real browser.
    """

    def __init__(self, base: Path, command: str, with_browser: bool):
        self.var, self.audit = base / "var", base / "audit"
        self.audit.mkdir(parents=True)
        self.environment = os.environ | {
            "CAUSEWAY_VAR": str(self.var), AUDIT: str(self.audit), "CAUSEWAY_SLOTS": "2",
            "PYTHONPATH": str(root()), "CAUSEWAY_EXTRA_METHODS": METHODS,
        }  # fmt: skip
        self.command = command
        self.log = (base / "servers.log").open("w")
        self.data = Dataset(pd.DataFrame(np.random.default_rng(1).normal(size=(60, 4)), columns=list("ABCD")), name="chaos")
        self.data_folder = self.data.to_dir(base / "table")
        self.desk = Runner(self.var)
        self.servers: list[tuple[subprocess.Popen[bytes], int]] = []
        self.helper = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.submitter"],
            cwd=root(), env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.browser = Browser() if with_browser else None
        self.asked: dict[str, ToyParams] = {}
        self.hurt: set[int] = set()
        self.cancelled: set[str] = set()

    def start_server(self) -> None:
        """Start one more server on a port of its own."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = shlex.split(self.command.format(port=port))
        server = subprocess.Popen(command, cwd=root(), env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True)
        self.servers.append((server, port))

    def stop_server(self, index: int, number: int) -> None:
        """Send a signal that ends it to a server and wait for its end."""
        server, _ = self.servers.pop(index)
        server.send_signal(number)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def submit(self, params: ToyParams) -> str:
        """Ask for a run from this process."""
        key = self.desk.submit("toy", self.data, params).key
        self.asked[key] = params
        self.cancelled.discard(key)
        return key

    def submit_twice(self, params: ToyParams) -> tuple[str, str]:
        """Ask for the same run from two processes at the same time."""
        assert self.helper.stdin and self.helper.stdout
        self.helper.stdin.write(json.dumps({"data": str(self.data_folder), "params": params.to_dict()}) + "\n")
        self.helper.stdin.flush()
        mine = self.submit(params)
        return mine, self.helper.stdout.readline().strip()

    def hit(self, pid: int, number: int) -> None:
        """Send a signal to a worker and remember it."""
        self.hurt.add(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def spares(self) -> list[psutil.Process]:
        """List the warm workers that have not claimed a run."""
        owned = {job.pid for job in self.desk.all(10_000)}
        return [process for process in self.processes() if "--warm" in _command(process) and process.pid not in owned]

    def processes(self) -> Iterator[psutil.Process]:
        """Go through every living process that works on this folder, except this one and the second submitter."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid in (os.getpid(), self.helper.pid) or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if process.environ().get("CAUSEWAY_VAR") == str(self.var):
                    yield process

    def close(self) -> None:
        """Stop what is left of servers, helper and browser."""
        if self.browser:
            self.browser.close()
        while self.servers:
            self.stop_server(0, signal.SIGTERM)
        if self.helper.stdin:
            self.helper.stdin.close()
        self.helper.wait(timeout=20)
        if self.helper.stdout:
            self.helper.stdout.close()
        self.log.close()


def _command(process: psutil.Process) -> list[Any]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
