"""G1: the graph view in a real browser; URL to drawn and click to answer, against pyvis's own page of the same graph."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, sync_playwright

from benchmarks.harness import Row, wanted
from tests.e2e.server import ARGUMENTS, Server, browser_path

SIZES = (20, 100, 500)
QUICK = (100,)
VISITS = 3
CLICKS = 5
FOLDER = "benchmarks/graph_view"
NOTE = "wall seconds, both servers warm"
PYVIS_DRAWN = "typeof network !== 'undefined' && network.body.nodeIndices.length > 0 && document.querySelector('canvas').width > 0"
# looked at on every frame: a locator's own waiting looks again only after half a second
OUR_DRAWN = "[...document.querySelectorAll('*')].some(e => e.shadowRoot?.querySelector('.causal-graph[data-ready]'))"
ANSWERED = "words => [...document.querySelectorAll('p')].some(p => p.textContent === words)"
HIT = """(root, turn) => {
  const { network, nodes } = root.drawing, id = nodes.getIds()[(turn * 7) % nodes.length];
  const canvas = network.getPositions([id])[id], DOM = network.canvasToDOM(canvas);
  return [DOM.x, DOM.y, nodes.get(root.drawing.at({ DOM, canvas }).node).title];
}"""


def run(quick: bool) -> Iterator[Row]:
    """Yield for each size the seconds until the graph is drawn and until a click is answered."""
    with ExitStack() as stack:
        product, peer = (stack.enter_context(_served(f"{FOLDER}/{script}")) for script in ("server.py", "peer.py"))
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=browser_path(), args=ARGUMENTS)
        stack.callback(browser.close)

        def visits(look: Callable[[Page], list[float]]) -> list[list[float]]:
            """Look with a fresh browser profile each time; the first visit warms the server and does not count."""
            seen = []
            for _ in range(VISITS + 1):
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                context.route("**/*", _loopback_only)
                seen.append(look(context.new_page()))
                context.close()
            return seen[1:]

        for p in QUICK if quick else SIZES:
            views = {"whole graph": "&view=whole"} | ({"around a variable": ""} if p > 150 else {})
            views = {view: query for view, query in views.items() if wanted(f"G1 p={p} {view}")}
            if not views:
                continue
            theirs = [seconds[0] for seconds in visits(lambda page, p=p: _pyvis(page, f"{peer}/?with=pyvis&p={p}"))]
            for view, query in views.items():
                ours = visits(lambda page, p=p, query=query: _product(page, f"{product}/?p={p}{query}"))
                workload = f"G1 p={p} {view}"
                drawn, clicks = [seen[0] for seen in ours], [click for seen in ours for click in seen[1:]]
                yield Row(workload, "URL to drawn", "graph view", drawn, "pyvis page", theirs, note=NOTE)
                yield Row(workload, "click to answer", "graph view", clicks, "pyvis page", [], note="pyvis reports no click")


def _product(page: Page, url: str) -> list[float]:
    """Return the seconds until the graph is drawn, then of several clicks."""
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function(OUR_DRAWN)
    seconds = [time.perf_counter() - started]
    drawn = page.locator(".causal-graph[data-ready]")
    page.wait_for_function(ANSWERED, arg="Nothing selected")
    box: Any = drawn.locator("canvas").bounding_box()
    for turn in range(1, CLICKS + 1):
        x, y, name = drawn.evaluate(HIT, turn)
        started = time.perf_counter()
        page.mouse.click(box["x"] + x, box["y"] + y)
        page.wait_for_function(ANSWERED, arg=f"Selected: {name}")
        seconds.append(time.perf_counter() - started)
    return seconds


def _pyvis(page: Page, url: str) -> list[float]:
    """Return the seconds until pyvis's page in its frame has its nodes and a canvas."""
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function("document.querySelector('iframe')?.contentWindow?.network")
    frame = page.frames[-1]
    frame.wait_for_function(PYVIS_DRAWN)
    return [time.perf_counter() - started]


def _loopback_only(route: Route) -> None:
    """Refuse what pyvis's page asks of content networks at once, so that it is not timed waiting for them."""
    (route.continue_ if urlsplit(route.request.url).hostname in ("127.0.0.1", None) else route.abort)()


@contextmanager
def _served(script: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as var:
        server = Server(script, Path(var)).start()
        try:
            yield server.url
        finally:
            server.kill()
