"""Causal target network: which genes of the interactome stand upstream, by stability selection over a search for sparse graphs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.core import Context, Params, UserError, field, method
from engine.repurposing.causal.consensus import Floats, consensus, edge_table, stability_of, threshold_curve
from engine.repurposing.causal.drawn_again import drawn_again
from engine.repurposing.causal.inputs import VALUES, Cells
from engine.repurposing.causal.power import at_level, outcome_sentences, power_sentences
from engine.repurposing.causal.reach import reach
from engine.repurposing.causal.result import TargetNetworkResult
from engine.repurposing.causal.selection import Search, Tally, tallies

LEVELS = (1e-4, 1e-3, 1e-2, 0.1, 0.2, 0.3)


@dataclass(frozen=True)
class TargetNetworkParams(Params):
    """Levels and subsamples of the stability selection, the stability asked for, and the search in each subsample."""

    levels: tuple[float, ...] = field(LEVELS, "Significance levels", paper=LEVELS, help="An edge may be stable at any one of them.")
    subsamples: int = field(100, "Subsamples per level", low=2, high=10_000, step=10, paper=100)
    share: float = field(0.7, "Cells in a subsample", low=0.1, high=0.95, step=0.05, paper=0.7, help="Drawn without replacement.")
    threshold: float = field(
        0.3, "Stability", low=0.0, high=0.99, step=0.05, paper=0.3,
        help="An arrow or line is kept that comes out in more than this share of the subsamples of some level.",
    )  # fmt: skip
    correlation: str = field(
        "pearson", "Correlation", choices=("pearson", "rank"), paper="pearson",
        help="rank: of normal scores, which does not mind skewed columns; values that are all zero are tied.",
    )  # fmt: skip
    min_share: float = field(
        0.1, "Seen in at least", low=0.0, high=0.9, step=0.05, paper=0.1, help="Share of cells that a gene is not zero in."
    )
    starts: int = field(5, "Starting orders", low=1, high=50, paper=5, advanced=True)
    depth: int = field(
        5, "Look-ahead", low=0, high=20, paper=5, advanced=True, help="How many moves that drop no edge to look ahead for one that does."
    )
    values: str = field("detect", "The table holds", choices=VALUES, advanced=True)

    def __post_init__(self) -> None:
        """Take the levels as numbers, the strictest first; a `UserError` where one is no probability."""
        super().__post_init__()
        try:
            levels = tuple(sorted({float(level) for level in self.levels}))
        except (TypeError, ValueError):
            levels = ()
        if not levels or not 0 < levels[0] <= levels[-1] < 1:
            given = ", ".join(map(str, self.levels)) or "none"
            raise UserError(f"The significance levels cannot be {given}.", "Give numbers between 0 and 1.", "levels")
        object.__setattr__(self, "levels", levels)


@method(
    "target_network", area="repurposing", label="Causal target network", needs="cells", gives="cpdag",
    cite="Belyaeva et al. 2021; Solus, Wang, Uhler 2021; Meinshausen, Bühlmann 2010",
)  # fmt: skip
def target_network(cells: Cells, params: TargetNetworkParams, context: Context) -> TargetNetworkResult:
    """Learn a stable partly directed network of the genes of an interactome from single cells.

    Parameters
    ----------
    cells : n cells by p genes, the pairs that may be joined, and the terminals.

    Returns
    -------
    TargetNetworkResult with ``graph``, ``edges``, ``nodes``, ``curve`` and what the data can and cannot tell.

    Raises
    ------
    UserError
        When a subsample has too few cells to test any pair.

    Notes
    -----
    In each of many random subsamples, at each significance level, the greedy sparsest permutation search (Solus, Wang, Uhler 2021) with
    Fisher z tests looks for the sparsest graph in which only allowed pairs are joined; its CPDAG is counted. The stability of an entry is
    the largest over the levels of the share of CPDAGs that have it (Meinshausen and Bühlmann 2010 for the idea; here without their bound
    on false entries, which supposes fewer of them). A test that the cells are too few for counts as independence: no edge without evidence.
    What a reversal lets drop is asked of the graph after it; the authors' code asks the graph before it, which leads to wrong classes and
    on the cells of their study leaves about two more entries in a CPDAG of 125 to 255.
    """
    search = _search_for(cells, params)
    told = [*cells.notes, *power_sentences(cells, search)]
    for sentence in told:
        context.warn(sentence)
    parts: list[Tally] = []
    tally = Tally.empty(search)
    context.progress(0.0, f"{params.subsamples * len(search.levels):,} searches over {cells.n_allowed:,} pairs")
    for part in tallies(search, params.subsamples, context.threads):
        parts.append(part)
        tally = tally + part
        context.progress(tally.n / params.subsamples, f"subsample {tally.n} of {params.subsamples}")
        context.partial("graph", lambda now=tally: consensus(cells.genes, search.table(stability_of(now.shares)), params.threshold)[0])
    return _result(cells, search, parts, tally, params, told, context)


def _search_for(cells: Cells, params: TargetNetworkParams) -> Search:
    """Return the search that the parameters ask for."""
    rows = int(np.floor(params.share * len(cells.values)))
    if rows < 5:
        raise UserError(f"A subsample of {rows} cells is too small to test anything.", "Raise 'Cells in a subsample'.", "share")
    is_terminal = np.isin(np.array(cells.genes), cells.terminals)
    return Search(
        cells.values, cells.allowed, is_terminal, params.levels, rows, params.starts, params.depth, params.correlation, params.seed
    )


def _result(
    cells: Cells, search: Search, parts: list[Tally], tally: Tally, params: TargetNetworkParams, told: list[str], context: Context
) -> TargetNetworkResult:
    """Put the counts into a network and tables."""
    shares, threshold = search.table(tally.shares), params.threshold
    stability = stability_of(shares)
    graph, on_cycle = consensus(cells.genes, stability, threshold)
    ranges, comes_back = drawn_again(search, parts, graph, threshold)
    nodes = pd.concat([reach(graph, stability, cells.terminals), ranges], axis=1)
    nodes["zero_share"], nodes["mean"] = (cells.values == 0).mean(axis=0), cells.values.mean(axis=0)
    for name, counts in zip(("upstream_share", "possible_upstream_share"), tally.upstream, strict=True):
        nodes[name] = counts.max(axis=0) / tally.n if cells.terminals else np.nan
    edges = edge_table(graph, shares, search.levels)
    number = {gene: k for k, gene in enumerate(cells.genes)}
    edges["comes_back"] = comes_back[edges["source"].map(number).to_numpy(int), edges["target"].map(number).to_numpy(int)]
    outcome = outcome_sentences(graph, on_cycle, tally, search, threshold, nodes)
    for sentence in outcome:
        context.warn(sentence)
    return TargetNetworkResult(
        graph=graph, edges=edges, nodes=nodes, curve=threshold_curve(stability),
        levels=_level_table(search, tally, threshold), scores=_score_table(cells.genes, shares, search.levels),
        dropped=cells.dropped, threshold=threshold, n_cells=len(cells.values), n_allowed=cells.n_allowed, sentences=(*told, *outcome),
    )  # fmt: skip


def _level_table(search: Search, tally: Tally, threshold: float) -> pd.DataFrame:
    """Return what each level found and how many tests it could not make."""
    kept = stability_of(tally.shares) > threshold
    decisive = np.bincount(at_level(tally.shares, kept), minlength=len(search.levels))
    tests = pd.DataFrame(tally.tests, columns=["tests", "too_few_cells", "singular", "largest_given", "cut_short"])
    means = {"entries": tally.entries.sum(axis=1) / tally.n, "edges": tally.joined / tally.n}
    return pd.concat([pd.DataFrame({"alpha": search.levels, **means, "decisive": decisive}), tests], axis=1)


def _score_table(genes: tuple[str, ...], shares: Floats, levels: tuple[float, ...]) -> pd.DataFrame:
    """Return the shares of all entries that came out at least once."""
    rows, columns = np.nonzero(shares.max(axis=0))
    names = np.array(genes, dtype=object)
    table = pd.DataFrame({"source": names[rows], "target": names[columns]})
    return table.assign(**{f"share at {level:g}": shares[k, rows, columns] for k, level in enumerate(levels)})
