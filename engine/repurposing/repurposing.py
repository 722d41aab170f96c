"""Ranking of drugs: all evidence on one table, and beside each drug how often random diseases would list it too."""

from dataclasses import dataclass, replace

import numpy as np

from engine.core import Context, Params, Tables, field, method
from engine.repurposing.ranking import stages
from engine.repurposing.ranking.case import Case, cut_of, tables_of
from engine.repurposing.ranking.disease import disease_of
from engine.repurposing.ranking.leave_out import resampled_terminals
from engine.repurposing.ranking.nulls import Tally, run_nulls
from engine.repurposing.ranking.random_diseases import samplers_of
from engine.repurposing.ranking.result import RepurposingResult

FEW_SCORED = 40  # drugs; with fewer a score cannot be rarer than 1 in 40


@dataclass(frozen=True)
class RepurposingParams(Params):
    """Which drugs are candidates, which interactome is built, and how many random diseases it is held against."""

    least_score: float | None = field(
        None, "Least score", low=-100.0, high=100.0, step=0.01, paper=0.86, absent="the best share of drugs",
        help="Drugs that score less are no candidates.",
    )  # fmt: skip
    top_share: float = field(0.25, "Best share of drugs", low=0.01, high=1.0, step=0.05, help="Candidates, where no least score is given.")
    approved_only: bool = field(False, "Approved drugs only", paper=True)
    cell: str = field("", "Cell line", paper="A549", help="One cell line of the screen; empty for all.")
    w: float = field(1.4, "Cost of a tree (w)", low=1e-6, high=1e6, step=0.1, paper=1.4, help="The larger, the fewer separate pieces.")
    b: float = field(40.0, "Weight of prizes (b)", low=1e-6, high=1e6, step=5.0, paper=40)
    g: float | None = field(0.0, "Penalty of hubs (g)", low=-20.0, high=20.0, step=0.5, paper=0, absent="none", help="A power of ten.")
    weights: str = field(
        "detect", "Numbers of the network", choices=("detect", "cost", "confidence"), advanced=True,
        help="A high cost is a doubtful edge, a high confidence a sure one.",
    )  # fmt: skip
    nulls: int = field(200, "Random diseases of each kind", low=0, high=10_000, step=50, paper=1_000)
    resamples: int = field(50, "Resamples of the terminals", low=0, high=1_000, step=10, help="For the interval of each rank; 0 for none.")
    subsamples: int = field(100, "Subsamples of the causal network", low=2, high=10_000, step=10, paper=100, advanced=True)
    threshold: float = field(0.3, "Stability of causal edges", low=0.0, high=0.99, step=0.05, paper=0.3, advanced=True)


