"""Run several methods on one table, follow them in one place, and hand their graphs over for comparison."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine import catalogue, jobs
from engine.core import Dataset, Method, Params
from pages.parts import agreement, frame, pick, run, state

CHOSEN, OPEN, WAITING, BESIDE = "together.chosen", "together.open", "together.waiting", "together.beside"
USUAL = ("grasp", "ges", "pc", "fci", "utigsp")  # one or two of each kind
SHORT = {
    "grasp": "GRaSP", "boss": "BOSS", "ges": "GES", "pc": "PC", "gsp": "GSP", "igsp": "IGSP", "utigsp": "UT-IGSP",
    "fci": "FCI", "rfci": "RFCI", "fci_plus": "FCI+", "bfci": "BFCI", "gspo": "GSPo",
}  # fmt: skip
ALONE = ("bootstrap",)  # settings that are of no use for a comparison


@dataclass(frozen=True)
class Member:
    """One of the methods that run together, with the settings it runs with."""

    method: Method
    params: Params
    key: str

    @property
    def name(self) -> str:
        """What tables call it."""
        return SHORT.get(self.method.name, self.method.label)

    @property
    def job(self) -> jobs.Job | None:
        """Its run as it stands, None when it was never asked for."""
        return jobs.shared().get(self.key)

    @property
    def is_waiting(self) -> bool:
        """Whether it was asked for and not yet handed in."""
        return self.key in state.kept(WAITING, [])


def panel(method: Method, dataset: Dataset, picker: Any, back: Any) -> bool:
    """Let the user run several methods at once; return whether the page shows those instead of a single one.

    The address names the methods. Each runs with its standard settings and with what the address changes of them, as it would when chosen
    alone, so the same address finds the same runs.

    Parameters
    ----------
    method : the single method that the page has chosen; another choice leads back to it.
    picker, back : places of the button that opens the choice, and of the one that leads back to a single method.
    """
    fitting = {m.name: _member(m, dataset) for m in catalogue.in_area(method.area) if m.needs != "interventional" or dataset.regimes}
    if state.kept(BESIDE, method.name) != method.name:
        _one()
    state.keep(BESIDE, method.name)
    named = [name for name in state.link("together").split(",") if name]
    asked = [fitting[name] for name in fitting if name in named]
    with picker:
        _choice(fitting, asked)
    if not named:
        return False
    back.button("One method", icon=":material/arrow_back:", width="stretch", on_click=_one, help=f"Back to {method.label} alone.")
    state.set_link({"job": None})
    left_out = [SHORT.get(name, name) for name in named if name not in fitting]
    if left_out:
        st.caption(f":material/info: Left out, since this table is not what they work on: {frame.escape(', '.join(left_out))}.")
    _hand_in(asked, dataset)
    _status(asked, dataset)
    results = {member.name: member.key for member in asked if member.job and member.job.state == "done"}
    if len(results) > 1:
        agreement.show(results)
    elif _over(asked) == {member.key for member in asked}:
        frame.empty("There is nothing to compare.", "Two finished runs are needed: run one again, or choose other methods.")
    return True


def _one() -> None:
    state.set_link({"together": None})


def _member(method: Method, dataset: Dataset) -> Member:
    params = pick.from_address(method.params, *ALONE)
    return Member(method, params, jobs.key_of(method, params, dataset.digest))


def _choice(fitting: Mapping[str, Member], asked: Sequence[Member]) -> None:
    """Draw the button behind which the methods are chosen."""
    first = state.kept(CHOSEN, [member.method.name for member in asked] or list(USUAL))
    state.keep(CHOSEN, [name for name in first if name in fitting])
    label = f"{len(asked)} methods" if asked else "Several methods"
    with st.popover(label, icon=":material/stacks:", key=OPEN, on_change="rerun"):  # a state of its own, so that the click on Run closes it
        names = {name: member.method.label for name, member in fitting.items()}
        chosen = st.multiselect("Methods to run on this table", list(names), format_func=names.__getitem__, key=CHOSEN)
        st.caption("Each runs with its standard settings and with what you changed on this page. Then see where their graphs agree.")
        st.button(
            "Run these", type="primary", icon=":material/play_arrow:", disabled=len(chosen) < 2, key="together.run",
            help="Choose at least two." if len(chosen) < 2 else None, on_click=_ask, args=([fitting[name] for name in chosen],),
        )  # fmt: skip


def _ask(members: Sequence[Member]) -> None:
    """Name the methods in the address and ask for those that have no result."""
    state.set_link({"together": ",".join(member.method.name for member in members), "job": None})
    state.keep(OPEN, False)
    _want(members)


def _want(members: Sequence[Member]) -> None:
    state.keep(WAITING, [*state.kept(WAITING, []), *(member.key for member in members)])


def _hand_in(members: Sequence[Member], dataset: Dataset) -> None:
    """Hand in the runs that were asked for, no more at a time than one visitor may have."""
    runner, visitor = jobs.shared(), state.visitor()
    waiting = [member for member in members if member.is_waiting]
    room = runner.limits.live_per_owner - sum(job.is_live and job.owner == visitor for job in runner.all())
    for member in list(waiting):
        job = member.job
        known = job is not None and (job.is_live or job.state == "done")
        if not known and room <= 0:
            continue
        waiting.remove(member)
        if not known:
            room -= 1
            run.submit(member.method, dataset, member.params)
    state.keep(WAITING, [member.key for member in waiting])


def _over(members: Sequence[Member]) -> set[str]:
    """Return the keys of the runs that have ended and will not start again by themselves."""
    return {member.key for member in members if not member.is_waiting and (job := member.job) and not job.is_live}


def _status(members: Sequence[Member], dataset: Dataset) -> None:
    """Show how the runs stand: bars while some are under way, then one line; what went wrong with any of them in words."""
    found = [(member, member.job) for member in members]
    if any(member.is_waiting or (job and job.is_live) for member, job in found):
        _watch(members, dataset, _over(members))
    else:
        _settings({member.name: run.settings(job) for member, job in found if job and job.state == "done"})
    missing = [member for member, job in found if job is None and not member.is_waiting]
    for member, job in found:
        if job and job.state in ("failed", "cancelled") and not member.is_waiting:
            _ended(member, job)
    if missing:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            names = ", ".join(member.name for member in missing)
            st.markdown(f"Not run yet on this table with these settings: **{frame.escape(names)}**")
            st.button("Run what is missing", type="primary", icon=":material/play_arrow:", on_click=_want, args=(missing,))


def _settings(used: Mapping[str, str]) -> None:
    """Say in one line with which settings each method ran."""
    alike = len(set(used.values())) == 1
    words = f"{', '.join(used)}: {next(iter(used.values()))}" if alike else " · ".join(f"{name}: {text}" for name, text in used.items())
    if used:
        st.caption(f"{frame.escape(words)}. What you change above goes for every method that has the setting.")


@st.fragment(run_every=run.POLL_S)
def _watch(members: Sequence[Member], dataset: Dataset, ended: set[str]) -> None:
    """Show the progress of each run, and redraw the page whenever one ends."""
    _hand_in(members, dataset)
    if ended != _over(members):
        st.rerun()
    for member in members:
        job = member.job
        if member.is_waiting or (job and job.is_live):
            _bar(member, job)
        elif job and job.state == "done":
            st.markdown(f":green[:material/check:] {frame.escape(member.name)} · done in {frame.number(job.seconds or 0, 's')}")
    if any(member.is_waiting for member in members):
        st.caption("Some of these start when others are done: keep this page open, or open its address again and run what is missing.")
    else:
        st.caption("You can close this page: the runs go on, and its address brings them back.")


def _bar(member: Member, job: jobs.Job | None) -> None:
    """Draw the progress of one run and its button to stop it."""
    live = job if job and job.is_live and not member.is_waiting else None
    if live and live.state == "running":
        words = f"{frame.escape(live.note or 'Starting')} · {time.time() - (live.started or live.created):.0f} s"
    else:
        words = "waiting for the others"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(live.progress if live else 0.0, f"**{frame.escape(member.name)}** · {words}")
        if st.button("Cancel", icon=":material/stop:", key=f"together.cancel.{member.key}"):
            state.keep(WAITING, [key for key in state.kept(WAITING, []) if key != member.key])
            jobs.shared().cancel(member.key)
            st.rerun()


def _ended(member: Member, job: jobs.Job) -> None:
    """Say how a run without a result ended; the others are shown all the same."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        words = "was cancelled."
        if job.problem:
            words = f"failed: {frame.escape(job.problem.message)}  \n{frame.escape(job.problem.fix)}"
        st.markdown(f":orange[:material/error:] **{frame.escape(member.name)}** {words}")
        st.button("Run again", icon=":material/replay:", key=f"together.again.{member.key}", on_click=_want, args=([member],))
