"""Bootstrap support is the share of resamples with a mark, the same on any number of processes; a replay equals a fresh run."""

import numpy as np
import pandas as pd
import pytest

import engine
from engine import independence
from engine.core import Cancelled, Context, Dataset, UserError, parallel
from engine.discovery.pc import PcParams, pc
from engine.discovery.stability import reorient
from engine.graphs import Graph, Mark
from engine.independence import FisherZ, Oracle
from tests.engine.discovery.test_pc import samples
from tests.graphs import random_dag

FRAME = samples(random_dag(7, 2, np.random.default_rng(1)), 300)


class Counting(FisherZ):
    """Fisher z that counts the questions it computes."""

    computed = 0

    def answers(self, i, j, given):
        Counting.computed += len(i)
        return super().answers(i, j, given)


def test_support_is_the_share_of_resampled_graphs(run):
    graph = run("pc", FRAME, bootstrap=6, seed=3).graph
    test = independence.test_for(Dataset(FRAME), PcParams())
    counts = np.zeros((7, 7, 4))
    for seed in np.random.SeedSequence(3).generate_state(6, np.uint64).tolist():
        marks = pc(test.resampled(np.random.default_rng(seed)), PcParams(), Context.silent()).graph.marks
        counts += marks[:, :, None] == np.arange(4)
    np.testing.assert_array_equal(graph.support, counts / 6)
    np.testing.assert_allclose(graph.support.sum(axis=2), 1)
    assert graph == run("pc", FRAME).graph


def test_strong_edges_come_back_and_the_table_says_so(run):
    strong = pd.DataFrame(np.random.default_rng(0).standard_normal((500, 3)), columns=list("ABC")).assign(B=lambda f: f.A + f.B)
    graph = run("pc", strong, bootstrap=20).graph
    assert graph.support[0, 1, Mark.NONE] == 0 and graph.support[0, 2, Mark.NONE] > 0.5
    assert graph.edge_frame()["present"].tolist() == [1.0]


def test_threads_do_not_change_the_result(monkeypatch):
    monkeypatch.setattr(parallel, "START_S", 0.0)
    found = [
        engine.run("pc", FRAME, bootstrap=9, context=Context(seed=0, threads=threads)).digest
        for threads in (1, 2)
    ]  # fmt: skip
    assert found[0] == found[1]
    assert engine.run("pc", FRAME, bootstrap=9, seed=1).digest != found[0]


def test_an_active_joblib_backend_is_used():
    import joblib

    with joblib.parallel_config(backend="threading", n_jobs=2):
        inside = engine.run("pc", FRAME, bootstrap=9)
    assert inside.digest == engine.run("pc", FRAME, bootstrap=9).digest


def test_progress_early_support_and_cancel():
    seen, early = [], []
    context = Context(threads=1, on_progress=lambda f, note: seen.append((f, note)), on_partial=lambda name, value: early.append(value))
    test = independence.test_for(Dataset(FRAME), PcParams())
    pc(test, PcParams(bootstrap=10), context)
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and seen[-1] == (1.0, "resample 10 of 10")
    assert sum(graph.support is not None for graph in early) == 3
    stop = Context(
        threads=1, on_progress=lambda f, note: notes.append(note), is_cancelled=lambda: any("resample" in note for note in notes)
    )
    notes: list[str] = []
    with pytest.raises(Cancelled):
        pc(test, PcParams(bootstrap=10), stop)


def test_an_oracle_has_no_rows_to_resample(run):
    with pytest.raises(UserError, match="no rows to resample"):
        run("pc", Oracle(Graph.empty("AB")), bootstrap=2)


@pytest.mark.parametrize("alpha", [1e-8, 1e-3, 0.3])
@pytest.mark.parametrize("kind", ["gaussian", "rank", "discrete"])
def test_a_replay_equals_a_fresh_run(run, alpha, kind):
    frame = (FRAME > 0).astype(str) if kind == "discrete" else FRAME
    result = run("pc", frame, alpha=0.02, test=kind, bootstrap=2)
    again = reorient(result, independence.test_for(Dataset(frame), PcParams(test=kind)), alpha)
    fresh = run("pc", frame, alpha=alpha, test=kind)
    assert again.graph == fresh.graph
    assert again.trace.frame().equals(fresh.trace.frame())
    assert again.digest == fresh.digest and again.provenance.warnings == fresh.provenance.warnings


def test_a_replay_asks_nothing_where_nothing_is_new(run):
    real = Counting.of(FRAME.columns, FRAME.to_numpy(), 0.05)
    result = run("pc", real, alpha=0.05)
    Counting.computed = 0
    assert reorient(result, real, 0.05).graph == result.graph
    p_values = result.trace.p_values()
    below = p_values[p_values < 0.05].max()
    assert reorient(result, real, (below + 0.05) / 2).graph == result.graph
    assert Counting.computed == 0
    reorient(result, real, 1e-9)
    asked = Counting.computed
    reorient(result, real, 0.5)
    assert Counting.computed > asked


def test_a_replay_works_on_a_result_read_from_disk(run, tmp_path):
    result = engine.load(run("pc", FRAME).to_dir(tmp_path / "result"))
    again = reorient(result, independence.test_for(Dataset(FRAME), PcParams()), 0.1)
    assert again.digest == run("pc", FRAME, alpha=0.1).digest


def test_a_correlation_matrix_is_resampled_too(run):
    data = Dataset(FRAME.corr(), kind="correlation", n_rows=300)
    assert run("pc", data, bootstrap=5).graph.support is not None
