"""What methods that use interventions share: parameters, result, starts, and the table of targets."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from engine.core import Context, field
from engine.discovery.gsp import causal_order, drop_edges, record_order
from engine.discovery.knowledge import Knowledge
from engine.discovery.orders import Bools, Ints, imaps, minimum_degree_orders
from engine.discovery.params import TestedParams
from engine.discovery.plateau import search_class, skeleton_and_colliding
from engine.discovery.result import GraphResult
from engine.discovery.reversals import Dag, RemovalTests
from engine.graphs import Graph, interventional_cpdag_of
from engine.graphs.bitsets import members, of, rows
from engine.independence import IndependenceTest
from engine.independence.interventional import INVARIANCE_TESTS, InterventionalTests, Targets

CANDIDATES = 2  # orders drawn for each that is walked from
MANY = 0.8  # share of the variables as targets of one regime that is more likely a batch shift
NAMED = 5
FORBIDDEN = 1_000_000  # what a forbidden arrow costs where targets and contradictions are counted


@dataclass(frozen=True)
class InterventionalParams(TestedParams):
    """Levels and kinds of both sorts of tests, and how far to search."""

    alpha_inv: float = field(
        1e-5, "Level of the comparisons", low=1e-30, high=0.5, log=True, paper=1e-5,
        help="A variable counts as changed by an intervention when its comparison with the observational rows has at most this p-value.",
    )  # fmt: skip
    invariance: str = field(
        "auto", "Comparison of regimes", choices=INVARIANCE_TESTS,
        help="auto: what fits the columns. kernel: any change, also through curved relations, but slower; safer than rank where an "
        "intervention holds a variable fast. zeros: for single cells.",
    )  # fmt: skip
    rows: str = field(
        "auto", "Rows used for edges", choices=("auto", "all", "obs"), paper="obs", advanced=True,
        help="all: test in every regime and combine the answers, which finds weaker edges; an intervention leaves independent what the "
        "graph says is. obs: test in the observational regime only. auto: all for the Gaussian and the rank test, obs for others.",
    )  # fmt: skip
    starts: int = field(
        10, "Starting orders", low=1, high=100, paper=10, advanced=True,
        help="The walk starts from so many orders; the best end is kept.",
    )  # fmt: skip
    depth: int | None = field(
        None, "Look-ahead", low=0, high=20, paper=4, advanced=True,
        help="How many equally good moves to look ahead; none searches all graphs that fit equally well, which is also faster.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class InterventionalResult(GraphResult):
    """A graph learned from interventions, with their targets.

    Attributes
    ----------
    graph : interventional CPDAG.
    dag : the member of its class that was found.
    targets : regime -> variables that its intervention acts on.
    target_table : one row per regime and variable: ``regime``, ``variable``, ``given`` (its parents in ``dag``), ``statistic`` and
        ``p_value`` of the comparison with the observational regime, ``target`` (yes, no or not tested), ``known`` (yes, no, or
        off-target: a target although the targets of the regime are known and it is none of them).
    """

    dag: Graph
    targets: Mapping[str, list[str]]
    target_table: pd.DataFrame

    @property
    def off_targets(self) -> dict[str, list[str]]:
        """Regime -> targets beside its known ones, for regimes that have any."""
        rows = self.target_table[self.target_table["known"] == "off-target"]
        return {str(regime): list(found["variable"]) for regime, found in rows.groupby("regime", sort=False)}

    @property
    def likely_batches(self) -> dict[str, int]:
        """Regime -> number of its targets that show a change, for regimes where nearly all variables do: more likely another batch."""
        changed = self.target_table[self.target_table["target"] == "yes"]
        found = {regime: len(set(goal) & set(changed["variable"][changed["regime"] == regime])) for regime, goal in self.targets.items()}
        return {regime: n for regime, n in found.items() if is_batch_like(n, self.graph.p)}

    def summary(self) -> list[tuple[str, str]]:
        """Return label/value rows, with the number of targets and the off-targets by name."""
        rows = super().summary()
        total = sum(map(len, self.targets.values()))
        off = "; ".join(f"{', '.join(found)} in {regime}" for regime, found in self.off_targets.items())
        return [*rows[:4], ("Targets", f"{total} in {len(self.targets)} regimes"), ("Off-targets", off or "none"), *rows[4:]][:8]


class Candidate(NamedTuple):
    """A DAG by the parents of each node, what it is worth (less is better), and the order it was reached from."""

    value: tuple[int, ...]
    parents: list[int]
    order: Ints

    @property
    def arrows(self) -> Bools:
        """(p, p) whether i -> j."""
        return Dag.with_parents(self.parents).arrows


def starts(tests: InterventionalTests, params: InterventionalParams, context: Context) -> Iterator[tuple[Dag, Ints]]:
    """Yield the sparsest of the minimal I-maps of some orders by minimum degree with their orders, one of each that lead to the same."""
    known = params.known(tests.nodes)
    orders = minimum_degree_orders(tests.observational, CANDIDATES * params.starts, context.rng, known)
    found = {arrows.tobytes(): (arrows, order) for arrows, order in zip(imaps(orders, tests.observational, known), orders, strict=True)}
    chosen = sorted(found.values(), key=lambda start: np.count_nonzero(start[0]))[: params.starts]
    classes = set()
    walks = [(Dag(arrows, after), order) for arrows, order in chosen for after in known.ways]
    for n, (start, order) in enumerate(walks):
        context.progress(n / len(walks), f"start {n + 1} of {len(walks)}")
        if params.depth is None:  # whole classes are searched, so that one start in each is enough
            key = class_key(start)
            if key in classes:
                continue
            classes.add(key)
        yield start, order


def first_start(tests: InterventionalTests, params: InterventionalParams, context: Context) -> Candidate:
    """Return the sparsest start, for a search whose time was up before it had compared anything."""
    start, order = next(starts(tests, params, Context.silent(params.seed)))
    return Candidate((0, 0, 0), start.parents, order)


def halts(walk: Dag, removals: RemovalTests, seen: set[Hashable], context: Context) -> Iterator[Dag]:
    """Walk towards sparser graphs and yield the walk wherever no reversal of a covered edge drops an edge; the last is the sparsest.

    Parameters
    ----------
    seen : classes at which walks halted before; the walk ends where it meets one, since it would go on as those did.
    """
    drop_edges(walk, removals, context)
    while (key := class_key(walk)) not in seen:
        seen.add(key)
        yield walk
        if not search_class(walk, removals, context):
            return
        drop_edges(walk, removals, context)


def class_key(dag: Dag) -> Hashable:
    """Return what names the Markov equivalence class of a DAG, its skeleton and its v-structures, and what is known of its order."""
    return (*map(tuple, skeleton_and_colliding(dag)), tuple(dag.after))


def known_targets(tests: InterventionalTests) -> list[int]:
    """Return for each variable the regimes (a set in bits) whose known targets it belongs to."""
    goals = list(tests.known.values())
    return [of(k for k, goal in enumerate(goals) if node in (goal or ())) for node in tests.nodes]


def finished(
    best: Candidate,
    tests: InterventionalTests,
    removals: RemovalTests,
    known: Targets,
    knowledge: Knowledge,
    context: Context,
    closed: bool,
    n_conflicts: int = 0,
) -> InterventionalResult:
    """Make the result of the best DAG: read off the targets, draw the interventional CPDAG, and warn of what looks wrong.

    Parameters
    ----------
    known : regime -> known targets, None where they are unknown.
    closed : whether known targets are all there are; if not, every variable that changes given its parents is a target too.
    """
    if tests.observational.correlations is not None:
        tests.observational.trace.later(lambda: _record(removals, best.order, tests.observational))
    dag = knowledge.honoured(Graph.from_directed(tests.nodes, best.arrows), context)
    parents = rows(dag.directed.T) if knowledge else best.parents
    tests.invariance.ask(enumerate(parents))
    changed = [tests.invariance.changed(i, above) for i, above in enumerate(parents)]
    targets: dict[str, list[str]] = {}
    decided: dict[str, list[str]] = {}
    for k, regime in enumerate(tests.invariance.regimes):
        named, found = known[regime], [node for node, where in zip(tests.nodes, changed, strict=True) if where >> k & 1]
        extra = [] if closed and named is not None else [v for v in found if v not in (named or ())]
        targets[regime] = [*(named or ()), *extra]
        # an intervention without a visible effect on a known target tells no direction
        decided[regime] = [v for v in targets[regime] if v in found]
    table = target_table(parents, tests, known)
    _warn(table, targets, decided, tests, context)
    return InterventionalResult(
        graph=knowledge.narrowed(interventional_cpdag_of(dag, decided), dag), trace=tests.observational.trace, order=causal_order(dag),
        n_conflicts=n_conflicts, dag=dag, targets=targets, target_table=table,
    )  # fmt: skip


def _record(removals: RemovalTests, order: Ints, test: IndependenceTest) -> None:
    removals.record()
    record_order(order, test)


def target_table(parents: list[int], tests: InterventionalTests, known: Targets) -> pd.DataFrame:
    """Return the comparison of each variable given its parents in each regime, see `InterventionalResult`."""
    regimes, p = tests.invariance.regimes, tests.p
    given = [", ".join(tests.nodes[j] for j in members(above)) for above in parents]
    answers = np.array([tests.invariance.answer(i, above) for i, above in enumerate(parents)])
    statistic, p_value = answers.transpose(1, 2, 0)
    target = np.where(np.isnan(p_value), "not tested", np.where(p_value <= tests.invariance.alpha, "yes", "no"))
    named = np.array([[node in (known[regime] or ()) for node in tests.nodes] for regime in regimes])
    is_told = np.array([known[regime] is not None for regime in regimes])[:, None]
    told = np.where(named, "yes", np.where((target == "yes") & is_told, "off-target", "no"))
    return pd.DataFrame(
        {
            "regime": [regime for regime in regimes for _ in range(p)], "variable": [*tests.nodes] * len(regimes),
            "given": given * len(regimes), "statistic": statistic.ravel(), "p_value": p_value.ravel(),
            "target": target.ravel().tolist(), "known": told.ravel().tolist(),
        }
    )  # fmt: skip


def _warn(
    table: pd.DataFrame, targets: dict[str, list[str]], decided: dict[str, list[str]], tests: InterventionalTests, context: Context
) -> None:  # fmt: skip
    """Say where all variables are targets, where known targets show no change, and what could not be tested."""
    for regime, found in decided.items():
        if is_batch_like(len(found), tests.p):
            count = f"All {tests.p}" if len(found) == tests.p else f"{len(found)} of {tests.p}"
            context.warn(
                f"{count} variables are called targets of regime {regime}. That looks like a batch shift (another day, machine or "
                "donor) more than like the effect of an intervention; take its targets, and arrows that rest on them, with care."
            )
    silent = [f"{v} in {regime}" for regime, goal in targets.items() for v in goal if v not in decided[regime]]
    if silent:
        context.warn(
            f"No change was found in known targets given their parents: {_listed(silent)}. These interventions orient no arrow at them."
        )
    if table["p_value"].isna().to_numpy().any():
        untested = table[table["p_value"].isna()]
        counts = dict(zip(tests.invariance.regimes, tests.invariance.counts[1:].tolist(), strict=True))
        listed = _listed(
            [f"{v} in {regime} ({counts[regime]} rows)" for regime, v in zip(untested["regime"], untested["variable"], strict=True)]
        )
        context.warn(f"Too few rows, or rows without variation, to compare: {listed}. They are not counted as targets.")


def is_batch_like(n_targets: int, p: int) -> bool:
    """Say whether so many targets of one regime among p variables look like another batch rather than an intervention."""
    return p > 2 and n_targets >= MANY * p


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
