"""Why is this drug here: the shortest way from the drug to genes that the disease changes, and the weakest link on it."""

import heapq
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core import UserError
from engine.repurposing.ranking.affinity import weight_of

COLUMNS = ("step", "from", "to", "kind", "value", "unit", "strength", "is_weakest")


@dataclass(frozen=True, eq=False)
class Explanation:
    """The ways by which one drug may act on the disease.

    Attributes
    ----------
    drug, target : what is explained.
    steps : ``way`` (interactome, causal), then `COLUMNS`: one row per link; ``strength`` in [0, 1] is the affinity's weight, 1 - cost, or
        the stability; ``is_weakest`` marks the link of least strength on each way.
    sentence : the same in words.
    """

    drug: str
    target: str
    steps: pd.DataFrame
    sentence: str


def explain(
    drug: str,
    target: str,
    ranking: pd.DataFrame,
    edges: pd.DataFrame,
    terminals: frozenset[str],
    causal: pd.DataFrame,
) -> Explanation:
    """Return the way from a drug through one target to the nearest terminals.

    Parameters
    ----------
    ranking : rows of `evidence.evidence_table`.
    edges : the interactome: ``protein1``, ``protein2``, ``cost``.
    terminals : genes that the disease changes.
    causal : directed edges of the causal graph: ``source``, ``target``, ``stability``; no rows where there is none.

    Raises
    ------
    UserError
        When the ranking does not hold the pair.

    Notes
    -----
    In the interactome the way is the one of least total cost to a terminal (Dijkstra 1959). In the causal graph, by directed edges only, it
    is the one whose weakest edge is the most stable (widest path), to the terminal that is reached best.
    """
    row = ranking[(ranking["drug"] == drug) & (ranking["gene"] == target)]
    if row.empty:
        known = ", ".join(sorted(ranking.loc[ranking["drug"] == drug, "gene"])) or "none"
        raise UserError(f"The ranking holds no pair of {drug} and {target}.", f"Targets of {drug} in the interactome: {known}.", target)
    affinity = float(row["affinity"].iloc[0])
    first = (drug, target, "acts on", affinity, "-log10 M", float(weight_of(np.array([affinity]))[0]))
    ways = {"interactome": nearest(target, terminals, edges)}
    if len(causal):
        ways["causal"] = widest(target, terminals, causal)
    parts, sentences = [], []
    for way, links in ways.items():
        if links is None:
            sentences.append(_no_way(way, target))
            continue
        steps = pd.DataFrame([(k + 1, *link) for k, link in enumerate([first, *links])], columns=list(COLUMNS[:-1]))
        steps["is_weakest"] = steps["strength"] == steps["strength"].min()
        steps.insert(0, "way", way)
        parts.append(steps)
        sentences.append(_in_words(way, steps))
    return Explanation(drug, target, pd.concat(parts, ignore_index=True) if parts else _empty(), " ".join(sentences))


Link = tuple[str, str, str, float, str, float]


def nearest(start: str, goals: frozenset[str], edges: pd.DataFrame) -> list[Link] | None:
    """Return the cheapest way over undirected edges to any goal, no link where the start is one, None where no goal is reached."""
    around: dict[str, list[tuple[float, str]]] = {}
    for one, two, cost in zip(edges["protein1"], edges["protein2"], edges["cost"], strict=True):
        around.setdefault(one, []).append((float(cost), two))
        around.setdefault(two, []).append((float(cost), one))
    came: dict[str, tuple[str, float] | None] = {}
    queue: list[tuple[float, str, str, float]] = [(0.0, start, "", 0.0)]
    while queue:
        length, node, before, cost = heapq.heappop(queue)
        if node in came:
            continue
        came[node] = (before, cost) if before else None
        if node in goals:
            return [(a, b, "binds", c, "cost", max(0.0, 1 - c)) for a, b, c in _back(node, came)]
        for step, other in around.get(node, []):
            if other not in came:
                heapq.heappush(queue, (length + step, other, node, step))
    return None


def widest(start: str, goals: frozenset[str], edges: pd.DataFrame) -> list[Link] | None:
    """Return the directed way to a goal other than the start whose least stable edge is the most stable; the shorter of equal ones."""
    down: dict[str, list[tuple[float, str]]] = {}
    for source, target, share in zip(edges["source"], edges["target"], edges["stability"], strict=True):
        down.setdefault(source, []).append((float(share), target))
    came: dict[str, tuple[str, float] | None] = {}
    queue: list[tuple[float, int, str, str, float]] = [(-np.inf, 0, start, "", 0.0)]
    while queue:
        least, length, node, before, share = heapq.heappop(queue)
        if node in came:
            continue
        came[node] = (before, share) if before else None
        if node in goals and node != start:
            return [(a, b, "drives", s, "stability", s) for a, b, s in _back(node, came)]
        for step, other in down.get(node, []):
            if other not in came:
                heapq.heappush(queue, (max(least, -step), length + 1, other, node, step))
    return None


def _back(node: str, came: dict[str, tuple[str, float] | None]) -> list[tuple[str, str, float]]:
    """Return the links that led to a node, from the start on."""
    links = []
    while (link := came[node]) is not None:
        before, value = link
        links.append((before, node, value))
        node = before
    return links[::-1]


def _in_words(way: str, steps: pd.DataFrame) -> str:
    chain = " - ".join([steps["from"].iloc[0], *steps["to"]])
    weakest = steps[steps["is_weakest"]].iloc[0]
    value = "no affinity known" if np.isnan(weakest["value"]) else f"{weakest['unit']} {weakest['value']:.3g}"
    last = steps["to"].iloc[-1]
    ends = f"{last} is changed by the disease" if way == "interactome" else f"{last}, which the disease changes, lies downstream"
    return f"{chain}: {ends}. The weakest link is {weakest['from']} - {weakest['to']} ({value})."


def _no_way(way: str, target: str) -> str:
    if way == "causal":
        return f"No directed path of the causal network leads from {target} to a gene that the disease changes."
    return f"No path of the interactome leads from {target} to a gene that the disease changes."


def _empty() -> pd.DataFrame:
    return pd.DataFrame(columns=["way", *COLUMNS])
