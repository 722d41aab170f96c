"""Run one peer on several inputs; executed by the peers' own Python, so it imports nothing of the product.

``python run.py PEER arrays.npz settings.json found.json`` calls the function PEER of this file once on a corner of the first
input to warm up, then on each input, and writes a list of ``{"seconds": CPU seconds, ...}`` anew after each of them.
"""

import itertools
import json
import random
import sys
import time
from pathlib import Path
from unittest.mock import MagicMock, patch

import numpy as np

# The reference GSP's packages import these at their top and use them for other methods only.
UNUSED = (
    "ipdb", "pygam", "xgboost",
    "pgmpy", "pgmpy.models", "pgmpy.factors", "pgmpy.factors.discrete", "pgmpy.factors.discrete.CPD", "pgmpy.inference",
)  # fmt: skip
CIRCLE, ARROW, TAIL = 1, 2, 3  # the product's codes of edge marks


def causal_learn_pc(data, alpha):
    """Run causal-learn's PC with Fisher z on an (n, p) array; ``marks[i][j]`` is the mark at j."""
    from causallearn.search.ConstraintBased.PC import pc

    return {"marks": causal_learn_marks(pc(data, alpha, "fisherz", show_progress=False).G)}


def causal_learn_ci(data, test, pairs, parents):
    """Return the p-values of causal-learn's kernel test (kci or rcit) for pairs of columns given the last ones."""
    from causallearn.utils.cit import CIT

    asked, p = CIT(data, test), data.shape[1]
    given = list(range(p - parents, p))
    return {"p_values": [float(asked(i, j, given)) for i, j in pairs if max(i, j) < p - parents]}


def reference_gsp(data, alpha, depth, starts):
    """Run the reference GSP as shipped on an (n, p) array; ``arrows[i][j]`` says whether i -> j in the DAG found."""
    from conditional_independence import MemoizedCI_Tester, partial_correlation_suffstat, partial_correlation_test
    from graphical_model_learning import gsp

    tester = MemoizedCI_Tester(partial_correlation_test, partial_correlation_suffstat(data), alpha=alpha)
    dag = gsp(set(range(data.shape[1])), tester, depth=depth, nruns=starts)
    arrows = np.zeros((data.shape[1],) * 2, dtype=int)
    for i, j in dag.arcs:
        arrows[i, j] = 1
    return {"arrows": arrows.tolist()}


def reference_gsp_allowed(data, alpha, depth, starts, pairs):
    """Run the reference GSP with only these pairs of columns joinable, from minimum-degree orders of them; ``arrows`` as in its CPDAG."""
    from conditional_independence import MemoizedCI_Tester, partial_correlation_suffstat, partial_correlation_test
    from graphical_model_learning import gsp
    from graphical_models import UndirectedGraph

    p = data.shape[1]
    random.seed(0)
    allowed = {frozenset(pair) for pair in pairs if max(pair) < p}
    gaps = {frozenset(pair) for pair in itertools.combinations(range(p), 2)} - allowed
    tester = MemoizedCI_Tester(partial_correlation_test, partial_correlation_suffstat(data, invert=False), alpha=alpha)
    start = UndirectedGraph(nodes=set(range(p)), edges=allowed)
    dag = gsp(set(range(p)), tester, depth=depth, nruns=starts, initial_undirected=start, fixed_gaps=gaps)
    entries, _ = dag.cpdag().to_amat(source_axis=0)
    return {"entries": np.asarray(entries).astype(int).tolist()}


def causal_learn_grasp(data):
    """Run causal-learn's GRaSP with its BIC from the covariance on an (n, p) array; ``marks[i][j]`` is the mark at j."""
    from causallearn.search.PermutationBased.GRaSP import grasp

    return {"marks": causal_learn_marks(grasp(data, "local_score_BIC_from_cov", verbose=False))}


def causal_learn_boss(data):
    """Run causal-learn's BOSS with its BIC from the covariance on an (n, p) array; ``marks[i][j]`` is the mark at j."""
    from causallearn.search.PermutationBased.BOSS import boss

    return {"marks": causal_learn_marks(boss(data, "local_score_BIC_from_cov", verbose=False))}


def causal_learn_marks(graph):
    """Return the marks of one of causal-learn's graphs."""
    ends = graph.graph
    return np.select([ends.T == 1, ends.T == -1], [ARROW, TAIL], 0).tolist()


