"""GraphML: one XML element per node and edge; the ends are the edge data ``source_mark`` and ``target_mark``."""

import re
import xml.etree.ElementTree as ET

from engine.core import UserError
from engine.graphs.exchange.assemble import Found, assemble, problem
from engine.graphs.exchange.names import distinct
from engine.graphs.graph import Graph, Mark

_SPACE = "http://graphml.graphdrawing.org/xmlns"
_KEYS = {"kind": "graph", "source_mark": "edge", "target_mark": "edge"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(graph: Graph) -> str:
    """Write a graph as GraphML that keeps its kind and both marks of every edge.

    Raises
    ------
    UserError
        When a name holds a control character, which XML cannot.
    """
    for node in graph.nodes:
        if _NOT_XML.search(node):
            raise UserError(f"The name {node!r} holds a control character, which GraphML cannot keep.", "Rename the variable.", node)
    root = ET.Element("graphml", xmlns=_SPACE)
    for key, owner in _KEYS.items():
        ET.SubElement(root, "key", {"id": key, "for": owner, "attr.name": key, "attr.type": "string"})
    body = ET.SubElement(root, "graph", edgedefault="directed")
    ET.SubElement(body, "data", key="kind").text = graph.kind
    for node in graph.nodes:
        ET.SubElement(body, "node", id=node)
    for edge in graph.edges():
        element = ET.SubElement(body, "edge", source=edge.source, target=edge.target)
        ET.SubElement(element, "data", key="source_mark").text = edge.mark_source.name.lower()
        ET.SubElement(element, "data", key="target_mark").text = edge.mark_target.name.lower()
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def read(text: str) -> Graph:
    """Read GraphML of this or another program: edges without marks are arrows, or lines where the graph is undirected.

    A node is called by its data ``label`` or ``name`` where it has one, else by its id.
    """
    if re.search(r"<!(DOCTYPE|ENTITY)", text):
        raise UserError("GraphML with a document type is not read.", "Remove the line that begins with '<!DOCTYPE'.", "DOCTYPE")
    try:
        root = ET.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except ET.ParseError as broken:
        raise problem(broken.position[0], "this is not well-formed XML.", "Choose the form that the file was written in.") from None
    body = next((element for element in root.iter() if _tag(element) == "graph"), None)
    if _tag(root) != "graphml" or body is None:
        raise problem(1, "the XML has no graph in it.", "GraphML begins with '<graphml>'.")
    keys = {element.get("id", ""): element.get("attr.name", "") for element in root if _tag(element) == "key"}
    names: dict[str, str] = {}
    edges: list[Found] = []
    for element in (e for e in body if _tag(e) == "node"):
        facts, own_id = _facts(element, keys), str(element.get("id", ""))
        names[own_id] = facts.get("label") or facts.get("name") or own_id
    distinct(list(names.values()))
    for number, element in enumerate((e for e in body if _tag(e) == "edge"), 1):
        ends = element.get("source", ""), element.get("target", "")
        if ends[0] not in names or ends[1] not in names:
            raise UserError(
                f"Edge {number} joins '{ends[0]}' and '{ends[1]}', which are not both nodes.", "Add the node.", f"edge {number}"
            )
        facts = _facts(element, keys)
        directed = element.get("directed", "true" if body.get("edgedefault") == "directed" else "false") == "true"
        plain = (Mark.TAIL, Mark.ARROW if directed else Mark.TAIL)
        at_source, at_target = (
            _mark(facts.get(key), other, number) for key, other in zip(("source_mark", "target_mark"), plain, strict=True)
        )
        edges.append(Found(number, names[ends[0]], at_source, at_target, names[ends[1]]))
    return assemble(names.values(), edges, _facts(body, keys).get("kind"))


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _facts(element: ET.Element, keys: dict[str, str]) -> dict[str, str]:
    data = [child for child in element if _tag(child) == "data"]
    return {keys.get(child.get("key", ""), child.get("key", "")): child.text or "" for child in data}


def _mark(text: str | None, other: Mark, number: int) -> Mark:
    if text is None:
        return other
    if text.upper() not in ("CIRCLE", "ARROW", "TAIL"):
        raise UserError(f"Edge {number} has the mark '{text}'.", "Use circle, arrow or tail.", f"edge {number}")
    return Mark[text.upper()]
