"""Bring images in: a table and a ZIP or folder of them, or a small simulated screen; looked through, split, kept."""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import streamlit as st

from engine import jobs
from engine.core import ImageSet, UserError
from engine.data.findings import Finding, Repair
from engine.molimage.bring import ImagesReport, check_images, inspect_images, open_place, with_split
from engine.molimage.bring.crops import Crop
from engine.molimage.bring.picture import SIMULATED
from engine.molimage.bring.splits import LABELS, By
from engine.molimage.bring.stack import READ_IMAGES
from engine.molimage.sample_screen import small_screen
from pages.parts import cells, frame, pick, state, studio

KIND = "images"
CHOSEN = "molimage.images"
SMALL = {"molecules": 30, "n_each": 8, "size": 64}
SHARES = (0.7, 0.1, 0.2)  # of train, val and test, so that a check has images enough
TABLES = ["csv", "tsv", "txt"]
STAINS = ("DNA", "ER", "RNA", "AGP", "Mito", "Tubulin", "Actin")
SIZES = (32, 64, 128, 256, 512)
ICONS = {"stop": ":material/block:", "warn": ":material/warning:", "note": ":material/info:"}
CUTS = {"whole": "average the whole field", "centre": "cut out its middle", "tiles": "cut it into squares"}
KEEP, NOTHING = "as the table says", "nothing"
SPLITS = {
    "molecule": "whole molecules", "scaffold": "whole scaffolds", "plate": "whole plates", "replicate": "one replicate of each molecule",
}  # fmt: skip
SPLIT_HELP = (
    "What the model does not see in training, so that it can be tested. Molecules and scaffolds test whether it knows new ones; plates and "
    "replicates whether it knows the same ones on another day."
)
UNSPLIT = "not split"
SHOWN = 8
HEADROOM = 1.25  # several stains lie over each other
LOCAL = ("127.0.0.1", "localhost", "::1")
SOURCES = {"screen": "Simulate a small screen", "upload": "Upload a table and a ZIP", "folder": "A folder on this machine"}


def choose() -> ImageSet | None:
    """Let the user choose one of the kept sets, or bring one; None while there is none."""
    rows = {row.digest: row for row in jobs.shared().datasets() if row.kind == KIND}
    linked, place = state.link("data"), st.container()
    with st.expander("Bring images", expanded=not rows, icon=":material/add_photo_alternate:"):
        _wizard()
    if not rows:
        return None
    if st.session_state.get(CHOSEN) not in rows:
        st.session_state[CHOSEN] = linked if linked in rows else next(iter(rows))
    with place:
        chosen = st.selectbox(
            "Images", list(rows), format_func=lambda digest: f"{rows[digest].name} · {rows[digest].rows:,} images", key=CHOSEN,
            persist_state="session",
        )  # fmt: skip
    state.set_link({"data": chosen})
    return kept(chosen)


@st.cache_resource(max_entries=2, show_spinner="Reading the images …")
def kept(digest: str) -> ImageSet:
    """Read a kept set; the last two stay in memory."""
    found = jobs.shared().dataset(digest)
    assert isinstance(found, ImageSet)
    return found


def badge(origin: str, name: str) -> str:
    """Return the mark that tells real from simulated, in Markdown."""
    if origin == "simulated":
        return f":orange-badge[:material/science: simulated: {frame.escape(name)}]"
    return f":blue-badge[:material/photo_camera: real data: {frame.escape(name)}]"


