"""A sweep holds the graphs of fresh runs at each level, asks nothing of the rows twice, and ends in time."""

import itertools
from typing import ClassVar

import numpy as np
import pytest

import engine
from engine import independence
from engine.core import Cancelled, Context, Dataset
from engine.discovery import pc, sweep
from engine.discovery.pc import PcParams
from engine.discovery.sweep import LEVELS, Sweep, swept
from engine.independence import Hsic
from tests.engine.discovery.test_pc import samples
from tests.graphs import random_dag

FRAME = samples(random_dag(6, 2, np.random.default_rng(1)), 200)


@pytest.mark.parametrize("method", ["pc", "gsp", "fci", "ges"])
def test_each_graph_is_that_of_a_fresh_run(method, run):
    found = run(method, FRAME, sweep=True, seed=3)
    name = "penalty" if method == "ges" else "alpha"
    assert found.sweep.parameter == name and found.sweep.levels == LEVELS[name]
    for level, graph in zip(found.sweep.levels, found.sweep.graphs, strict=True):
        assert graph == run(method, FRAME, seed=3, **{name: level}).graph
    assert found.graph == run(method, FRAME, seed=3).graph


@pytest.mark.parametrize("method", ["igsp", "utigsp"])
def test_interventional_searches_keep_their_other_level(method, run):
    data = engine.sample("regimes")
    data = engine.data.with_targets(data, targets={regime: data.truth["targets"][regime] for regime in data.regimes[1:]})
    settings = {"alpha_inv": 1e-20, "starts": 3}
    found = run(method, data, sweep=True, **settings).sweep
    for level, graph in itertools.islice(zip(found.levels, found.graphs, strict=True), 5, 10):
        assert graph == run(method, data, alpha=level, **settings).graph


class Noting(Hsic):
    """Notes which questions are computed."""

    computed: ClassVar[list[tuple[int, ...]]] = []

    def answers(self, i, j, given):
        self.computed += [(*sorted((a, b)), *sorted(s)) for a, b, s in zip(i.tolist(), j.tolist(), given.tolist(), strict=True)]
        return super().answers(i, j, given)


def test_no_level_asks_the_rows_what_they_have_answered_before():
    asked = []

    def search(test, params, context):
        Noting.computed.clear()
        found = pc.search(test, params, context)
        asked.append(set(Noting.computed))
        return found

    test = Noting(FRAME.columns, FRAME.to_numpy(), np.zeros(6, bool), 1e-3)
    first = search(test, PcParams(), Context.silent())
    found = swept(search, test, PcParams(), first.trace, Context.silent(), levels=(1e-6, 0.01, 0.2, 0.05))
    assert all(asked[0].isdisjoint(later) for later in asked[1:])
    assert sum(map(len, asked)) == len(set.union(*asked)) > len(first.trace)
    for level, graph in zip(found.levels, found.graphs, strict=True):
        assert graph == pc.search(test.at(level), PcParams(alpha=level), Context.silent()).graph


def test_a_sweep_and_a_bootstrap_go_together(run):
    both = run("pc", FRAME, sweep=True, bootstrap=8)
    assert both.sweep.graphs == run("pc", FRAME, sweep=True).sweep.graphs
    np.testing.assert_array_equal(both.graph.support, run("pc", FRAME, bootstrap=8).graph.support)


def test_a_sweep_comes_back_from_disk(run, tmp_path):
    found = run("pc", FRAME, sweep=True)
    back = engine.load(found.to_dir(tmp_path / "result"))
    assert back.sweep == found.sweep and back.digest == found.digest
    assert Sweep.from_dict(found.sweep.to_dict()) == found.sweep


def test_progress_runs_forward_and_a_sweep_can_be_stopped(run):
    seen: list[tuple[float, str]] = []
    run("pc", FRAME, sweep=True, bootstrap=8, context=Context(threads=1, on_progress=lambda f, note: seen.append((f, note))))
    assert [f for f, _ in seen] == sorted(f for f, _ in seen) and seen[-1][0] == 1
    assert any("level 12 of 12" in note for _, note in seen)
    notes: list[str] = []
    stop = Context(threads=1, on_progress=lambda f, note: notes.append(note), is_cancelled=lambda: any("level 3" in n for n in notes))
    with pytest.raises(Cancelled):
        run("pc", FRAME, sweep=True, context=stop)


def test_a_level_that_takes_too_long_ends_the_sweep_and_says_so(monkeypatch):
    def search(test, params, context):
        if params.alpha > 1e-6:
            monkeypatch.setattr(sweep, "time", Late)
        return pc.search(test, params, context)

    class Late:
        monotonic = staticmethod(lambda: float("inf"))

    test = independence.test_for(Dataset(FRAME), PcParams())
    context = Context.silent()
    found = swept(search, test, PcParams(), pc.search(test, PcParams(), Context.silent()).trace, context)
    assert found.levels == LEVELS["alpha"][:4] and len(found.graphs) == 4
    assert "no more levels were tried" in context.warnings[0] and "1e-05" in context.warnings[0]
