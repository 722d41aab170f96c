"""The whole method: it finds a planted network, says what the cells cannot show, and on real cells comes out as published."""

import numpy as np
import pandas as pd
import pytest

from engine import api
from engine.core import Context, UserError
from engine.core.method import REGISTRY
from engine.graphs import Graph
from engine.repurposing.causal.consensus import consensus
from engine.repurposing.target_network import TargetNetworkParams, target_network

PLANTED = Graph.from_edges(["A", "B", "C", "D", "E"], ["A --> C", "B --> C", "C --> D", "D --> E"])
PUBLISHED_ENTRIES = {0.1: 126.1, 0.3: 256.6}  # mean entries per CPDAG over 100 subsamples, from the published scores


def planted(n=400, seed=0):
    rng = np.random.default_rng(seed)
    values = pd.DataFrame(rng.standard_normal((n, 5)), columns=list(PLANTED.nodes))
    for node in "CDE":
        values[node] += 1.2 * sum(values[parent] for parent in PLANTED.parents(node))
    return values + 20


def execute(data, threads=1, watch=None, **params):
    assert REGISTRY["target_network"].function is target_network
    context = Context(threads=threads, on_partial=watch)
    found = REGISTRY["target_network"]
    return api.execute(found, api.load_data(data, "cells"), TargetNetworkParams(**params), context)


def test_a_planted_network_is_found(tmp_path):
    seen = []
    prizes = pd.DataFrame({"gene": ["E"], "prize": [1.0]})
    result = execute(
        {"cells": planted(), "prizes": prizes},
        levels=(1e-4, 1e-3),
        subsamples=10,
        threshold=0.5,
        watch=lambda name, value: seen.append(value),
    )
    assert result.graph == Graph(PLANTED.nodes, PLANTED.marks, "cpdag")
    assert seen[-1] == result.graph
    nodes = result.nodes.set_index("gene")
    assert nodes.loc["A", ["descendants", "terminal_descendants", "path"]].tolist() == [3, 1, "A → C → D → E"]
    assert nodes.loc["A", "upstream_share"] == 1.0
    assert nodes.loc["E", "upstream_share"] == 0.0
    assert result.provenance.warnings == result.sentences == ("The table of cells is read as 400 cells (rows) and 5 genes (columns).",)
    assert result.levels["tests"].min() > 0
    again = type(result).from_dir(result.to_dir(tmp_path / "result"))
    assert again.digest == result.digest
    assert again.at(0.5) == result.graph
    assert again.edges["stability"].min() > 0.5
    assert again.edges["comes_back"].isna().all()  # five parts of two subsamples are too few to draw among


def test_stability_comes_back_from_the_scores():
    result = execute({"cells": planted(40)}, levels=(0.01, 0.3), subsamples=8, threshold=0.2)
    shares = [result.scores[f"share at {level:g}"] for level in (0.01, 0.3)]
    for source, target, share in zip(result.scores["source"], result.scores["target"], np.maximum(*shares), strict=True):
        assert result.stability[result.graph.index(source), result.graph.index(target)] == share
    assert np.count_nonzero(result.stability) == len(result.scores)
    assert result.graph == consensus(result.graph.nodes, result.stability, 0.2)[0]
    assert result.levels["decisive"].sum() == (result.stability > 0.2).sum()
    assert np.isnan(result.nodes["upstream_share"]).all()  # without terminals


def test_few_cells_many_zeros_and_a_loose_level_are_told():
    rng = np.random.default_rng(0)
    cells = pd.DataFrame(rng.standard_normal((20, 24)) * (rng.random((20, 24)) < 0.6), columns=[f"G{k}" for k in range(24)])
    warnings = " ".join(execute({"cells": cells}, subsamples=4, levels=(0.01, 0.4)).provenance.warnings)
    assert "have rank 13 at most, so tests that hold 11 or more other genes fixed cannot be made" in warnings
    assert "% of the expression values of the genes kept are zero" in warnings
    assert "reach their stability at the loosest level, 0.4" in warnings
    assert "hold more other genes fixed than so few cells allow" in warnings
    ranked = execute({"cells": cells}, subsamples=4, levels=(0.01, 0.4), correlation="rank").provenance.warnings
    assert not any("are zero" in sentence for sentence in ranked)


def test_wrong_levels_and_small_subsamples_are_refused():
    with pytest.raises(UserError, match=r"cannot be 0, 0\.1"):
        execute({"cells": planted(40)}, levels=(0, 0.1))
    assert TargetNetworkParams(levels="0.3, 1e-2").levels == (0.01, 0.3)
    with pytest.raises(UserError, match="too small"):
        execute({"cells": planted(40)}, share=0.1)


@pytest.mark.shared_data
def test_real_cells_have_the_published_density(shared_data):
    folder = shared_data / "covid19"
    data = {
        "cells": pd.read_csv(folder / "GSE81861_log2_ppi_252nodes.csv", index_col=0),
        "network": pd.read_csv(folder / "interactome_reference_edges.tsv", sep="\t"),
        "prizes": pd.read_csv(folder / "terminals_ppi_analysis.tsv", sep="\t"),
    }
    result = execute(data, subsamples=20, levels=tuple(PUBLISHED_ENTRIES))
    assert result.graph.p == 204
    assert result.n_allowed == 829
    assert len(result.dropped) == 48
    assert "AURKC" in set(result.dropped["gene"])
    for row in result.levels.itertuples():
        assert row.entries == pytest.approx(PUBLISHED_ENTRIES[row.alpha], abs=10)  # four standard errors of 20 subsamples
    curve = result.curve.set_index("threshold")
    assert curve.loc[0.3, "directed"] == pytest.approx(210, abs=30)
    assert curve.loc[0.5, "directed"] == pytest.approx(89, abs=25)
    assert result.levels["decisive"].iloc[-1] > 0.5 * result.levels["decisive"].sum()
    nodes = result.nodes
    assert (nodes["descendants_low"] <= nodes["descendants_high"]).all()
    assert nodes["descendants_high"].max() > nodes["descendants"].median()
    assert any("if the 20 subsamples were drawn again" in sentence for sentence in result.sentences)
