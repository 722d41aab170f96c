"""What drawn cells can be asked: against untreated ones, by dose, what changes, which atoms do it, and where they come from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine.molimage.bring.save import to_npz, to_ome_tiff, to_png
from engine.molimage.molecule import Molecule
from engine.molimage.sample import SampleResult
from engine.molimage.shifts import stain_shifts
from pages.parts import cells, charts, frame, molecule, state, studio

ROW = 4  # images side by side in a comparison
STEP_PX = 64  # size of the images of a series
DOSES_UM = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0)
STEPS = 6
MEASURED = 24  # fields of each kind whose morphology is compared
MEASURED_PX = 128
BARS = 14
NO_CONTROL = "This model never saw untreated cells, so there is nothing to compare with."
# words of a feature's name -> on screen
WORDS = {
    "px2": "(px²)",
    "um2": "(µm²)",
    "px": "(px)",
    "um": "(µm)",
    "q05": "5 % quantile",
    "q50": "median",
    "q95": "95 % quantile",
    "sd": "SD",
}


@dataclass(frozen=True)
class Drawn:
    """Everything that was drawn and chosen, as the views need it."""

    place: str
    card: Mapping[str, Any]
    molecule: Molecule
    settings: Mapping[str, Any]
    look: cells.Look
    result: SampleResult
    data: Any

    @property
    def id(self) -> str:
        """Id of the model."""
        return str(self.card["facts"]["id"])

    @property
    def name(self) -> str:
        """Name of the molecule, or its SMILES."""
        return self.molecule.name or self.molecule.smiles

    @property
    def words(self) -> str:
        """Say what the images show."""
        return f"Cells under {self.name} at {self.settings['dose_um']:g} µM, drawn by a model"

    @property
    def label(self) -> str:
        """Return a name for files."""
        return re.sub(r"[^A-Za-z0-9]+", "-", f"cells-{self.name}-{self.settings['dose_um']:g}uM").strip("-")[:60]

    def noise(self, size: int | None = None, n: int | None = None) -> tuple[int, float, int, int]:
        """Return n, temperature, seed and size as the functions of the desk take them."""
        chosen = self.settings
        return n or int(chosen["n"]), float(chosen["temperature"]), int(chosen["seed"]), size or int(chosen["size"])

    def smaller(self, most_px: int) -> tuple[int, cells.Look]:
        """Return a size of the model of at most so many px, and how images of it are shown."""
        size = min(int(self.settings["size"]), max(size for size in self.card["sizes"] if size <= most_px))
        return size, cells.resized(self.look, self.settings["size"] / size)


def believed(made: Drawn) -> None:
    """Say how far the images may be believed; a doubtful molecule gets a banner with the molecules the model does know."""
    row = made.result.table.iloc[0]
    if not row["doubtful"]:
        st.caption(f":material/verified: {frame.escape(str(row['sentence']))}" if row["measured"] else frame.escape(str(row["sentence"])))
        return
    with st.container():
        st.warning(frame.escape(str(row["sentence"])), icon=":material/warning:")
        with st.popover("Molecules it learnt from that are most alike"):
            near = studio.ask(made.id, "alike", made.place, made.molecule.smiles)
            frame.table(near.rename(columns={"compound": "molecule"}), empty="It learnt from no molecule with a structure.")


def against(made: Drawn) -> None:
    """Show the same cells with and without the molecule, their difference, and how far each stain moves."""
    with st.spinner("Drawing the same cells without it …"):
        control = _untreated(made)
    if control is None:
        frame.empty(NO_CONTROL, "Train a model with images of DMSO wells to compare with them.")
        return
    treated = made.result.images[0]
    look, shown = made.look, slice(0, min(ROW, len(treated)))
    names = made.card["channels"]
    moved = stain_shifts(treated, control, names)
    strongest = str(moved.loc[moved["shift"].abs().idxmax(), "stain"])
    picture, numbers = st.columns([3, 2], gap="large")
    with picture:
        stain = st.selectbox("Difference in", names, index=list(names).index(strongest), key=state.slot("molimage", "difference"))
        channel = list(names).index(stain)
        st.image(cells.strip([treated[shown]], look, ROW), caption=f"With {made.name}", width="stretch")
        st.image(cells.strip([control[shown]], look, ROW), caption="The same cells without it", width="stretch")
        apart = cells.differences(treated[shown], control[shown], channel, look)
        st.image(apart, caption=f"{stain}: orange brighter, blue darker with {made.name}", width="stretch")
    with numbers:
        st.plotly_chart(_shifts_chart(moved), alt="How far each stain moves", key="molimage.shifts")
        table = moved.assign(**{name: 100 * moved[name] for name in ("shift", "low", "high")})
        words = {"shift": "shift (%)", "low": "from (%)", "high": "to (%)", "treated": "with it", "control": "without"}
        frame.table(table[["stain", *words]].rename(columns=words), key="molimage.shifttable")
        st.caption(
            f"Mean brightness over {len(treated)} pairs of fields of the same cells; 95 % intervals over the pairs. They say how sure the "
            "drawing is, not how right the model is."
        )


def dose_and_mix(made: Drawn) -> None:
    """Show the same cells along doses, and on the way to another molecule."""
    size, look = made.smaller(STEP_PX)
    n, temperature, seed, _ = made.noise(size)
    doses = [dose for dose in DOSES_UM if dose or made.card["control"]]
    st.markdown("**More and more of it**")
    with st.spinner("Drawing the cells at each dose …"):
        images = studio.ask(made.id, "dose_series", made.place, made.molecule.smiles, tuple(doses), n, temperature, seed, size)
    levels = ["untreated" if not dose else f"{dose:g} µM" for dose in doses]
    _columns(images, look, levels)
    st.plotly_chart(_dose_chart(images, made.card["channels"], levels), alt="Mean brightness of each stain by dose", key="molimage.doses")
    st.markdown("**On the way to another molecule**")
    other = st.selectbox(
        "Second molecule", molecule.names(), index=molecule.names().index("doxorubicin"), key=state.slot("molimage", "second"),
        accept_new_options=True, filter_mode="contains", persist_state="session",
    )  # fmt: skip
    second = molecule.read(other or "")
    dose = float(made.settings["dose_um"])
    ends = (made.molecule.smiles, dose), (second.smiles, dose)
    with st.spinner("Drawing the way …"):
        between = studio.ask(made.id, "blend", made.place, *ends, STEPS, 2, temperature, seed, size)
    shares = [made.name, *(f"{100 * k / (STEPS - 1):.0f} %" for k in range(1, STEPS - 1)), second.name or second.smiles]
    _columns(between, look, [frame.escape(share[:24]) for share in shares])
    st.caption("What the model knows of the two molecules is mixed step by step; the cells stay the same.")


def changes(made: Drawn) -> None:
    """Show what a biologist would measure: how large each change is against untreated cells, with its interval."""
    if not made.card["control"]:
        frame.empty(NO_CONTROL, "Train a model with images of DMSO wells to compare with them.")
        return
    size, _ = made.smaller(MEASURED_PX)
    n, temperature, seed, _ = made.noise(size, MEASURED)
    with st.spinner("Measuring cells …"):
        table = studio.ask(
            made.id, "changes", made.place, made.molecule.smiles, float(made.settings["dose_um"]), n, temperature, seed, size
        )
    known = table.dropna(subset=["cohen_d"])
    known = known.assign(feature=[feature_words(str(name)) for name in known["feature"]])
    known = known.iloc[np.argsort(-known["cohen_d"].abs().to_numpy(), kind="stable")].reset_index(drop=True)
    sure = known[(known["d_low"] > 0) | (known["d_high"] < 0)]
    st.markdown(
        f"**{len(sure)} of {len(known)} features move by more than chance** "
        f"in {n} fields with {frame.escape(made.name)} against {n} without."
    )
    chart, numbers = st.columns([4, 5], gap="medium")
    with chart:
        st.plotly_chart(_effects_chart(known.head(BARS)), alt="Effect sizes of the features that move most", key="molimage.effects")
    with numbers:
        shown = known.rename(columns={"cohen_d": "effect (SD)", "d_low": "from", "d_high": "to", "mean": "with it", "control": "without"})
        frame.table(shown[["feature", "effect (SD)", "from", "to", "with it", "without"]], key="molimage.effecttable", height=520)
    st.caption(
        f"Nuclei and cells are found in each field of {size} px; the effect is the difference in standard deviations between fields "
        "(Cohen's d) with its 95 % interval. With many features some move by chance."
    )


def atoms(made: Drawn) -> None:
    """Show which atoms of the molecule move which stain."""
    names = list(made.card["channels"])
    dose, seed = float(made.settings["dose_um"]), int(made.settings["seed"])
    with st.spinner("Drawing the cells without each atom …"):
        found = studio.atoms(made.id, made.place, made.molecule.smiles, dose, seed)
    reach = np.abs(found.weights).sum(axis=0)
    stain = st.pills("Stain", names, default=names[int(reach.argmax())], required=True, key=state.slot("molimage", "atomstain"), wrap=True)
    weights = found.of(str(stain))
    picture, numbers = st.columns([3, 2], gap="large")
    with picture:
        st.image(
            molecule.picture(made.molecule.smiles, weights=weights.tolist(), width_px=560, height_px=400), width="stretch",
            alt=f"Atoms of {made.name} coloured by what they do to {stain}",
        )  # fmt: skip
        st.caption(
            f"Orange atoms make {stain} brighter, blue ones darker; the strongest changes it by {np.abs(weights).max():.1%}. The table "
            "counts the atoms along the SMILES above."
        )
    with numbers:
        table = pd.DataFrame({
            "atom": [f"{symbol} {number}" for number, symbol in enumerate(_symbols(made.molecule.smiles), 1)],
            "change (%)": 100 * weights, "± (%)": 100 * found.errors[:, names.index(str(stain))],
        })  # fmt: skip
        frame.table(table.iloc[np.argsort(-np.abs(weights), kind="stable")].reset_index(drop=True), key="molimage.atomtable", height=400)
    words = "Each atom in turn is hidden from the model, and the same cells are drawn again. This is what the model reads in the structure"
    seen = " (not what it measured on this molecule's images)" if bool(made.result.table["measured"].iloc[0]) else ""
    st.caption(f"{words}{seen}; it need not be what the molecule does.")


def provenance(made: Drawn) -> None:
    """Show the model's card, and offer the images with what is known of them, and the Python behind them."""
    facts = made.card["facts"]
    images, told = made.result.images[0], made.result.told()
    st.markdown("**The images as files**")
    depth = st.segmented_control("Bits", [8, 16], default=8, required=True, key=state.slot("molimage", "bits"))
    bits: Any = 8 if depth == 8 else 16
    names = tuple(made.card["channels"])
    with st.container(horizontal=True):
        sheet = cells.sheet(images, made.look, 2 if len(images) == ROW else ROW)
        st.download_button("Sheet (PNG)", to_png(sheet, told), f"{made.label}.png", "image/png", on_click="ignore")
        st.download_button(
            "Channels (OME-TIFF)", lambda: to_ome_tiff(images, names, told["pixel_um"], told, bits), f"{made.label}.ome.tif", "image/tiff",
            on_click="ignore",
        )  # fmt: skip
        st.download_button("Arrays (npz)", lambda: to_npz(images, names, told, bits), f"{made.label}.npz", on_click="ignore")
    st.caption("Every file says that a model drew it, which one, from which molecule, dose and seed.")
    st.markdown("**The model**")
    trained = {str(name): frame.number(float(value)) for name, value in (facts.get("metrics") or {}).items() if np.isscalar(value)}
    rows = {
        "Name": facts["name"], "Id": facts["id"], "Learnt from": f"{facts['data']} ({facts['origin']})",
        "Source": facts.get("source", ""), "Licence": facts.get("licence", "") or "not stated",
        "Images": frame.number(facts.get("images", np.nan)), "Molecules": frame.number(facts.get("compounds", np.nan)),
        "Stains": ", ".join(names), "Sizes (px)": ", ".join(map(str, made.card["sizes"])),
        "Seed of the training": str(facts.get("seed", "")),
        **{f"bits/dim, {name}": value for name, value in trained.items()},
    }  # fmt: skip
    frame.table(
        pd.DataFrame({"fact": list(rows), "value": [str(value) for value in rows.values()]}), key="molimage.facts", height="content"
    )
    frame.export(made.result, made.data)


