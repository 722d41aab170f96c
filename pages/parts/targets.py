"""What each condition was meant to change: none, known or unknown targets, in a table to edit."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from engine import jobs
from engine.core import Dataset, UserError, digest_of
from engine.data import with_targets
from pages.parts import frame, pick

KNOWLEDGE = ("nothing (observational)", "known targets", "unknown targets")
Targets = dict[str, tuple[str, ...] | None]


def control(dataset: Dataset) -> None:
    """Draw the button that opens the table of a dataset's conditions, where it has any."""
    if not dataset.regimes:
        return
    unknown = sum(dataset.targets.get(regime) is None for regime in dataset.regimes)
    label = f"Targets ({unknown} unknown)" if unknown else "Targets"
    if st.button(label, icon=":material/ads_click:", help="Say which variables each condition acts on, as far as it is known."):
        editor(dataset)


@st.dialog("What does each condition act on?", width="large")
def editor(dataset: Dataset) -> None:
    """Edit the targets of a dataset; what comes out is a table of its own beside the old one."""
    st.markdown("Methods for interventions compare each condition with the observational one. Unknown targets are found from the data.")
    start = table(dataset)
    edited = edit(start, dataset.columns, f"targets.{digest_of([dataset.digest, dict(dataset.targets)])[:8]}")
    try:
        targets = read(edited)
        changed = with_targets(dataset, targets)
    except UserError as problem:
        frame.error(problem)
        return
    if st.button("Use these", type="primary", icon=":material/check:"):
        if changed.digest != dataset.digest:
            pick.choose("data", jobs.shared().keep(changed))
        st.rerun()


def table(dataset: Dataset) -> pd.DataFrame:
    """Return the conditions of a dataset with what is known of them: ``condition``, ``intervention``, ``targets``."""
    return pd.DataFrame([_row(regime, dataset.targets.get(regime)) for regime in dataset.regimes])


def edit(start: pd.DataFrame, columns: Sequence[str], key: str) -> pd.DataFrame:
    """Draw a table of conditions (``condition``, ``intervention``, ``targets``, and others as they are) and return it as edited."""
    names = ", ".join(columns[:20])
    fixed = [column for column in start if column not in ("condition", "intervention", "targets")] or ["condition"]
    return st.data_editor(
        start, hide_index=True, disabled=fixed, key=key, width="stretch",
        column_config={
            "intervention": st.column_config.SelectboxColumn(options=list(KNOWLEDGE), required=True),
            "targets": st.column_config.TextColumn(help=f"Variables that were changed, with commas between. Columns: {names}"),
        },
    )  # fmt: skip


def read(edited: pd.DataFrame) -> Targets:
    """Read the edited rows: () for observational, names for known targets, None for unknown ones."""
    found: Targets = {}
    for row in edited.itertuples():
        names = tuple(part.strip() for part in str(row.targets or "").split(",") if part.strip())
        meanings: Mapping[str, tuple[str, ...] | None] = dict(zip(KNOWLEDGE, ((), names, None), strict=True))
        found[row.condition] = meanings[row.intervention]
        if row.intervention == KNOWLEDGE[1] and not names:
            raise UserError(
                f"Condition {row.condition} has known targets, but none is named.", "Name them, or choose unknown targets.", row.condition
            )
    return found


def _row(regime: str, goal: tuple[str, ...] | None) -> dict[str, str]:
    known = KNOWLEDGE[2] if goal is None else KNOWLEDGE[1] if goal else KNOWLEDGE[0]
    return {"condition": regime, "intervention": known, "targets": ", ".join(goal or ())}
