"""Several methods run from one button, their address brings them back, and what fails does not hide the others."""

from engine import jobs
from engine.core import Dataset
from engine.data import sample
from engine.discovery.agreement import agreement, why
from pages.parts import together
from tests.pages.test_discovery import SECONDS, button, texts

THREE = {"GES": "ges", "PC": "pc", "FCI": "fci"}  # in the order of the page


def run_all(app):
    """Draw the page until no run of it is under way or waiting to be handed in."""
    for _ in range(20):
        for job in jobs.shared().all():
            jobs.shared().wait(job.key, SECONDS)
        waiting = bool(app.session_state[together.WAITING]) if together.WAITING in app.session_state else False
        app.run()
        if not waiting and not any(job.is_live for job in jobs.shared().all()):
            return app.run()
    raise AssertionError("the runs do not come to an end")


def chosen(app, *names):
    app.multiselect(key=together.CHOSEN).set_value(list(names)).run()
    return button(app, "Run these").click().run()


def test_one_button_runs_all_and_shows_what_the_engine_finds(open_page, run):
    app = run_all(chosen(open_page("discovery.py"), *THREE.values()))
    assert not app.exception
    assert {job.method for job in jobs.shared().all()} == set(THREE.values())
    assert app.query_params["together"] in ("ges,pc,fci", ["ges,pc,fci"])
    results = {name: run(method, "sachs") for name, method in THREE.items()}
    found = agreement(results)
    tables = [element.value for element in app.dataframe]
    table = next(frame for frame in tables if "verdict" in frame)
    assert table["verdict"].tolist() == found.pairs["verdict"].tolist()
    assert {"GES", "PC", "FCI"} <= set(table)
    shown = texts(app)
    assert f"{len(found.pairs)} pairs are joined by at least one of the 3 methods" in shown
    assert any(frame.to_numpy().tolist() == found.contradictions.to_numpy().tolist() for frame in tables)
    assert "Learn the graph" not in [found.label for found in app.button], "the page shows several methods, not one"
    a, b, verdict = found.pairs.loc[3, ["source", "target", "verdict"]]
    app.selectbox(key="agreement.pair").set_value(f"{a}, {b}").run()
    assert f"{a} and {b}, method by method" in [heading.value for heading in app.subheader]
    shown = texts(app).replace("\\", "")
    for sentence in (verdict, *why(results, a, b), *(result.evidence(a, b).sentence for result in results.values())):
        assert sentence in shown


def test_the_address_brings_all_back_with_its_settings_and_no_more_run_than_one_visitor_may(open_page, monkeypatch):
    monkeypatch.setenv("CAUSEWAY_LIVE_PER_OWNER", "1")
    link = {"method": "pc", "alpha": "0.01", "bootstrap": "50", "together": "pc,ges"}
    app = open_page("discovery.py", **link)
    assert "Not run yet on this table with these settings: **GES, PC**" in texts(app)
    app = run_all(button(app, "Run what is missing").click().run())
    assert [(job.params["alpha"], job.params["bootstrap"]) for job in jobs.shared().all()] == [(0.01, 0), (0.01, 0)]
    again = open_page("discovery.py", **link)
    assert "at least one of the 2 methods" in texts(again)
    assert len(jobs.shared().all()) == 2
    again.number_input(key="set.bootstrap").set_value(0).run()
    button(again, "One method").click().run()
    assert "together" not in again.query_params
    assert "of 55 pairs are joined" in texts(again), "the run of the one method is one of those that ran together"


def test_choosing_a_method_leads_back_to_it(open_page):
    app = open_page("discovery.py", together="pc,ges")
    assert "Not run yet" in texts(app)
    app.selectbox(key="pick.method").set_value("fci").run()
    assert "together" not in app.query_params
    assert "Press Learn the graph to run FCI." in texts(app)


def test_what_fails_or_was_cancelled_is_said_and_does_not_hide_the_others(open_page):
    frame = sample("regimes")
    unknown = Dataset(frame.frame, "unknown targets", "interventional", regime=frame.regime)
    app = open_page("discovery.py")
    digest = jobs.shared().keep(unknown)
    app = run_all(chosen(open_page("discovery.py", data=digest), "pc", "ges", "igsp"))
    assert not app.exception
    shown = texts(app)
    assert "**IGSP** failed: No regime has known targets." in shown
    assert "at least one of the 2 methods" in shown
    again = next(found for found in app.button if found.label == "Run again")
    app = run_all(again.click().run())
    assert "**IGSP** failed" in texts(app), "it was tried again, and its end is said again"


def test_methods_for_interventions_are_offered_only_where_there_are_conditions(open_page):
    options = lambda app: app.multiselect(key=together.CHOSEN).options  # noqa: E731
    assert not any("Interventions" in option for option in options(open_page("discovery.py")))
    assert any("UT-IGSP" in option for option in options(open_page("discovery.py", data="regimes")))
    app = open_page("discovery.py", together="pc,utigsp,ges")
    assert "Left out, since this table is not what they work on: UT-IGSP." in texts(app)
