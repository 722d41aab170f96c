"""Tetrad's text form: a list of nodes, then one numbered edge per line such as ``1. A o-> B``."""

import re

from engine.graphs.exchange.assemble import Found, assemble, problem
from engine.graphs.exchange.names import quoted, unquoted
from engine.graphs.graph import Graph, parse_edge

_NAME = r'"(?:[^"\\]|\\.)*"|[^\s";,]+'
_NODES = re.compile(rf"\s*({_NAME})\s*(?:[;,]|$)")
_EDGE = re.compile(rf"(?:\d+\.\s+)?(?P<source>{_NAME})\s+(?P<edge>[<o-]-[>o-])\s+(?P<target>{_NAME})(?:\s+(?:dd|pd|nl|pl)\b.*)?\s*$")


def write(graph: Graph) -> str:
    """Write a graph as Tetrad text; names that are more than one word are put in double quotes."""
    nodes = ";".join(map(_name, graph.nodes))
    edges = [f"{n}. {_name(e.source)} {e.symbol} {_name(e.target)}" for n, e in enumerate(graph.edges(), 1)]
    return "\n".join(["Graph Nodes:", nodes, "", "Graph Edges:", *edges, ""])


def read(text: str) -> Graph:
    """Read Tetrad text; whatever follows the edges (attributes, ambiguous triples) is left aside."""
    nodes: list[str] = []
    edges: list[Found] = []
    section = ""
    for n, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if re.match(r"(Graph|Ambiguous|Underline|Dotted) [\w ]+.*:$", line):
            section = line.partition(":")[0].lower()
        elif line and section == "graph nodes":
            nodes += _nodes(line, n)
        elif line and section == "graph edges":
            edges.append(_edge(line, n))
        elif line and not section:
            raise problem(n, "Tetrad text begins with 'Graph Nodes:'.", "Choose the form that the file was written in.")
    if not section:
        raise problem(1, "Tetrad text begins with 'Graph Nodes:'.", "Choose the form that the file was written in.")
    return assemble(nodes, edges)


def _name(name: str) -> str:
    return name if re.fullmatch(r'[^\s";,\\]+', name) else quoted(name)


def _nodes(line: str, n: int) -> list[str]:
    found, at = [], 0
    while at < len(line):
        match = _NODES.match(line, at)
        if not match:
            raise problem(n, f"'{line[at : at + 30]}' is not a list of names.", "Separate names by ';' and quote those with spaces.")
        found.append(unquoted(match[1]))
        at = match.end()
    return found


def _edge(line: str, n: int) -> Found:
    match = _EDGE.match(line)
    if not match:
        raise problem(
            n, f"'{line[:60]}' is not an edge.", "Write edges as '1. A --> B', with '<->', 'o->', 'o-o' or '---' between the names."
        )
    _, at_source, at_target, _ = parse_edge(f"a {match['edge']} b")
    return Found(n, unquoted(match["source"]), at_source, at_target, unquoted(match["target"]))
