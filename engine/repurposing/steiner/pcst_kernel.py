"""Compiled growth of clusters and pruning of trees for the prize-collecting Steiner forest."""

from numba import njit

TIE = 1e-12  # event times closer than this share are one: rounding of sums must not delay an event
INFINITE = float("inf")


@njit(cache=True, nogil=True)
def grow(starts, arcs, edges, nodes, events, merges, w):
    """Grow a ball around every prized node at the same rate, merge what touches, and stop a cluster whose prizes are used up.

    The rooted growth of Goemans and Williamson (1995) with a root joined to every prized node at cost ``w``: a cluster that is still
    active has a node that grew all the time, so it reaches the root at time ``w``, and nothing grows after. Writes the edges that merged
    two clusters into ``merges``, in order and with their times, and what became of each node into ``nodes``; returns the number of merges,
    -1 where ``events`` is too short.

    The ball of node v in cluster c has radius v.offset + c.base + c.rate * time. The key of an event is never later than its true time:
    it is computed anew when it comes up, and put back where its cluster has stopped since. An edge gets a new event whenever the cluster
    of one of its ends becomes active (compare Hegde, Indyk, Schmidt 2014). Of the edges to a lone node, which no cluster has reached, only
    the first to arrive has an event: ``first`` is its time, ``via`` its other end. The end of cluster c is event m + c.
    """
    m, n_events, n_merges, apart = len(edges), 0, 0, 0
    for v in range(len(nodes)):
        if not nodes[v].is_lone:
            apart += 1
            n_events = _announce(v, 0.0, w, starts, arcs, nodes, events, n_events)
            if n_events >= 0 and nodes[v].death < w:
                n_events = _push(events, n_events, nodes[v].death, m + v)
            if n_events < 0:
                return -1
    while n_events > 0 and apart > 1:
        now, event = events[0].key, events[0].number
        n_events = _pop(events, n_events)
        if event >= m:
            c = event - m
            if nodes[c].cluster == c and nodes[c].rate > 0.0 and nodes[c].death <= now * (1.0 + TIE):
                nodes[c].base += now
                nodes[c].rate = 0.0
                n_events = _forget(c, now, w, starts, arcs, nodes, events, n_events)
            if n_events < 0:
                return -1
            continue
        u, v = edges[event].u, edges[event].v
        a, b = nodes[u].cluster, nodes[v].cluster
        speed = nodes[a].rate + nodes[b].rate
        if a == b or speed == 0.0:
            continue
        true = now + (edges[event].cost - _radius(nodes, u, now) - _radius(nodes, v, now)) / speed
        if true > now * (1.0 + TIE):
            if true <= w:
                n_events = _push(events, n_events, true, event)
            continue
        merges[n_merges].edge = event
        merges[n_merges].time = now
        n_merges += 1
        if not nodes[a].is_lone and not nodes[b].is_lone:
            apart -= 1
        if nodes[a].size < nodes[b].size:
            a, b = b, a
        n_events = _merge(a, b, now, w, starts, arcs, nodes, events, n_events)
        if n_events < 0:
            return -1
        if nodes[a].death < w:
            n_events = _push(events, n_events, nodes[a].death, m + a)
    return n_merges


@njit(cache=True, nogil=True)
def _merge(a, b, now, w, starts, arcs, nodes, events, n_events):
    """Let cluster b join cluster a; what begins to grow by that announces its edges."""
    # a node that begins to grow is b's, or one of those that were a's; none where both grew
    at, stop = b, nodes[b].last
    if nodes[b].rate > 0.0:
        at, stop = (-1, -1) if nodes[a].rate > 0.0 else (a, nodes[a].last)
    shift, x = nodes[b].base + nodes[b].rate * now - nodes[a].base - nodes[a].rate * now, b
    while x != -1:
        nodes[x].cluster = a
        nodes[x].offset += shift
        x = nodes[x].following
    nodes[nodes[a].last].following = b
    nodes[a].last = nodes[b].last
    nodes[a].size += nodes[b].size
    nodes[a].death = now + (nodes[a].death - now) * nodes[a].rate + (nodes[b].death - now) * nodes[b].rate
    nodes[a].base += (nodes[a].rate - 1.0) * now
    nodes[a].rate = 1.0
    for c in (a, b):
        nodes[c].is_lone = False
        nodes[c].first = INFINITE
    while at != -1 and n_events >= 0:
        n_events = _announce(at, now, w, starts, arcs, nodes, events, n_events)
        at = -1 if at == stop else nodes[at].following
    return n_events


