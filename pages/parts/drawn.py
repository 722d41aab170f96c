"""The view that draws: a molecule on the left, its cells on the right, and below what they can be asked."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from engine import catalogue
from engine.core import UserError
from engine.molimage.molecule import Molecule
from engine.molimage.sample import SampleResult
from pages.parts import cell_views, cells, frame, molecule, pick, state, studio
from pages.parts.cell_views import Drawn

METHOD = "molimage_sample"
PREVIEW_PX = 64
SMALLEST_PX = 32
MOST_LARGE = 4  # images of more than `LARGE_PX`: more would take seconds and fill the memory
LARGE_PX = 256
IMAGES = 16
DOSES_UM = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
ORIGIN = {
    "simulated": "Learnt from a rule-based simulator, not from biology: these images show the simulator's rules.",
    "real": "Drawn by a model that learnt from real images; no microscope took these.",
}
TABS = {
    "Against untreated": cell_views.against, "Dose and mix": cell_views.dose_and_mix, "What changes": cell_views.changes,
    "Which atoms": cell_views.atoms, "Find the molecule": cell_views.find, "Files and origin": cell_views.provenance,
}  # fmt: skip
OPEN = "molimage.tab"
SEED = "Which cells are drawn: another number gives other cells, the same number the same ones."
TEMPERATURE = "How much cells differ from each other. 1 is as learnt; less draws cells nearer to the typical one."


def view() -> None:
    """Draw the whole view."""
    models = studio.models()
    place = studio.place_of(_model(models))
    studio.warm(place)
    origin = st.empty()
    left, right = st.columns([5, 7], gap="medium")
    with left:
        chosen = molecule.choose()
        dials = st.container()
        molecule.show(chosen)  # while the helper reads the model
    try:
        with right:
            card = studio.card(place)
    except UserError as problem:
        frame.error(problem)
        return
    facts = card["facts"]
    told = ORIGIN[facts["origin"]] + (f" Real data: {facts['data']}." if facts["origin"] == "real" else "")
    origin.markdown(f":orange[:material/science: **{frame.escape(told)}**]")
    with dials:
        settings = _settings(card, place)
    with right:
        made = _cells(place, card, chosen, settings)
    if made is None:
        return
    for tab, (_, show) in zip(st.tabs(list(TABS), key=OPEN, on_change="rerun"), TABS.items(), strict=True):
        if tab.open:
            with tab:
                try:
                    show(made)
                except UserError as problem:
                    frame.error(problem)


def _model(models: Mapping[str, str]) -> str:
    """Choose one of several models; its name is part of the address."""
    linked, key = state.link("model"), state.slot("molimage", "model")
    if st.session_state.get(key) not in models:
        st.session_state[key] = linked if linked in models else next(iter(models))
    if len(models) > 1:
        st.selectbox("Model", list(models), format_func=models.__getitem__, key=key, persist_state="session")
    chosen = str(st.session_state[key])
    state.set_link({"model": chosen if chosen != studio.SHIPPED else None})
    return chosen


def _settings(card: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Draw dose, size, temperature and seed, written into the address; return the parameters of the method."""
    method = catalogue.find(METHOD)
    pick.prepare(method)
    sizes = [size for size in card["sizes"] if size >= SMALLEST_PX]
    key = "set.size"
    if st.session_state.get(key) not in sizes:
        st.session_state[key] = max((size for size in sizes if size <= 128), default=sizes[-1])
    doses = sorted({*DOSES_UM, float(st.session_state["set.dose_um"])})
    dose = st.select_slider("Dose (µM)", doses, key="set.dose_um", format_func=lambda v: f"{v:g}", persist_state="session")
    first, second, third = st.columns(3, vertical_alignment="bottom")
    size = first.selectbox("Size (px)", sizes, key=key, persist_state="session")
    seed = second.number_input("Seed", 0, 2**31, key="set.seed", persist_state="session", help=SEED)
    temperature = third.number_input(
        "Temperature", 0.1, 1.2, step=0.1, format="%.1f", key="set.temperature", persist_state="session", help=TEMPERATURE
    )
    state.set_link({
        "dose_um": f"{dose:g}" if dose != 10.0 else None, "size": str(size) if size != 128 else None, "seed": str(seed) if seed else None,
        "temperature": f"{temperature:g}" if temperature != 1.0 else None,
    })  # fmt: skip
    n = MOST_LARGE if size > LARGE_PX else IMAGES
    return {"dose_um": float(dose), "temperature": float(temperature), "size": int(size), "seed": int(seed), "n": n, "model": place}


def _cells(place: str, card: Mapping[str, Any], chosen: Molecule, settings: dict[str, Any]) -> Drawn | None:
    """Show the sheet, small first, and return what was drawn."""
    look = cells.controls(card, settings["size"])
    told, sheet = st.empty(), st.empty()
    try:
        seen = st.session_state.setdefault(state.slot("molimage", "seen"), set())
        asked = (card["facts"]["id"], chosen.smiles, _frozen(settings))
        if settings["size"] > PREVIEW_PX and asked not in seen:  # what was drawn before is there at once
            seen.add(asked)
            small, _ = studio.sample(card["facts"]["id"], chosen.smiles, _frozen(settings | {"size": PREVIEW_PX}))
            _preview(small, sheet, cells.resized(look, settings["size"] / PREVIEW_PX))
        result, data = studio.sample(card["facts"]["id"], chosen.smiles, _frozen(settings))
    except UserError as problem:
        frame.error(problem)
        return None
    made = Drawn(place, card, chosen, settings, look, result, data)
    with told:
        cell_views.believed(made)
    with sheet.container():
        number = cells.show(result.images[0], look, made.words, "molimage.sheet", 2 if len(result.images[0]) == MOST_LARGE else 4)
        size = result.images.shape[-1]
        st.caption(
            f"{len(result.images[0])} fields of {size} × {size} px. {cells.scale_words(look, size)}Click one to enlarge it. "
            f"The same seed gives the same cells for every molecule. {cells.stain_words(look.channels)}"
        )
    if number is not None:
        cells.zoom(result.images[0][number], look, f"{made.words}, image {number + 1}", f"{made.label}-{number + 1}", result.told())
    return made


def _preview(result: SampleResult, sheet: Any, look: cells.Look) -> None:
    images = result.images[0]
    sheet.image(cells.sheet(images, look, 2 if len(images) == MOST_LARGE else 4), width="stretch", caption="A first look …")


def _frozen(settings: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(settings.items())
