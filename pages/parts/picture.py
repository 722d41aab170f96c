"""A graph as nodes and edges for vis-network, and as a web page that needs nothing else."""

import html
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.graphs import Edge, Graph, Mark

Places = Mapping[str, tuple[float, float]]
# Edge by its two ends -> one of `STROKES` or `SHARING`; a variable, named twice, that differs between populations -> "differs".
Verdicts = Mapping[tuple[str, str], str]
Groups = Mapping[str, str]  # variable -> what it belongs to, such as a sector; each group has a colour


class Stroke(NamedTuple):
    """How an edge of a comparison is drawn: what it means, the name of its colour, its dashes, and a sample of them in signs."""

    words: str
    color: str
    dashes: list[int] | None
    sample: str


# Each differs from all others in colour and in dashes, so that neither is needed to read the picture.
STROKES = {
    "right": Stroke("right", "blue", None, "━━━━"),
    "open": Stroke("direction left open", "green", [16, 5], "━━ ━━"),
    "turned": Stroke("wrong direction", "orange", [12, 5, 2, 5], "━ · ━"),
    "extra": Stroke("not in the truth", "violet", [2, 5], "· · · ·"),
    "missing": Stroke("missed", "gray", [6, 6], "╌ ╌ ╌"),
}
# The same for graphs of several populations beside each other.
SHARING = {
    "alike": Stroke("alike in all populations", "blue", None, "━━━━"),
    "differs": Stroke("missing, or of another strength, in another population", "orange", [12, 5, 2, 5], "━ · ━"),
}

LABEL_LENGTH = 16  # what the layout leaves room for
BOX_HEIGHT = 30.0
LETTER_WIDTH = 0.57  # of the size of the text
DOT_RADIUS = 7.0
MAP_WIDTH = 1_500.0  # px; a wider map gets larger dots, so that they are still seen when all of it is shown
THIN, THICK = 1.0, 6.0  # px of the weakest and strongest edge of an undirected graph with weights
AGAINST = [8, 5]  # dashes of an undirected edge with a negative weight
BENDS = (50.0, 100.0)  # px beside the straight line
MOST_BEND = 0.3
FEW, SHORT = 30, 8
MANY = 150  # beyond this many nodes a map of dots is readable and a map of boxes is not
COLORS = {"directed": "#0068b5", "bidirected": "#c65102", "undetermined": "#5f6a66"}
ARROWS = {"-->": "→", "<--": "←", "---": "—", "<->": "↔", "o->": "o→", "<-o": "←o", "o-o": "o—o", "o--": "o—", "--o": "—o"}

OPTIONS: dict[str, Any] = {
    "physics": {"enabled": False},
    "layout": {"improvedLayout": False},
    "interaction": {
        "zoomSpeed": 0.6,
        "hover": True,
        "tooltipDelay": 150,
        "selectConnectedEdges": False,
        "hoverConnectedEdges": False,
        "keyboard": False,
    },
    "nodes": {"borderWidth": 1.5, "borderWidthSelected": 3, "margin": 8, "shapeProperties": {"borderRadius": 6}},
    "edges": {"smooth": False, "selectionWidth": 1.5, "hoverWidth": 1.5},
}


def kind_of(edge: Edge) -> str:
    """Say what an edge claims: ``directed``, ``bidirected`` or ``undetermined``."""
    ends = {edge.mark_source, edge.mark_target}
    if ends == {Mark.ARROW, Mark.TAIL}:
        return "directed"
    return "bidirected" if ends == {Mark.ARROW} else "undetermined"


def arrows(text: str) -> str:
    """Write the marks of edges as one draws them: ``A --> B`` becomes ``A → B``."""
    for plain, drawn in ARROWS.items():
        text = text.replace(f" {plain} ", f" {drawn} ")
    return text


