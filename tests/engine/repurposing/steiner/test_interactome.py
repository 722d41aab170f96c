"""The interactome is the published one, from tables as they come; what is wrong with a table is said with the way out."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Context, Dataset, Tables, UserError
from engine.repurposing.interactome import InteractomeParams, interactome
from engine.repurposing.steiner.inputs import interactome_for
from engine.repurposing.steiner.result import InteractomeResult
from tests.engine.repurposing.steiner.test_nulls import NETWORK, PRIZES

LINKS = NETWORK.within(np.ones(NETWORK.n, dtype=bool))
GENES = pd.DataFrame({"gene": np.array(NETWORK.proteins)[PRIZES > 0], "prize": PRIZES[PRIZES > 0], "log2FC": -PRIZES[PRIZES > 0]})
PARTNERS = pd.DataFrame({"gene": ["P007", "p014 ", "P021"]})


def tables(prizes=GENES, network=LINKS, partners=None):
    parts = {"prizes": prizes, "network": network, "partners": partners}
    return Tables({name: Dataset(frame, name=name) for name, frame in parts.items() if frame is not None})


def made(data, **params):
    context, params = Context.silent(), InteractomeParams(**params)
    return interactome(interactome_for(data, params), params, context), context.warnings


def test_tables_agree_with_each_other_and_come_back_from_disk(tmp_path):
    result, warnings = made(tables(partners=PARTNERS), nulls=20)
    proteins = result.proteins.set_index("protein")
    assert proteins["is_terminal"].sum() == len(GENES) == result.facts["terminals"]
    assert (proteins.loc[proteins["is_terminal"], "log2fc"] == -proteins.loc[proteins["is_terminal"], "prize"]).all()
    names = set(proteins.index)
    inside = LINKS["protein1"].isin(names) & LINKS["protein2"].isin(names)
    assert len(result.edges) == inside.sum() == result.facts["links"]
    assert set(result.tree["protein1"]) | set(result.tree["protein2"]) == names
    assert len(result.tree) == len(names) - result.facts["trees"]
    apart = result.edges[result.edges["protein1"] != result.edges["protein2"]]
    degree = pd.concat([apart["protein1"], apart["protein2"]]).value_counts()
    assert (proteins["degree"] == degree.reindex(proteins.index)).all()
    assert proteins["in_null"].between(proteins["in_null_low"], proteins["in_null_high"]).all()
    assert len(result.null_sizes) == 20
    assert any("has no effect" in line for line in warnings)
    result.to_dir(tmp_path / "out")
    assert InteractomeResult.from_dir(tmp_path / "out").digest == result.digest
    bare, _ = made(tables(), surface=False)
    bare.to_dir(tmp_path / "bare")
    assert InteractomeResult.from_dir(tmp_path / "bare").digest == bare.digest


def test_small_w_falls_apart_and_is_said():
    result, warnings = made(tables(), w=0.05)
    assert result.facts["trees"] > 1
    assert any(f"in {result.facts['trees']} trees at w = 0.05" in line for line in warnings)


def test_small_b_leaves_terminals_out_and_is_said_or_nothing_is_worth_its_price():
    result, warnings = made(tables(), b=0.3, w=0.5)
    assert result.facts["terminals"] < len(GENES)
    assert any("are left out" in line for line in warnings)
    with pytest.raises(UserError, match="No tree is worth its price"):
        made(tables(), b=1e-4)


@pytest.mark.parametrize(
    ("prizes", "words"),
    [
        (GENES.assign(gene=[f"X{i}" for i in range(len(GENES))]), "Only 0 of 25 genes"),
        (GENES.assign(prize=-GENES["prize"]), "in row 1 of the prizes is negative"),
        (GENES.assign(prize=np.where(GENES.index == 3, np.nan, GENES["prize"])), "in row 4 of the prizes is not a number"),
        (GENES.assign(prize=0.0), "No gene has a prize above 0"),
        (GENES.rename(columns={"prize": "value"}), "no column prize in the prizes; its columns are: gene, value, log2FC"),
    ],
)
def test_prizes_of_no_use_are_refused(prizes, words):
    with pytest.raises(UserError, match=words):
        made(tables(prizes))


def test_prizes_of_zero_doubles_and_other_spellings_are_read():
    more = pd.DataFrame({"gene": ["P399", GENES["gene"][0].lower()], "prize": [0.0, 9.0], "log2FC": [1.0, 2.0]})
    data = interactome_for(tables(pd.concat([GENES, more]).rename(columns={"gene": "Symbol"})), InteractomeParams())
    assert (data.prizes > 0).sum() == len(GENES)
    assert data.prizes[data.network.numbers([GENES["gene"][0]])[0]] == 9.0  # the largest
    assert any("1 genes have a prize of 0" in note for note in data.notes)


def test_too_many_terminals_are_refused_with_advice():
    names = [f"P{i:04d}" for i in range(2100)]
    ring = pd.DataFrame({"protein1": names, "protein2": names[1:] + names[:1], "cost": 0.5})
    with pytest.raises(UserError, match="2,100 terminals") as error:
        made(tables(pd.DataFrame({"gene": names, "prize": 1.0}), ring))
    assert "500 genes of largest prize" in error.value.fix


def test_missing_and_unknown_tables_are_named():
    with pytest.raises(UserError, match="needs two tables"):
        interactome_for(Dataset(LINKS), InteractomeParams())
    with pytest.raises(UserError, match="no table of network"):
        interactome_for(tables(network=None), InteractomeParams())
    with pytest.raises(UserError, match="no use for a table named 'edges'"):
        interactome_for(Tables({"edges": Dataset(LINKS)}), InteractomeParams())


def test_a_network_in_pieces_says_why_there_are_several_trees():
    apart = LINKS.assign(protein1="Q" + LINKS["protein1"], protein2="Q" + LINKS["protein2"])
    genes = pd.concat([GENES, GENES.assign(gene="Q" + GENES["gene"])])
    result, warnings = made(tables(genes, pd.concat([LINKS, apart])))
    assert result.facts["trees"] >= 2
    assert any("the network itself keeps them in" in line for line in warnings)


@pytest.mark.shared_data
def test_the_published_interactome_exactly(shared_data):
    folder = shared_data / "covid19"
    read = {name: pd.read_csv(folder / name, sep="\t", keep_default_na=False) for name in (
        "terminals_ppi_analysis.tsv", "irefindex_v14_costs.tsv.gz", "interactome_reference_nodes.tsv", "interactome_reference_edges.tsv"
    )}  # fmt: skip
    prizes, network, nodes, edges = read.values()
    partners = nodes[nodes["interacts_with_virus"] == 1][["protein"]]
    result, _ = made(tables(prizes, network, partners), surface=False)
    assert set(result.proteins["protein"]) == set(nodes["protein"])
    assert (len(result.proteins), len(result.tree), len(result.edges)) == (252, 251, 1003)
    assert {frozenset(pair) for pair in result.edges[["protein1", "protein2"]].to_numpy()} == {
        frozenset(pair) for pair in edges[["protein1", "protein2"]].to_numpy()
    }
    assert result.facts["loops"] == 3
    assert sorted(result.proteins.loc[result.proteins["is_partner"], "protein"]) == ["EXOSC5", "FOXRED2", "LOX", "RBX1", "RIPK1"]
    surface = result.surface
    at = {w: surface[(surface["w"] <= w) & (w < surface["w_to"])].iloc[0] for w in (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 2.0)}
    assert [at[w]["proteins"] for w in at] == [187, 237, 246, 247, 248, 252, 252]
    assert (at[0.2]["pieces"], at[0.2]["links"]) == (33, 357)
