"""Partial orders of the variables, and the sparsest graph that each allows."""

import itertools
from collections.abc import Sequence

from engine.discovery.ancestral import Ancestral
from engine.discovery.memory import Memory


def poset_imap(above: Sequence[int], memory: Memory, must: Sequence[int] | None = None) -> Ancestral:
    """Return the minimal I-map of a partial order: the maximal closure of A(po(A(order))).

    Parameters
    ----------
    above : for each node the set of those before it in the order, with itself.
    memory : answers the questions.
    must : for each node the parents that it has whatever the tests say; they come before it in the order.

    Notes
    -----
    A(order) joins i and j iff they are dependent given all other nodes before i or j, by an arrow if one is before the other, else by a
    bidirected edge; po(graph) is the order of ancestry in a graph (Bernstein, Saeed, Squires and Uhler 2020).
    """
    imap = order_graph(order_graph(above, memory, must).above, memory, must)
    imap.close()
    return imap


def order_graph(above: Sequence[int], memory: Memory, must: Sequence[int] | None = None) -> Ancestral:
    """Return A(order): see `poset_imap`."""
    pairs = list(itertools.combinations(range(len(above)), 2))
    questions = [(i, j, (above[i] | above[j]) & ~(1 << i) & ~(1 << j)) for i, j in pairs]
    memory.ask(questions)
    parents, spouses = [0] * len(above), [0] * len(above)
    for i, j, given in questions:
        if memory.independent(i, j, given) and not (must and (must[i] >> j & 1 or must[j] >> i & 1)):
            continue
        if above[j] >> i & 1:
            parents[j] |= 1 << i
        elif above[i] >> j & 1:
            parents[i] |= 1 << j
        else:
            spouses[i] |= 1 << j
            spouses[j] |= 1 << i
    return Ancestral(parents, spouses)