def shorten(name: str) -> str:
    """Cut a long name in the middle, where two long names differ least."""
    if len(name) <= LABEL_LENGTH:
        return name
    half = (LABEL_LENGTH - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def support_of(graph: Graph, edge: Edge) -> float | None:
    """Share of graphs, of resamples or of methods, in which this edge had these marks, or None when there is only one graph."""
    if graph.support is None:
        return None
    i, j = graph.index(edge.source), graph.index(edge.target)
    return float(min(graph.support[i, j, edge.mark_target], graph.support[j, i, edge.mark_source]))


def half_sizes(graph: Graph, places: Places) -> dict[str, tuple[float, float]]:
    """Return half the width and height of each node as drawn: boxes around labels, or dots beyond 150 nodes."""
    if graph.p > MANY:
        radius = DOT_RADIUS * dot_unit(places)
        return dict.fromkeys(graph.nodes, (radius, radius))
    letter = LETTER_WIDTH * text_size(graph)
    return {name: (len(shorten(name)) * letter / 2 + 10, BOX_HEIGHT / 2) for name in graph.nodes}


def text_size(graph: Graph) -> int:
    """Return the size of the labels in px; a small graph of short names has room for larger ones."""
    return 17 if graph.p <= FEW and max(map(len, graph.nodes)) <= SHORT else 14


def dot_unit(places: Places) -> float:
    """Return by how much dots and lines of a map are enlarged."""
    x = [place[0] for place in places.values()]
    return max(1.0, (max(x) - min(x)) / MAP_WIDTH)


def bends(graph: Graph, places: Places) -> dict[tuple[str, str], float]:
    """Say which edges must bend because, drawn straight, they would run behind a node they do not belong to.

    Returns
    -------
    dict
        (source, target) -> how far the control point of the curve lies beside the middle, as a share of the length; positive is to the left
        of the direction of the edge on screen. The first of a few bends that hides behind no node is taken, else the first.
    """
    half = half_sizes(graph, places)
    points = np.array([places[name] for name in graph.nodes])
    reach = np.array([half[name] for name in graph.nodes])
    found = {}
    for edge in graph.edges():
        i, j = graph.index(edge.source), graph.index(edge.target)
        length = max(float(np.hypot(*(points[j] - points[i]))), 1.0)
        shares = [0.0, *(min(offset / length, MOST_BEND) * side for offset in BENDS for side in (1, -1))]
        free = [share for share in shares if not _hides(points, reach, i, j, share)]
        if free[:1] != [0.0]:
            found[edge.source, edge.target] = free[0] if free else shares[1]
    return found


def network(graph: Graph, places: Places, verdicts: Verdicts | None = None, groups: Groups | None = None) -> Any:
    """Build the pyvis network of a graph at given places; beyond 150 nodes they are dots with a label below.

    Parameters
    ----------
    places : node -> (x, y), y downwards.
    verdicts : how each edge compares with the truth; such a picture shows that in place of what the edges claim.
    groups : colours the variables by what they belong to.

    Returns
    -------
    pyvis ``Network`` whose ``nodes`` and ``edges`` are ready for vis-network; its ids are positions in ``graph.nodes``.
    """
    from pyvis.network import Network

    net = Network(directed=True)
    dots = graph.p > MANY
    unit = dot_unit(places) if dots else 1.0
    curved = {} if dots else bends(graph, places)
    number = {name: i for i, name in enumerate(graph.nodes)}
    tones = {group: tone for tone, (group, _) in enumerate(members(graph, groups))} if groups else {}
    shape = {"shape": "dot", "size": round(DOT_RADIUS * unit, 1)} if dots else {"shape": "box"}
    for name, i in number.items():
        x, y = places[name]
        marked = {"kind": verdicts[name, name], "borderWidth": 3} if verdicts and (name, name) in verdicts else {}
        title = name
        if groups and name in groups:
            marked |= {"tone": tones[groups[name]], "borderWidth": 2.5}
            title = f"{name}: {groups[name]}"
        net.add_node(i, label=shorten(name), title=title, x=round(x, 1), y=round(y, 1), **shape, **marked)
    for edge in graph.edges():
        source, target = number[edge.source], number[edge.target]
        arrows = {"from": _end(edge.mark_source, unit), "to": _end(edge.mark_target, unit)}
        drawn = _line(edge, support_of(graph, edge), unit) | _weighted(graph, edge, unit)
        if verdicts:
            drawn |= _compared(edge, verdicts[edge.source, edge.target], unit)
        drawn |= {"arrows": {end: mark for end, mark in arrows.items() if mark}}
        bend = curved.get((edge.source, edge.target))
        if bend:
            drawn["smooth"] = {"enabled": True, "type": "curvedCW" if bend > 0 else "curvedCCW", "roundness": round(abs(bend), 3)}
        net.add_edge(source, target, id=f"{source}-{target}", **drawn)
    return net


def members(graph: Graph, groups: Groups) -> list[tuple[str, int]]:
    """Return each group with the number of its variables in a graph, in the order of their colours."""
    found = [groups[name] for name in graph.nodes if name in groups]
    return [(group, found.count(group)) for group in sorted(set(groups.values()))]


def drawing(graph: Graph, places: Places, verdicts: Verdicts | None = None, groups: Groups | None = None) -> dict[str, Any]:
    """Return nodes, edges, options and a legend of the groups as JSON-ready data for the page's own drawing code."""
    net = network(graph, places, verdicts, groups)
    legend = [] if groups is None else [{"tone": n, "words": name} for n, (name, size) in enumerate(members(graph, groups)) if size]
    nodes = [{k: v for k, v in node.items() if k not in ("color", "font")} for node in net.nodes]
    # the names of a map appear when the user comes closer
    labels = {"scaling": {"label": {"drawThreshold": 11 if graph.p > MANY else 5}}, "font": {"size": text_size(graph)}}
    return {"nodes": nodes, "edges": net.edges, "legend": legend, "options": OPTIONS | {"nodes": OPTIONS["nodes"] | labels}}


def words(graph: Graph, verdicts: Verdicts | None = None) -> str:
    """Describe the picture for those who cannot see it."""
    if verdicts:
        said = [(STROKES | SHARING)[verdict].words for (a, b), verdict in verdicts.items() if a != b]
        compared = ", ".join(f"{said.count(word)} {word}" for word in dict.fromkeys(said))
        marked = ", ".join(a for a, b in verdicts if a == b)
        return f"Graph of {graph.p} variables, its edges compared: {compared}." + (
            f" Differ between populations: {marked}." if marked else ""
        )
    kinds = [kind_of(edge) for edge in graph.edges()]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in COLORS if kind in kinds)
    return f"Graph of {graph.p} variables with {graph.n_edges} edges ({counts or 'none'}). The table of edges says the same in text."


