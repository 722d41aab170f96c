"""The DAG of a Markov equivalence class that a sum over its nodes likes best, found without listing the class."""

from collections.abc import Callable

from engine.graphs.bitsets import members

Cost = Callable[[int, int], int]  # of a node with a set of parents
Choice = tuple[int, tuple[tuple[int, int], ...]]  # total cost, and each node with its parents

LIMIT = 20_000  # parts of chain components looked at before the search takes the first root of each; a few seconds


class BestMember:
    """Finds a DAG of a class whose sum of ``cost(node, parents)`` is smallest.

    Parameters
    ----------
    lines, above : for each node the set of its line-neighbours in the CPDAG, and of the nodes with an arrow into it.
    cost : of one node with a set of parents.

    Attributes
    ----------
    is_exact : whether all members were weighed; not so when a class has too many different parts.

    Notes
    -----
    The chain components of a CPDAG can be directed independently, and every DAG of a connected chordal component has one source. Given
    the source, the component falls into arrows and smaller chordal components with the same parents throughout (He, Jia and Yu 2015),
    which are solved in the same way and remembered. A tree of m nodes takes m^2 steps, a clique 2^m.
    """

    def __init__(self, lines: list[int], above: list[int], cost: Cost):
        self.lines, self.above, self.cost = lines, above, cost
        self.is_exact = True
        self._solved: dict[tuple[int, int], Choice] = {}

    def find(self) -> tuple[int, list[int]]:
        """Return the smallest cost and the parents of each node."""
        parents, total, left = list(self.above), 0, (1 << len(self.lines)) - 1
        while left:
            part = component((left & -left).bit_length() - 1, left, self.lines)
            left &= ~part
            cost, chosen = self._best(part, self.above[next(members(part))])
            total += cost
            for node, above in chosen:
                parents[node] = above
        return total, parents

    def _best(self, part: int, above: int) -> Choice:
        """Return the best way to direct a component all of whose nodes have the parents ``above`` outside it."""
        if (part, above) in self._solved:
            return self._solved[part, above]
        best: Choice | None = None
        for root in members(part):
            total, chosen = self.cost(root, above), [(root, above)]
            for smaller, outside in self._below(root, part):
                cost, directed = self._best(smaller, above | outside)
                total += cost
                chosen += directed
            if best is None or total < best[0]:
                best = total, tuple(chosen)
            if len(self._solved) > LIMIT:
                self.is_exact = False
                break
        assert best is not None
        self._solved[part, above] = best
        return best

    def _below(self, root: int, part: int) -> list[tuple[int, int]]:
        """Return what is left of a component once it is directed away from a root: smaller components with their new parents."""
        found = []
        layer, rest = 1 << root, part & ~(1 << root)
        while rest:
            into = {v: layer & self.lines[v] for v in members(rest) if layer & self.lines[v]}
            following = sum(1 << v for v in into)
            waiting = list(into)
            while waiting:  # x -> z and a line z - y without an edge x - y: z -> y
                z = waiting.pop()
                for y in members(self.lines[z] & following & ~into[z]):
                    if not into[y] >> z & 1 and into[z] & ~self.lines[y]:
                        into[y] |= 1 << z
                        waiting.append(y)
            inside = following
            undirected = {v: self.lines[v] & following & ~into[v] for v in into}
            for v, arrows in into.items():
                for u in members(arrows & following):
                    undirected[u] &= ~(1 << v)
            while inside:
                v = (inside & -inside).bit_length() - 1
                smaller = component(v, inside, undirected)
                inside &= ~smaller
                found.append((smaller, into[v]))
            layer, rest = following, rest & ~following
        return found


def component(start: int, within: int, lines: "list[int] | dict[int, int]") -> int:
    """Return the nodes that lines connect with ``start``, among those of a set."""
    found = fresh = 1 << start
    while fresh:
        reached = 0
        for v in members(fresh):
            reached |= lines[v] & within
        fresh = reached & ~found
        found |= fresh
    return found
