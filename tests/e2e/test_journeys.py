"""What a person does: from the sample to the test behind an edge, and runs that survive whatever happens to page and server."""

import re
import signal
import time

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

from engine.jobs.folders import RESULT
from tests.e2e.server import WAIT_MS

pytestmark = pytest.mark.e2e


def learn(page):
    page.get_by_role("button", name="Learn the graph").click()


def drawn(page):
    """Wait until a graph is drawn and return its picture."""
    picture = page.locator("[data-ready]").first
    expect(picture).to_be_visible()
    return picture


def still(picture):
    """Wait until a picture has stayed as it is for half a second: an early one gives way to the final one."""
    seen, same = None, 0
    deadline = time.monotonic() + WAIT_MS / 1000
    while same < 5:
        assert time.monotonic() < deadline, "the picture never came to rest"
        picture.page.wait_for_timeout(100)
        place = picture.evaluate("(root) => JSON.stringify([root.dataset.ready, root.getBoundingClientRect()])")
        seen, same = place, same + 1 if place == seen else 0
    return picture


def click_straight_edge(picture):
    """Click the middle of the longest straight edge and return the labels of its two ends."""
    picture.locator(".picture").evaluate("(canvas) => canvas.scrollIntoView({ block: 'center' })")
    found = picture.evaluate(
        """(root) => {
            const { network, nodes, edges, picture } = root.drawing;
            const places = network.getPositions(), frame = picture.getBoundingClientRect();
            const length = (e) => Math.hypot(places[e.from].x - places[e.to].x, places[e.from].y - places[e.to].y);
            const edge = edges.get().filter((e) => !e.smooth || e.smooth.enabled === false).sort((a, b) => length(b) - length(a))[0];
            const [a, b] = [places[edge.from], places[edge.to]];
            const middle = network.canvasToDOM({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
            return { x: frame.x + middle.x, y: frame.y + middle.y, names: [nodes.get(edge.from).label, nodes.get(edge.to).label] };
        }"""
    )
    picture.page.mouse.click(found["x"], found["y"])
    return found["names"]


def test_from_home_to_the_tests_behind_an_edge_in_three_clicks(server, page):
    page.goto(server.url)
    page.get_by_role("button", name="Start with the sample").click()
    learn(page)
    a, b = click_straight_edge(still(drawn(page)))
    expect(page.get_by_role("heading", name=re.compile(f"({a} and {b}|{b} and {a})"))).to_be_visible()
    expect(page.get_by_text(re.compile("dependent in"))).to_be_visible()


def test_own_file_to_graph_and_its_link_in_a_second_browser(server, new_page):
    rng = np.random.default_rng(0)
    rain = rng.normal(size=500)
    frame = pd.DataFrame({"rain": rain, "wheat": rain + rng.normal(size=500), "sun": rng.normal(size=500)})
    page = new_page(color_scheme="light")
    page.goto(f"{server.url}/data")
    upload = {"name": "field.csv", "mimeType": "text/csv", "buffer": frame.to_csv(index=False).encode()}
    page.locator("input[type=file]").first.set_input_files(upload)
    page.get_by_role("button", name="Use this table").click()
    expect(page.get_by_text("is ready on every page")).to_be_visible()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Causal discovery").click()
    expect(page.get_by_text("500 rows × 3 variables")).to_be_visible()
    learn(page)
    drawn(page)
    expect(page.get_by_text("1 of 3 pairs are joined")).to_be_visible()
    expect(page).to_have_url(re.compile("job="))
    other = new_page(color_scheme="dark")
    other.goto(page.url)
    drawn(other)
    expect(other.get_by_text("1 of 3 pairs are joined")).to_be_visible()


def test_a_run_is_seen_again_after_a_reload_and_ends_when_cancelled(server, page):
    page.goto(f"{server.url}/discovery?data=sachs&method=gsp&bootstrap=1000")
    learn(page)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("This run was cancelled")).to_be_visible()


def test_a_run_outlives_a_killed_server(make_server, page):
    server = make_server()
    page.goto(f"{server.url}/discovery?data=sachs&method=pc&bootstrap=40")
    learn(page)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    address = page.url
    server.kill(signal.SIGKILL)
    assert not list(server.var.rglob(RESULT)), "the run was over before its server died"
    page.goto("about:blank")
    page.complaints.clear()
    server.start()
    page.goto(address)
    drawn(page)
    expect(page.get_by_text("pairs are joined")).to_be_visible()


def test_a_lost_connection_is_said_in_the_users_words_and_ends_by_itself(make_server, page):
    server = make_server()
    page.goto(f"{server.url}/jobs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.locator(".connection-lost").wait_for(state="attached")
    server.kill(signal.SIGKILL)
    expect(page.get_by_role("status").filter(has_text="Your runs go on")).to_be_visible()
    expect(page.get_by_text("Streamlit still running")).to_have_count(0)
    server.start()
    expect(page.get_by_role("status").filter(has_text="Your runs go on")).to_have_count(0)
    page.complaints.clear()


def test_the_runs_page_lists_opens_and_compares(server, page):
    for method in ("pc", "gsp"):
        page.goto(f"{server.url}/discovery?data=regimes&method={method}")
        learn(page)
        drawn(page)
    page.get_by_role("tab", name="Compare").click()
    expect(page.get_by_text("Pairs that differ")).to_be_visible()
    page.goto(f"{server.url}/jobs")
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()


def test_what_is_known_is_said_once_and_kept_in_the_link(server, page):
    page.goto(f"{server.url}/discovery?data=sachs&method=pc")
    page.get_by_role("button", name="What you know").click()
    page.get_by_role("tab", name="As text").click()
    area = page.get_by_label("Statements")
    area.fill("PKA --> Erk; Erk --> PKA")
    area.press("Control+Enter")
    expect(page.get_by_text("contradict each other")).to_be_visible()
    expect(page.get_by_role("button", name="Use this", exact=True)).to_have_count(0)
    area.fill("PKA --> Erk; PKC < Erk")
    area.press("Control+Enter")
    page.get_by_role("button", name="Use this", exact=True).click()
    expect(page.get_by_role("button", name="What you know (2)")).to_be_visible()
    learn(page)
    drawn(page)
    expect(page).to_have_url(re.compile("job="))
    page.goto(page.url)
    drawn(page)
    expect(page.get_by_role("button", name="What you know (2)")).to_be_visible()


def test_several_methods_are_laid_side_by_side_and_found_again_by_the_link(server, page):
    page.goto(f"{server.url}/discovery?data=regimes&together=grasp,ges")
    page.get_by_role("button", name="Run what is missing").click()
    drawn(page)
    expect(page.get_by_role("tab", name="How far apart")).to_be_visible()
    page.reload()
    drawn(page)
    expect(page.get_by_text(re.compile("pairs? (is|are) joined by at least one of the 2 methods"))).to_be_visible()