def causal_learn_fci(data, alpha):
    """Run causal-learn's FCI with Fisher z on an (n, p) array.

    Returns ``marks[i][j]``, the mark at j, and ``sets``, its separating sets (i, j, nodes) as they are when the rules begin.
    """
    from causallearn.search.ConstraintBased import FCI

    sets, remove = {}, FCI.removeByPossibleDsep

    def remove_and_keep(graph, test, alpha, separating):
        remove(graph, test, alpha, separating)
        sets.update(separating)

    with patch.object(FCI, "removeByPossibleDsep", remove_and_keep):
        marks = _pag_marks(FCI.fci(data, "fisherz", alpha, show_progress=False)[0].graph)
    return {"marks": marks, "sets": [(int(i), int(j), sorted(map(int, nodes))) for (i, j), nodes in sets.items() if i < j]}


def causal_learn_fci_oracle(arrows, hidden):
    """Run causal-learn's FCI with exact separation in the DAG of a (p, p) array, of which the first ``hidden`` nodes are not seen."""
    import networkx as nx
    from causallearn.search.ConstraintBased.FCI import fci

    seen = arrows[:, hidden:]
    dag = nx.DiGraph()
    # the method numbers what it sees from 0
    dag.add_nodes_from(range(-hidden, seen.shape[1]))
    dag.add_edges_from((int(i) - hidden, int(j) - hidden) for i, j in np.argwhere(arrows))
    placeholder = np.random.RandomState(0).randn(200, seen.shape[1])  # its shape counts, and that it is not degenerate
    return {"marks": _pag_marks(fci(placeholder, "d_separation", 0.5, true_dag=dag, show_progress=False)[0].graph)}


def _pag_marks(ends):
    return np.select([ends.T == 2, ends.T == 1, ends.T == -1], [CIRCLE, ARROW, TAIL], 0).tolist()


def reference_gspo(data, alpha, start, depth, runs):
    """Run the reference GSPo as shipped on an (n, p) array; ``marks[i][j]`` is the mark at j in the graph that it returns."""
    from conditional_independence import MemoizedCI_Tester, partial_correlation_suffstat, partial_correlation_test
    from graphical_model_learning import gspo

    tester = MemoizedCI_Tester(partial_correlation_test, partial_correlation_suffstat(data), alpha=alpha)
    found = gspo(set(range(data.shape[1])), tester, depth=depth, nruns=runs, initial_imap=start)
    marks = np.zeros((data.shape[1],) * 2, dtype=int)
    for i, j in found.directed:
        marks[i, j], marks[j, i] = ARROW, TAIL
    for i, j in found.bidirected:
        marks[i, j] = marks[j, i] = ARROW
    return {"marks": marks.tolist()}


def reference_utigsp(data, alpha, alpha_inv, depth, starts, told):
    """Run the reference UT-IGSP on a (1 + n, p, 1 + K) array: known targets in the first row, then the rows of each regime.

    Returns ``arrows[i][j]``, whether i -> j in the DAG found, and ``targets``, for each regime the numbers of its targets.
    """
    from conditional_independence import (
        MemoizedCI_Tester,
        MemoizedInvarianceTester,
        gauss_invariance_suffstat,
        gauss_invariance_test,
        partial_correlation_suffstat,
        partial_correlation_test,
    )
    from graphical_model_learning import unknown_target_igsp

    first, *others = [table[~np.isnan(table).any(axis=1)] for table in np.moveaxis(data[1:], 2, 0)]
    tester = MemoizedCI_Tester(partial_correlation_test, partial_correlation_suffstat(first), alpha=alpha)
    invariance = MemoizedInvarianceTester(gauss_invariance_test, gauss_invariance_suffstat(first, others), alpha=alpha_inv)
    settings = [{"known_interventions": np.flatnonzero(known == 1).tolist()} for known in data[0].T[1:]]
    nodes = set(range(data.shape[1]))
    dag, targets = unknown_target_igsp(settings, nodes, tester, invariance, depth=depth, nruns=starts, no_targets=not told)
    arrows = np.zeros((data.shape[1],) * 2, dtype=int)
    for i, j in dag.arcs:
        arrows[i, j] = 1
    return {"arrows": arrows.tolist(), "targets": [sorted(map(int, goal)) for goal in targets]}


