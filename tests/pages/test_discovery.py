"""The discovery page runs what its form says, opens what its address names, and says what is wrong."""

import pandas as pd
import pytest

from engine import catalogue, jobs
from engine.core import Dataset, specs
from engine.data import sample
from tests.engine.discovery.test_fci import contradictory

SECONDS = 60


def texts(app) -> str:
    return "\n".join(str(element.value) for kind in ("markdown", "caption") for element in app.get(kind))


def button(app, label):
    return next(found for found in app.button if found.label == label)


def finished(app):
    """Wait for the run that the page has started, and draw the page again."""
    done = jobs.shared().wait(job_of(app), SECONDS)
    assert done.state == "done", done.error
    return app.run()


def job_of(app) -> str:
    """Return the run that the page's address names."""
    key = app.query_params["job"]
    return key[0] if isinstance(key, list) else key


def test_empty_state_says_what_to_press(open_page):
    app = open_page("discovery.py")
    assert not app.exception
    assert "Press Learn the graph to run Tuck search" in texts(app)
    assert app.selectbox(key="pick.data").value == "sachs"


def test_sample_run_draws_the_graph_that_the_engine_finds(open_page, run):
    app = open_page("discovery.py")
    button(app, "Learn the graph").click().run()
    finished(app)
    assert not app.exception
    found = run("grasp", "sachs").graph
    assert f"{found.n_edges} of 55 pairs are joined" in texts(app)
    assert button(app, "Learn the graph").disabled


def test_another_level_is_read_again_without_a_new_run(open_page, run):
    app = open_page("discovery.py", method="pc")
    button(app, "Learn the graph").click().run()
    finished(app)
    before = len(jobs.shared().all())
    app.select_slider(key="set.alpha").set_value(1e-12).run()
    assert len(jobs.shared().all()) == before
    assert f"{run('pc', 'sachs', alpha=1e-12).graph.n_edges} of 55 pairs are joined" in texts(app)
    assert app.query_params["alpha"] in ("1e-12", ["1e-12"])


def test_a_link_to_a_run_brings_back_data_method_settings_and_result(open_page):
    runner = jobs.shared
    app = open_page("discovery.py", data="regimes", method="gsp", alpha="0.01")
    assert app.selectbox(key="pick.method").value == "gsp"
    assert app.select_slider(key="set.alpha").value == 0.01
    button(app, "Learn the graph").click().run()
    key = job_of(app)
    runner().wait(key, SECONDS)
    again = open_page("discovery.py", job=key)
    assert not again.exception
    assert again.selectbox(key="pick.data").value == "regimes"
    assert again.selectbox(key="pick.method").value == "gsp"
    assert again.select_slider(key="set.alpha").value == 0.01
    assert "pairs are joined" in texts(again)


def test_another_method_takes_over_what_was_changed_and_no_default_of_the_last_one(open_page):
    app = open_page("discovery.py", data="regimes")
    own = {f.name: f.default for f in specs(catalogue.find("igsp").params)}
    assert app.selectbox(key="set.rows").value != own["rows"]
    app.select_slider(key="set.alpha").set_value(0.01).run()
    app.selectbox(key="pick.method").set_value("igsp").run()
    assert not app.exception
    assert app.selectbox(key="set.rows").value == own["rows"]
    assert app.select_slider(key="set.alpha").value == 0.01


def test_a_link_to_a_lost_run_says_so(open_page):
    app = open_page("discovery.py")
    button(app, "Learn the graph").click().run()
    finished(app)
    app = open_page("discovery.py", job="0" * 20)
    assert "no longer here" in texts(app), "also when the same settings have a result"


def test_a_link_to_data_that_are_not_here_says_so(open_page):
    app = open_page("discovery.py", data="f" * 32)
    assert any("not on this machine" in warning.value for warning in app.warning)


def test_bad_data_stop_with_words_and_one_click_mends_them(open_page):
    frame = sample("sachs").frame.assign(GAPDH=1.0)
    app = open_page("discovery.py")
    digest = jobs.shared().keep(Dataset(frame, "with a constant"))
    app = open_page("discovery.py", data=digest)
    assert "GAPDH never varies" in texts(app)
    repair = next(found for found in app.button if "GAPDH" in found.label or "Remove" in found.label)
    repair.click().run()
    mended = jobs.shared().dataset(app.selectbox(key="pick.data").value)
    assert "GAPDH" not in mended.columns
    pd.testing.assert_frame_equal(mended.frame, sample("sachs").frame, check_like=True)


def test_an_invalid_graph_wears_a_badge_and_one_click_repairs_it(open_page, run):
    settings = {"alpha": 0.1}
    frame = next(frame for frame in contradictory() if not run("fci", frame, **settings).is_valid)
    open_page("discovery.py")
    app = open_page("discovery.py", data=jobs.shared().keep(Dataset(frame, "few rows")), method="fci", alpha="0.1")
    button(app, "Learn the graph").click().run()
    finished(app)
    assert "not a valid PAG" in texts(app)
    button(app, "Repair the graph").click().run()
    finished(app)
    assert not app.exception
    assert jobs.shared().result(job_of(app)).graph == run("fci", frame, repair=True, **settings).graph
    assert "not a valid PAG" not in texts(app)


@pytest.mark.parametrize("name", ["data.py", "jobs.py", "home.py"])
def test_other_pages_open_without_runs(open_page, name):
    app = open_page(name)
    assert not app.exception
    assert app.title[0].value


def test_targets_have_a_tab_of_their_own(open_page):
    app = open_page("discovery.py", data="regimes", method="utigsp")
    button(app, "Learn the graph").click().run()
    finished(app)
    assert not app.exception
    assert [tab.label for tab in app.tabs][:3] == ["Graph", "Edges", "Targets"]
    shown = texts(app)
    assert "acts on" in shown and "off-target" in shown


def test_a_plain_table_is_refused_by_a_method_for_interventions(open_page):
    app = open_page("discovery.py", data="sachs", method="utigsp")
    button(app, "Learn the graph").click().run()
    done = jobs.shared().wait(job_of(app), SECONDS)
    assert done.state == "failed"
    app.run()
    assert "Upload several files as conditions on the data page" in texts(app)