def about(images: ImageSet) -> None:
    """Say what a set holds, show some of it, and fold away what makes a model look better than it is."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(badge(images.origin, images.name), width="content")
        size = f"{images.images.shape[2]} × {images.images.shape[3]} px"
        st.caption(f"{len(images):,} images of {size} · {frame.escape(', '.join(images.channels))}", width="content")
        with st.popover("Look at them", icon=":material/visibility:"):
            preview(images, "kept")
            frame.table(counts(images))
        found = [finding for finding in _checked(images.digest, images) if finding.level != "note"]
        if found:
            with st.popover("One thing to know" if len(found) == 1 else f"{len(found)} things to know", icon=":material/warning:"):
                for finding in found:
                    st.markdown(f"{ICONS[finding.level]} {frame.escape(finding.message)}")


@st.cache_resource(max_entries=8, show_spinner=False)
def _checked(digest: str, _images: ImageSet) -> tuple[Finding, ...]:
    return check_images(_images)


def _wizard() -> None:
    names = [name for name in SOURCES if name != "folder" or is_local()]
    source = st.segmented_control(
        "From", names, format_func=SOURCES.__getitem__, default=names[0], required=True, key="bring_images.source",
        label_visibility="collapsed",
    )  # fmt: skip
    try:
        {"screen": _screen, "upload": _upload, "folder": _folder}[str(source)]()
    except UserError as problem:
        frame.error(problem)


def is_local() -> bool:
    """Whether only this machine can open the page, so that its folders may be read by name."""
    return st.get_option("server.address") in LOCAL


def _screen() -> None:
    st.caption(
        f"{SMALL['molecules']} drugs, {SMALL['n_each']} images each, and untreated cells, drawn by rules: enough to try everything here. "
        "They are simulated and are marked so wherever they appear."
    )
    if st.button("Simulate", type="primary", icon=":material/casino:", key="bring_images.simulate"):
        with st.spinner("Simulating …"):
            made: ImageSet = studio.helper().ask(small_screen, *SMALL.values())
        _keep(with_split(made, "molecule", SHARES))
        st.rerun()


def _upload() -> None:
    left, middle, right = st.columns(3)
    table = left.file_uploader(
        "Table (CSV)", TABLES, key="bring_images.table",
        help="A column image (or image_DNA, image_ER … for one file per stain) and a column smiles; as far as known also compound, "
        "dose_um, plate, well, site, moa. Known layouts, such as BBBC021 or plate-reader names, need no table.",
    )  # fmt: skip
    packed = middle.file_uploader("Images (ZIP)", ["zip"], key="bring_images.zip", help="TIFF, PNG, OME-TIFF, OME-Zarr, npy or npz.")
    wells = right.file_uploader("Which molecule is in which well (CSV)", TABLES, key="bring_images.wells", help="Where no table says it.")
    if packed is None:
        return
    files = [(upload.name, upload.getvalue()) if upload else None for upload in (table, packed, wells)]
    key = ".".join(upload.file_id for upload in (table, packed, wells) if upload)
    _look_through(key, *files)


def _folder() -> None:
    left, right = st.columns([2, 1])
    place = left.text_input("Folder or ZIP on this machine", key="bring_images.folder", placeholder="/data/plate1")
    table = right.text_input("Table, if it is not in the folder", key="bring_images.list")
    if not place.strip():
        return
    path = Path(place.strip()).expanduser()
    given = Path(table.strip()).expanduser() if table.strip() else None
    if given is not None and not given.is_file():
        raise UserError(f"There is no file {given}.", "Give the path of a CSV file, or leave it empty.", str(given))
    _look_through(f"{path}|{given}", (str(given), given.read_bytes()) if given else None, (str(path), path), None)


def _look_through(key: str, table: Any, place: Any, wells: Any) -> None:
    """Read the images with the choices made so far, show what was found, split, and offer to keep them."""
    options: dict[str, Any] = st.session_state.setdefault(f"bring_images.options.{key}", {})
    _cutting(options, key)
    report = _read(key, json.dumps(options, sort_keys=True), table, place, wells)
    for n, finding in enumerate(report.findings):
        _say(finding, options, report, f"bring_images.{key}.{n}")
    if options:
        st.button("Read them as they came", key=f"bring_images.reset.{key}", on_click=options.clear)
    if report.images is None:
        return
    images = _split(report.images, key)
    for n, finding in enumerate(check_images(images)):
        if finding.code != "no-split":
            _say(finding, options, report, f"bring_images.{key}.check{n}")
    preview(images, "new")
    frame.table(counts(images))
    name = st.text_input("Name", images.name, key=f"bring_images.name.{key}")
    named = dataclasses.replace(images, name=name.strip() or images.name)
    st.button("Use these images", type="primary", icon=":material/check:", on_click=_keep, args=(named,), key="bring_images.keep")


def _cutting(options: dict[str, Any], key: str) -> None:
    """Ask how fields become square images."""
    left, middle, right = st.columns(3)
    size = left.selectbox(
        "Size (px)", [None, *SIZES], format_func=lambda s: str(s or "as large as they are"), key=f"bring_images.size.{key}"
    )
    crop = middle.selectbox("Each field", get_args(Crop), format_func=CUTS.__getitem__, key=f"bring_images.crop.{key}")
    edge = right.number_input(
        "Edge of a pixel (µm)", 0.0, 100.0, None, key=f"bring_images.um.{key}", placeholder="as the files say", help="For the scale bar."
    )
    for name, value, usual in (("size", size, None), ("crop", crop, "whole"), ("pixel_um", edge or None, None)):
        options.pop(name, None)
        if value != usual:
            options[name] = value


@st.cache_resource(max_entries=2, show_spinner="Reading the images …")
def _read(key: str, options: str, _table: Any, _place: Any, _wells: Any) -> ImagesReport:
    """Read once for each set of files and choices; the history names the files as the user has them."""
    name, content = _place
    try:
        place = open_place(content, Path(name).name)
    except UserError as problem:
        return ImagesReport((Finding("unreadable", "stop", str(problem), problem.where),), None)
    report = inspect_images(
        _table[1] if _table else None, place, compounds=_wells[1] if _wells else None, **json.loads(options)
    )  # fmt: skip
    made = report.images
    if made is None:
        return report
    told = {"table": _table[0] if _table else None, "place": name} | ({"compounds": _wells[0]} if _wells else {})
    steps = tuple(
        (call, {**arguments, **{k: v for k, v in told.items() if k in arguments or call == READ_IMAGES}}) for call, arguments in made.steps
    )
    label = json.loads(options).get("name") or Path(name).stem
    return dataclasses.replace(report, images=dataclasses.replace(made, steps=steps, name=label))


def _say(finding: Finding, options: dict[str, Any], report: ImagesReport, key: str) -> None:
    """Say what was found, and offer the ways out."""
    st.markdown(f"{ICONS[finding.level]} {frame.escape(finding.message)}")
    if not finding.repairs:
        return
    with st.container(horizontal=True):
        for k, repair in enumerate(finding.repairs):
            place = f"{key}.{k}"
            if repair.asks in ("channels", "colours"):
                _ask_stains(repair, options, report, place)
            elif repair.asks in ("table", "compounds"):
                st.caption(f"{frame.escape(repair.label)}: add it above.")
            elif repair.call == READ_IMAGES:
                pick.offer(repair, place, lambda chosen: options.update(chosen.arguments))
            else:
                pick.offer(repair, place, _split_so)


def _ask_stains(repair: Repair, options: dict[str, Any], report: ImagesReport, key: str) -> None:
    """Ask which stain each channel or colour shows."""
    with st.popover(repair.label):
        if repair.asks == "colours":
            named = [
                st.selectbox(colour, STAINS, n, key=f"{key}.{colour}", accept_new_options=True)
                for n, colour in enumerate(("Red", "Green", "Blue"))
            ]  # fmt: skip
        else:
            known = ", ".join(report.images.channels) if report.images else ""
            text = st.text_input("Stains in the order of the channels, with commas between", known, key=f"{key}.stains")
            st.caption(f"Such as {', '.join(STAINS[:3])}. Leave a place between two commas empty to leave that channel out.")
            named = [part.strip() for part in text.split(",")] if text.strip() else []
        st.button("Apply", type="primary", key=f"{key}.apply", disabled=not named, on_click=options.update, args=({repair.asks: named},))


def _split(images: ImageSet, key: str) -> ImageSet:
    """Ask what is set aside for testing, and return the set so split."""
    has_split = bool((images.column("split") != "").any())
    names = [*([KEEP] if has_split else []), *get_args(By), NOTHING]
    place = "bring_images.split"
    if st.session_state.get(place) not in names or st.session_state.get(f"{place}.of") != key:
        st.session_state[place], st.session_state[f"{place}.of"] = names[0], key
    chosen = st.selectbox("Set aside for testing", names, format_func=lambda n: SPLITS.get(n, n), key=place, help=SPLIT_HELP)
    if chosen in (KEEP, NOTHING):
        return images
    try:
        return with_split(images, chosen)
    except UserError as problem:
        frame.error(problem)
        return images


def _split_so(repair: Repair) -> None:
    st.session_state["bring_images.split"] = repair.arguments["by"]


def _keep(images: ImageSet) -> None:
    """Store a set and choose it."""
    try:
        st.session_state[CHOSEN] = jobs.shared().keep(images, state.visitor())
        st.toast(f"{images.name} is ready.", icon=":material/check_circle:")
    except UserError as problem:
        st.toast(str(problem), icon=":material/block:")


def counts(images: ImageSet) -> pd.DataFrame:
    """Count images, molecules, plates and mechanisms of each split."""
    label = np.where(images.column("split") == "", UNSPLIT, images.column("split"))
    facts = {"molecules": "smiles", "compounds": "compound", "mechanisms": "moa", "plates": "plate"}
    told = pd.DataFrame({"images": label} | {name: images.column(column) for name, column in facts.items()})
    rows = [
        {"split": split, "images": len(part)} | {name: part[name][part[name] != ""].nunique() for name in facts}
        for split, part in sorted(told.groupby("images"), key=lambda pair: (*LABELS, UNSPLIT).index(str(pair[0])))
    ]
    return pd.DataFrame(rows)


def preview(images: ImageSet, key: str) -> None:
    """Show a few images, spread over the set, in colour or one stain at a time."""
    rows = np.unique(np.linspace(0, len(images) - 1, min(SHOWN, len(images))).astype(int))
    some = images.images[rows]
    stain = st.pills(
        "Stain", [cells.ALL, *images.channels], default=cells.ALL, required=True, key=f"bring_images.stain.{key}.{len(images.channels)}",
        label_visibility="collapsed",
    )  # fmt: skip
    look = look_of(images, some)
    shown = look if stain == cells.ALL or stain not in images.channels else dataclasses.replace(look, shown=(str(stain),))
    st.image(cells.sheet(some, shown), width="stretch", caption=f"{len(rows)} of {len(images):,} images")
    what = images.column("compound")
    names = [str(what[row] or images.column("smiles")[row]) for row in rows]
    st.caption(frame.escape("They show " + ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1] + "."))


def look_of(images: ImageSet, some: "np.ndarray[Any, Any]") -> cells.Look:
    """Return how images of a set are shown: white lies above the brightest thousandth, and the corner says where they come from."""
    whites = np.clip(HEADROOM * np.quantile(some, 0.999, axis=(0, 2, 3)) / 255, 0.05, 1.0)
    tag = SIMULATED if images.origin == "simulated" else f"real data: {images.name}"[:48]
    return cells.Look(images.channels, images.channels, tuple((0.0, float(white)) for white in whites), 1.0, images.pixel_um, tag)
