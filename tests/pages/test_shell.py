"""The shell's pages run, its words fit the graph, its state has one form, and nothing of a user's text becomes markup."""

import re

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine.graphs import Graph, Mark
from engine.graphs.layout import layout
from pages.parts import charts, frame, picture, state, svg
from tests.e2e.server import ROOT

PAG = Graph.from_edges("ABCDE", ["A o-> B", "C <-> B", "C --> D", "D o-o E"])


def view(graph, selected=None):
    """Run a page that is nothing but the graph view."""

    def script(form, chosen):
        import streamlit as st

        from engine.graphs import Graph
        from pages.parts import graph as parts

        selection = parts.show(Graph.from_dict(form), "test", selected=chosen and parts.Selection("node", (chosen,)))
        st.text(str(selection))

    return AppTest.from_function(script, default_timeout=30, args=(graph.to_dict(), selected)).run()


def test_home_says_where_to_click():
    home = AppTest.from_file(ROOT / "pages" / "main.py", default_timeout=30).run()
    assert not home.exception
    assert home.title[0].value == "Causeway"
    assert "Start with the sample" in [button.label for button in home.button]


def test_an_empty_graph_is_told_in_words():
    shown = view(Graph.empty("ABC"))
    assert "none of the 3 variables" in shown.markdown[0].value
    assert not shown.get("bidi_component")


def test_a_complete_graph_is_told_in_words_and_drawn():
    marks = np.full((4, 4), Mark.TAIL, np.uint8)
    np.fill_diagonal(marks, Mark.NONE)
    shown = view(Graph(tuple("ABCD"), marks, "ug"))
    assert "Every pair of the 4 variables is joined" in shown.markdown[0].value
    assert shown.get("bidi_component")


def test_a_large_graph_opens_narrowed_and_a_small_one_whole():
    def ring(p):
        return Graph.from_edges(map(str, range(p)), [f"{i} --> {i + 1}" for i in range(p - 1)])

    assert view(ring(picture.MANY)).session_state["test.steps"] == "All"
    assert view(ring(picture.MANY + 1)).session_state["test.steps"] == "2"


def test_a_selection_that_the_graph_does_not_have_counts_as_nothing():
    assert view(PAG, "B").text[0].value == "Selection(kind='node', names=('B',))"
    assert view(PAG, "nobody").text[0].value == "None"


def test_every_mark_is_drawn_in_svg():
    drawn = svg.svg(PAG, layout(PAG))
    # circles: A o->, D o-o E; arrowheads: B twice, C <->, D
    assert len(re.findall(r"<circle", drawn)) == 3
    assert len(re.findall(r"<polygon", drawn)) == 4


def test_edges_go_around_nodes_they_do_not_belong_to():
    chain = Graph.from_edges("ABC", ["A <-> C"])
    assert picture.bends(chain, {"A": (0, 0), "B": (200, 0), "C": (400, 0)}).keys() == {("A", "C")}
    assert not picture.bends(chain, {"A": (0, 0), "B": (200, 90), "C": (400, 0)})


def test_names_stay_text_in_svg_and_in_the_page():
    hostile = "</title><script>alert(1)</script>"
    graph = Graph.from_edges((hostile, "B"), [f"{hostile} --> B"])
    assert "<script" not in svg.svg(graph, layout(graph))
    page = picture.page(graph, layout(graph), hostile)
    assert hostile not in page and page.count("</script>") == 2  # the library and the drawing code
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", page.split("<script>")[0])


@pytest.mark.parametrize("name", ["a" * 200, "🧬" * 100, "GAPDH"])
def test_long_names_are_shortened(name):
    assert len(picture.shorten(name)) <= picture.LABEL_LENGTH
    assert picture.shorten(name)[:3] == name[:3] and picture.shorten(name)[-3:] == name[-3:]


@pytest.mark.parametrize(
    ("value", "text"),
    [(7466, "7\u2009466"), (0.0123456, "0.0123"), (1234.5, "1\u2009230"), (1.23456e-7, "1.23e-07"), (float("nan"), "–"), (0.0, "0")],
)
def test_numbers_have_three_significant_digits_and_thin_spaces(value, text):
    assert frame.number(value) == text


def test_markdown_in_a_users_text_is_escaped():
    assert frame.escape("<b>*x*</b> [a](b) $y$ :red[z]") == r"\<b\>\*x\*\</b\> \[a\]\(b\) \$y\$ \:red\[z\]"


def test_a_docstring_is_split_into_prose():
    lead, sections = frame.split_docstring("One line.\n\nMore.\n\nParameters\n----------\nx : int\n\nNotes\n-----\nA\nB.\n\nC.")
    assert lead == ["One line.", "More."]
    assert sections["Notes"] == ["A B.", "C."]


def test_an_error_of_the_user_is_a_card_and_a_bug_is_a_code():
    def script(kind):
        from engine.core import UserError
        from pages.parts import frame

        frame.error(UserError("Column <x> is *empty*.", "Remove it.") if kind == "user" else ValueError("secret detail"))

    user = AppTest.from_function(script, args=("user",)).run()
    assert [m.value for m in user.markdown][1:] == ["Remove it."] and r"\<x\>" in user.markdown[0].value
    bug = AppTest.from_function(script, args=("bug",)).run()
    assert re.search(r"reference code `[0-9A-F]{8}`", bug.markdown[1].value)
    assert "secret" not in "".join(m.value for m in bug.markdown)


def test_session_keys_have_one_form():
    assert state.slot("discovery", "alpha") == "discovery.alpha"
    with pytest.raises(ValueError, match=r"page\.field"):
        state.slot("", "alpha")


def test_charts_escape_names_and_count_every_row():
    table = pd.DataFrame({"<b>x</b>": [1.0, 2.0, np.nan, 4.0], "g": pd.Categorical(["<i>", "v", "v", "v"])})
    numbers = charts.distribution(table["<b>x</b>"])
    assert sum(numbers.data[0].y) == 3 and "&lt;b&gt;" in numbers.layout.xaxis.title.text
    assert dict(zip(*(charts.distribution(table["g"]).data[0][axis] for axis in "xy"), strict=True)) == {"v": 3, "&lt;i&gt;": 1}
    assert len(charts.scatter(table, "<b>x</b>", "g").data[0].x) == 3
