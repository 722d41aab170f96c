"""The graph view in a real browser: marks are drawn, clicks and drags reach Python, names stay text, large graphs are narrowed."""

import pytest
from playwright.sync_api import expect

from engine.graphs import Graph
from engine.graphs.layout import layout
from pages.parts import picture
from tests.e2e.server import Server

pytestmark = pytest.mark.e2e

SERVER = "benchmarks/graph_view/server.py"
PLACE = """([root, kind, id]) => {
  const { network, nodes, edges } = root.drawing, at = network.getPositions();
  const edge = edges.get(id);
  const canvas = kind === "node" ? at[id] : { x: (at[edge.from].x + at[edge.to].x) / 2, y: (at[edge.from].y + at[edge.to].y) / 2 };
  return network.canvasToDOM(canvas);
}"""


@pytest.fixture(scope="module")
def view_server(tmp_path_factory):
    running = Server(SERVER, tmp_path_factory.mktemp("var")).start()
    yield running
    running.kill()


def opened(page, server, query):
    page.goto(f"{server.url}/?{query}")
    drawn = page.locator(".causal-graph[data-ready]")
    expect(drawn).to_be_visible()
    return drawn


def place(drawn, kind, name):
    at = drawn.element_handle().evaluate("(root, [kind, id]) => (" + PLACE + ")([root, kind, id])", [kind, name])
    box = drawn.locator("canvas").bounding_box()
    return box["x"] + at["x"], box["y"] + at["y"]


def straight_edge(drawn):
    """The first edge that is drawn straight, as (id, names)."""
    found = drawn.evaluate("root => root.drawing.edges.get().find(e => !e.smooth && !e.hidden)")
    names = drawn.evaluate("(root, e) => [root.drawing.nodes.get(e.from).title, root.drawing.nodes.get(e.to).title]", found)
    return found["id"], names


def test_a_click_on_a_node_and_on_an_edge_reaches_python(view_server, page):
    drawn = opened(page, view_server, "p=11")
    page.mouse.click(*place(drawn, "node", 4))
    expect(page.get_by_text("Selected: V004", exact=True)).to_be_visible()
    edge, names = straight_edge(drawn)
    x, y = place(drawn, "edge", edge)
    page.mouse.click(x + 3, y + 3)  # beside the line: a hand is not that steady
    expect(page.get_by_text(f"Selected: {names[0]} and {names[1]}", exact=True)).to_be_visible()
    page.mouse.click(x, drawn.locator("canvas").bounding_box()["y"] + 4)
    expect(page.get_by_text("Nothing selected")).to_be_visible()


def test_the_keyboard_selects_too(view_server, page):
    drawn = opened(page, view_server, "p=11")
    drawn.locator(".picture").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(drawn.locator(".note")).to_have_text("V001")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Selected: V001", exact=True)).to_be_visible()


def test_a_dragged_node_stays_where_it_was_put(view_server, page):
    drawn = opened(page, view_server, "p=24")
    whole = drawn.get_attribute("data-ready")
    x, y = place(drawn, "node", 0)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 60, steps=5)
    page.mouse.up()
    put = drawn.evaluate("root => root.drawing.network.getPositions([0])[0]")
    page.get_by_role("radio", name="1", exact=True).click()
    expect(page.get_by_text("variables, around")).to_be_visible()
    page.get_by_role("radio", name="All", exact=True).click()
    expect(page.get_by_text("drag to arrange")).to_be_visible()
    expect(page.locator(".causal-graph")).to_have_attribute("data-ready", whole)
    now = drawn.evaluate("root => root.drawing.network.getPositions([0])[0]")
    assert now == pytest.approx(put, abs=1)


def test_colours_follow_the_scheme_also_when_it_changes_under_the_picture(view_server, new_page):
    page = new_page(color_scheme="light")
    drawn = opened(page, view_server, "p=11")
    light = drawn.evaluate("root => root.drawing.colors")
    assert circles_on(drawn, light["paper"])
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".stApp")).not_to_have_css("background-color", "rgb(255, 255, 255)")
    deadline = page.evaluate("Date.now()") + 5_000
    while (dark := drawn.evaluate("root => root.drawing.colors")) == light:
        assert page.evaluate("Date.now()") < deadline, "the picture kept its light colours"
    assert dark["paper"] != light["paper"] and dark["text"] != light["text"] and dark["directed"] != light["directed"]
    assert circles_on(drawn, dark["paper"])


def circles_on(drawn, paper):
    """Whether the picture has open circles and all are filled with the colour of the paper."""
    sources = drawn.evaluate("root => root.drawing.edges.get().flatMap(e => Object.values(e.arrows).map(a => a.src)).filter(Boolean)")
    return bool(sources) and all(paper.replace("#", "%23") in source for source in sources)


def test_a_large_graph_opens_around_a_variable_and_finds_another(view_server, page):
    drawn = opened(page, view_server, "p=500")
    assert 1 < drawn.evaluate("root => root.drawing.nodes.length") < 150
    page.get_by_role("combobox").fill("V123")
    page.get_by_role("option", name="V123").click()
    expect(page.get_by_text("around V123;")).to_be_visible()
    expect(page.get_by_text("Selected: V123", exact=True)).to_be_visible()


def test_the_page_for_download_needs_nothing_else_and_runs_no_name(new_page, tmp_path):
    page = new_page()
    names = ("</script><script>window.hit=1</script>", "<img src=x onerror=window.hit=1>", 'href="x"', "🧬" * 100, "b" * 200)
    graph = Graph.from_edges(names, [f"{names[0]} o-> {names[1]}", f"{names[2]} <-> {names[3]}", f"{names[3]} --> {names[4]}"])
    text = picture.page(graph, layout(graph), names[0])
    assert "cdn" not in text.lower().replace("cdnjs.com/libraries", "")
    (tmp_path / "graph.html").write_text(text, encoding="utf-8")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "graph.html").as_uri())
    drawn = page.locator(".causal-graph[data-ready]")
    expect(drawn).to_be_visible()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("window.hit") is None
    page.mouse.click(*place(drawn, "node", 1))
    expect(drawn.locator(".note")).to_have_text(names[1])
    assert page.evaluate("window.hit") is None
