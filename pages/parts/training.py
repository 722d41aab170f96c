"""The view that trains: images, settings with the time they take, a live curve, and a model to use or to take home."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import pandas as pd
import streamlit as st

from engine import catalogue, jobs
from engine.core import ImageSet, Params, UserError, specs
from engine.molimage.pace import TIMED_IMAGES, training_s
from engine.molimage.train import TrainParams, TrainResult
from pages.parts import bring_images, charts, frame, pick, run, state, studio

METHOD = "molimage_train"
PREFIX = "train."
START_PX = 64
LOOK_EVERY_S = 1.0
SURE = 0.03  # share of a run after which its pace says when it ends
WORDS = {"train": "trained on", "val": "held out (val)", "test": "held out (test)"}
LEVELS = "One line for each image size: the smallest is learnt first, then the details of each doubling. A line that has flattened is done."
GOOD = (
    "Bits per value say how well the model foresees an image that it is shown: lower is better, 8 is guessing. Held-out images much above "
    "those trained on mean that it has learnt these by heart: use more images, or fewer steps."
)


def view() -> None:
    """Draw the whole view."""
    _adopt()
    images = bring_images.choose()
    if images is None:
        frame.empty(
            "There are no images yet.",
            "From images of treated cells a model learns how cells look under a molecule. Simulate some above to try it, or bring yours.",
        )
        _bring_model()
        return
    bring_images.about(images)
    method = catalogue.find(METHOD)
    params = _settings(images)
    if params is None:
        return
    button, told = st.columns([1, 2], vertical_alignment="center")
    with told:
        _estimate(images, params)
    result = run.panel(method, images, params, "Train", button, early=_live)
    if isinstance(result, TrainResult):
        _show(result, images)
    _bring_model()


def _adopt() -> None:
    """Take images and settings from the run in the address, once."""
    key = state.link("job")
    job = jobs.shared().get(key) if key and state.kept(run.ADOPTED, "") != key else None
    if job is not None and job.method == METHOD:
        st.session_state[bring_images.CHOSEN] = job.dataset
        st.session_state.update({f"{PREFIX}{name}": value for name, value in job.params.items() if name != "device"})


def _settings(images: ImageSet) -> Params | None:
    """Draw the form; None where the images are too small for what was asked."""
    sizes = {f.name: f for f in specs(TrainParams)}["size"].choices
    edge = min(images.images.shape[2:])
    fitting = [int(size) for size in sizes if int(size) <= edge]
    for f in specs(TrainParams):  # the address belongs to the view that draws
        st.session_state.setdefault(f"{PREFIX}{f.name}", min(START_PX, max(fitting, default=START_PX)) if f.name == "size" else f.default)
    params = pick.form(TrainParams, PREFIX, {"device": "cpu"})
    if params.to_dict()["size"] > edge:
        smaller = f"Choose {max(fitting)} px or less." if fitting else "Bring larger images."
        frame.error(UserError(f"The images are {edge} px, smaller than the {params.to_dict()['size']} px asked for.", smaller))
        return None
    return params


def _estimate(images: ImageSet, params: Params) -> None:
    """Say how long the training will take, once the helper has timed a step of each level."""
    asked = params.to_dict()
    timed = ("size", "steps", "batch", "contrast", "whole")
    told = tuple((name, asked[name]) for name in timed)
    n = int((images.column("split") == "train").sum()) or len(images)
    future = _timing(images.digest, n, told, images)
    if future.done():
        st.caption(_time_words(future))
    else:
        _waiting(future)


@st.fragment(run_every=LOOK_EVERY_S)
def _waiting(future: "Future[float]") -> None:
    """Wait for the time without holding up the page."""
    if future.done():
        st.rerun()
    st.caption("Timing a step on this machine …")


@st.cache_resource(max_entries=32, show_spinner=False)
def _timing(digest: str, n: int, told: tuple[tuple[str, Any], ...], _images: ImageSet) -> "Future[float]":
    params = TrainParams.from_dict(dict(told))
    found: Future[float] = studio.helper().submit(training_s, _images.images[:TIMED_IMAGES].copy(), n, params)
    return found


def _time_words(future: "Future[float]") -> str:
    if future.exception():
        return "How long this takes could not be measured; the run itself says how far it is."
    return f"About **{duration(future.result())}** of one core of this machine. You can pause it, and close the page."


def duration(seconds: float) -> str:
    """Say a time as one would: ``30 minutes``, ``2 hours``."""
    for unit, length in (("hours", 5400.0), ("minutes", 90.0)):
        if seconds >= length:
            return f"{seconds / (3600 if unit == 'hours' else 60):.2g} {unit}"
    return f"{max(10, round(seconds, -1)):.0f} seconds"


def _live(parts: Mapping[str, Any], key: str) -> None:
    """Draw the curves of all levels so far, and say when the run will end and what cancelling does."""
    st.caption("Cancel is a pause: press Train again and the run goes on at the step where it was, to the same model, bit by bit.")
    job = jobs.shared().get(key)
    if job is not None and (left := _left_s(key, job.progress)) is not None:
        st.caption(f"About {duration(left)} to go.")
    so_far = parts.get("curve")
    if isinstance(so_far, pd.DataFrame) and len(so_far):
        alt = "Nats per value of each level over its steps so far"
        st.plotly_chart(curves(so_far), alt=alt, key=f"training.live.{key}")
        st.caption(LEVELS)


def _left_s(key: str, progress: float) -> float | None:
    """Return about how long a run still takes by its pace since it was first looked at; None while that says nothing."""
    now = time.time()
    begun, at = st.session_state.setdefault(f"training.seen.{key}", (now, progress))
    return (now - begun) * (1 - progress) / (progress - at) if progress - at > SURE else None


def curves(curve: pd.DataFrame) -> Any:
    """Draw the loss of each level over its steps.

    Parameters
    ----------
    curve : columns ``size_px``, ``step``, ``nats_per_value``.

    Returns
    -------
    plotly Figure.
    """
    figure = charts.blank("training step", "nats per value (lower is better)")
    for size, part in curve.groupby("size_px"):
        figure.add_scatter(
            x=part["step"], y=part["nats_per_value"], mode="lines+markers" if len(part) == 1 else "lines", name=f"{size} px",
            hovertemplate=f"{size} px, step %{{x:,}}: %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})


def _show(result: TrainResult, images: ImageSet) -> None:
    """Show how well the model has learnt, and let it be used and taken home."""
    facts, made = result.facts, result.provenance
    key = jobs.key_of(catalogue.find(METHOD), TrainParams.from_dict(dict(made.params)), images.digest) if made else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(bring_images.badge(facts["origin"], facts["data"]), width="content")
        st.button("Use this model", type="primary", icon=":material/brush:", key="training.use", on_click=use, args=(key,))
        data, name = result.model.tobytes(), f"{result.digest[:8]}.safetensors"
        st.download_button("Model (safetensors)", data, f"cells-{name}", "application/octet-stream", on_click="ignore")
        st.download_button("Model card (JSON)", card(facts), f"cells-{name}.json", "application/json", on_click="ignore")
    learnt, course = st.columns([2, 3], gap="large")
    with learnt:
        scores = result.scores.assign(images=[WORDS.get(label, label) for label in result.scores["images"]])
        frame.table(scores.rename(columns={"n": "images looked at", "bits_per_dim": "bits per value"}), decimals={"bits per value": 3})
        st.caption(GOOD)
    with course:
        st.plotly_chart(curves(result.curve), alt="Nats per value of each level over its steps", key="training.curve")
        st.caption(LEVELS)
    for words in made.warnings if made else ():
        st.caption(f":material/warning: {frame.escape(words)}")
    frame.export(result, images)


def card(facts: Mapping[str, Any]) -> str:
    """Return what a model says of itself, as JSON text."""
    return json.dumps(dict(facts), indent=1, ensure_ascii=False, default=str)


def use(model: str) -> None:
    """Let the view that draws use a model."""
    st.session_state["molimage.model"] = model
    st.session_state["molimage.view"] = "Draw"
    state.set_link({"model": model, "job": None})


def _bring_model() -> None:
    """Take a model file that was trained elsewhere."""
    with st.expander("Open a model file", icon=":material/upload_file:"):
        upload = st.file_uploader("Model file (.safetensors)", ["safetensors"], key="training.file")
        st.caption(
            "A file that was downloaded here, on this or another machine. Other kinds, such as .pth, can run code and are not opened."
        )
        if upload is None:
            return
        try:
            model = studio.bring(upload.getvalue(), upload.name)
        except UserError as problem:
            frame.error(problem)
            return
        st.markdown(bring_images.badge(str(model["origin"]), str(model["data"])))
        st.button("Draw with it", type="primary", icon=":material/brush:", key="training.usefile", on_click=use, args=(model["id"],))