@njit(cache=True, nogil=True)
def _announce(v, now, w, starts, arcs, nodes, events, n_events):
    """Put the events of a node's edges on the heap, since its ball begins to grow now; return -1 where there is no room."""
    if n_events + starts[v + 1] - starts[v] + 1 > len(events):
        return -1
    c, radius = nodes[v].cluster, _radius(nodes, v, now)
    for k in range(starts[v], starts[v + 1]):
        x = arcs[k].neighbour
        other = nodes[x].cluster
        if other != c:
            key = now + max(arcs[k].cost - radius - _radius(nodes, x, now), 0.0) / (1.0 + nodes[other].rate)
            if key <= w and key < nodes[x].first:
                if nodes[x].is_lone:
                    nodes[x].first = key
                    nodes[x].via = v
                n_events = _push(events, n_events, key, arcs[k].edge)
    return n_events


@njit(cache=True, nogil=True)
def _forget(c, now, w, starts, arcs, nodes, events, n_events):
    """Let the lone nodes that a cluster which has just stopped was to reach be reached by the next that grows towards them."""
    v = c
    while v != -1:
        if n_events + starts[v + 1] - starts[v] > len(events):
            return -1
        for k in range(starts[v], starts[v + 1]):
            x = arcs[k].neighbour
            if not nodes[x].is_lone or nodes[x].via == -1 or nodes[nodes[x].via].cluster != c:
                continue
            nodes[x].first = INFINITE
            nodes[x].via = -1
            edge = -1
            for j in range(starts[x], starts[x + 1]):
                y = arcs[j].neighbour
                key = now + max(arcs[j].cost - _radius(nodes, y, now), 0.0)
                if nodes[nodes[y].cluster].rate > 0.0 and key <= w and key < nodes[x].first:
                    nodes[x].first = key
                    nodes[x].via = y
                    edge = arcs[j].edge
            if edge != -1:
                n_events = _push(events, n_events, nodes[x].first, edge)
        v = nodes[v].following
    return n_events


@njit(cache=True, nogil=True)
def _radius(nodes, v, now):
    """Return the radius of a node's ball at a time."""
    c = nodes[v].cluster
    return nodes[v].offset + nodes[c].base + nodes[c].rate * now


@njit(cache=True, nogil=True)
def _push(events, size, key, number):
    """Put an event on the heap, the earliest first, the smaller number first among equals; return the new size."""
    at = size
    while at > 0:
        above = (at - 1) // 2
        if events[above].key < key or (events[above].key == key and events[above].number <= number):
            break
        events[at] = events[above]
        at = above
    events[at].key = key
    events[at].number = number
    return size + 1


@njit(cache=True, nogil=True)
def _pop(events, size):
    """Take the first event off the heap; return the new size."""
    size -= 1
    key, number, at = events[size].key, events[size].number, 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        right = below + 1
        if right < size and (
            events[right].key < events[below].key
            or (events[right].key == events[below].key and events[right].number < events[below].number)
        ):
            below = right
        if key < events[below].key or (key == events[below].key and number <= events[below].number):
            break
        events[at] = events[below]
        at = below
    events[at].key = key
    events[at].number = number
    return size


@njit(cache=True, nogil=True)
def prune(merges, edges, nodes, order, w):
    """Keep in every tree that reaches the root the part of largest prizes less costs, where this is more than ``w``.

    Strong pruning (Johnson, Minkoff, Phillips 2000): a branch that costs what it gains is cut; the root is joined where that is best.
    Marks what stays as ``kept`` in ``merges`` and ``nodes``. ``gain`` comes in as the prizes; ``order`` is room for one number per node.
    """
    for k in range(len(merges)):
        edge = edges[merges[k].edge]
        for v in (edge.u, edge.v):
            nodes[v].degree += 1
            nodes[v].link += k  # the sum of a node's edges: when one is left, it is that edge
    n_peeled = 0
    for leaf in range(len(nodes)):
        v = leaf
        while nodes[v].degree == 1:
            k = nodes[v].link
            edge = edges[merges[k].edge]
            above = edge.u + edge.v - v
            nodes[v].degree = 0
            nodes[v].upward = k
            nodes[above].degree -= 1
            nodes[above].link -= k
            nodes[above].gain += max(nodes[v].gain - edge.cost, 0.0)
            order[n_peeled] = v
            n_peeled += 1
            v = above
    for v in range(len(nodes)):
        c = nodes[v].cluster
        if not nodes[v].is_lone and (nodes[c].best == -1 or nodes[v].gain > nodes[nodes[c].best].gain):
            nodes[c].best = v
    for c in range(len(nodes)):
        top = nodes[c].best
        if top != -1 and nodes[c].rate > 0.0 and nodes[c].death * (1.0 + TIE) >= w and nodes[top].gain > w:
            nodes[top].kept = True
    for at in range(n_peeled - 1, -1, -1):
        v = order[at]
        k = nodes[v].upward
        edge = edges[merges[k].edge]
        if not nodes[v].kept and nodes[edge.u + edge.v - v].kept and nodes[v].gain > edge.cost:
            nodes[v].kept = True
            merges[k].kept = True
