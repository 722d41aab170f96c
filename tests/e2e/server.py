"""The app as a process on a free port, and the browser to look at it with."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")
# Chromium draws the menus of its address bar ahead for every window: more work than one of our pages. The list replaces Playwright's own,
# so what of that matters here is repeated.
UNUSED = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    "AimEnabled", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "MediaRouter", "OptimizationHints", "PaintHolding",
)  # fmt: skip
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--disable-features={','.join(UNUSED)}"]
START_S = 60
WAIT_MS = 90_000  # for whatever a page should show; a busy machine is slow, and speed is the benchmark's


class Server:
    """The app on a free port, with further settings of its environment; it may start and be killed often, the address stays."""

    def __init__(self, script: str, var: Path, **settings: str):
        self.script, self.var, self.settings = script, var, settings
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        """Start and wait until the server says that it is healthy."""
        command = [sys.executable, "-m", "streamlit", "run", self.script, "--server.headless", "true", "--server.port", str(self.port)]
        log = (self.var / "server.log").open("ab")
        environment = os.environ | self.settings | {"CAUSEWAY_VAR": str(self.var)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                    if answer.status == 200:
                        return self
            except OSError:
                time.sleep(0.05)
            assert self.process.poll() is None, self.log()
        raise AssertionError(f"the server was not healthy within {START_S} s\n{self.log()}")

    def kill(self, how: int = signal.SIGTERM) -> None:
        """End the server by a signal and wait for it."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(20)

    def log(self) -> str:
        """Return what the server has written."""
        return (self.var / "server.log").read_text(errors="replace")


def browser_path() -> str | None:
    """Return the browser named by CAUSEWAY_BROWSER, or the first one on the path."""
    return os.environ.get("CAUSEWAY_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
