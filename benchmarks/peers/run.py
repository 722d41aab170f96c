"""Run one peer on several inputs; executed by the peers' own Python, so it imports nothing of the product.

``python run.py PEER arrays.npz settings.json found.json`` calls the function PEER of this file once on a corner of the first
input to warm up, then on each input, and writes a list of ``{"seconds": CPU seconds, ...}``.
"""

import json
import random
import sys
import time
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np

# The reference GSP's packages import these at their top and use them for other methods only.
UNUSED = (
    "ipdb", "pygam", "xgboost",
    "pgmpy", "pgmpy.models", "pgmpy.factors", "pgmpy.factors.discrete", "pgmpy.factors.discrete.CPD", "pgmpy.inference",
)  # fmt: skip
ARROW, TAIL = 2, 3  # the product's codes of edge marks


def causal_learn_pc(data, alpha):
    """Run causal-learn's PC with Fisher z on an (n, p) array; ``marks[i][j]`` is the mark at j."""
    from causallearn.search.ConstraintBased.PC import pc

    ends = pc(data, alpha, "fisherz", show_progress=False).G.graph
    return {"marks": np.select([ends.T == 1, ends.T == -1], [ARROW, TAIL], 0).tolist()}


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
    peer = {"causal_learn_pc": causal_learn_pc, "reference_gsp": reference_gsp, "reference_utigsp": reference_utigsp}[name]
    sys.modules.update({module: MagicMock() for module in UNUSED})
    settings = json.loads(Path(asked).read_text())
    with np.load(given) as inputs:
        arrays = [inputs[key] for key in inputs.files]
    timed(peer, arrays[0][:500, :5], settings)
    Path(answer).write_text(json.dumps([timed(peer, data, settings) for data in arrays]))


if __name__ == "__main__":
    main()