def cvxpy_scs(correlation, accuracy):
    """Estimate an M-matrix by cvxpy and SCS from an (N, N) correlation matrix; ``precision[i][j]`` is what the solver returned."""
    import cvxpy as cp

    correlation = correlation[: correlation.shape[1]]  # the warm-up's corner is not square
    precision = cp.Variable(correlation.shape, PSD=True)
    apart = 1.0 - np.eye(len(correlation))
    problem = cp.Problem(cp.Minimize(cp.trace(correlation @ precision) - cp.log_det(precision)), [cp.multiply(apart, precision) <= 0])
    problem.solve(solver=cp.SCS, eps=accuracy, max_iters=100_000)
    return {"precision": precision.value.tolist(), "steps": problem.solver_stats.num_iters}


def numpy_fpn(correlation, tolerance, shrink, most_steps=20_000):
    """Estimate an M-matrix by a projected Newton-like method (Cai, Cardoso, Palomar, Ying 2023) until a duality gap is small enough.

    The direction is K G K on the pairs that are not held at zero, as if all were free. One Cholesky factor, its inverse and two products
    a step; the gap, checked at every tenth, takes one more factor. A step that does not give half of the descent promised is tried again
    at ``shrink`` of its length; the published value is 1/2.
    """
    from scipy.linalg.lapack import dpotrf, dpotri

    correlation = correlation[: correlation.shape[1]]
    n = len(correlation)
    diagonal = np.eye(n, dtype=bool)

    def value_and_factor(precision):
        factor, failed = dpotrf(precision, lower=1)
        if failed:
            return np.inf, factor
        return np.vdot(correlation, precision) - 2 * np.log(np.diag(factor)).sum(), factor

    def inverse_of(factor):
        lower = np.tril(dpotri(factor, lower=1)[0])
        return lower + np.tril(lower, -1).T

    def gap(value, inverse):
        scale = 1 / np.sqrt(np.diag(inverse))
        dual = np.maximum(inverse * scale[:, None] * scale, correlation)
        np.fill_diagonal(dual, 1.0)
        factor, failed = dpotrf(dual, lower=1)
        return np.inf if failed else value - 2 * np.log(np.diag(factor)).sum() - n

    precision, steps = np.eye(n), 0
    value, factor = value_and_factor(precision)
    inverse = inverse_of(factor)
    while steps < most_steps and (steps % 10 or gap(value, inverse) > tolerance):
        steps += 1
        gradient = correlation - inverse
        held = (precision == 0) & (gradient < 0) & ~diagonal
        gradient[held] = 0
        direction = precision @ gradient @ precision
        direction[held] = 0
        slope, length = np.vdot(gradient, direction), 1.0
        while length > 1e-10:
            moved = precision - length * direction
            moved = np.where(diagonal, moved, np.minimum(moved, 0))
            moved = (moved + moved.T) / 2
            after, factor = value_and_factor(moved)
            if after <= value - 0.5 * length * slope:
                break
            length *= shrink
        else:
            break
        precision, value, inverse = moved, after, inverse_of(factor)
    return {"precision": precision.tolist(), "steps": steps}


def plain_tuning_free(data, gamma, whole, most_tests):
    """Learn a graph under total positivity from signs of partial correlations on random rows, one test after another.

    With ``whole`` each test takes the covariance of all columns on its rows before it picks its own. Returns ``adjacency[i][j]`` and
    ``tests``.
    """
    rng = np.random.default_rng(0)
    n, p = data.shape
    rows = int(n**gamma + 1e-9)
    adjacency = ~np.eye(p, dtype=bool)
    tests = 0

    def is_removed(i, j, size):
        nonlocal tests
        others = [v for v in range(p) if adjacency[i, v] and v != j]
        for chosen in itertools.combinations(others, size):
            for k in range(p):
                if k in chosen or k in (i, j):
                    continue
                tests += 1
                drawn = data[rng.choice(n, rows, replace=False)]
                nodes = [*chosen, k, i, j]
                covariance = np.cov(drawn.T)[np.ix_(nodes, nodes)] if whole else np.cov(drawn[:, nodes].T)
                if np.linalg.inv(covariance)[-1, -2] > 0:
                    return True
                if tests == most_tests:
                    return False
        return False

    for size in range(min(7, rows - 3)):
        for i, j in itertools.permutations(range(p), 2):
            if tests == most_tests:
                break
            if adjacency[i, j] and is_removed(i, j, size):
                adjacency[i, j] = adjacency[j, i] = False
    return {"adjacency": adjacency.tolist(), "tests": tests}


