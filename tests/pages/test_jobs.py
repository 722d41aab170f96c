"""The page of runs opens, compares, keeps and deletes just the runs that are ticked, and says why one failed."""

import pytest

from engine import catalogue, jobs
from engine.data import sample
from tests.pages.test_discovery import button, texts

SECONDS = 60


@pytest.fixture
def ended(open_page):
    """Run a method on a sample to its end and return the job; asks for ``open_page`` so that the state folder is the test's own."""

    def run(method: str, data: str = "regimes", **params) -> jobs.Job:
        runner = jobs.shared()
        form = catalogue.find(method).params.from_dict(params)
        return runner.wait(runner.submit(method, sample(data), form).key, SECONDS)

    return run


def tick(app, *rows: int):
    """Tick rows of the table of runs, newest first."""
    app.session_state[app.dataframe[0].key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()


def labels(app) -> list[str]:
    return [found.label for found in app.button]


def test_without_a_run_the_page_says_where_runs_come_from(open_page):
    assert "No runs yet" in texts(open_page("jobs.py"))


def test_a_finished_run_is_listed_by_its_name_and_opens(open_page, ended):
    job = ended("pc")
    app = open_page("jobs.py")
    row = app.dataframe[0].value.iloc[0]
    assert (row["state"], row["method"], row["data"]) == ("done", catalogue.find("pc").label, "regimes")
    tick(app, 0)
    assert "Open" in labels(app) and "Run again" not in labels(app)
    button(app, "Open").click().run()
    assert not app.exception
    assert app.title[0].value == "Causal discovery"
    assert f"{jobs.shared().result(job.key).graph.n_edges} of 45 pairs are joined" in texts(app)


def test_two_runs_are_compared_in_words(open_page, ended):
    ended("pc", alpha=0.05)
    ended("pc", alpha=1e-10)
    app = tick(open_page("jobs.py"), 0, 1)
    assert not app.exception
    assert app.metric[0].label == "Pairs that differ" and int(app.metric[0].value) > 0
    found = app.dataframe[2].value
    assert list(found.columns) == ["first run", "second run", "difference", "why"]
    assert len(found) == int(app.metric[0].value)
    assert not found["first run"].str.contains("--", regex=False).any()


def test_a_run_on_the_same_graph_twice_compares_with_itself_without_a_difference(open_page, ended):
    ended("pc")
    ended("pc", seed=1)
    app = tick(open_page("jobs.py"), 0, 1)
    assert not app.exception
    assert app.metric[0].value == "0"
    assert "the same marks everywhere" in texts(app)


def test_delete_removes_the_ticked_run_and_no_other(open_page, ended):
    kept, gone = ended("pc"), ended("gsp")
    app = tick(open_page("jobs.py"), 0)
    button(app, "Delete for good").click().run()
    assert not app.exception
    assert [job.key for job in jobs.shared().all()] == [kept.key]
    assert jobs.shared().get(gone.key) is None
    assert "Open" not in labels(app), "a tick must not move on to the next run"


def test_a_failed_run_says_why_and_can_be_run_again(open_page, ended):
    job = ended("igsp")
    assert job.state == "failed"
    app = tick(open_page("jobs.py"), 0)
    assert not app.exception
    assert job.problem and job.problem.message in texts(app).replace("\\", "")
    assert "Run again" in labels(app) and "Open" not in labels(app)
    before = job.created
    button(app, "Run again").click().run()
    again = jobs.shared().wait(job.key, SECONDS)
    assert not app.exception
    assert (again.created, again.finished) > (before, job.finished)


def test_a_run_can_be_kept_from_tidying_and_let_go(open_page, ended):
    job = ended("pc")
    app = tick(open_page("jobs.py"), 0)
    for wanted in (True, False):
        app.toggle(key=f"jobs.pin.{job.key}").set_value(wanted).run()
        assert jobs.shared().get(job.key).pinned is wanted
