"""A server of its own, a browser that goes nowhere else, and a page that keeps every complaint."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
START_S = 60
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Server:
    """The app on a free port; `start` and `kill` may be called again and again, the address stays."""

    def __init__(self, script: str, var: Path):
        self.script, self.var = script, var
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        """Start and wait until the server says that it is healthy."""
        command = [sys.executable, "-m", "streamlit", "run", self.script, "--server.headless", "true", "--server.port", str(self.port)]
        log = (self.var / "server.log").open("ab")
        environment = os.environ | {"CAUSEWAY_VAR": str(self.var)}
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


@pytest.fixture(scope="session")
def browser():
    """One headless browser for all tests of this process; skips without one unless CAUSEWAY_REQUIRE_BROWSER=1."""
    path = browser_path()
    if path is None:
        reason = "no Chromium, Chrome or Edge found; set CAUSEWAY_BROWSER to its path"
        (pytest.fail if os.environ.get("CAUSEWAY_REQUIRE_BROWSER") == "1" else pytest.skip)(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def make_server(tmp_path):
    """Start any number of servers, each with a state folder of its own; all end with the test."""
    started = []

    def make(script="app.py"):
        var = tmp_path / f"var{len(started)}"
        var.mkdir()
        started.append(Server(script, var).start())
        return started[-1]

    yield make
    for server in started:
        if server.process and server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One running app for all tests of a file."""
    running = Server("app.py", tmp_path_factory.mktemp("var")).start()
    yield running
    running.kill()


@pytest.fixture
def new_page(browser):
    """Open pages with any context options (colours, size); at the end no page may have complained or asked elsewhere.

    The complaints of one page are in ``page.complaints``; a test that provokes one takes it out of the list.
    """
    contexts, complaints = [], []

    def open_page(**options):
        options = {"viewport": {"width": 1280, "height": 900}} | options
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.complaints = complaints

        def heard(message):
            if message.type == "error" and not _is_probe(message):
                complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

        def asked(request):
            parts = urlsplit(request.url)
            if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in LOOPBACK:
                complaints.append(f"asked {request.url}")

        page.on("console", heard)
        page.on("request", asked)
        page.on("websocket", lambda socket: urlsplit(socket.url).hostname in LOOPBACK or complaints.append(f"asked {socket.url}"))
        page.on("pageerror", lambda error: complaints.append(f"page error: {error}"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(new_page):
    """One page of 1280 x 900 pixels in light colours."""
    return new_page(color_scheme="light")


def _is_probe(message) -> bool:
    """Whether this is one of Streamlit's two probes for a server below the page's own path, which a deep link causes."""
    path = urlsplit(message.location.get("url", "")).path
    return "404" in message.text and "/_stcore/" in path and not path.startswith("/_stcore/")
