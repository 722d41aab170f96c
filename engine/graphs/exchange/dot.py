"""DOT, the language of Graphviz: circles are ``odot`` ends, tails ``none``, arrowheads ``normal``."""

from engine.graphs.exchange.assemble import Found, assemble, problem
from engine.graphs.exchange.statements import Statement, name, parse
from engine.graphs.graph import Edge, Graph, Mark

_SHAPES = {Mark.ARROW: "normal", Mark.CIRCLE: "odot", Mark.TAIL: "none"}
_MARKS = {shape: mark for mark, shape in _SHAPES.items()}
_ENDS = {
    "forward": (Mark.TAIL, Mark.ARROW),
    "back": (Mark.ARROW, Mark.TAIL),
    "both": (Mark.ARROW, Mark.ARROW),
    "none": (Mark.TAIL, Mark.TAIL),
}


def write(graph: Graph) -> str:
    """Write a graph as DOT; ``kind`` is kept as a graph attribute."""
    lines = [f"  {name(node)};" for node in graph.nodes]
    return "\n".join(["digraph {", f'  graph [kind="{graph.kind}"];', *lines, *map(_edge, graph.edges()), "}", ""])


def read(text: str) -> Graph:
    """Read DOT without groups and ports; ends come from ``dir``, ``arrowhead`` and ``arrowtail``."""
    head, statements = parse(text)
    if head.text.lower() not in ("graph", "digraph"):
        raise problem(head.line, f"'{head.text}' is not a graph in DOT.", "DOT begins with 'digraph {' or 'graph {'.")
    nodes: list[str] = []
    edges: list[Found] = []
    kind, defaults = None, {"dir": "none" if head.text.lower() == "graph" else "forward"}
    for statement in statements:
        if statement.is_default or not statement.names:
            if statement.names == ["edge"]:
                defaults |= statement.attributes
            elif statement.names != ["node"]:
                kind = statement.attributes.get("kind", kind)
            continue
        nodes += statement.names
        edges += _edges(statement, defaults)
    return assemble(nodes, edges, kind)


def _edge(edge: Edge) -> str:
    ends = f"arrowtail={_SHAPES[edge.mark_source]}, arrowhead={_SHAPES[edge.mark_target]}"
    plain = (edge.mark_source, edge.mark_target) == _ENDS["forward"]
    return f"  {name(edge.source)} -> {name(edge.target)}{'' if plain else f' [dir=both, {ends}]'};"


def _edges(statement: Statement, defaults: dict[str, str]) -> list[Found]:
    attributes = defaults | statement.attributes
    at_source, at_target = _ENDS.get(attributes["dir"], (None, None))
    if at_source is None or at_target is None:
        raise problem(statement.line, f"dir={attributes['dir']} is not known.", f"Use one of {', '.join(_ENDS)}.")
    # a shape counts only where dir shows an end
    if at_source == Mark.ARROW and "arrowtail" in attributes:
        at_source = _shape(attributes["arrowtail"], statement.line)
    if at_target == Mark.ARROW and "arrowhead" in attributes:
        at_target = _shape(attributes["arrowhead"], statement.line)
    found = []
    for sign, source, target in zip(statement.edges, statement.names[:-1], statement.names[1:], strict=True):
        if sign not in ("->", "--"):
            raise problem(statement.line, f"'{sign}' is not an edge in DOT.", "Use '->' with arrowtail and arrowhead.")
        found.append(Found(statement.line, source, at_source, at_target, target))
    return found


def _shape(shape: str, line: int) -> Mark:
    if shape not in _MARKS:
        raise problem(line, f"the end '{shape}' has no meaning here.", f"Use one of {', '.join(_MARKS)}.")
    return _MARKS[shape]
