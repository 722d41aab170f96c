"""The earlier stages as a ranking calls them: drug scores, terminals, interactome, targets and the causal network."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from engine.core import Context, Dataset, Tables, UserError
from engine.graphs import Graph
from engine.repurposing.causal.inputs import cells_for
from engine.repurposing.drug_table.names import match_drugs
from engine.repurposing.drug_table.targets import direction, read_targets
from engine.repurposing.expression.identifiers import current
from engine.repurposing.interactome import InteractomeParams, interactome
from engine.repurposing.ranking.disease import Disease
from engine.repurposing.ranking.evidence import CAUSAL_COLUMNS
from engine.repurposing.ranking.inputs import drug_scores_of
from engine.repurposing.ranking.random_diseases import Forester
from engine.repurposing.screen import ScreenParams
from engine.repurposing.screen import scored_drugs as scores_of_screen
from engine.repurposing.screens.inputs import screen_for
from engine.repurposing.steiner.inputs import interactome_for
from engine.repurposing.steiner.result import InteractomeResult
from engine.repurposing.target_network import TargetNetworkParams, target_network

NO_GRAPH = pd.DataFrame({"gene": pd.Series(dtype=str)} | {name: pd.Series(dtype=float) for name in CAUSAL_COLUMNS})
NO_EDGES = pd.DataFrame({name: pd.Series(dtype=str) for name in ("source", "target", "kind")} | {"stability": pd.Series(dtype=float)})
NO_CELLS = pd.Series(dtype=float)
LISTED = 10  # names in a message


def scored_drugs(tables: Tables, disease: Disease, params: Any, context: Context) -> pd.DataFrame:
    """Return one row per drug with its score, from the table of scores or from the screen held against the disease's fold changes."""
    given = tables.get("drug_scores")
    if given is None:
        asked = ScreenParams(cell=params.cell, draws=0, resamples=0, seed=params.seed)
        change = disease.selected.table[["gene", "log2fc"]] if disease.selected is not None else tables["signature"].frame
        parts = {"screen": tables["screen"], "signature": Dataset(change, "the signature")}
        columns = ["drug", "cell", "score", "score_raw", "score_pca", "agreement"]
        given = Dataset(scores_of_screen(screen_for(Tables(parts), asked), asked, context)[columns], "the screen")
    drugs, said = drug_scores_of(given, params.cell)
    for sentence in said:
        context.warn(sentence)
    if params.approved_only and "approved" not in drugs:
        raise UserError(
            "Only approved drugs are wanted, but no column says which are.",
            "Add a column approved (1 or 0) to drug_scores, or switch it off.", "approved_only",
        )  # fmt: skip
    return drugs


def interactome_of(tables: Tables, disease: Disease, params: Any, context: Context) -> tuple[Forester, InteractomeResult]:
    """Return what draws forests in the network, and the disease's own with its robustness over the prices."""
    asked = InteractomeParams(w=params.w, b=params.b, g=params.g, weights=params.weights, seed=params.seed)
    parts = {"prizes": Dataset(disease.terminals[["gene", "prize"]], "the terminals")}
    parts |= {part: tables[part] for part in ("network", "partners") if tables.get(part) is not None}
    given = interactome_for(Tables(parts), asked)
    return Forester(given.network, given.prizes, params.w, params.b, params.g, context.threads), interactome(given, asked, context)


def spelt_in(network: tuple[str, ...], genes: "pd.Series[str]") -> "pd.Series[str]":
    """Return genes as a network spells them, found by older or newer symbol; those it does not know as they are."""
    known = {current(protein): protein for protein in reversed(network)}
    own = set(network)
    return genes.astype(str).map(lambda gene: gene if gene in own else known.get(current(gene), gene))


