"""The frame around every page: name, logo, navigation and the number of live runs."""

from pathlib import Path

import streamlit as st

from pages.parts import frame

HERE = Path(__file__).parent
ASSETS = HERE.parent / "assets"

SECTIONS = {
    "Start": [
        st.Page(HERE / "home.py", title="Home", icon=":material/home:", url_path="home", default=True),
    ],
}

st.set_page_config(page_title="Causeway", page_icon=str(ASSETS / "icon.svg"), layout="wide", initial_sidebar_state="auto")
shade = "dark" if st.context.theme.type == "dark" else "light"
st.logo(ASSETS / f"logo-{shade}.svg", size="large", icon_image=ASSETS / "icon.svg")
st.html(ASSETS / "style.css")

page = st.navigation(SECTIONS)
with frame.guard():
    page.run()