def find(made: Drawn) -> None:
    """Rank molecules by how well they explain an image; see `pages.parts.reverse`."""
    from pages.parts import reverse

    reverse.show(made)


def feature_words(name: str) -> str:
    """Turn the name of a feature into words: ``nucleus_area_um2`` -> ``Nucleus area (µm²)``."""
    words = " ".join(WORDS.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


def _untreated(made: Drawn) -> "np.ndarray[Any, np.dtype[np.uint8]] | None":
    """Return untreated images with the same noise."""
    if not made.card["control"]:
        return None
    what, dose = made.card["control"]
    found: np.ndarray[Any, np.dtype[np.uint8]] = studio.ask(made.id, "drawn", made.place, what, dose, *made.noise())
    return found


def _columns(images: Any, look: cells.Look, captions: list[str]) -> None:
    """Show a stack (steps, n, C, S, S) as a picture with a column for each step and two rows of cells."""
    rows = min(2, images.shape[1])
    st.image(cells.sheet(np.concatenate([images[:, row] for row in range(rows)]), look, len(images)), width="stretch")
    for place, caption in zip(st.columns(len(captions), gap="xxsmall"), captions, strict=True):
        place.caption(caption, text_alignment="center")


def _symbols(smiles: str) -> list[str]:
    from engine.molimage.fingerprint import read

    return [str(atom.GetSymbol()) for atom in read(smiles).GetAtoms()]


def _shifts_chart(moved: pd.DataFrame) -> Any:
    figure = charts.blank("change of the mean brightness", "")
    error = {"type": "data", "symmetric": False, "array": moved["high"] - moved["shift"], "arrayminus": moved["shift"] - moved["low"]}
    colours = ["#c65102" if shift > 0 else "#0068b5" for shift in moved["shift"]]
    figure.add_bar(
        y=moved["stain"], x=moved["shift"], error_x=error, orientation="h", marker_color=colours,
        hovertemplate="%{y}: %{x:+.1%}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(tickformat="+.0%", zeroline=True)
    return figure.update_yaxes(autorange="reversed")


def _dose_chart(images: Any, channels: Any, levels: list[str]) -> Any:
    figure = charts.blank("", "mean brightness (share of full scale)")
    means = images.mean(axis=(1, 3, 4), dtype=np.float64) / 255
    for k, channel in enumerate(channels):
        figure.add_scatter(
            x=levels, y=means[:, k], mode="lines+markers", name=channel, marker={"symbol": charts.SIGNS[k % len(charts.SIGNS)]}
        )
    figure.update_yaxes(rangemode="tozero")
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})


def _effects_chart(known: pd.DataFrame) -> Any:
    figure = charts.blank("effect (SD between fields)", "")
    error = {
        "type": "data", "symmetric": False, "array": known["d_high"] - known["cohen_d"], "arrayminus": known["cohen_d"] - known["d_low"],
    }  # fmt: skip
    colours = ["#c65102" if value > 0 else "#0068b5" for value in known["cohen_d"]]
    figure.add_bar(
        y=known["feature"], x=known["cohen_d"], error_x=error, orientation="h", marker_color=colours,
        hovertemplate="%{y}: %{x:+.2f} SD<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(height=520)