def pairs_of(
    tables: Tables, signature: pd.DataFrame, drugs: pd.DataFrame, network: tuple[str, ...], context: Context
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one row per drug and gene, genes as the network spells them, and the names of drugs that a person should look at.

    Parameters
    ----------
    signature : ``gene``, as the network spells it, and ``log2fc``; against it the direction of the drug's action is told.

    Raises
    ------
    UserError
        When no drug that has a score is in the table of targets.
    """
    found = read_targets(tables["targets"])
    names = match_drugs(list(drugs["drug"]), sorted(set(found.table["drug"])))
    for sentence in (*found.sentences, *names.sentences):
        context.warn(sentence)
    if names.matches.empty:
        raise UserError(
            f"None of the {len(drugs):,} scored drugs is in the table of targets; the first: {', '.join(drugs['drug'][:LISTED])}.",
            "Bring both to the same names, or add the research codes as a column of names.", "targets",
        )  # fmt: skip
    table = found.table.astype({"drug": str, "gene": str}).rename(columns={"drug": "match"})
    table = names.matches[["name", "match"]].merge(table, on="match").rename(columns={"name": "drug"}).drop(columns="match")
    table["gene"] = spelt_in(network, table["gene"])
    if not table["gene"].isin(set(network)).any():
        raise UserError(
            f"None of the {table['gene'].nunique():,} target genes of the scored drugs is in the network; the first: "
            f"{', '.join(sorted(set(table['gene']))[:LISTED])}.",
            "Name both by human gene symbols such as EGFR.", "targets",
        )  # fmt: skip
    # two salts of one drug, or two parts of a product, may act on one gene
    table = table.sort_values(["drug", "gene", "affinity"], ascending=[True, True, False]).drop_duplicates(
        ["drug", "gene"], ignore_index=True
    )
    return table.assign(direction=direction(table, signature)), names.review


@dataclass(frozen=True, eq=False)
class CausalNetwork:
    """The causal graph among the interactome's genes; without single cells one without genes.

    Attributes
    ----------
    graph : arrows and lines.
    edges : ``source``, ``target``, ``kind`` (arrow, line), ``stability``.
    nodes : ``gene`` and what it reaches, see `evidence.CAUSAL_COLUMNS`.
    cells : gene -> share of the cells in which it is seen, of the genes left out of the graph as well.
    """

    graph: Graph
    edges: pd.DataFrame
    nodes: pd.DataFrame
    cells: "pd.Series[float]"


def causal_network_of(tables: Tables, forest: InteractomeResult, params: Any, context: Context) -> CausalNetwork:
    """Learn the causal network among the genes of the interactome, joined by its edges only, where there are single cells."""
    if tables.get("cells") is None:
        return CausalNetwork(Graph.empty(()), NO_EDGES, NO_GRAPH, NO_CELLS)
    if not (forest.edges["protein1"] != forest.edges["protein2"]).any():
        context.warn("No two proteins of the interactome are joined, so there is no causal network among them.")
        return CausalNetwork(Graph.empty(()), NO_EDGES, NO_GRAPH, NO_CELLS)
    asked = TargetNetworkParams(subsamples=params.subsamples, threshold=params.threshold, seed=params.seed)
    terminals = forest.proteins.loc[forest.proteins["is_terminal"], ["protein", "prize"]].rename(columns={"protein": "gene"})
    parts = {"network": Dataset(forest.edges, "the interactome"), "prizes": Dataset(terminals, "the terminals")}
    cells = cells_for(Tables({"cells": tables["cells"], **parts}), asked)
    found = target_network(cells, asked, context)
    share = pd.Series(1 - found.nodes["zero_share"].to_numpy(), index=found.nodes["gene"].astype(str))
    rare = pd.Series(found.dropped["cells"].to_numpy(dtype=float) / found.n_cells, index=found.dropped["gene"].astype(str))
    nodes = found.nodes.astype({"gene": str})[["gene", *CAUSAL_COLUMNS]]
    return CausalNetwork(found.graph, found.edges[list(NO_EDGES)], nodes, pd.concat([share, rare]))


def sources_of(tables: Tables) -> pd.DataFrame:
    """Return ``part``, ``name``, ``source`` and ``licence`` of every table given."""
    rows = [(part, table.name, table.source, table.licence) for part, table in tables.tables.items()]
    return pd.DataFrame(rows, columns=["part", "name", "source", "licence"])
