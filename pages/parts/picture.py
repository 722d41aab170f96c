"""A graph as nodes and edges for vis-network, as an SVG drawing, and as a web page that needs nothing else."""

import html
import json
import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from engine.graphs import Edge, Graph, Mark

Places = Mapping[str, tuple[float, float]]

LABEL_LENGTH = 24
BOX_HEIGHT = 30.0
LETTER_WIDTH = 8.0
DOT_RADIUS = 7.0
MANY = 150  # beyond this many nodes a map of dots is readable and a map of boxes is not
COLORS = {"directed": "#0068b5", "bidirected": "#c65102", "undetermined": "#6f7a76"}
PAPER, BOX, INK = "#ffffff", "#f3f5f4", "#1b2421"

OPTIONS: dict[str, Any] = {
    "physics": {"enabled": False},
    "layout": {"improvedLayout": False},
    "interaction": {"hover": True, "tooltipDelay": 150, "selectConnectedEdges": False, "hoverConnectedEdges": False, "keyboard": False},
    "nodes": {"borderWidth": 1.5, "borderWidthSelected": 3, "margin": 8, "shapeProperties": {"borderRadius": 6}},
    "edges": {"smooth": False, "selectionWidth": 1.5, "hoverWidth": 1.5},
}


def kind_of(edge: Edge) -> str:
    """Say what an edge claims: ``directed``, ``bidirected`` or ``undetermined``."""
    ends = {edge.mark_source, edge.mark_target}
    if ends == {Mark.ARROW, Mark.TAIL}:
        return "directed"
    return "bidirected" if ends == {Mark.ARROW} else "undetermined"


def shorten(name: str) -> str:
    """Cut a long name in the middle, where two long names differ least."""
    if len(name) <= LABEL_LENGTH:
        return name
    half = (LABEL_LENGTH - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def support_of(graph: Graph, edge: Edge) -> float | None:
    """Share of bootstrap graphs in which this edge had these marks, or None when none were drawn."""
    if graph.support is None:
        return None
    i, j = graph.index(edge.source), graph.index(edge.target)
    return float(min(graph.support[i, j, edge.mark_target], graph.support[j, i, edge.mark_source]))


def network(graph: Graph, places: Places, *, dots: bool = False) -> Any:
    """Build the pyvis network of a graph at given places.

    Parameters
    ----------
    places : node -> (x, y), y downwards.
    dots : draw nodes as dots with a label below instead of boxes around their labels.

    Returns
    -------
    pyvis ``Network`` whose ``nodes`` and ``edges`` are ready for vis-network; its ids are positions in ``graph.nodes``.
    """
    from pyvis.network import Network

    net = Network(directed=True)
    number = {name: i for i, name in enumerate(graph.nodes)}
    for name, i in number.items():
        x, y = places[name]
        net.add_node(i, label=shorten(name), title=name, shape="dot" if dots else "box", size=DOT_RADIUS, x=round(x, 1), y=round(y, 1))
    for edge in graph.edges():
        support = support_of(graph, edge)
        drawn: dict[str, Any] = {"kind": kind_of(edge), "title": str(edge), "width": 1.8}
        if support is not None:
            text = f"{edge}: {support:.0%} of resamples"
            drawn |= {"support": support, "width": 1 + 3 * support, "opacity": 0.3 + 0.7 * support, "title": text}
            drawn |= {} if dots else {"label": f"{support:.0%}"}
        drawn["arrowStrikethrough"] = Mark.CIRCLE in (edge.mark_source, edge.mark_target)  # else a gap parts line and circle
        arrows = {"from": _end(edge.mark_source), "to": _end(edge.mark_target)}
        source, target = number[edge.source], number[edge.target]
        net.add_edge(source, target, id=f"{source}-{target}", arrows={end: mark for end, mark in arrows.items() if mark}, **drawn)
    return net


def drawing(graph: Graph, places: Places, *, dots: bool = False) -> dict[str, Any]:
    """Return nodes, edges and options as JSON-ready data for the page's own drawing code."""
    net = network(graph, places, dots=dots)
    nodes = [{k: v for k, v in node.items() if k not in ("color", "font")} for node in net.nodes]
    return {"nodes": nodes, "edges": net.edges, "options": OPTIONS}


def words(graph: Graph) -> str:
    """Describe the picture for those who cannot see it."""
    kinds = [kind_of(edge) for edge in graph.edges()]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in COLORS if kind in kinds)
    return f"Graph of {graph.p} variables with {graph.n_edges} edges ({counts or 'none'}). The table of edges says the same in text."


def svg(graph: Graph, places: Places) -> str:
    """Draw the graph as SVG, open circles included; beyond 150 nodes as dots with names on hover."""
    dots = graph.p > MANY
    half = {
        name: (DOT_RADIUS, DOT_RADIUS) if dots else (len(shorten(name)) * LETTER_WIDTH / 2 + 10, BOX_HEIGHT / 2) for name in graph.nodes
    }
    left = min(places[n][0] - half[n][0] for n in graph.nodes) - 20
    top = min(places[n][1] - half[n][1] for n in graph.nodes) - 20
    width = max(places[n][0] + half[n][0] for n in graph.nodes) + 20 - left
    height = max(places[n][1] + half[n][1] for n in graph.nodes) + 20 - top
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}"'
        f' width="{width:.0f}" height="{height:.0f}"'
        ' font-family="IBM Plex Sans, Helvetica, Arial, sans-serif" font-size="14">',
        f"<title>{html.escape(words(graph))}</title>",
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{PAPER}"/>',
    ]
    for edge in graph.edges():
        lines += _svg_edge(graph, edge, places, half)
    for name in graph.nodes:
        lines += _svg_node(name, places[name], half[name], dots)
    return "\n".join([*lines, "</svg>\n"])


