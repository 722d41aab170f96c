"""Cells, network and prizes are read whichever way they lie, and what cannot be used is refused with its place."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, Tables, UserError
from engine.repurposing.causal import inputs
from engine.repurposing.causal.inputs import cells_for
from engine.repurposing.target_network import TargetNetworkParams

GENES = ["EGFR", "RIPK1", "TP53", "UBC"]
EXPRESSION = np.array(
    [[1.0, 0, 2, 3, 0, 1, 2, 4, 1, 2], [0.0, 0, 0, 0, 0, 0, 0, 0, 0, 5], [2.0, 1, 2, 1, 0, 3, 1, 0, 1, 1], np.arange(10.0)]
)
NETWORK = pd.DataFrame({"protein1": ["egfr", "TP53", "UBC", "EGFR"], "protein2": ["TP53", "UBC ", "UBC", "MISSING"], "cost": 0.5})
PRIZES = pd.DataFrame({"name": ["TP53", "EGFR", "OTHER"], "prize": [1.5, 0.0, 2.0]})


def genes_down(genes=GENES, values=EXPRESSION):
    return pd.DataFrame({"gene": genes} | {f"cell{k}": values[:, k] for k in range(values.shape[1])})


def read(cells, network=NETWORK, prizes=PRIZES, **params):
    parts = {"cells": cells, "network": network, "prizes": prizes}
    tables = Tables({part: Dataset(frame) for part, frame in parts.items() if frame is not None})
    return cells_for(tables, TargetNetworkParams(**params))


def test_what_is_read():
    found = read(genes_down())
    assert found.genes == ("EGFR", "TP53", "UBC")
    assert found.values.tolist() == EXPRESSION[[0, 2, 3]].T.tolist()
    assert found.allowed.tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]  # the pair with MISSING and the self loop are no pairs
    assert found.terminals == ("TP53",)  # a prize of 0 makes no terminal, and OTHER was not measured
    assert any("1 of 4 edges" in note for note in found.notes)
    assert any("MISSING" in note for note in found.notes)


def test_a_gene_seen_in_too_few_cells_is_dropped_and_told():
    found = read(genes_down(), network=None, prizes=None)  # more than int(0.1 * 10) = 1 cell
    assert "RIPK1" not in found.genes
    assert found.dropped.to_numpy().tolist() == [["RIPK1", 1]]
    assert "RIPK1" in read(genes_down(), network=None, prizes=None, min_share=0.0).genes


@pytest.mark.parametrize("named", [True, False])
def test_cells_down_the_side_are_the_same(named):
    across = pd.DataFrame(EXPRESSION.T, columns=GENES)
    if named:
        across.insert(0, "barcode", [f"cell{k}" for k in range(10)])
    for network in (NETWORK, None):
        found, down = read(across, network=network), read(genes_down(), network=network)
        assert found.genes == down.genes
        assert np.array_equal(found.values, down.values)
        assert any("10 cells (rows)" in note for note in found.notes)


def test_known_genes_tell_the_way_where_the_header_does_not():
    across = pd.DataFrame(EXPRESSION.T, columns=GENES)
    across.insert(0, "name", [f"cell{k}" for k in range(10)])
    assert read(across).genes == ("EGFR", "TP53", "UBC")


def test_without_a_network_all_pairs_are_allowed():
    found = read(genes_down(), network=None)
    assert found.allowed.tolist() == (1 - np.eye(3)).tolist()
    assert found.n_allowed == 3


def test_counts_are_recognised_and_named_counts_are_taken_as_such():
    counts = np.round(2**EXPRESSION * 20) * (EXPRESSION > 0)
    found = read(genes_down(values=counts))
    assert found.values == pytest.approx(np.log2(1 + counts[[0, 2, 3]].T))
    assert any("log2(1 + x)" in note for note in found.notes)
    assert np.array_equal(read(genes_down(values=counts), values="log").values, counts[[0, 2, 3]].T)
    assert np.array_equal(read(genes_down(), values="counts").values, np.log2(1 + EXPRESSION[[0, 2, 3]].T))


def test_the_row_with_the_larger_mean_stands_for_a_gene_with_two():
    frame = pd.concat([genes_down(), genes_down(["egfr"], EXPRESSION[:1] + 1)])
    found = read(frame.reset_index(drop=True))
    assert found.genes == ("TP53", "UBC", "EGFR")
    assert np.array_equal(found.values[:, 2], EXPRESSION[0] + 1)
    assert any("EGFR" in note and "largest mean" in note for note in found.notes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"network": NETWORK.rename(columns={"protein2": "weight2"})},
            "no column protein2 in the network; its columns are: protein1, weight2, cost",
        ),
        ({"network": NETWORK.assign(protein1="Q1", protein2="Q2")}, "None of the 2 proteins"),
        ({"network": NETWORK.iloc[:0]}, "has no edges"),
        (
            {"network": NETWORK.iloc[[0, 3]].assign(protein1=["EGFR", "TP53"], protein2=["Q1", "Q2"])},
            "No edge of the network joins two of the 2 genes",
        ),
        ({"prizes": PRIZES.assign(prize=["1", "?", "2"])}, r"prize of EGFR in row 2 of the prizes is not a number"),
        ({"cells": genes_down(values=np.where(EXPRESSION == 4, np.nan, EXPRESSION))}, "EGFR in cell cell7 is missing"),
        ({"cells": genes_down(values=EXPRESSION - 1), "values": "counts"}, "cannot be negative"),
        ({"cells": genes_down(values=EXPRESSION[:, :7])}, "7 cells are too few"),
        ({"cells": genes_down().assign(kind="x")}, "gene, kind"),
        ({"min_share": 0.9}, "Fewer than two genes"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(changes, said):
    with pytest.raises(UserError, match=said):
        read(**{"cells": genes_down()} | changes)


def test_strange_parts_and_missing_cells_are_refused():
    params = TargetNetworkParams()
    with pytest.raises(UserError, match="no use for a table named 'screen'"):
        cells_for(Tables({"cells": Dataset(genes_down()), "screen": Dataset(PRIZES)}), params)
    with pytest.raises(UserError, match="no table of single cells"):
        cells_for(Tables({"prizes": Dataset(PRIZES)}), params)


def test_more_genes_than_can_be_searched_are_refused(monkeypatch):
    monkeypatch.setattr(inputs, "MOST_WITHOUT_NETWORK", 2)
    with pytest.raises(UserError, match="3 genes are more than the 2") as error:
        read(genes_down(), network=None)
    assert "network" in error.value.fix