def skfolio_walk_forward(data, covariance, train, test):
    """Walk forward with skfolio's long-only minimum variance on (T, N) returns.

    ``returns`` are those of all test windows, ``weights`` those of each.
    """
    import pandas as pd
    from skfolio import RiskMeasure, moments
    from skfolio.model_selection import WalkForward, cross_val_predict
    from skfolio.optimization import MeanRisk
    from skfolio.prior import EmpiricalPrior

    prior = EmpiricalPrior(covariance_estimator=getattr(moments, covariance)())
    model = MeanRisk(risk_measure=RiskMeasure.VARIANCE, prior_estimator=prior)
    names = [f"asset {j + 1}" for j in range(data.shape[1])]
    table = pd.DataFrame(data, pd.bdate_range("2000-01-03", periods=len(data)), names)
    found = cross_val_predict(model, table, cv=WalkForward(train_size=train, test_size=test))
    return {"returns": found.returns.tolist(), "weights": [fold.weights.tolist() for fold in found]}


def pydeseq2_wald(counts):
    """Run pydeseq2's Wald test in one process on (G, n) counts that alternate between control and treated; ``log2fc``, ``p`` and ``q``."""
    import warnings

    import pandas as pd
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.ds import DeseqStats

    warnings.simplefilter("ignore")
    names = [f"s{k}" for k in range(counts.shape[1])]
    table = pd.DataFrame(counts.T.astype(int), names, [f"g{i}" for i in range(len(counts))])
    groups = pd.DataFrame({"condition": ["treated" if k % 2 else "control" for k in range(len(names))]}, names)
    data = DeseqDataSet(counts=table, metadata=groups, design="~condition", quiet=True, n_cpus=1)
    data.deseq2()
    found = DeseqStats(data, contrast=["condition", "treated", "control"], quiet=True, n_cpus=1)
    found.summary()
    columns = {"log2fc": "log2FoldChange", "p": "pvalue", "q": "padj"}
    return {name: [None if x != x else float(x) for x in found.results_df[column]] for name, column in columns.items()}


def pcst_fast_forest(data):
    """Run pcst_fast on a table of (n, w, 0), n rows of a prize, and rows (u, v, cost) of edges, with a root joined to every prized node."""
    from pcst_fast import pcst_fast

    n, w = int(data[0, 0]), data[0, 1]
    prizes, edges = data[1 : 1 + n, 0], data[1 + n :]
    prized = np.flatnonzero(prizes > 0)
    ends = np.concatenate([edges[:, :2].astype(int), np.column_stack([np.full(len(prized), len(prizes)), prized])])
    costs = np.concatenate([edges[:, 2], np.full(len(prized), w)])
    nodes, kept = pcst_fast(ends, np.append(prizes, 0.0), costs, len(prizes), 1, "strong", 0)
    return {"nodes": [int(v) for v in nodes if v != len(prizes)], "edges": [int(e) for e in kept if e < len(edges)]}


def timed(peer, data, settings):
    """Return what the peer found with its CPU seconds, from the same random state each time."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  the peers draw from the global state
    started = time.process_time()
    found = peer(data, **settings)
    return {"seconds": time.process_time() - started, **found}


def main():
    """Read the inputs, warm up, time, write."""
    name, given, asked, answer = sys.argv[1:]
    peers = (
        causal_learn_pc, causal_learn_ci, causal_learn_grasp, causal_learn_boss, causal_learn_fci, causal_learn_fci_oracle,
        reference_gsp, reference_gsp_allowed, reference_gspo, reference_utigsp, cvxpy_scs, numpy_fpn, plain_tuning_free,
        skfolio_walk_forward, pydeseq2_wald, pcst_fast_forest,
    )  # fmt: skip
    peer = {known.__name__: known for known in peers}[name]
    sys.modules.update({module: MagicMock() for module in UNUSED})
    settings = json.loads(Path(asked).read_text())
    with np.load(given) as inputs:
        arrays = [inputs[key] for key in inputs.files]
    timed(peer, arrays[0][:500, :5], settings)
    found, half = [], Path(answer + ".part")
    for data in arrays:
        found.append(timed(peer, data, settings))
        half.write_text(json.dumps(found))
        half.replace(answer)  # a peer that is stopped leaves what it had


if __name__ == "__main__":
    main()
