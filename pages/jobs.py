"""All runs: what is under way, what is done, what failed and why; open, run again, compare, delete."""

import pandas as pd
import streamlit as st

from engine import jobs
from engine.core import UserError, digest_of
from pages.parts import comparison, frame, run

frame.header("Runs", "Everything that was computed here. Runs go on when the page is closed, and their results can be opened again.")

REFRESH_S = 1.0
KEPT = "The oldest runs are removed once there are very many. This one then stays."
STATES = {"queued": "waiting", "running": "running", "done": "done", "failed": "failed", "cancelled": "cancelled"}


def rows(found: list[jobs.Job]) -> pd.DataFrame:
    """Return the table of runs, newest first."""
    return pd.DataFrame(
        {
            "state": [STATES[job.state] for job in found],
            "method": [run.named(job) for job in found],
            "data": [job.dataset_name for job in found],
            "settings": [run.settings(job) for job in found],
            "started": pd.to_datetime([job.created for job in found], unit="s", utc=True),
            "took": [job.seconds for job in found],
            "note": [job.error.replace("\n", " ") or job.note for job in found],
        }
    )


@st.fragment(run_every=REFRESH_S)
def watch(live: list[str]) -> None:
    """Redraw the page once when a run under way ends."""
    found = [jobs.shared().get(key) for key in live]
    if any(job is None or not job.is_live for job in found):
        st.rerun()
    for job in found:
        if job:
            st.progress(
                job.progress, f"{run.named(job)} on {frame.escape(job.dataset_name)}: {frame.escape(job.note or STATES[job.state])}"
            )


def again(job: jobs.Job) -> None:
    """Run a job once more, or say why that cannot be."""
    try:
        jobs.shared().retry(job.key)
    except UserError as problem:
        frame.error(problem)
    else:
        st.rerun()


runner = jobs.shared()
found = runner.all()
if not found:
    frame.empty("No runs yet. Open Causal discovery and press Learn the graph.")
    st.stop()

live = [job.key for job in found if job.is_live]
if live:
    watch(live)

# a tick belongs to a run, not to a row: another list of runs is another table
listed = digest_of([job.key for job in found])[:8]
chosen = st.dataframe(
    rows(found), hide_index=True, key=f"jobs.table.{listed}", on_select="rerun", selection_mode="multi-row",
    column_config={
        "started": st.column_config.DatetimeColumn(format="distance"),
        "took": st.column_config.NumberColumn(format="%.2f s"),
    },
)  # fmt: skip
picked = [found[i] for i in chosen.selection.rows]

if not picked:
    st.caption("Tick a run to open, repeat, cancel or delete it; tick two to compare them.")
elif len(picked) == 1:
    job = picked[0]
    with st.container(horizontal=True):
        if job.state == "done" and st.button("Open", type="primary", icon=":material/open_in_new:"):
            st.switch_page(run.page(job), query_params={"job": job.key})
        if job.is_live and st.button("Cancel", icon=":material/stop:"):
            runner.cancel(job.key)
            st.rerun()
        if job.state in ("failed", "cancelled") and st.button("Run again", icon=":material/replay:"):
            again(job)
        if job.state == "done":
            st.toggle(
                "Never tidy away", job.pinned, help=KEPT, key=f"jobs.pin.{job.key}", on_change=runner.pin, args=(job.key, not job.pinned)
            )
    if job.problem:
        frame.error(job.problem)
    with st.expander("Settings and log"):
        st.json(job.params)
        st.code(runner.log_tail(job.key) or "The log is empty.", language=None)
elif len(picked) == 2 and all(job.state == "done" for job in picked):
    comparison.side_by_side(*(run.opened(job.key) for job in picked))
elif len(picked) == 2:
    st.caption("Only finished runs can be compared.")

if picked and not any(job.is_live for job in picked):
    with st.popover(f"Delete {len(picked)} run{'s' if len(picked) > 1 else ''}", icon=":material/delete:"):
        st.write("The results are removed from this machine. The data stay.")
        if st.button("Delete for good", type="primary"):
            for job in picked:
                runner.delete(job.key)
            st.rerun()
