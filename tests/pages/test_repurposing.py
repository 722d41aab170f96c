"""The page of drug repurposing: every stage opens from a link, hands on what it finds, and never mixes simulated tables with real ones."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest

import engine
from engine import catalogue, jobs
from engine.core import Dataset, Tables
from engine.data import inspect_file
from engine.graphs import Graph
from engine.jobs.folders import RESULT
from engine.jobs.keys import key_of
from pages.parts import bench, bring_part, interactome, pick, ranking, stages, takeaway, target_network
from pages.parts.frame import escape
from tests.engine.repurposing import small
from tests.pages.test_discovery import texts

VIEW_OF = {"signature": "signature", "screen": "screen", "interactome": "interactome", "target_network": "causal", "repurposing": "ranking"}


def tables_of(method: str) -> Tables:
    """The parts of a method as data, with a source and a licence."""
    parts = small.parts_of(method)
    return Tables(
        {part: table if part == "screen" else Dataset(table, part, source=f"lab of {part}", licence="CC0") for part, table in parts.items()}
    )


@pytest.fixture(scope="module")
def results():
    """What each method finds on the small disease, made once."""
    return {method: engine.run(method, tables_of(method), **small.QUICK.get(method, {})) for method in VIEW_OF}


@pytest.fixture
def opened(open_page, results):
    """Open the link to a finished run of a method."""

    def at(method, **link):
        open_page("data.py")
        runner, data, found = jobs.shared(), tables_of(method), results[method]
        params = catalogue.find(method).params.from_dict(dict(found.provenance.params))
        found.to_dir(runner.folders.job(key_of(catalogue.find(method), params, data.digest)) / RESULT)
        job = runner.submit(method, data, params)
        assert job.state == "done"
        app = open_page("repurposing.py", job=job.key, **link)
        assert not app.exception
        return app

    return at


def test_the_overview_is_never_empty_and_says_what_is_simulated(open_page):
    app = open_page("repurposing.py")
    assert not app.exception
    assert all(word in texts(app) for word in ("1 Signature", "6 Ranking", "simulated", escape(stages.HYPOTHESES)))
    assert {"Run all six stages", "Use my own tables"} <= {button.label for button in app.button}


@pytest.mark.parametrize("method", VIEW_OF)
def test_a_link_to_a_run_brings_back_its_stage_its_tables_and_what_it_found(opened, results, method):
    app = opened(method)
    assert app.query_params["view"] == [VIEW_OF[method]] or app.query_params["view"] == VIEW_OF[method]
    for part, table in tables_of(method).tables.items():
        name = "interactome" if method == "target_network" and part == "network" else part
        assert app.selectbox(key=f"pick.{name}").value == table.digest
    found = results[method]
    told = {
        "signature": lambda: f"The disease changes {int(found.table['is_selected'].sum()):,} of 48 genes",
        "screen": lambda: "signatures of 8 drugs in 1 cell line",
        "interactome": lambda: f"{len(found.proteins)} proteins in one piece",
        "target_network": lambda: f"arrows and {int(found.graph.undirected.sum()) // 2} lines among {found.graph.p} genes",
        "repurposing": lambda: ranking.by_chance(found),
    }[method]()
    assert escape(told) in texts(app)
    assert "simulated" not in texts(app)
    assert escape(stages.HYPOTHESES) in texts(app)


def test_what_a_stage_finds_is_chosen_in_the_next(opened, results):
    app = opened("signature")
    next(button for button in app.button if button.label == "On to the drug screen").click().run()
    assert not app.exception
    handed = jobs.shared().dataset(app.selectbox(key="pick.signature").value)
    pd.testing.assert_series_equal(
        handed.frame["log2fc"].reset_index(drop=True), results["signature"].table["log2fc"].reset_index(drop=True), check_names=False
    )
    assert handed.licence == "CC0" and not bench.is_simulated(handed)
    assert app.selectbox(key="pick.screen").value == pick.NOTHING, "no simulated screen beside a real signature"
    assert "This stage still needs drug screen" in texts(app)


def test_simulated_tables_beside_real_ones_stop_the_stage(open_page):
    open_page("data.py")
    digest = jobs.shared().keep(Dataset(small.part("prizes"), "my genes"))
    app = open_page("repurposing.py", view="interactome", prizes=digest)
    assert not app.exception
    assert "Simulated tables beside yours" in texts(app)
    next(button for button in app.button if button.label == "Leave out what is simulated").click().run()
    assert not app.exception
    assert "This stage still needs protein network" in texts(app)
    assert not [button for button in app.button if button.label == "Find the network"]


def test_the_card_of_a_drug_names_its_way_its_chance_and_what_it_rests_on(opened, results):
    app = opened("repurposing")
    found = results["repurposing"]
    first = found.ranking.iloc[0]
    told = texts(app)
    assert escape(f"Why is {first['drug']} here?") in "\n".join(element.value for element in app.subheader)
    assert "weakest link" in told and "What would chance do?" in told and "What does its rank rest on?" in told
    assert escape(found.export_notes) in told or "Export" in [tab.label for tab in app.tabs]


def test_the_sentence_counts_drugs_that_random_genes_would_list_too(results):
    found = results["repurposing"]
    first = found.drugs[found.drugs["rank_raw"].notna()].sort_values("rank_raw").head(10)
    often = sum(share > 0.5 for share in first["reappears_terminals"])
    assert ranking.by_chance(found).startswith(f"{often} of your top {len(first)} drugs")


def test_drugs_and_targets_are_the_pairs_grouped(results):
    rows = results["repurposing"].ranking.assign(moved=0.0)
    drugs, targets = ranking.by_drug(rows), ranking.by_target(rows)
    assert list(drugs["drug"]) == list(dict.fromkeys(rows["drug"])) and set(targets["gene"]) == set(rows["gene"])
    for row in drugs.itertuples():
        own = rows[rows["drug"] == row.drug]
        assert row.genes == ", ".join(own["gene"]) and row.affinity == own["affinity"].max()
    for row in targets.itertuples():
        assert row.drugs == ", ".join(rows[rows["gene"] == row.gene]["drug"])


@pytest.mark.parametrize("part", ["counts", "design", "signature", "prizes", "network", "targets", "drug_scores", "cells"])
def test_a_table_is_taken_for_the_part_that_it_plays(part):
    data = Dataset(small.part(part))
    assert bench.guess(data) == part and bench.PARTS[part].fits(bench.columns_of(data))


@pytest.mark.parametrize("header", [True, False])
def test_names_of_rows_become_the_column_of_genes(header):
    frame = small.part("counts").set_index("gene")
    text = frame.to_csv(index_label="gene" if header else "")
    made = bring_part.with_genes(inspect_file(text.encode(), "counts.csv").dataset)
    assert list(made.frame["gene"]) == list(frame.index) and bench.guess(made) == "counts"


def test_the_picture_holds_the_nearest_proteins_and_their_links(monkeypatch):
    import networkx

    edges = small.part("network")
    whole = networkx.from_pandas_edgelist(edges, "protein1", "protein2", "cost")
    part, reached = interactome.near(edges, "PROT0", 2, list(small.GENES))
    within = set(networkx.single_source_shortest_path_length(whole, "PROT0", cutoff=2))
    assert set(part.nodes) == within and reached == len(within)
    assert {frozenset((edge.source, edge.target)) for edge in part.edges()} == {frozenset(ends) for ends in whole.subgraph(within).edges}
    monkeypatch.setattr(interactome, "MOST_DRAWN", 4)
    fewer, still = interactome.near(edges, "PROT0", 2, list(small.GENES))
    hops = networkx.single_source_shortest_path_length(whole, "PROT0")
    assert still == reached and fewer.p == 4 and "PROT0" in fewer.nodes
    assert max(hops[name] for name in fewer.nodes) <= min(hops[name] for name in within - set(fewer.nodes))


def test_edges_carry_their_stability_as_support():
    graph = Graph.from_edges("ABC", ["A --> B", "B --- C"], "cpdag")
    edges = pd.DataFrame({"source": ["A", "B"], "target": ["B", "C"], "stability": [0.9, 0.4]})
    support = target_network.with_stability(graph, edges).support
    assert support[0, 1, graph.marks[0, 1]] == support[1, 0, graph.marks[1, 0]] == 0.9
    assert support[1, 2, graph.marks[1, 2]] == 0.4 and np.allclose(support[0, 1].sum(), 1)


def test_files_say_what_may_be_done_with_them_and_hold_no_formula():
    table = takeaway.safe(pd.DataFrame({"drug": ["=1+1", "aspirin"], "score": [1.0, -2.0]}))
    with zipfile.ZipFile(io.BytesIO(takeaway.csv_zip({"drugs": table}))) as files:
        back = pd.read_csv(files.open("drugs.csv"))
    assert list(back["drug"]) == ["'=1+1", "aspirin"] and list(back["score"]) == [1.0, -2.0]
    told = stages.licences(tables_of("interactome"))
    assert "lab of network, CC0" in told and stages.with_notes(table, told).decode().splitlines()[0] == f"# {told}"


def test_what_is_made_from_simulated_tables_stays_marked(results):
    made_up = Dataset(small.part("prizes"), source="simulated", licence="CC0")
    kept = bench._table("prizes", results["signature"].terminals, "somewhere", made_up, results["signature"])
    assert bench.is_simulated(kept) and kept.licence == "CC0"
    assert not bench.is_simulated(Tables({"prizes": kept, "network": Dataset(small.part("network"), source="IRefIndex")}))
    assert pick.NOTHING not in bench.PARTS
