"""Choose a molecule: a drug by name, a SMILES, a drawing or a file; what was chosen is shown as it is understood."""

from pathlib import Path
from typing import Any

import streamlit as st

from engine.core import UserError
from engine.molimage.drawing import drawing
from engine.molimage.gallery import drugs
from engine.molimage.molecule import Molecule, parse
from engine.molimage.molecule_files import from_file
from engine.molimage.smiles_faults import faults
from pages.parts import frame, state

DEFAULT = "paclitaxel"
UNTREATED = "CS(C)=O"
# what the speaker shows first: each moves another stain
EXAMPLES = {
    "paclitaxel": "paclitaxel", "doxorubicin": "doxorubicin", "bortezomib": "bortezomib", "cytochalasin D": "cytochalasin D",
    "FCCP": "FCCP", "aspirin": "aspirin", "DMSO (untreated)": UNTREATED,
}  # fmt: skip
TEXT, EXAMPLE, DRAW, BOARD = "molimage.molecule", "molimage.example", "molimage.draw", "molimage.board"
FILE, IN_FILE, DRAWN = "molimage.file", "molimage.infile", "molimage.drawn"
BOARD_PX = 380
HERE = Path(__file__).parent
STYLE = """
.sketch { background: #fff; color: #111; border-radius: 0.4rem; overflow-x: auto; }
.sketch img { display: none; }
.sketch .note:empty { display: none; }
"""
MARKUP = (
    '<div class="sketch" role="application" aria-label="Drawing board for a molecule"><div class="board"></div><p class="note"></p></div>'
)

# in the page itself, not in a shadow tree: the editor looks its place up by id
_board = st.components.v2.component(
    "molecule_sketch", html=MARKUP, css=STYLE, js=(HERE / "sketch.js").read_text("utf-8"), isolate_styles=False
)


def choose() -> Molecule:
    """Let the user choose a molecule; the page stops with a card where it cannot be read."""
    if TEXT not in st.session_state:
        st.session_state[TEXT] = state.link("molecule") or DEFAULT
    known = names()
    own = [] if st.session_state[TEXT] in known else [st.session_state[TEXT]]
    text = st.selectbox(
        "Drug name or SMILES", [*own, *known], key=TEXT, accept_new_options=True, filter_mode="contains", persist_state="session",
        placeholder="Type a name or a SMILES", help="1,850 drugs are known by name. Any other molecule: type or paste its SMILES.",
    )  # fmt: skip
    st.pills("Examples", list(EXAMPLES), key=EXAMPLE, on_change=_take_example, label_visibility="collapsed", wrap=True)
    with st.container(horizontal=True):
        drawing_now = st.toggle("Drawing board", key=DRAW, help="Draw a molecule, or change this one.")
        with st.popover("From a file", icon=":material/upload_file:"):
            _upload()
    state.set_link({"molecule": text if text != DEFAULT else None})
    if drawing_now:  # before the molecule is read: a half-drawn one must not take the board away
        _board(key=BOARD, data={"smiles": _on_board(text or ""), "height": BOARD_PX}, on_smiles_change=_take_drawing)
    return read(text or "")


def _on_board(text: str) -> str:
    """Return what the board shows: its own drawing as it wrote it, else the molecule; nothing where the text is none."""
    if text == state.kept(DRAWN, ""):
        return text
    try:
        return parse(text).smiles
    except UserError:
        return ""


def read(text: str) -> Molecule:
    """Read a name or a SMILES; where it cannot be, show why, with the atoms at fault marked, and stop the page."""
    try:
        return parse(text)
    except UserError as problem:
        frame.error(problem)
        _show_faults(text)
        st.stop()


def show(molecule: Molecule) -> None:
    """Draw the molecule and say how it was understood."""
    st.image(picture(molecule.smiles), width="stretch", alt=f"Structure of {molecule.name or molecule.smiles}")
    st.code(molecule.smiles, language=None, wrap_lines=True)
    for note in molecule.notes:
        st.caption(f":material/info: {frame.escape(note)}")


def picture(smiles: str, **more: Any) -> str:
    """Return the drawing of a molecule as SVG in the ink of the page."""
    return drawing(smiles, theme="dark" if st.context.theme.type == "dark" else "light", **more)


@st.cache_resource(show_spinner=False)
def names() -> list[str]:
    """Return the names of the gallery."""
    return [str(name) for name in drugs()["name"]]


def _take_example() -> None:
    chosen = st.session_state.get(EXAMPLE)
    if chosen:
        st.session_state[TEXT] = EXAMPLES[chosen]
        st.session_state[EXAMPLE] = None


def _take_drawing() -> None:
    smiles = str((st.session_state[BOARD] or {}).get("smiles") or "")
    if smiles:
        st.session_state[TEXT] = smiles
        state.keep(DRAWN, smiles)


def _upload() -> None:
    """Take a molecule from a MOL or SDF file."""
    file = st.file_uploader("MOL or SDF file", ["mol", "sdf", "sd"], key=FILE, max_upload_size=20)
    if file is None:
        return
    try:
        found = from_file(file.name, file.getvalue())
    except UserError as problem:
        frame.error(problem)
        return
    labels = {number: one.name or one.smiles for number, one in enumerate(found)}
    number = st.selectbox("Molecule", list(labels), format_func=labels.__getitem__, key=IN_FILE) if len(found) > 1 else 0
    st.button("Use this molecule", type="primary", on_click=_take, args=(found[number].smiles,))
    for note in found[number].notes:
        st.caption(frame.escape(note))


def _take(smiles: str) -> None:
    st.session_state[TEXT] = smiles


def _show_faults(text: str) -> None:
    """Mark the atoms at fault on a drawing, where there is something to draw."""
    found = faults(text.split()[0]) if text.split() else []
    atoms = [atom for fault in found for atom in fault.atoms]
    if atoms:
        try:
            st.image(picture(text.split()[0], faulty=atoms), width="stretch", alt="The molecule with the atoms at fault marked")
        except UserError:
            return