@method(
    "repurposing", area="repurposing", label="Ranking of drugs with calibrated evidence", needs="repurposing", gives="ranking",
    cite="Belyaeva et al. 2021; Fisher 1932; Benjamini, Hochberg 1995",
)  # fmt: skip
def repurposing(tables: Tables, params: RepurposingParams, context: Context) -> RepurposingResult:
    """Rank drugs by how rarely a random disease would give them as much evidence from screen and network together.

    Parameters
    ----------
    tables : ``network``, ``targets``; ``prizes``, ``signature`` or ``counts`` with ``design`` (and ``second``); ``drug_scores`` or
        ``screen``; where given ``cells`` and ``partners``.

    Returns
    -------
    RepurposingResult with ``ranking`` (one row per drug and target), ``drugs``, ``targets``, ``nulls``, ``leave_one_out``, the interactome
    and the causal graph.

    Raises
    ------
    UserError
        When a table is missing or cannot be read, no drug of the scores is in the table of targets, or no terminal is in the network.

    Notes
    -----
    A candidate scores at least the cut and acts on a protein of the disease's interactome, as in Belyaeva et al. 2021. The p-value of a
    drug compares its evidence with what the same drug gets under random terminals, matched on number, prize and degree, and under scores
    permuted among the drugs: one-sided, matched on the drug's own targets by construction, and exact as far as such a disease is
    exchangeable with the real one (see `engine.repurposing.ranking.calibration.joint_p`). The other nulls stand beside it and correct
    nothing; ``p_largest`` asks a drug to stand out from all of them, which one that acts on a terminal cannot under rewired links.
    """
    disease = disease_of(tables, context.share(0.0, 0.05))
    drugs = stages.scored_drugs(tables, disease, params, context.share(0.05, 0.15))
    forester, forest = stages.interactome_of(tables, disease, params, context.share(0.15, 0.22))
    network = forester.network
    signature = disease.signature.assign(gene=stages.spelt_in(network.proteins, disease.signature["gene"]))
    pairs, review = stages.pairs_of(tables, signature, drugs, network.proteins, context)
    case = Case(
        pairs=pairs, drugs=drugs, network=network.proteins,
        degree=network.degrees, proteins=forest.proteins, signature=signature, causal=stages.NO_GRAPH, cells=stages.NO_CELLS,
        cut=cut_of(drugs["score"].to_numpy(float), params.least_score, params.top_share), approved_only=params.approved_only,
    )  # fmt: skip
    _warn(case, context)
    context.partial("ranking", lambda: tables_of(case, {})["ranking"])
    causal = stages.causal_network_of(tables, forest, params, context.share(0.22, 0.5))
    case = replace(case, causal=causal.nodes, cells=causal.cells)
    context.partial("ranking", lambda: tables_of(case, {})["ranking"])
    tallies: dict[str, Tally] = {}
    samplers = samplers_of(disease, forester)
    for tallies in run_nulls(samplers, case.hits, case.worth, params.nulls, params.seed, context.share(0.5, 0.92)):
        context.partial("ranking", lambda now=tallies: tables_of(case, now)["ranking"])
    n_resamples = params.resamples if params.nulls else 0  # without random diseases there is no calibrated rank
    rows = resampled_terminals(forester.prizes, n_resamples, np.random.default_rng([params.seed, n_resamples]))
    found = tables_of(case, tallies, forester.members(rows, context.share(0.92, 1.0)), params.seed)
    return RepurposingResult(
        ranking=found["ranking"], drugs=found["drugs"], targets=found["targets"], nulls=found["nulls"],
        leave_one_out=found["leave_one_out"], proteins=forest.proteins, tree=forest.tree, edges=forest.edges, graph=causal.graph,
        causal=causal.edges, terminals=disease.terminals, review=review, sources=stages.sources_of(tables), cut=case.cut,
    )  # fmt: skip


def _warn(case: Case, context: Context) -> None:
    """Say what the calibration cannot do on these tables."""
    listed = set(case.pairs["gene"])
    inside = listed & set(case.proteins["protein"])
    if len(inside) == len(listed):
        context.warn(
            "Every gene of the table of targets is in the interactome: the table was cut to it. How many other targets the drugs have is "
            "then unknown, and drugs look more specific than they are. Give the whole table."
        )  # fmt: skip
    known = int((~np.isnan(case.scores)).sum())
    if known < FEW_SCORED:
        context.warn(
            f"Only {known} drugs have scores: a score cannot be rarer than 1 in {known}. Give the scores of all drugs of the screen."
        )
    if known > 1 and len(np.unique(case.scores[~np.isnan(case.scores)])) == 1:
        context.warn("Every drug has the same score: the screen tells none of them apart.")
    elif known >= FEW_SCORED and (case.scores >= case.cut).sum() == known:
        context.warn("Every drug scores above the cut: the scores were cut before. Give the scores of all drugs of the screen.")
    if not (case.scores >= case.cut).any():
        context.warn(f"No drug scores {case.cut:g} or more; the highest score is {np.nanmax(case.scores):.3g}. Lower the least score.")
    elif not case.candidates.any():
        context.warn("No drug is a candidate: none of those above the cut has a target in the interactome.")
