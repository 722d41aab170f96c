"""A graph as an SVG drawing for papers: open circles, arrowheads, and the same places and bends as on screen."""

import html
import math
from collections.abc import Mapping

from engine.graphs import Edge, Graph, Mark
from pages.parts import picture

PAPER, BOX, INK = "#ffffff", "#f3f5f4", "#1b2421"
MARGIN = 60
GAP = 1.5  # px between a node's border and the mark
Point = tuple[float, float]


def svg(graph: Graph, places: picture.Places) -> str:
    """Draw the graph as SVG; beyond 150 nodes as dots with names on hover.

    Parameters
    ----------
    places : node -> (x, y), y downwards.
    """
    half = picture.half_sizes(graph, places)
    dots = graph.p > picture.MANY
    unit = picture.dot_unit(places) if dots else 1.0
    left = min(places[n][0] - half[n][0] for n in graph.nodes) - MARGIN
    top = min(places[n][1] - half[n][1] for n in graph.nodes) - MARGIN
    width = max(places[n][0] + half[n][0] for n in graph.nodes) + MARGIN - left
    height = max(places[n][1] + half[n][1] for n in graph.nodes) + MARGIN - top
    curved = {} if dots else picture.bends(graph, places)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}"'
        f' width="{width:.0f}" height="{height:.0f}" font-size="{picture.text_size(graph)}"'
        ' font-family="IBM Plex Sans, Helvetica, Arial, sans-serif">',
        f"<title>{html.escape(picture.words(graph))}</title>",
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{PAPER}"/>',
    ]
    lines += [_edge(graph, edge, places, half, curved.get((edge.source, edge.target), 0.0), unit) for edge in graph.edges()]
    lines += [_node(name, places[name], half[name], dots) for name in graph.nodes]
    return "\n".join([*lines, "</svg>\n"])


def _node(name: str, place: Point, half: Point, dots: bool) -> str:
    (x, y), (w, h) = place, half
    if dots:
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{w:.1f}" fill="{BOX}" stroke="{INK}" stroke-width="{w / 7:.1f}"/>'
    else:
        shape = (
            f'<rect x="{x - w:.1f}" y="{y - h:.1f}" width="{2 * w:.1f}" height="{2 * h:.1f}" rx="6" fill="{BOX}"'
            f' stroke="{picture.COLORS["undetermined"]}"/>'
            f'<text x="{x:.1f}" y="{y:.1f}" dy="0.35em" text-anchor="middle" fill="{INK}">{html.escape(picture.shorten(name))}</text>'
        )
    return f"<g><title>{html.escape(name)}</title>{shape}</g>"


def _edge(graph: Graph, edge: Edge, places: picture.Places, half: Mapping[str, Point], bend: float, unit: float) -> str:
    a, b = places[edge.source], places[edge.target]
    dx, dy = b[0] - a[0], b[1] - a[1]
    middle = ((a[0] + b[0]) / 2 + bend * dy, (a[1] + b[1]) / 2 - bend * dx)
    support, color = picture.support_of(graph, edge), picture.COLORS[picture.kind_of(edge)]
    strength = 1.0 if support is None else support
    start, end = _border(a, middle, half[edge.source]), _border(b, middle, half[edge.target])
    shapes = [
        f'<path d="M{start[0]:.1f} {start[1]:.1f} Q{middle[0]:.1f} {middle[1]:.1f} {end[0]:.1f} {end[1]:.1f}" fill="none" stroke="{color}"'
        f' stroke-width="{(0.8 + strength) * unit:.2f}"/>',
        _mark(edge.mark_source, start, middle, color, unit),
        _mark(edge.mark_target, end, middle, color, unit),
    ]
    text = picture.arrows(str(edge)) + ("" if support is None else f": support {support:.0%}")
    return f'<g opacity="{0.3 + 0.7 * strength:.2f}"><title>{html.escape(text)}</title>{"".join(shapes)}</g>'


def _mark(mark: Mark, tip: Point, towards: Point, color: str, unit: float) -> str:
    """Draw what an edge shows at one end, the tip at the node and the body along the edge."""
    (x, y), (ux, uy) = tip, _direction(tip, towards)
    if mark == Mark.CIRCLE:
        cx, cy = x + 5 * unit * ux, y + 5 * unit * uy
        return f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{4.5 * unit:.1f}" fill="{PAPER}" stroke="{color}" stroke-width="{1.6 * unit:.1f}"/>'
    if mark == Mark.ARROW:
        bx, by, w = x + 11 * unit * ux, y + 11 * unit * uy, 4.5 * unit
        return f'<polygon points="{x:.1f},{y:.1f} {bx - w * uy:.1f},{by + w * ux:.1f} {bx + w * uy:.1f},{by - w * ux:.1f}" fill="{color}"/>'
    return ""


def _border(place: Point, towards: Point, half: Point) -> Point:
    """Return where the line from the middle of a node leaves its box."""
    ux, uy = _direction(place, towards)
    reach = min(half[0] / abs(ux) if ux else math.inf, half[1] / abs(uy) if uy else math.inf) + GAP
    return place[0] + reach * ux, place[1] + reach * uy


def _direction(a: Point, b: Point) -> Point:
    length = math.hypot(b[0] - a[0], b[1] - a[1]) or 1.0
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length
