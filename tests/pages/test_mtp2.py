"""The page of total positivity shows the graph with its certificate, thins only the picture, and offers what was not yet done."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

import engine
from engine import jobs
from engine.graphs import Graph, Mark
from engine.graphs.layout import components
from pages.parts import charts, companions, picture, positive
from pages.parts.frame import escape
from tests.pages.test_discovery import SECONDS, button, finished, job_of, texts


@pytest.fixture(scope="module")
def stocks():
    return engine.run("mtp2", "stocks")


def learned(open_page, **link):
    app = open_page("mtp2.py", **link)
    button(app, "Learn the graph").click().run()
    app = finished(app)
    assert not app.exception
    return app


def pair(app, a, b):
    app.selectbox(key="mtp2.a").set_value(a).run()
    return app.selectbox(key="mtp2.b").set_value(b).run()


def test_empty_state_says_what_to_press(open_page):
    app = open_page("mtp2.py")
    assert not app.exception
    assert "Press Learn the graph to run Total positivity" in texts(app)
    assert app.selectbox(key="pick.data").value == "stocks"


def test_the_estimate_and_the_lasso_beside_it(open_page, stocks):
    app = learned(open_page, data="stocks")
    assert stocks.certificate in texts(app)
    assert f"{stocks.graph.n_edges} of 190 pairs" in texts(app) and "Modularity" in texts(app) and "Does it fit?" in texts(app)
    assert "The picture shows the 40 strongest" in texts(app)
    app = pair(app, "AAPL", "KO")
    assert escape("Given all others, AAPL and KO do not move together: there is no edge.") in texts(app)
    app = pair(app, "CVX", "XOM")
    assert "CVX and XOM still move together" in texts(app)
    app = pair(app, "CVX", "CVX")
    assert "Choose two different variables" in texts(app)
    button(app, "Compare with the graphical lasso").click().run()
    app = finished(app)
    assert not app.exception
    assert "Only in the lasso" in texts(app)


def test_the_tuning_free_graph_says_what_removed_an_edge(open_page):
    app = learned(open_page, data="stocks", method="mtp2_graph", most_tests="20000")
    result = engine.run("mtp2_graph", "stocks", most_tests=20000)
    removed = result.removed.iloc[0]
    app = pair(app, removed["a"], removed["b"])
    assert escape(result.why(removed["a"], removed["b"])) in texts(app)
    assert "it has run once" in texts(app)
    app.number_input(key="set.most_tests").set_value(2000).run()
    button(app, "Learn the graph").click().run()
    app = finished(app)
    button(app, "Search 10 more times").click().run()
    app = finished(app)
    assert not app.exception
    assert "stay in every further search" in texts(app)


def test_signs_are_turned_from_the_page(open_page):
    app = learned(open_page, data="sachs")
    assert "have a negative correlation" in texts(app)
    assert "Modularity" not in texts(app), "nothing is known of sectors of proteins"
    button(app, "Turn signs where that helps").click().run()
    app = finished(app)
    assert not app.exception
    turned = engine.run("mtp2", "sachs", turn=True).facts["turned"]
    assert turned and f"Measured with the opposite sign: {', '.join(turned)}." in texts(app)


def test_a_table_without_an_estimate_says_why(open_page):
    app = open_page("mtp2.py", data="clinic")
    button(app, "Learn the graph").click().run()
    assert jobs.shared().wait(job_of(app), SECONDS).state == "failed"
    app.run()
    assert not app.exception
    assert "holds categories" in texts(app)


@pytest.mark.parametrize("count", [1, 5, 40, 130])
def test_only_the_picture_is_thinned(stocks, count):
    thin = companions.strongest(stocks.graph, count)
    assert thin.n_edges == count
    dropped = stocks.graph.skeleton & ~thin.skeleton
    assert np.abs(stocks.graph.weights[dropped]).max() <= np.abs(thin.weights[thin.skeleton]).min()
    assert companions.strongest(stocks.graph, 10_000) is stocks.graph


def test_an_edge_of_weight_zero_is_dropped_last_but_counts():
    marks = np.full((3, 3), Mark.TAIL, np.uint8)
    np.fill_diagonal(marks, Mark.NONE)
    weights = np.array([[0, 0.5, 0.2], [0.5, 0, 0.0], [0.2, 0.0, 0]])
    shown = Graph(tuple("ABC"), marks, "ug", weights)
    assert companions.strongest(shown, 3).n_edges == 3
    assert {(e.source, e.target) for e in companions.strongest(shown, 2).edges()} == {("A", "B"), ("A", "C")}


def test_the_map_leaves_nobody_alone_who_has_an_edge(stocks):
    assert len(components(stocks.graph.marks)) == len(components(companions.backbone(stocks.graph).marks)) == 1
    assert not companions.backbone(stocks.graph).skeleton[~stocks.graph.skeleton].any()


def test_sectors_are_those_of_the_data(stocks):
    known = engine.sample("stocks").truth["sectors"]
    assert positive.sectors(stocks.graph, engine.sample("stocks")) == [known[name] for name in stocks.graph.nodes]
    assert positive.sectors(stocks.graph, engine.sample("sachs")) == []


def test_groups_and_weights_are_drawn():
    shown = Graph.from_directed("ABC", np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]), kind="ug",
                                weights=np.array([[0, 0.6, 0], [0.6, 0, -0.3], [0, -0.3, 0]]))  # fmt: skip
    places = {name: (0.0, 90.0 * k) for k, name in enumerate("ABC")}
    drawn = picture.drawing(shown, places, groups={"A": "oil", "B": "bank", "C": "oil"})
    assert [node["tone"] for node in drawn["nodes"]] == [1, 0, 1]
    assert [entry["words"] for entry in drawn["legend"]] == ["bank", "oil"]
    assert drawn["nodes"][0]["title"] == "A: oil"
    strong, weak = drawn["edges"]
    assert strong["width"] == picture.THICK and strong["width"] > weak["width"] > picture.THIN
    assert "dashes" in weak and "dashes" not in strong


def test_tables_hold_what_the_heat_map_shows(stocks):
    tables = companions.tables(stocks)
    partial = tables["partial correlations"].to_numpy()
    precision = stocks.precision.to_numpy()
    scale = np.sqrt(np.diag(precision))
    expected = -precision / np.outer(scale, scale)
    np.fill_diagonal(expected, 1.0)
    np.testing.assert_allclose(partial, expected, atol=1e-12)
    np.testing.assert_allclose(np.diag(tables["fitted correlations"]), 1.0)
    figure = charts.heat_map(tables["partial correlations"], "partial correlations")
    drawn = np.array(figure.data[0].z, dtype=float)
    off = ~np.eye(len(drawn), dtype=bool)
    np.testing.assert_array_equal(drawn[off], partial[off])
    assert np.isnan(np.diag(drawn)).all()


def test_a_file_of_a_matrix_starts_no_formula():
    matrix = pd.DataFrame(np.eye(2), ["=1+1", "b"], ["=1+1", "b"])
    rows = list(csv.reader(io.StringIO(positive.csv(matrix))))
    assert not any(cell.startswith("=") for row in rows for cell in row)
    assert [float(cell) for cell in rows[1][1:]] == [1.0, 0.0]