def page(graph: Graph, places: Places, title: str) -> str:
    """Make a web page with the interactive picture that loads nothing from anywhere.

    Notes
    -----
    pyvis's own page asks two content networks for Bootstrap, and shows a title with the text ``href`` as HTML; so only the vis-network
    file that comes with pyvis is used, beside the drawing code of the app.
    """
    vis = (Path(str(files("pyvis"))) / "lib" / "vis-9.1.2" / "vis-network.min.js").read_text(encoding="utf-8")
    data = drawing(graph, places, dots=graph.p > MANY) | {
        "id": "page", "threshold": 0, "height": 640, "alt": words(graph), "file": "graph.png",
    }  # fmt: skip
    # "<" inside the data would let a name close the script
    payload = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    script = SCRIPT.replace("export default function draw", "function draw")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f"<style>{_PAGE_STYLE}{STYLE}</style></head>\n<body><h1>{html.escape(title)}</h1>{MARKUP}\n"
        f"<script>{vis}</script>\n<script>{script}\n"
        f"draw({{ data: {payload}, parentElement: document.body, setStateValue() {{}} }});</script>\n"
        "</body></html>\n"
    )


SCRIPT = Path(__file__).with_name("graph.js").read_text(encoding="utf-8")
MARKUP = (
    '<div class="causal-graph"><div class="picture" role="application" tabindex="0"></div>'
    '<div class="bar"><span class="note" aria-live="polite"></span>'
    '<button type="button" class="fit">Fit</button><button type="button" class="save">Save PNG</button></div></div>'
)
STYLE = Path(__file__).with_name("graph.css").read_text(encoding="utf-8")
_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { margin: 24px; font-family: sans-serif; background: var(--st-background-color, #fff); color: var(--st-text-color, #1b2421); }
h1 { font-size: 20px; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  :root { --st-text-color: #e7ecea; --st-background-color: #121715; --st-secondary-background-color: #1d2422; --st-gray-color: #98a39f;
    --st-primary-color: #3fb39f; --st-blue-color: #5fb2f2; --st-orange-color: #f2994a; --st-border-color: #36403d; }
}
"""


def _end(mark: Mark) -> dict[str, Any] | None:
    """Say how vis-network draws a mark; the image of a circle is filled in where the colours are known."""
    if mark == Mark.ARROW:
        return {"enabled": True, "type": "arrow", "scaleFactor": 0.8}
    if mark == Mark.CIRCLE:
        return {"enabled": True, "type": "image", "imageWidth": 12, "imageHeight": 12, "src": ""}
    return None


def _svg_node(name: str, place: tuple[float, float], half: tuple[float, float], dots: bool) -> list[str]:
    (x, y), (w, h), text = place, half, html.escape(shorten(name))
    shape = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT_RADIUS}" fill="{BOX}" stroke="{INK}"/>'
        if dots
        else f'<rect x="{x - w:.1f}" y="{y - h:.1f}" width="{2 * w:.1f}" height="{2 * h:.1f}" rx="6" fill="{BOX}"'
        f' stroke="{COLORS["undetermined"]}"/>'
        f'<text x="{x:.1f}" y="{y:.1f}" dy="0.35em" text-anchor="middle" fill="{INK}">{text}</text>'
    )
    return [f"<g><title>{html.escape(name)}</title>{shape}</g>"]


def _svg_edge(graph: Graph, edge: Edge, places: Places, half: Mapping[str, tuple[float, float]]) -> list[str]:
    (x0, y0), (x1, y1) = places[edge.source], places[edge.target]
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    start, end = _border(half[edge.source], ux, uy), length - _border(half[edge.target], ux, uy)
    support, color = support_of(graph, edge), COLORS[kind_of(edge)]
    strength = 1.0 if support is None else support
    shapes = [
        f'<line x1="{x0 + ux * start:.1f}" y1="{y0 + uy * start:.1f}" x2="{x0 + ux * end:.1f}" y2="{y0 + uy * end:.1f}" stroke="{color}"'
        f' stroke-width="{0.8 + strength:.2f}"/>'
    ]
    for mark, along, sign in ((edge.mark_source, start, 1), (edge.mark_target, end, -1)):
        x, y = x0 + ux * along, y0 + uy * along
        cx, cy = x + sign * 5 * ux, y + sign * 5 * uy
        if mark == Mark.CIRCLE:
            shapes.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="4.5" fill="{PAPER}" stroke="{color}" stroke-width="1.6"/>')
        elif mark == Mark.ARROW:
            bx, by = x + sign * 11 * ux, y + sign * 11 * uy
            points = f"{x:.1f},{y:.1f} {bx - 4.5 * uy:.1f},{by + 4.5 * ux:.1f} {bx + 4.5 * uy:.1f},{by - 4.5 * ux:.1f}"
            shapes.append(f'<polygon points="{points}" fill="{color}"/>')
    text = str(edge) if support is None else f"{edge}: {support:.0%} of resamples"
    return [f'<g opacity="{0.3 + 0.7 * strength:.2f}"><title>{html.escape(text)}</title>{"".join(shapes)}</g>']


def _border(half: tuple[float, float], ux: float, uy: float) -> float:
    """Distance from the middle of a box to its border in direction (ux, uy)."""
    return min(half[0] / abs(ux) if ux else math.inf, half[1] / abs(uy) if uy else math.inf)