def page(graph: Graph, places: Places, title: str, groups: Groups | None = None) -> str:
    """Make a web page with the interactive picture that loads nothing from anywhere.

    Notes
    -----
    pyvis's own page asks two content networks for Bootstrap, and shows a title with the text ``href`` as HTML; so only the vis-network
    file that comes with pyvis is used, beside the drawing code of the app.
    """
    vis = (Path(str(files("pyvis"))) / "lib" / "vis-9.1.2" / "vis-network.min.js").read_text(encoding="utf-8")
    data = drawing(graph, places, groups=groups) | {
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
    '<div class="causal-graph"><div class="picture" role="application" tabindex="0"></div><div class="legend"></div>'
    '<div class="bar"><span class="note" aria-live="polite"></span>'
    '<button type="button" class="fit">Fit</button>'
    '<button type="button" class="widen">Full screen</button><button type="button" class="save">Save PNG</button></div></div>'
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


def _hides(points: NDArray[np.float64], reach: NDArray[np.float64], i: int, j: int, bend: float) -> bool:
    """Whether the curve from node i to node j runs behind a third node."""
    (dx, dy), t = points[j] - points[i], np.linspace(0, 1, 33)[:, None]
    control = (points[i] + points[j]) / 2 + bend * np.array([dy, -dx])
    curve = (1 - t) ** 2 * points[i] + 2 * t * (1 - t) * control + t**2 * points[j]
    hidden = (np.abs(curve[:, None] - points) < reach).all(axis=2).any(axis=0)
    hidden[[i, j]] = False
    return bool(hidden.any())


def _line(edge: Edge, support: float | None, unit: float) -> dict[str, Any]:
    """Say how an edge is drawn; with support, its width, opacity and label show how often it came back."""
    drawn: dict[str, Any] = {"kind": kind_of(edge), "title": arrows(str(edge)), "width": round(1.8 * unit, 1)}
    # without this a gap parts the line from its circle
    drawn["arrowStrikethrough"] = Mark.CIRCLE in (edge.mark_source, edge.mark_target)
    if support is not None:
        drawn |= {"support": support, "width": round((1 + 3 * support) * unit, 1), "opacity": 0.3 + 0.7 * support}
        drawn |= {"title": f"{drawn['title']}: support {support:.0%}", "label": f"{support:.0%}"}
    return drawn


def _weighted(graph: Graph, edge: Edge, unit: float) -> dict[str, Any]:
    """Say how an edge of an undirected graph shows its weight: by its width, and by dashes below zero."""
    if graph.kind != "ug" or graph.weights is None or graph.support is not None:
        return {}
    weight = float(graph.weights[graph.index(edge.source), graph.index(edge.target)])
    share = abs(weight) / max(float(np.abs(graph.weights).max()), 1e-300)
    drawn = {"width": round((THIN + (THICK - THIN) * share) * unit, 1), "title": f"{arrows(str(edge))}: {weight:.2g}"}
    return drawn | ({"dashes": [round(part * unit) for part in AGAINST]} if weight < 0 else {})


def _compared(edge: Edge, verdict: str, unit: float) -> dict[str, Any]:
    """Say how an edge is drawn that was compared with the truth."""
    stroke = (STROKES | SHARING)[verdict]
    drawn = {"kind": verdict, "title": f"{arrows(str(edge))}: {stroke.words}", "width": round(2.4 * unit, 1)}
    return drawn | ({"dashes": [round(part * unit) for part in stroke.dashes]} if stroke.dashes else {})


def _end(mark: Mark, unit: float) -> dict[str, Any] | None:
    """Say how vis-network draws a mark; the image of a circle is filled in where the colours are known."""
    if mark == Mark.ARROW:
        return {"enabled": True, "type": "arrow", "scaleFactor": round(0.8 * unit, 2)}
    if mark == Mark.CIRCLE:
        return {"enabled": True, "type": "image", "imageWidth": round(12 * unit), "imageHeight": round(12 * unit), "src": ""}
    return None
