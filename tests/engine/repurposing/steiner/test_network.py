"""A network is read whatever its spelling and order; what cannot be a cost is refused with its place, and confidence is asked about."""

import numpy as np
import pandas as pd
import pytest

from engine.core import UserError
from engine.repurposing.steiner.network import network_of


def table(*rows, cost="cost"):
    return pd.DataFrame(rows, columns=["protein1", "protein2", cost])


def test_loops_doubles_case_and_pieces_are_told():
    frame = table(("b", "A", 0.5), (" a", "B", 0.3), ("C", "c", 0.2), ("C", "D", 0.4), (None, "D", 0.4))
    network, said = network_of(frame, "cost")
    assert network.proteins == ("A", "B", "C", "D")
    assert network.ends.tolist() == [[0, 1], [2, 3]]
    assert network.costs.tolist() == [0.3, 0.4]  # the cheapest of the two
    assert network.loops.tolist() == [2]
    assert network.degrees.tolist() == [1, 1, 3, 1]
    text = " ".join(said)
    for part in ("1 rows of the network lack a protein", "more than one row", "1 proteins interact with themselves", "2 pieces"):
        assert part in text


def test_order_of_rows_and_ends_does_not_matter():
    rng = np.random.default_rng(0)
    rows = [(f"G{i}", f"G{j}", rng.uniform(0.1, 1)) for i, j in rng.integers(0, 30, (120, 2))]
    first, _ = network_of(table(*rows), "cost")
    mixed = [(b, a, cost) for a, b, cost in rows]
    rng.shuffle(mixed)
    second, _ = network_of(table(*mixed), "cost")
    assert (first.ends == second.ends).all()
    assert (first.costs == second.costs).all()
    assert (first.loops == second.loops).all()


@pytest.mark.parametrize(("cost", "words"), [(0.0, "is not positive: 0"), (-1.0, "is not positive: -1"), (np.nan, "is not a number")])
def test_a_cost_that_is_none_is_refused_with_its_row(cost, words):
    with pytest.raises(UserError, match="of A and C in row 2") as error:
        network_of(table(("A", "B", 0.5), ("A", "C", cost)), "cost")
    assert words in str(error.value)


def test_a_missing_column_lists_those_seen():
    with pytest.raises(UserError, match="its columns are: protein1, protein2, distance"):
        network_of(table(("A", "B", 1.0), cost="distance"))


def hubs(sign, n=300):
    """Return a network in which hubs have the low (sign -1) or the high (1) numbers, or neither (0)."""
    rng = np.random.default_rng(1)
    weight = rng.pareto(1.5, n) + 0.05
    pairs = {(min(pair), max(pair)) for pair in rng.choice(n, (3000, 2), p=weight / weight.sum()).tolist() if pair[0] != pair[1]}
    degree = np.bincount(np.array(sorted(pairs)).ravel(), minlength=n)
    values = [0.5 + sign * 0.05 * np.log(degree[i] * degree[j]) + 0.1 * rng.uniform() for i, j in sorted(pairs)]
    return table(*((f"P{i}", f"P{j}", value) for (i, j), value in zip(sorted(pairs), values, strict=True)))


def test_confidence_is_asked_about_and_turned_into_costs():
    with pytest.raises(UserError, match="those of hubs"):
        network_of(hubs(1))
    with pytest.raises(UserError, match="are called so"):
        network_of(hubs(-1).rename(columns={"cost": "score"}))
    assert len(network_of(hubs(-1))[0].costs) == len(network_of(hubs(0))[0].costs) == len(network_of(hubs(1), "cost")[0].costs)
    turned, said = network_of(table(("A", "B", 900.0), ("B", "C", 1000.0), cost="combined_score"), "confidence")
    assert turned.costs == pytest.approx([0.1, 0.001])
    assert "1 - combined_score / 1000" in " ".join(said)


def test_hub_penalty_is_the_published_formula():
    network, _ = network_of(table(("A", "B", 0.5), ("A", "C", 0.5), ("A", "D", 0.5), ("D", "E", 0.5)), "cost")
    d = dict(zip("ABCDE", [3, 1, 1, 2, 1], strict=True))
    for (u, v), cost in zip(["AB", "AC", "AD", "DE"], network.penalised(1.0), strict=True):
        both = d[u] * d[v]
        assert cost == pytest.approx(0.5 + 10 * both / ((5 - d[u] - 1) * (5 - d[v] - 1) + both))
    assert (network.penalised(None) == 0.5).all()
