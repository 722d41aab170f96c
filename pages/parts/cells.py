"""Images of cells on a page: a sheet of them in colour, one channel or all, with a scale bar, a burnt-in tag, and zoom on click."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from engine.molimage.bring.picture import SIMULATED, burn, composite
from engine.molimage.bring.save import to_png
from pages.parts import frame, state

Images = NDArray[np.uint8]

GAP_PX = 2
SHEET_PX = 720  # a sheet is enlarged by whole factors up to about this edge
LARGEST_PX = 1440  # and averaged down to it
ZOOM_PX = 512
BARS_UM = (5, 10, 20, 50, 100, 200, 500)
BAR_SHARE = 0.35  # of an image's edge that a scale bar may take
BAR_THICK = 80  # an image's edge over the bar's thickness
GREY = "#ffffff"
PAPER, BRIGHTER, DARKER = (245, 245, 245), (198, 81, 2), (0, 104, 181)  # as on drawings of molecules
ALL = "Composite"
STAINS = {
    "DNA": "nuclei", "ER": "endoplasmic reticulum", "RNA": "nucleoli and cytoplasm", "AGP": "actin, Golgi and membrane",
    "Mito": "mitochondria",
}  # fmt: skip
HERE = Path(__file__).parent
STYLE = """
.sheet { position: relative; line-height: 0; max-width: 760px; }
.sheet img { width: 100%; image-rendering: auto; border-radius: 0.4rem; }
.over { position: absolute; inset: 0; display: grid; }
.over button { appearance: none; background: none; border: 0; padding: 0; cursor: zoom-in; }
.over button:hover, .over button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: -2px; border-radius: 4px; }
"""
MARKUP = '<div class="sheet"><img alt=""><div class="over"></div></div>'

_sheet = st.components.v2.component("cell_sheet", html=MARKUP, css=STYLE, js=(HERE / "cells.js").read_text("utf-8"))


@dataclass(frozen=True)
class Look:
    """How images are shown; the same for all pictures of a page, so that they can be compared.

    Parameters
    ----------
    channels : names of all channels.
    shown : those that are laid over each other.
    limits : (black, white) of each channel, share of full scale.
    gamma : below 1 lifts the dark.
    pixel_um : edge of a pixel in µm at the size shown; None when unknown.
    tag : burnt into the corner.
    """

    channels: tuple[str, ...]
    shown: tuple[str, ...]
    limits: tuple[tuple[float, float], ...]
    gamma: float
    pixel_um: float | None
    tag: str

    def colour(self, images: Images) -> Images:
        """Return images (..., C, H, W) as colours (..., H, W, 3); one channel alone is grey."""
        rows = [self.channels.index(name) for name in self.shown]
        colours = [GREY] if len(rows) == 1 else None
        return composite(
            np.take(images, rows, axis=-3), colours, [self.limits[row] for row in rows], self.gamma, [self.channels[row] for row in rows]
        )


def tag_of(facts: Mapping[str, Any]) -> str:
    """Return what is burnt into pictures of a model."""
    return SIMULATED if facts["origin"] == "simulated" else f"model of real data: {facts['data']}"[:48]


def controls(card: Mapping[str, Any], size: int) -> Look:
    """Draw the choice of channels and of contrast, and return how images are to be shown."""
    channels = tuple(card["channels"])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.pills(
            "Stains", [ALL, *channels], default=ALL, required=True, key=state.slot("molimage", "stains"), label_visibility="collapsed",
            wrap=True,
        )  # fmt: skip
        with st.popover("Contrast", icon=":material/contrast:"):
            low, high = st.slider("Black and white (% of the usual range)", 0, 200, (0, 100), key=state.slot("molimage", "limits"))
            gamma = st.slider("Gamma", 0.3, 2.0, 1.0, 0.1, key=state.slot("molimage", "gamma"), help="Below 1 lifts the dark.")
            left = st.multiselect("In the composite", channels, channels, key=state.slot("molimage", "composite"))
            st.caption("The same for all pictures of this page.")
    shown = (tuple(name for name in channels if name in left) or channels) if chosen == ALL else (str(chosen),)
    limits = tuple((white * low / 100, white * max(high, low + 1) / 100) for white in card["white"])
    return Look(channels, shown, limits, gamma, _edge(card, size), tag_of(card["facts"]))


def _edge(card: Mapping[str, Any], size: int) -> float | None:
    edge = card["facts"].get("pixel_um")
    return edge * max(card["sizes"]) / size if edge else None


def sheet(images: Images, look: Look, columns: int = 4, bar: bool = True) -> Images:
    """Lay images (n, C, S, S) out as one coloured picture (H, W, 3) with a scale bar and the tag."""
    made, scale, step = _laid_out(look.colour(images), columns)
    if bar and look.pixel_um:
        _draw_bar(made, look.pixel_um / scale, step - GAP_PX)
    return burn(made, look.tag)


def _laid_out(tiles: Images, columns: int) -> tuple[Images, float, int]:
    """Lay tiles (n, S, S, 3) out in rows; return the picture, by how much a tile was enlarged, and the distance of two tiles in px."""
    n, size = tiles.shape[:2]
    shrink = max(1, columns * size // LARGEST_PX)
    if shrink > 1:
        tiles = tiles.reshape(n, size // shrink, shrink, size // shrink, shrink, 3).mean(axis=(2, 4)).astype(np.uint8)
    enlarge = max(1, SHEET_PX // (columns * tiles.shape[1]))
    tiles = tiles.repeat(enlarge, axis=1).repeat(enlarge, axis=2)
    step, rows = tiles.shape[1] + GAP_PX, -(-n // columns)
    made = np.full((rows * step - GAP_PX, columns * step - GAP_PX, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * step, number % columns * step
        made[top : top + step - GAP_PX, left : left + step - GAP_PX] = tile
    return made, enlarge / shrink, step


def bar_um(edge_um: float) -> float:
    """Return the length of the scale bar of an image whose edge is so many µm."""
    return float(max((length for length in BARS_UM if length <= BAR_SHARE * edge_um), default=edge_um / 4))


def _draw_bar(picture: Images, pixel_um: float, edge_px: int) -> None:
    """Draw a white bar on black into the bottom right corner."""
    long = max(2, round(bar_um(pixel_um * edge_px) / pixel_um))
    thick = max(3, edge_px // BAR_THICK)
    height, width = picture.shape[:2]
    picture[height - 4 * thick : height - thick, width - long - 2 * thick :] = 0
    picture[height - 3 * thick : height - 2 * thick, width - long - thick : width - thick] = 255


def show(images: Images, look: Look, words: str, key: str, columns: int = 4) -> int | None:
    """Show a sheet and return the number of the image that was just clicked."""
    picture = sheet(images, look, columns)
    rows = -(-len(images) // columns)
    names = [f"Enlarge image {number + 1}" for number in range(len(images))]
    data = {"picture": uri(picture), "alt": words, "columns": columns, "rows": rows, "names": names}
    told = _sheet(key=key, data=data, on_chosen_change=lambda: None)
    chosen = told.get("chosen") if told else None
    return int(chosen) if chosen is not None and 0 <= int(chosen) < len(images) else None


def scale_words(look: Look, size: int) -> str:
    """Say how long the scale bar is; empty when the pixel is unknown."""
    return f"Scale bar {bar_um(look.pixel_um * size):g} µm. " if look.pixel_um else ""


def stain_words(channels: Sequence[str]) -> str:
    """Say what the stains of Cell Painting show; empty for any others."""
    told = [f"{name} {STAINS[name]}" for name in channels if name in STAINS]
    return f"Stains: {'; '.join(told)}." if len(told) == len(channels) else ""


def uri(picture: Images) -> str:
    """Return a picture as the address of its own content."""
    return f"data:image/png;base64,{base64.b64encode(to_png(picture)).decode()}"


@st.dialog("One image", width="large", icon=":material/zoom_in:")
def zoom(image: Images, look: Look, words: str, name: str, facts: Mapping[str, Any]) -> None:
    """Show one image (C, S, S) large, in colour and channel by channel, and offer it as a file."""
    whole = sheet(image[None], look, 1)
    large, channels = st.columns([3, 2])
    large.image(_enlarged(whole, ZOOM_PX), caption=words, width="stretch")
    with channels:
        for first in range(0, len(look.channels), 2):
            for place, channel in zip(st.columns(2), look.channels[first : first + 2], strict=False):
                place.image(sheet(image[None], replace(look, shown=(channel,)), 1), caption=channel, width="stretch")
    st.download_button("PNG", to_png(whole, facts), f"{name}.png", "image/png", on_click="ignore", icon=":material/download:")
    st.caption(frame.escape(f"{image.shape[-1]} × {image.shape[-1]} px. The file says where the picture comes from."))


def _enlarged(picture: Images, least_px: int) -> Images:
    factor = max(1, least_px // picture.shape[0])
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def differences(first: Images, second: Images, channel: int, look: Look) -> Images:
    """Return pictures of first - second (n, C, S, S) in one channel side by side: orange where the first is brighter, blue where darker."""
    apart = (first[:, channel].astype(np.float32) - second[:, channel]) / 255
    low, high = look.limits[channel]
    strength = np.clip(apart / max(high - low, 1e-3), -1, 1)[..., None]
    paper, more, less = (np.array(colour, np.float32) for colour in (PAPER, BRIGHTER, DARKER))
    tiles = paper + np.abs(strength) * (np.where(strength > 0, more, less) - paper)
    return burn(_laid_out(np.rint(tiles).astype(np.uint8), len(tiles))[0], look.tag)


def resized(look: Look, factor: float) -> Look:
    """Return the same look for images whose pixels are so many times as large."""
    return replace(look, pixel_um=look.pixel_um * factor if look.pixel_um else None)


def strip(stacks: Sequence[Images], look: Look, columns: int) -> Images:
    """Lay several stacks (n, C, S, S) out under each other, one row or more each, as one picture."""
    return sheet(np.concatenate(list(stacks)), look, columns)
