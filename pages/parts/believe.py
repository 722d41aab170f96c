"""The view that checks a model: what it draws beside images of cells, in numbers with intervals and in pictures, and what it must beat."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine import catalogue, jobs
from engine.core import ImageSet, Params, UserError, specs
from engine.molimage.ablation import shipped, table
from engine.molimage.agreement import HEADLINE_MOLECULES, LEAST_MOLECULES
from engine.molimage.evaluate import MODEL, NEAREST, ORACLE, OTHER_HALF, SHUFFLED, EvaluateParams, EvaluateResult
from engine.molimage.intervals import Interval
from pages.parts import bring_images, cells, charts, frame, pick, run, state, studio
from pages.parts.cell_views import feature_words

METHOD = "molimage_evaluate"
PREFIX = "check."
MODELS = "believe.model"
LARGEST_PX = 64  # of a contact sheet's tiles
BARS = 24
VARIANTS = {
    MODEL: "this model", SHUFFLED: "molecules shuffled", NEAREST: "nearest molecule", **{name: name for name in OTHER_HALF.values()},
    ORACLE: "fresh simulations",
}  # fmt: skip
ROWS = {
    SHUFFLED: "**Molecules shuffled**: the model's images under the wrong molecules. A model no better than this ignores the molecule.",
    NEAREST: "**Nearest molecule**: images of the training molecule that is most alike. A model has to beat this to be of use.",
    **dict.fromkeys(
        OTHER_HALF.values(),
        "**Other half**: half of the images of the same molecules, set against the other. No model can be expected to do better.",
    ),
    ORACLE: "**Fresh simulations**: the simulator run again on the test molecules, the best that a model could do.",
}
# measure -> what it is called, and what good means
MEASURES = {
    "morphology": ("Morphology follows", "Does each feature rise and fall over molecules as in the images of the set? 1 is always."),
    "morphology_share": ("… share of the best", "The same, beside the best that can be reached. 1 is as good as that."),
    "mechanism": ("Mechanism recognised", "Share of images whose mechanism a judge of the set finds. Near the other half is good."),
    "worst_recall": ("… of the worst mechanism", "The same for the mechanism it does worst. Near 0: one kind of change is never drawn."),
    "correspondence": ("Image and molecule match", "Share of right answers whether they belong together. 0.5 is guessing, 1 perfect."),
    "swd_ratio": ("Texture apart", "Distance from the texture of the set, where the other half is 1. Below 2 is good."),
    "swd_worst_ratio": ("… at the worst scale", "The same at the scale it does worst."),
    "kid": ("Likeness of profiles", "Distance of what is measured on images. 0 is the same; only compare within this table."),
    "morphology_fd": ("Likeness of cells", "Distance of what is measured on cells. 0 is the same; only compare within this table."),
    "diversity": ("Variety", "How much images of one molecule differ, beside those of the set. 1 is right; well below, all look the same."),
    "copied": ("Copied", "Share of images that lie suspiciously near a training image. Near that of the other half is good."),
    "retrieval": ("Molecule found again", "How high the right molecule ranks among all by its images. 1 is always first."),
    "bits_per_dim": ("Bits per value", "How well the model foresees images of the set. Lower is better, 8 is guessing."),
}  # fmt: skip


def view() -> None:
    """Draw the whole view."""
    models = studio.models()
    _adopt(models)
    images = bring_images.choose()
    if images is None:
        frame.empty(
            "There are no images to check a model on.",
            "A model draws cells for molecules that it may not have seen, and these are set beside images of the same molecules. "
            "Simulate some above to try it, or bring yours.",
        )
    else:
        _check(images, models)
    _ablation()


def _adopt(models: dict[str, str]) -> None:
    """Take images, model and settings from the run in the address, once."""
    key = state.link("job")
    job = jobs.shared().get(key) if key and state.kept(run.ADOPTED, "") != key else None
    if job is None or job.method != METHOD:
        return
    st.session_state[bring_images.CHOSEN] = job.dataset
    st.session_state[MODELS] = next((model for model in models if job.params.get("model") == studio.place_of(model)), studio.SHIPPED)
    st.session_state.update({f"{PREFIX}{name}": value for name, value in job.params.items() if name not in ("model", "others")})


def _check(images: ImageSet, models: dict[str, str]) -> None:
    bring_images.about(images)
    if not {"train", "test"} <= set(images.column("split")):
        frame.empty(
            f"{images.name} has no images for training and for testing.",
            "Bring them again under Bring images and set some aside for testing: a model is checked on what it has not seen.",
        )
        return
    if st.session_state.get(MODELS) not in models:
        st.session_state[MODELS] = next(iter(models))
    left, right = st.columns([1, 1], vertical_alignment="bottom")
    model = left.selectbox("Model", list(models), format_func=models.__getitem__, key=MODELS, persist_state="session")
    params = _settings(studio.place_of(str(model)))
    result = run.panel(catalogue.find(METHOD), images, params, "Check this model", right, early=None)
    if isinstance(result, EvaluateResult):
        _show(result, images)


def _settings(place: str) -> Params:
    for f in specs(EvaluateParams):  # the address belongs to the view that draws
        st.session_state.setdefault(f"{PREFIX}{f.name}", f.default)
    return pick.form(EvaluateParams, PREFIX, {"model": place, "others": ()})


def _show(result: EvaluateResult, images: ImageSet) -> None:
    """Show the numbers first, then where they come from."""
    if result.is_headline:
        st.markdown(f"**{frame.escape(headline(result))}**")
    else:
        st.warning(_few(result.molecules), icon=":material/warning:")
    _listed(frame.escape(words) for words in result.notes)
    names = ["Numbers", "Morphology", "Mechanisms", "Pictures", "Export"]
    numbers, features, classes, pictures, export = st.tabs(names)
    with numbers:
        shown = scores(result.scores)
        frame.table(shown, key="believe.scores", height="content")
        st.caption("In brackets 95 % intervals over molecules or images. No measure alone makes a good model.")
        columns, measures = st.columns(2, gap="large")
        with columns:
            _listed(ROWS[str(variant)] for variant in result.scores.index if variant in ROWS)
        with measures:
            _listed(f"**{label}**: {good}" for label, good in MEASURES.values() if label in set(shown["measure"]))
    with features:
        _features(result.by_feature)
    with classes:
        _classes(result.by_class)
    with pictures:
        _pictures(result, images)
    with export:
        frame.export(result, images)


def _listed(sentences: Iterable[str]) -> None:
    """Say things one below the other, close together."""
    st.caption("\n".join(f"- {sentence}" for sentence in sentences))


def _few(molecules: int) -> str:
    """Warn of a comparison over too few molecules."""
    if molecules < LEAST_MOLECULES:
        return "There are too few images to compare how molecules change cells. The other measures say little too: read their intervals."
    return f"{molecules} molecules could be compared. Fewer than {HEADLINE_MOLECULES} say little: read the intervals, not the values."


def headline(result: EvaluateResult) -> str:
    """Say in one sentence how the model does beside the strongest simple rival."""
    model, rival = (_interval(result.scores.loc[name], "morphology") for name in (MODEL, NEAREST))
    if model is None or rival is None:
        return f"{result.molecules} molecules were compared."
    if model.is_above(rival):
        words = "better than the images of the nearest training molecule"
    elif rival.is_above(model):
        words = "worse than simply showing the images of the nearest training molecule"
    else:
        words = "not clearly better or worse than showing the images of the nearest training molecule"
    return f"Over {result.molecules} molecules, morphology follows with a rank correlation of {model}: {words} ({rival})."


def _interval(row: "pd.Series[Any]", name: str) -> Interval | None:
    """Return a measure with its interval; None where it could not be had."""
    if name not in row or not np.isfinite(row[name]):
        return None
    return Interval(float(row[name]), float(row.get(f"{name}_low", np.nan)), float(row.get(f"{name}_high", np.nan)))


def scores(found: pd.DataFrame) -> pd.DataFrame:
    """Return the table to show: a row for each measure that could be had, a column for each variant.

    Parameters
    ----------
    found : of an `EvaluateResult`: a row a variant; measures with ``_low`` and ``_high``.
    """
    rows = []
    for name, (label, _) in MEASURES.items():
        values = {VARIANTS.get(variant, variant): _interval(row, name) for variant, row in found.iterrows()}
        if any(values.values()):
            told = {variant: "–" if value is None else _written(value) for variant, value in values.items()}
            rows.append({"measure": label} | told)
    return pd.DataFrame(rows)


def _written(value: Interval) -> str:
    return f"{value.value:.2g} [{value.low:.2g}, {value.high:.2g}]" if np.isfinite(value.low) else f"{value.value:.3g}"


def _features(by_feature: pd.DataFrame) -> None:
    own = by_feature[by_feature["variant"] == MODEL] if len(by_feature) else by_feature
    if own.empty:
        frame.empty("Morphology could not be compared.", "It takes at least 4 images of each molecule and dose; the notes say more.")
        return
    own = own.iloc[np.argsort(-own["spearman"].to_numpy(), kind="stable")]
    st.plotly_chart(feature_bars(own.head(BARS)), alt="Rank correlation of each feature over molecules", key="believe.features")
    st.caption("Rank correlation over molecules of drawn images and those of the set, with 95 % interval; the line is the best possible.")
    words = {"spearman": "rank correlation", "low": "from", "high": "to", "ceiling": "best possible"}
    shown = own.assign(feature=[feature_words(str(name)) for name in own["feature"]]).drop(columns="variant").rename(columns=words)
    frame.table(shown.reset_index(drop=True), key="believe.featuretable")


def feature_bars(own: pd.DataFrame) -> Any:
    """Draw Spearman's correlation of each feature with its interval, and its ceiling as a line."""
    figure = charts.blank("rank correlation over molecules", "")
    names = [feature_words(str(name)) for name in own["feature"]]
    error = {"type": "data", "symmetric": False, "array": own["high"] - own["spearman"], "arrayminus": own["spearman"] - own["low"]}
    figure.add_bar(y=names, x=own["spearman"], error_x=error, orientation="h", hovertemplate="%{y}: %{x:.2f}<extra></extra>")
    figure.add_scatter(
        y=names, x=own["ceiling"], mode="markers", marker={"symbol": "line-ns-open", "size": 14, "color": charts.NEUTRAL},
        hovertemplate="best possible %{x:.2f}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(range=[min(-0.1, float(own["low"].min())), 1.05])
    figure.update_yaxes(autorange="reversed", tickmode="linear", dtick=1)
    return figure.update_layout(height=120 + 22 * len(own))


def _classes(by_class: pd.DataFrame) -> None:
    """Show how often each mechanism is recognised in drawn images and in those of the set."""
    if by_class.empty:
        frame.empty("No mechanisms are known for these images.", "Give the table a column moa to ask whether each one is recognised.")
        return
    wide = by_class.pivot_table(index="class", columns="variant", values="recall", sort=False)
    kept = [name for name in VARIANTS if name in wide]
    shown = wide[kept].rename(columns=VARIANTS).set_axis(named([str(name) for name in wide.index])).rename_axis("mechanism")
    frame.table(shown.reset_index(), key="believe.classes")
    wrong = by_class[(by_class["variant"] == MODEL) & (by_class["recall"] < 0.5)]
    for row in wrong.itertuples():
        if row.mistaken_for:
            right, taken = named([str(row[1]), str(row.mistaken_for)])
            st.caption(frame.escape(f"{right}: {row.recall:.0%} recognised, most often taken for {taken}."))
    st.caption("Share of images in which a judge that learnt from training images finds the right mechanism. Near the other half is good.")


def _pictures(result: EvaluateResult, images: ImageSet) -> None:
    """Show images of the set and drawn ones of each mechanism side by side."""
    shown = result.pictures
    if not len(shown):
        frame.empty("There are no pictures to show.")
        return
    factor = max(1, shown.shape[-1] // LARGEST_PX)
    tiles = shown[..., ::factor, ::factor]
    look = bring_images.look_of(images, tiles[:, 0].reshape(-1, *tiles.shape[3:]))
    # one row for each class: its images in the set, then the drawn ones
    sheet = cells.sheet(tiles.reshape(-1, *tiles.shape[3:]), look, tiles.shape[1] * tiles.shape[2], bar=False)
    kind = "simulated" if images.origin == "simulated" else "real"
    st.image(sheet, width="stretch", caption=f"Left four {kind}, right four drawn by the model; black where there are fewer")
    st.caption(frame.escape("Rows from the top: " + ", ".join(named(result.classes)) + "."))


def named(classes: Sequence[str]) -> list[str]:
    """Return names of mechanisms as they are said."""
    return [name.replace("_", " ") for name in classes]


def _ablation() -> None:
    """Show what each part of the method is worth, as measured before this copy was made."""
    try:
        record = shipped()
    except UserError:
        return
    data, budget = record["data"], record["budget"]
    st.subheader("What each part is worth", anchor=False)
    st.markdown(bring_images.badge(data["origin"], data["name"]))
    st.markdown(frame.escape(record["contrast"]))
    frame.table(table(record).reset_index(), key="believe.ablation")
    st.caption(
        f"Measured once, with {len(record['seeds'])} seeds; each variant was trained for {budget['steps']:,} steps a level at "
        f"{budget['size']} px. Mean with 95 % interval over the seeds. Nothing is computed for this table here."
    )
    for note in record["notes"]:
        st.caption(frame.escape(note))
