"""A search whose time is up returns the best graph so far and says so; with time enough it is as without a limit."""

import itertools

import pytest

from engine.core import Context, context
from engine.data import sample
from engine.discovery.knowledge import Knowledge, breaches
from engine.graphs import is_valid_pag

METHODS = ("grasp", "boss", "ges", "gsp", "pc", "igsp", "utigsp", "fci", "rfci", "fci_plus", "bfci", "gspo")


@pytest.fixture
def clock(monkeypatch):
    """A clock that every look at moves on by a second."""
    ticks = itertools.count()
    monkeypatch.setattr(context.time, "monotonic", lambda: float(next(ticks)))


def data_for(method):
    from engine.data import with_targets

    data = sample("regimes")
    return with_targets(data, {"I1": ["X1"], "I2": ["X2"], "I3": ["X3"], "I4": ["X4"]}) if method == "igsp" else data


@pytest.mark.parametrize("seconds", [1, 4, 20])
@pytest.mark.parametrize("method", METHODS)
def test_a_search_cut_short_gives_a_graph_that_honours_what_is_known(run, clock, method, seconds):
    told = "X1 < X2; X3 --> X4"
    result = run(method, data_for(method), time_limit=seconds, knowledge=told)
    assert result.graph.p == 10
    if seconds == 1:
        assert not result.is_complete
    said = [warning for warning in result.provenance.warnings if f"stopped after {seconds} s" in warning]
    assert len(said) == (not result.is_complete)
    if result.graph.kind == "cpdag":
        assert breaches(result.graph, Knowledge.of(told, result.graph.nodes)) == []


@pytest.mark.parametrize("method", METHODS)
def test_time_enough_changes_nothing(run, method):
    data = data_for(method)
    limited, plain = run(method, data, time_limit=1e5), run(method, data)
    assert limited.is_complete and limited.graph == plain.graph


def test_resamples_have_the_same_limit(run, clock):
    result = run("grasp", sample("regimes"), time_limit=3, bootstrap=4)
    assert result.graph.support is not None and not result.is_complete


def test_a_stopped_run_prints_no_digest_to_check(run, clock):
    from engine.core.recipe import recipe

    result = run("pc", sample("regimes"), time_limit=1)
    assert "assert" not in recipe(result, sample("regimes"))
    assert "assert" in recipe(run("pc", sample("regimes")), sample("regimes"))


def test_gspo_cut_short_still_gives_a_valid_class(run, clock):
    for seconds in (1, 5, 30):
        assert is_valid_pag(run("gspo", sample("regimes"), time_limit=seconds).graph)


def test_a_silent_context_has_no_limit():
    assert Context.silent().stopped is None
