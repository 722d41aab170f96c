"""Find the molecule: an image goes in, and a library is ranked by how well each molecule explains it."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine.core import UserError, digest_of
from engine.molimage import desk, simulator
from engine.molimage.bring import open_place, read_file
from engine.molimage.gallery import drugs
from engine.molimage.reverse import BEST, squares
from pages.parts import cells, frame, state, studio
from pages.parts.cell_views import Drawn

THESE, RIDDLE, FILE = "The cells above", "A riddle", "My own image"
LABELLED, LEARNT, EVERY = "Drugs with a known mechanism", "Molecules it learnt from", "All drugs"
LIBRARIES = (LABELLED, LEARNT, EVERY)
KINDS = ["tif", "tiff", "png", "npz", "npy"]
RIDDLE_IMAGES = 4
SEARCHED_PX = 128
SHOWN = 20
LIKELIHOOD = "fit to the image (nats)"


def show(made: Drawn) -> None:
    """Choose an image, rank the library, and say where the right molecule came out when it is known."""
    sources = [THESE, *([RIDDLE] if tuple(made.card["channels"]) == simulator.CHANNELS else []), FILE]
    source = st.segmented_control("Which cells?", sources, default=THESE, required=True, key=state.slot("molimage", "source"))
    size, look = made.smaller(SEARCHED_PX)
    truth, name = "", ""
    if source == FILE:
        images = _uploaded(made)
        if images is None:
            return
    elif source == RIDDLE:
        number = st.number_input("Riddle", 1, 999, key=state.slot("molimage", "riddle"), help="Each number hides another drug.")
        images, truth, name = _riddle(int(number), size, float(made.settings["dose_um"]))
        st.caption(f"{RIDDLE_IMAGES} fields that the simulator, not the model, made with a drug it does not name.")
    else:
        what, dose = made.molecule.smiles, float(made.settings["dose_um"])
        images, truth, name = studio.ask(made.id, "drawn", made.place, what, dose, *made.noise(size)), what, made.name
    st.image(cells.sheet(images[:RIDDLE_IMAGES], look, min(RIDDLE_IMAGES, len(images))), width="stretch")
    library = _library(made, truth, name)
    with st.spinner(f"Comparing with {len(library):,} molecules …"):
        smiles, dose = tuple(library["smiles"]), float(made.settings["dose_um"])
        table = found(made.id, digest_of([np.ascontiguousarray(images)]), digest_of(list(smiles)), dose, made.place, images, smiles)
    _say(table, library, truth, name, source == RIDDLE)


@st.cache_resource(max_entries=16, show_spinner=False)
def found(model: str, digest: str, library: str, dose_um: float, _place: str, _images: Any, _smiles: tuple[str, ...]) -> pd.DataFrame:
    """Return the ranking of a library for images, kept by their digests."""
    ranked: pd.DataFrame = studio.helper().ask(desk.find, _place, _images, list(_smiles), dose_um)
    return ranked


@st.cache_resource(max_entries=16, show_spinner="The simulator makes cells …")
def _riddle(number: int, size: int, dose_um: float) -> tuple[Any, str, str]:
    """Simulate fields under a drug that a number hides: images, SMILES, name."""
    named = drugs()
    named = named[named["mechanism"] != ""]
    groups = sorted(set(named["mechanism"]) - {"inactive"})
    rng = np.random.default_rng(number)
    group = named[named["mechanism"] == groups[rng.integers(len(groups))]]
    drug = group.iloc[[rng.integers(len(group))]]
    made = simulator.simulate(drug, RIDDLE_IMAGES, size, seed=number, dose_um=dose_um, controls=0, batch_effects=False)
    return made.images, str(drug["smiles"].iloc[0]), str(drug["name"].iloc[0])


def _uploaded(made: Drawn) -> Any:
    """Read the user's image and cut it to squares that the model can look at; None until there is one."""
    file = st.file_uploader(
        f"An image of {', '.join(made.card['channels'])}", KINDS, key=state.slot("molimage", "image"),
        help="TIFF, OME-TIFF, PNG or npz with these channels in this order, one pixel of about the size that the model learnt.",
    )  # fmt: skip
    if file is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / Path(file.name).name).write_bytes(file.getvalue())
        stack = read_file(open_place(folder), Path(file.name).name, depth="channels")
    names = tuple(made.card["channels"])
    if len(stack.pixels) != len(names):
        raise UserError(
            f"The image has {len(stack.pixels)} channels; this model knows {len(names)}: {', '.join(names)}.",
            "Give these stains in this order, or train a model on images with your stains.", "channels",
        )  # fmt: skip
    if stack.origin != made.card["facts"]["origin"]:
        st.warning(
            f"The model learnt from {made.card['facts']['origin']} images, this one is {stack.origin}: the ranking compares unlike things.",
            icon=":material/warning:",
        )
    return squares(stack.pixels, made.card["sizes"])


def _library(made: Drawn, truth: str, name: str) -> pd.DataFrame:
    """Choose the molecules to compare with; the right one is always among them."""
    known = made.card["known"]
    own = known[known["smiles"] != ""].drop_duplicates("smiles")[["compound", "smiles"]].rename(columns={"compound": "name"})
    chosen = st.selectbox("Among", LIBRARIES, key=state.slot("molimage", "library"))
    if chosen == LEARNT:
        table = own
    else:
        table = drugs()
        table = table if chosen == EVERY else table[table["mechanism"] != ""]
        usable = set(studio.ask(made.id, "library", made.place, tuple(table["smiles"])))
        table = table[table["smiles"].isin(usable)]
    mechanisms = drugs().set_index("smiles")["mechanism"]
    table = table.assign(mechanism=table["smiles"].map(mechanisms).fillna(""))
    if truth and truth not in set(table["smiles"]):
        table = pd.concat([table, pd.DataFrame([{"name": name, "smiles": truth, "mechanism": ""}])])
    return table[["name", "smiles", "mechanism"]].drop_duplicates("smiles").reset_index(drop=True)


def _say(ranked: pd.DataFrame, library: pd.DataFrame, truth: str, name: str, is_riddle: bool) -> None:
    """Show the ranking, and where the right molecule is."""
    table = library.iloc[ranked["row"].to_numpy()].reset_index(drop=True)
    table = table.assign(
        rank=np.arange(1, len(table) + 1), likelihood=ranked["log_ratio"], distance=ranked["distance"], measured=ranked["measured"]
    )
    place = table.index[table["smiles"] == truth]
    words = f"of {len(table):,}" if truth else ""
    if len(place) and not is_riddle:
        st.markdown(f"**{frame.escape(name)} comes out on rank {int(place[0]) + 1} {words}.**")
    elif len(place):
        with st.expander("What was it?", icon=":material/visibility:"):
            mechanism = str(table.loc[place[0], "mechanism"])
            first = int((table.head(BEST)["mechanism"] == mechanism).sum())
            st.markdown(
                f"**{frame.escape(name)}** ({frame.escape(mechanism.replace('_', ' '))}): rank {int(place[0]) + 1} {words}; "
                f"{first} of the first {BEST} share its mechanism."
            )
    shown = table.head(SHOWN).rename(columns={"likelihood": LIKELIHOOD})
    frame.table(shown[["rank", "name", "mechanism", LIKELIHOOD, "distance", "measured"]], key="molimage.ranking")
    st.caption(
        f"Distance: how far these cells are from what the model expects under a molecule. The {BEST} nearest are put in order by their "
        "fit: by how much the image is likelier under the molecule than under none (log-likelihood). Of 'measured' molecules the model has "
        "learnt from images; the others it predicts from their structure."
    )
