"""The earlier stages as a ranking calls them: drug scores, terminals, interactome, targets and the causal network."""

from typing import Any

import pandas as pd

from engine.core import Context, Dataset, Tables, UserError
from engine.graphs import Graph
from engine.repurposing.causal.inputs import Cells, cells_for
from engine.repurposing.drug_table.targets import direction, read_targets
from engine.repurposing.expression.identifiers import current
from engine.repurposing.ranking.evidence import CAUSAL_COLUMNS
from engine.repurposing.ranking.inputs import drug_scores_of
from engine.repurposing.screen import ScreenParams, screen
from engine.repurposing.screens.inputs import change_of, screen_for
from engine.repurposing.target_network import TargetNetworkParams, target_network

NO_GRAPH = pd.DataFrame({"gene": pd.Series(dtype=str)} | {name: pd.Series(dtype=float) for name in CAUSAL_COLUMNS})
NO_EDGES = pd.DataFrame({name: pd.Series(dtype=str) for name in ("source", "target", "kind")} | {"stability": pd.Series(dtype=float)})
LISTED = 10  # names in a message


def scored_drugs(tables: Tables, params: Any, context: Context) -> pd.DataFrame:
    """Return one row per drug with its score, from the table of scores or from the screen."""
    given = tables.get("drug_scores")
    if given is None:
        asked = ScreenParams(cell=params.cell, draws=0, resamples=0, seed=params.seed)
        found = screen(screen_for(Tables({"screen": tables["screen"], "signature": tables["signature"]}), asked), asked, context)
        columns = ["drug", "cell", "score", "score_raw", "score_pca", "agreement"]
        given = Dataset(found.drugs[columns], "the screen")
    drugs, said = drug_scores_of(given, params.cell)
    for sentence in said:
        context.warn(sentence)
    if params.approved_only and "approved" not in drugs:
        raise UserError(
            "Only approved drugs are wanted, but no column says which are.",
            "Add a column approved (1 or 0) to drug_scores, or switch it off.", "approved_only",
        )  # fmt: skip
    return drugs


def pairs_of(tables: Tables, signature: pd.DataFrame, drugs: pd.DataFrame, network: tuple[str, ...], context: Context) -> pd.DataFrame:
    """Return one row per drug and gene, genes as the network spells them, with the direction of the drug's action against the disease.

    Raises
    ------
    UserError
        When no drug that has a score is in the table of targets.
    """
    found = read_targets(tables["targets"])
    for sentence in found.sentences:
        context.warn(sentence)
    table = found.table.astype({"drug": str, "gene": str})
    known = set(table["drug"])
    missing = [drug for drug in drugs["drug"] if drug not in known]
    if len(missing) == len(drugs):
        raise UserError(
            f"None of the {len(drugs):,} scored drugs is in the table of targets; the first: {', '.join(missing[:LISTED])}.",
            "Bring both to the same names; case does not matter, salts and codes do.", "targets",
        )  # fmt: skip
    if missing:
        context.warn(
            f"{len(missing):,} of {len(drugs):,} scored drugs have no target in the table, the first: {', '.join(missing[:LISTED])}."
        )
    spelt = {current(protein): protein for protein in reversed(network)} | {protein: protein for protein in network}
    genes = table["gene"].map(lambda gene: spelt.get(gene) or spelt.get(current(gene)) or gene)
    table = table.assign(gene=genes).drop_duplicates(["drug", "gene"])
    return table.assign(direction=direction(table, signature))


def causal_network_of(
    tables: Tables, terminals: pd.DataFrame, edges: pd.DataFrame, params: Any, context: Context
) -> tuple[Graph, pd.DataFrame, pd.DataFrame, "pd.Series[float]"]:
    """Return the causal graph among the interactome's genes, its edges, what each gene reaches, and in which share of the cells it is seen.

    Without single cells a graph without genes, and no rows.
    """
    if tables.get("cells") is None:
        return Graph.empty(()), NO_EDGES, NO_GRAPH, pd.Series(dtype=float)
    asked = TargetNetworkParams(subsamples=params.subsamples, threshold=params.threshold, seed=params.seed)
    parts = {
        "cells": tables["cells"],
        "network": Dataset(edges, "the interactome"),
        "prizes": Dataset(terminals[["gene", "prize"]], "terminals"),
    }
    cells: Cells = cells_for(Tables(parts), asked)
    found = target_network(cells, asked, context)
    share = pd.Series(1 - found.nodes["zero_share"].to_numpy(), index=found.nodes["gene"].astype(str))
    rare = pd.Series(found.dropped["cells"].to_numpy(dtype=float) / found.n_cells, index=found.dropped["gene"].astype(str))
    nodes = found.nodes.astype({"gene": str})[["gene", *CAUSAL_COLUMNS]]
    return found.graph, found.edges[list(NO_EDGES)], nodes, pd.concat([share, rare])


def signature_of(tables: Tables, terminals: pd.DataFrame) -> pd.DataFrame:
    """Return ``gene``, ``log2fc`` and ``log2fc_second`` of every gene that is known: from the signatures, else of the terminals."""
    columns = {}
    for part, name in (("signature", "log2fc"), ("second", "log2fc_second")):
        given = tables.get(part)
        if given is not None:
            columns[name] = change_of(given.frame, given.name)[0]
    if not columns:
        return terminals.reindex(columns=["gene", "log2fc", "log2fc_second"]).astype({"log2fc": float, "log2fc_second": float})
    return pd.DataFrame(columns).rename_axis("gene").reset_index()


def sources_of(tables: Tables) -> pd.DataFrame:
    """Return ``part``, ``name``, ``source`` and ``licence`` of every table given."""
    rows = [(part, table.name, table.source, table.licence) for part, table in tables.tables.items()]
    return pd.DataFrame(rows, columns=["part", "name", "source", "licence"])
