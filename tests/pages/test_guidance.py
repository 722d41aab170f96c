"""The discovery page helps to choose a method, takes what is known before, and lets targets be named."""

import pytest

from engine import jobs
from engine.core import Dataset, UserError
from engine.data import sample
from pages.parts import targets
from tests.pages.test_discovery import button, finished, texts


def test_three_answers_choose_a_method(open_page):
    app = open_page("discovery.py", data="regimes")
    button(app, "Help me choose").click().run()
    assert not app.exception
    assert "Interventions, unknown targets" in texts(app)
    button(app, "Use this method").click().run()
    assert app.selectbox(key="pick.method").value == "utigsp"


def test_statements_of_a_link_reach_the_run_and_its_evidence(open_page):
    app = open_page("discovery.py", data="sachs", method="pc", knowledge="PKA < Erk; PIP2 -/-> PKC")
    assert any(found.label == "What you know (2)" for found in app.button)
    button(app, "Learn the graph").click().run()
    finished(app)
    assert not app.exception
    assert jobs.shared().all()[0].params["knowledge"] == "PKA < Erk; PIP2 -/-> PKC"


def test_contradictions_are_named_before_anything_runs(open_page):
    app = open_page("discovery.py", data="sachs", knowledge="PKA < Erk; Erk --> PKA")
    assert "contradict each other" in texts(app)
    assert not any(found.label == "Learn the graph" for found in app.button)
    assert jobs.shared().all() == []
    button(app, "Forget what was said").click().run()
    assert any(found.label == "Learn the graph" for found in app.button)


def test_a_name_of_another_table_is_said(open_page):
    app = open_page("discovery.py", data="sachs", knowledge="PkA < Erk")
    assert "Did you mean PKA" in texts(app)


def test_the_editor_shows_statements_as_tables_and_keeps_text(open_page):
    app = open_page("discovery.py", data="sachs", knowledge="PKA < Erk; PIP2 -/-> PKC")
    button(app, "What you know (2)").click().run()
    assert not app.exception
    area = next(found for found in app.text_area if found.label == "Statements")
    assert area.value == "PKA < Erk\nPIP2 -/-> PKC"
    button(app, "Forget all").click().run()
    assert any(found.label == "What you know" for found in app.button)


def test_targets_are_named_on_the_page(open_page):
    app = open_page("discovery.py", data="regimes")
    button(app, "Targets (4 unknown)").click().run()
    assert not app.exception
    button(app, "Use these").click().run()
    assert app.selectbox(key="pick.data").value == "regimes", "nothing was changed, so there is no new table"


def test_the_table_of_targets_reads_back_what_it_shows():
    frame = sample("sachs").frame.iloc[:50]
    data = Dataset.from_frames({"obs": frame, "PKC": frame, "Mek": frame}, {"PKC": ["PKC", "PIP2"]})
    shown = targets.table(data)
    assert targets.read(shown) == {"obs": (), "PKC": ("PKC", "PIP2"), "Mek": None}
    shown.loc[2, ["intervention", "targets"]] = ["known targets", ""]
    with pytest.raises(UserError, match="Mek has known targets, but none is named"):
        targets.read(shown)


@pytest.mark.parametrize("limit", [0.1])
def test_a_run_that_was_stopped_says_so_and_offers_more_time(open_page, limit, monkeypatch):
    frame = sample("sachs").frame
    app = open_page("discovery.py")
    digest = jobs.shared().keep(Dataset(frame.iloc[:2000], "cells"))
    app = open_page("discovery.py", data=digest, method="pc", test="kernel", time_limit=str(limit))
    button(app, "Learn the graph").click().run()
    finished(app)
    assert not app.exception
    assert any("Stopped after 0.1 s" in warning.value for warning in app.warning)
    assert any(found.label == "Search for 0.4 s" for found in app.button)
