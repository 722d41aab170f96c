"""The page of mixtures says in a sentence what was found, shows why, and tells one population from several."""

import numpy as np
import pandas as pd

import engine
from engine import jobs
from engine.core import Dataset
from engine.graphs import Graph
from pages.parts import graph, picture
from pages.parts.frame import escape
from tests.engine.mixtures.test_mixture import two_populations
from tests.pages.test_discovery import button, finished, texts


def looked(open_page, frame, **link):
    open_page("data.py")
    digest = jobs.shared().keep(Dataset(frame, "my cells"))
    app = open_page("mixtures.py", data=digest, k="2", **link)
    button(app, "Look for populations").click().run()
    app = finished(app)
    assert not app.exception
    return app


def test_two_populations_and_why(open_page):
    frame, _ = two_populations(400)
    frame = frame.rename(columns={"X3": "level"})  # no name of a cause is taken for a word of the page
    app = looked(open_page, frame)
    result = engine.run("mixture", frame, k=2)
    assert escape(result.sentence) in texts(app)
    first = result.varying["node"][0]
    assert escape(result.why(first)) in texts(app)
    assert "Population 1" in texts(app) and "The published way learns one graph" in texts(app)
    app.selectbox(key="mixtures.variable").set_value("X4").run()
    assert escape(result.why("X4")) in texts(app)
    button(app, "Check stability").click().run()
    app = finished(app)
    assert not app.exception
    assert "Over 50 resamples the rows fell into the same populations" in texts(app)


def test_other_marked_variables_are_another_picture():
    shown = Graph.from_edges("ABC", ["A --> B", "B --> C"])
    places = {name: (0.0, 80.0 * k) for k, name in enumerate("ABC")}
    edges = {("A", "B"): "alike", ("B", "C"): "alike"}
    drawn = [picture.drawing(shown, places, edges | {(name, name): "differs"})["nodes"] for name in "AB"]
    assert [[node.get("kind") for node in nodes] for nodes in drawn] == [["differs", None, None], [None, "differs", None]]
    assert len({graph._drawing(shown, places, edges | {(name, name): "differs"})["digest"] for name in "AB"}) == 2


def test_one_population_is_said_and_nothing_is_coloured_as_found(open_page):
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 400))
    app = looked(open_page, pd.DataFrame({"A": a, "B": b, "C": a + b + rng.standard_normal(400)}))
    assert "No evidence for a mixture" in texts(app)
    assert "One graph for all rows" in texts(app) and "Population 1" not in texts(app)
