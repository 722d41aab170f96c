"""Several methods run from one button, their address brings them back, and what fails does not hide the others."""

import engine
from engine import jobs
from engine.core import Dataset
from engine.data import sample
from engine.discovery.agreement import agreement, why
from pages.parts import together
from tests.pages.test_discovery import SECONDS, button, texts

THREE = {"PC": "pc", "GES": "ges", "FCI": "fci"}


def link(app, name):
    value = app.query_params[name]
    return value[0] if isinstance(value, list) else value


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


def frames(app):
    return [element.value for element in app.dataframe]


def test_one_button_runs_all_and_shows_what_the_engine_finds(open_page, run):
    app = run_all(chosen(open_page("discovery.py"), *THREE.values()))
    assert not app.exception
    assert {job.method for job in jobs.shared().all()} == set(THREE.values())
    assert link(app, "together") == "pc,ges,fci"
    results = {name: run(method, "sachs") for name, method in THREE.items()}
    found = agreement({name: results[name] for name in ("GES", "PC", "FCI")})
    table = next(frame for frame in frames(app) if "verdict" in frame)
    assert table["verdict"].tolist() == found.pairs["verdict"].tolist()
    assert {"GES", "PC", "FCI"} <= set(table)
    shown = texts(app)
    assert f"{len(found.pairs)} pairs are joined by at least one of the 3 methods" in shown
    assert any(frame.to_numpy().tolist() == found.contradictions.to_numpy().tolist() for frame in frames(app))
    assert "Learn the graph" not in [found.label for found in app.button], "the page shows several methods, not one"


def test_more_methods_than_one_visitor_may_run_at_a_time_all_run(open_page):
    wanted = ["boss", "ges", "pc", "gsp", "fci"]
    assert len(wanted) > jobs.shared().limits.live_per_owner
    app = run_all(chosen(open_page("discovery.py"), *wanted))
    assert not app.exception
    assert {job.method for job in jobs.shared().all() if job.state == "done"} == set(wanted)
    assert "at least one of the 5 methods" in texts(app)


def test_the_address_brings_the_agreement_back_with_changed_settings(open_page):
    app = open_page("discovery.py", method="pc", alpha="0.01", together="pc,ges")
    assert "Not run yet on this table with these settings: **GES, PC**" in texts(app)
    app = run_all(button(app, "Run what is missing").click().run())
    assert [job.params["alpha"] for job in jobs.shared().all()] == [0.01, 0.01]
    before = len(jobs.shared().all())
    again = open_page("discovery.py", method="pc", alpha="0.01", together="pc,ges")
    assert "at least one of the 2 methods" in texts(again)
    assert len(jobs.shared().all()) == before
    button(again, "One method only").click().run()
    assert "together" not in again.query_params
    assert "of 55 pairs are joined" in texts(again), "the run of one method is one of those that ran together"


def test_another_pair_shows_its_verdict_reasons_and_evidence(open_page):
    app = run_all(chosen(open_page("discovery.py"), "ges", "pc"))
    results = {name: engine.run(method, "sachs") for name, method in (("GES", "ges"), ("PC", "pc"))}
    row = agreement(results).pairs.iloc[3]
    app.selectbox(key="agreement.pair").set_value(f"{row['source']}, {row['target']}").run()
    shown = texts(app)
    assert f"{row['source']} and {row['target']}, method by method" in "\n".join(heading.value for heading in app.subheader)
    assert row["verdict"] in shown.replace("\\", "")
    for sentence in [
        *why(results, row["source"], row["target"]),
        *(r.evidence(row["source"], row["target"]).sentence for r in results.values()),
    ]:
        assert sentence in shown.replace("\\", "")


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
