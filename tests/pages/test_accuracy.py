"""The accuracy tab says how much of a known truth was found, at every level, and takes a truth that the user brings."""

import dataclasses

import pytest

import engine
from engine import jobs
from engine.core import Dataset
from engine.data import sample, simulate
from engine.discovery.accuracy import area, calibration, overlay, roc
from engine.discovery.truth import truths, visible
from engine.graphs import Graph
from pages.parts import picture
from tests.engine.discovery.sachs import six_experiments
from tests.pages.test_discovery import button, finished, texts

SECONDS = 60


def settled(app):
    """Wait for all runs that the page has started, and draw the page again."""
    for job in jobs.shared().all():
        assert jobs.shared().wait(job.key, SECONDS).state == "done"
    return app.run()


def drawn(app, alt):
    """Whether the page has a chart with this description."""
    return any(alt in str(chart.proto) for chart in app.get("plotly_chart"))


def learned(open_page, **link):
    app = open_page("discovery.py", **link)
    button(app, "Learn the graph").click().run()
    return finished(app)


def test_the_overlay_counts_what_the_engine_counts(open_page, run):
    app = learned(open_page, data="sachs", method="pc")
    assert not app.exception
    result, data = run("pc", "sachs"), sample("sachs")
    name, truth = next(iter(truths(data).items()))
    said = [*overlay(result.graph, visible(truth, result, data))[1].values()]
    assert app.selectbox(key="discovery.truth").value == name
    for verdict in set(said):
        assert f"**{said.count(verdict)}** {picture.STROKES[verdict].words}" in texts(app)
    other = app.selectbox(key="discovery.truth").options[1]
    app.selectbox(key="discovery.truth").set_value(other).run()
    again = [*overlay(result.graph, visible(truths(data)[other], result, data))[1].values()]
    assert f"**{again.count('right')}** {picture.STROKES['right'].words}" in texts(app)


def test_edges_of_the_overlay_differ_in_colour_and_in_line():
    assert len({stroke.color for stroke in picture.STROKES.values()}) == len(picture.STROKES)
    assert len({str(stroke.dashes) for stroke in picture.STROKES.values()}) == len(picture.STROKES)
    both, verdicts = overlay(Graph.from_edges("ABC", ["A --> B"]), Graph.from_edges("ABC", ["A --> B", "B --> C"]))
    drawn = picture.drawing(both, {"A": (0, 0), "B": (0, 80), "C": (0, 160)}, verdicts)["edges"]
    assert [(edge["kind"], edge.get("dashes")) for edge in drawn] == [("right", None), ("missing", [6, 6])]
    assert picture.words(both, verdicts) == "Graph of 3 variables, its edges compared: 1 right, 1 missed."


def test_the_curve_comes_from_a_run_of_its_own_that_serves_every_level(open_page, run):
    app = learned(open_page, data="regimes", method="pc")
    key = app.query_params["job"]
    assert not drawn(app, "ROC curve")
    button(app, "Draw the ROC curve").click().run()
    settled(app)
    assert not app.exception
    assert drawn(app, "ROC curve") and app.query_params["job"] == key
    result, data = run("pc", "regimes", sweep=True), sample("regimes")
    expected = area(roc(result.sweep, visible(next(iter(truths(data).values())), result, data)))
    assert f"is **{expected:.2f}** (1 is perfect" in texts(app)
    before = len(jobs.shared().all())
    app.select_slider(key="set.alpha").set_value(1e-12).run()
    assert drawn(app, "ROC curve"), "the p-values are read again, and so is the curve"
    assert len(jobs.shared().all()) == before == 2


def test_support_is_calibrated_alone_and_together_with_other_tables(open_page):
    tables = [simulate("gaussian", p=6, n=200, seed=seed) for seed in (1, 2)]
    open_page("data.py")
    for data in tables:
        jobs.shared().keep(data)
        method = engine.catalogue.find("pc")
        job = jobs.shared().submit("pc", data, method.params(bootstrap=10))
        jobs.shared().wait(job.key, SECONDS)
    app = open_page("discovery.py", data=tables[0].digest, method="pc", bootstrap="10")
    assert not app.exception
    assert drawn(app, "Share of true pairs")
    assert "Over all 15 pairs" in texts(app)
    app.toggle(key="discovery.pooled").set_value(True).run()
    assert "Over all 30 pairs" in texts(app)
    results = [engine.run("pc", data, bootstrap=10) for data in tables]
    pooled = calibration([(r.graph, visible(next(iter(truths(d).values())), r, d)) for r, d in zip(results, tables, strict=True)])
    assert f"Brier score is {pooled.brier:.2g}" in texts(app)
    app.segmented_control(key="discovery.calibrated").set_value("edges and their direction").run()
    assert not app.exception
    button(app, "Simulate 3 more tables like this one").click().run()
    settled(app)
    assert not app.exception
    assert app.toggle(key="discovery.pooled").label == "Together with 4 other runs on data with a known truth"


def test_a_table_without_truth_takes_one_from_a_file(open_page):
    frame = sample("sachs").frame[["Raf", "Mek", "Erk", "Akt", "PKA"]]
    open_page("data.py")
    digest = jobs.shared().keep(Dataset(frame, "my cells"))
    app = learned(open_page, data=digest, method="pc")
    assert "Nothing is known to be true" in texts(app)
    app.file_uploader(key="discovery.bring").set_value([("notes.csv", b"gene,score\nRaf,1\n", "text/csv")]).run()
    assert "notes.csv is not read as a graph" in texts(app).replace("\\", "")
    text = b"cause,effect\npraf,pmek\npmek,p44/42\nPKA,praf\n"
    app.file_uploader(key="discovery.bring").set_value([("known.csv", text, "text/csv")]).run()
    assert not app.exception
    assert "3 edges among 4 names, 1 of which are variables of my cells" in texts(app)
    asked = {box.label: box for box in app.selectbox if box.key.startswith("discovery.bring.")}
    assert asked["praf"].value == "Raf" and asked["p44/42"].value.startswith("none of them")
    asked["p44/42"].set_value("Erk").run()
    button(app, "Use as the truth").click().run()
    assert not app.exception
    assert app.selectbox(key="discovery.truth").value == "known.csv"
    assert "a run without mistakes" in texts(app) and "Nothing is known" not in texts(app)
    stored = truths(jobs.shared().dataset(digest))["known.csv"]
    assert set(map(str, stored.edges())) == {"Raf --> Mek", "Mek --> Erk", "PKA --> Raf"}


@pytest.mark.shared_data
def test_sachs_with_interventions_warns_of_the_batch_and_draws_the_curve(open_page, shared_data):
    data = dataclasses.replace(six_experiments(shared_data), truth=sample("sachs").truth)
    open_page("data.py")
    digest = jobs.shared().keep(data)
    app = learned(open_page, data=digest, method="utigsp", alpha_inv="1e-20", test="gaussian", depth="4")
    assert not app.exception
    assert "All 11 variables are called targets of regime PKC" in texts(app).replace("\\", "")
    (warning,) = [shown.value for shown in app.warning]
    assert "**PKC** seems to act on 11 of 11 variables" in warning and "batch shift" in warning
    assert any("p-value" in table.value.columns and (table.value["condition"] == "PKC").sum() == 11 for table in app.dataframe)
    button(app, "Draw the ROC curve").click().run()
    settled(app)
    assert not app.exception
    assert drawn(app, "ROC curve")
