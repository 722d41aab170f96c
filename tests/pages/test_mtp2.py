"""The page of total positivity shows the graph with its certificate, thins only the picture, and offers what was not yet done."""

import numpy as np

import engine
from engine import jobs
from pages.parts.frame import escape
from pages.parts.positive import READABLE, sectors, strongest
from tests.pages.test_discovery import button, finished, job_of, texts


def learned(open_page, **link):
    app = open_page("mtp2.py", **link)
    button(app, "Learn the graph").click().run()
    app = finished(app)
    assert not app.exception
    return app


def test_the_estimate_and_the_lasso_beside_it(open_page):
    app = learned(open_page, data="stocks")
    result = engine.run("mtp2", "stocks")
    assert escape(result.certificate) in texts(app) or result.certificate in texts(app)
    assert "131 of 190 pairs" in texts(app) and "Modularity" in texts(app) and "Does total positivity fit?" in texts(app)
    app.selectbox(key="mtp2.a").set_value("AAPL").run()
    app.selectbox(key="mtp2.b").set_value("KO").run()
    assert "do not move together: there is no edge" in texts(app)
    button(app, "Compare with the graphical lasso").click().run()
    app = finished(app)
    assert not app.exception
    assert "Only in the lasso" in texts(app)


def test_the_tuning_free_graph_says_what_removed_an_edge(open_page):
    app = learned(open_page, data="stocks", method="mtp2_graph", most_tests="20000")
    result = engine.run("mtp2_graph", "stocks", most_tests=20000)
    app.selectbox(key="mtp2.a").set_value("AAPL").run()
    app.selectbox(key="mtp2.b").set_value("KO").run()
    assert escape(result.why("AAPL", "KO")) in texts(app)
    assert "it has run once" in texts(app)


def test_signs_are_turned_from_the_page(open_page):
    app = learned(open_page, data="sachs")
    assert "of the pairs have a negative correlation" in texts(app)
    button(app, "Turn signs where that helps").click().run()
    app = finished(app)
    assert not app.exception
    turned = engine.run("mtp2", "sachs", turn=True).facts["turned"]
    assert turned and f"Measured with the opposite sign: {', '.join(turned)}" in texts(app)


def test_a_table_without_an_estimate_says_why(open_page):
    app = open_page("mtp2.py", data="clinic")
    button(app, "Learn the graph").click().run()
    jobs.shared().wait(job_of(app), 60)
    app.run()
    assert not app.exception
    assert "holds categories" in texts(app)


def test_only_the_picture_is_thinned():
    result = engine.run("mtp2", "stocks")
    thin = strongest(result.graph, READABLE)
    assert thin.n_edges == READABLE
    dropped = result.graph.skeleton & ~thin.skeleton
    assert np.abs(result.graph.weights[dropped]).max() <= np.abs(thin.weights[thin.skeleton]).min()
    assert strongest(result.graph, 10_000) is result.graph
    assert len(sectors(result.graph, engine.sample("stocks"))) == 20
    assert sectors(result.graph, engine.sample("sachs")) == []
