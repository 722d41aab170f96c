"""The tables of a backtest: which prices, what the doctor says of them, which factors, and which estimators can run on them."""

from dataclasses import dataclass

import streamlit as st

from engine.core import Dataset, Method, Params, Tables, UserError, specs
from engine.data import Finding
from engine.portfolio.estimators import ESTIMATORS, Estimator
from engine.portfolio.estimators.eigenvalues import near_square
from engine.portfolio.findings import findings
from engine.portfolio.market import RISKFREE, dated, frequency_for
from engine.portfolio.prices import values_of
from pages.parts import frame, pick, state

KINDS, OWN = ("prices", "returns"), ("samples",)
READ_AS = {"prices": "prices", "returns": "returns", "percent": "returns in percent", "log": "log returns"}
ROWS = {"daily": "days", "weekly": "weeks", "monthly": "months", "quarterly": "quarters", "yearly": "years"}
USUAL = {"daily": (252, 21), "weekly": (104, 4), "monthly": (120, 1), "quarterly": (60, 1)}  # rows estimated on, and rows held
SHOWN = 6  # estimators named in a sentence


@dataclass(frozen=True)
class Reading:
    """How a table is read: what the doctor says, and the frequency, numbers and span where they can be told."""

    found: tuple[Finding, ...]
    frequency: str
    words: str

    @property
    def stops(self) -> tuple[Finding, ...]:
        """What must be mended before anything can run."""
        return tuple(finding for finding in self.found if finding.level == "stop")


def prices() -> Dataset:
    """Let the user choose a table of prices or returns."""
    return pick.dataset(*KINDS, default="stocks", own=OWN)


def factors() -> Dataset | None:
    """Let the user choose a table of factor returns, or none."""
    words = "Returns of the market and other factors on the same dates. Needed for the factor models only."
    return pick.companion("factors", "Factors", *KINDS, own=OWN, help=words)


def together(main: Dataset, added: Dataset | None) -> Dataset | Tables:
    """Return what a run is given: one table, or two by name."""
    if added is None:
        return main
    return Tables({"returns" if main.kind == "returns" else "prices": main, "factors": added})


def about(data: Dataset) -> bool:
    """Say in one line how a table is read, fold away what the doctor warns about, and show what stops; return whether it can be used."""
    read = reading(data)
    worth = [finding for finding in read.found if finding.level != "stop" and finding.code != "span"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(frame.escape(read.words), help=pick.origin(data), width="content")
        st.page_link("data.py", label="Upload or inspect", icon=":material/upload_file:")
        if worth and not read.stops:
            pick.worth_knowing(data, worth)
    if read.stops:
        pick.findings(data, read.stops)
    return not read.stops


def reading(data: Dataset) -> Reading:
    """Return how a table is read; each is examined once."""
    return _reading(data.digest, data)


@st.cache_resource(max_entries=32, show_spinner="Looking at the table …")
def _reading(digest: str, _data: Dataset) -> Reading:
    found = tuple(findings(_data))
    size = f"{_data.n_samples:,} rows, {_data.p:,} columns"
    try:
        ordered, _ = dated(_data)
        frequency = frequency_for(ordered, None)
        values, _ = values_of(ordered, frequency.periods_per_year)
    except UserError:  # the doctor has said so
        return Reading(found, "", size)
    dates = ordered.frame.index
    rows = f"{len(dates):,} {ROWS.get(frequency.name, 'rows')}"
    words = f"{rows}, {_data.p:,} assets, {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}, read as {READ_AS[values]}"
    return Reading(found, frequency.name, words)


def settings(method: Method, data: Dataset, added: Dataset | None) -> Params:
    """Build the form of the backtest: the estimators that can run on these tables, and the rest of the settings."""
    pick.prepare(method)
    _fit_to_frequency(method, reading(data).frequency)
    chosen = _estimators(method, data, added)
    return pick.settings(method, {"estimators": chosen}, in_sight=4)


def why_not(estimator: Estimator, n_assets: int, window: int, n_factors: int) -> str:
    """Return why an estimator cannot run on these tables; empty where it can."""
    if estimator.factors > n_factors:
        have = "no table of factors is chosen" if not n_factors else f"the table has {n_factors}"
        return f"needs {estimator.factors} factor{'s' * (estimator.factors > 1)}; {have}"
    least = estimator.rows_at_least(n_assets)
    return f"needs at least {least:,} rows for {n_assets:,} assets; it would have {window:,}" if least > window else ""


def _estimators(method: Method, data: Dataset, added: Dataset | None) -> tuple[str, ...]:
    """Let the user choose among the estimators that can run, and say what each is and why others cannot."""
    window, most = st.session_state["set.window"], st.session_state.get("set.most")
    n_assets = min(data.p, most or data.p)
    n_factors = 0 if added is None else sum(str(name).lower() not in RISKFREE for name in added.columns)
    reasons = {name: why_not(estimator, n_assets, window, n_factors) for name, estimator in ESTIMATORS.items()}
    able = [name for name, reason in reasons.items() if not reason]
    asked = [str(name) for name in st.session_state.get("set.estimators") or ()]
    st.session_state["set.estimators"] = [name for name in asked if name in able]
    labels = {name: estimator.label for name, estimator in ESTIMATORS.items()}
    choice, more = st.columns([8, 2], vertical_alignment="bottom")
    words = "Ways to estimate how much assets move and move together; each leads to a portfolio of its own."
    chosen = choice.multiselect(
        "Estimators", able, format_func=labels.__getitem__, key="set.estimators", help=words, persist_state="session",
        placeholder="Choose at least one", wrap=True,
    )  # fmt: skip
    with more.popover("What they do", icon=":material/info:", width="stretch"):
        for name in ESTIMATORS:
            out = f"  \n:gray[Cannot run here: {frame.escape(reasons[name])}.]" if reasons[name] else ""
            st.markdown(f"**{frame.escape(labels[name])}** {frame.escape(ESTIMATORS[name].about)}{out}")
    _left_out({name: reason for name, reason in reasons.items() if reason and name in asked})
    if "nonlinear" in chosen and near_square(window, n_assets):
        st.caption(f":orange[:material/warning:] {frame.escape(labels['nonlinear'])} is unstable with about as many rows as assets.")
    if not chosen:
        frame.empty("No estimator is chosen.", "Choose at least one above, such as MTP2 and Equal weights to compare it with.")
        st.stop()
    return tuple(chosen)


def _left_out(reasons: dict[str, str]) -> None:
    if reasons:
        told = [f"{ESTIMATORS[name].label} ({reason})" for name, reason in list(reasons.items())[:SHOWN]]
        st.caption(f":orange[:material/warning:] Left out: {frame.escape('; '.join(told))}.")


def _fit_to_frequency(method: Method, frequency: str) -> None:
    """Offer rows that make sense for weeks or months, while the settings are still those for days."""
    standard = {f.name: f.default for f in specs(method.params)}
    own = tuple(st.session_state.get(f"set.{name}") for name in ("window", "hold"))
    if frequency in ("", "daily") or frequency not in USUAL or own != (standard["window"], standard["hold"]):
        return
    window, hold = USUAL[frequency]
    rows = ROWS[frequency]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f":orange[:material/warning:] The rows are {rows}: {own[0]} estimated on and {own[1]} held are very long.", width="content"
        )
        st.button(f"Estimate on {window} {rows}, hold for {hold}", on_click=_set_rows, args=(window, hold))


def _set_rows(window: int, hold: int) -> None:
    for name, value in (("window", window), ("hold", hold)):
        state.keep(f"set.{name}", value)
