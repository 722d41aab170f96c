"""A server of its own, a browser that goes nowhere else, and a page that keeps every complaint."""

import os
from urllib.parse import urlsplit

import pytest

from tests.e2e.server import ARGUMENTS, WAIT_MS, Server, browser_path

ONE_THREAD = {"CAUSEWAY_SLOTS": str(os.cpu_count() or 1)}  # for each run: other tests have the other cores
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@pytest.fixture(scope="session")
def browser():
    """One headless browser for all tests of this process; skips without one unless CAUSEWAY_REQUIRE_BROWSER=1."""
    path = browser_path()
    if path is None:
        reason = "no Chromium, Chrome or Edge found; set CAUSEWAY_BROWSER to its path"
        (pytest.fail if os.environ.get("CAUSEWAY_REQUIRE_BROWSER") == "1" else pytest.skip)(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT_MS)
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
        started.append(Server(script, var, **ONE_THREAD).start())
        return started[-1]

    yield make
    for server in started:
        if server.process and server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One running app for all tests of this process that do not end it."""
    running = Server("app.py", tmp_path_factory.mktemp("var"), **ONE_THREAD).start()
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
        context.set_default_timeout(WAIT_MS)
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
