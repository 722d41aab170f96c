"""The frame around every page: name, logo, navigation and the number of live runs."""

from pathlib import Path

import streamlit as st

from engine import jobs
from pages.parts import connection

HERE = Path(__file__).parent
ASSETS = HERE.parent / "assets"
LOOK_EVERY_S = 2

# To add a page: write its module and name it here.
SECTIONS = {
    "Start": [
        st.Page(HERE / "home.py", title="Home", icon=":material/home:", default=True),
        st.Page(HERE / "data.py", title="Data", icon=":material/table_chart:"),
    ],
    "Causal": [
        st.Page(HERE / "discovery.py", title="Causal discovery", icon=":material/account_tree:"),
        st.Page(HERE / "mixtures.py", title="Mixtures", icon=":material/groups:"),
    ],
    "Cells": [
        st.Page(HERE / "molimage.py", title="Cell images", icon=":material/biotech:"),
    ],
    "Drugs": [
        st.Page(HERE / "repurposing.py", title="Drug repurposing", icon=":material/medication:"),
    ],
    "Portfolios": [
        st.Page(HERE / "mtp2.py", title="Total positivity", icon=":material/hub:"),
        st.Page(HERE / "portfolio.py", title="Portfolios and backtests", icon=":material/monitoring:"),
    ],
    "Runs": [
        st.Page(HERE / "jobs.py", title="Runs", icon=":material/history:"),
    ],
}


def live_runs() -> int:
    """Count the runs that wait or run."""
    return sum(job.is_live for job in jobs.shared().all())


@st.fragment(run_every=LOOK_EVERY_S)
def badge() -> None:
    """Show how many runs are under way, and look again while there are any."""
    live = live_runs()
    label = f"{live} {'run' if live == 1 else 'runs'} under way" if live else "All runs are done"
    st.page_link(SECTIONS["Runs"][0], label=label, icon=":material/progress_activity:" if live else ":material/check_circle:")


# before st.navigation, which would otherwise fetch the page's own icon from a font server for the browser's tab
st.set_page_config(page_icon=str(ASSETS / "icon.svg"), layout="wide")
page = st.navigation(SECTIONS)
st.set_page_config(page_title="Causeway" if page is SECTIONS["Start"][0] else f"{page.title} · Causeway")
st.logo(ASSETS / "logo.svg", size="large", icon_image=ASSETS / "icon.svg")
st.html(ASSETS / "style.css")
connection.watch()
page.run()
# after the page, so that looking at the runs never delays it
if live_runs():
    with st.sidebar:
        badge()
