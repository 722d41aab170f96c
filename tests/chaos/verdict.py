"""Look at everything after the storm and list what is not as it must be."""

import os
import re
import signal
import time
from collections import Counter
from unittest.mock import patch

from engine import api, catalogue
from engine.core import Result
from engine.jobs import Job
from tests.chaos.world import World
from tests.engine.jobs.toys import HASTE

# What a deed says when nobody interferes; a server that was down cannot know an exit code.
OWN_DEATHS = {
    "segfault": ("native code",), "mistake": ("Column B never varies",), "bug": ("not aligned",), "greedy": ("more memory",),
    "exit": ("exit code 17", "while the app was not watching"),
}  # fmt: skip


def settle(world: World, timeout: float = 180.0) -> list[str]:
    """Wait until nothing waits, runs or is ending; return what is still unsettled after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while rows := world.desk.store.unsettled():
        if time.monotonic() > deadline:
            return [f"job {row.key} is still {row.state} (process {row.pid}) after {timeout:.0f} s" for row in rows]
        time.sleep(0.1)
    return []


def violations(world: World) -> list[str]:
    """List every false state, double run, half result and orphan; the servers must be stopped."""
    found = []
    jobs = world.desk.all(100_000)
    audit = [line.split() for line in _lines(world)]
    for job in jobs:
        found += [f"job {job.key} ({job.params['deed']}): {problem}" for problem in _job(world, job, audit)]
    found += [f"run {number} ran twice at the same time" for number, what, *_ in audit if what == "overlap"]
    known = {job.key for job in jobs}
    found += [f"folder {folder.name} belongs to no job" for folder in world.desk.folders.jobs.iterdir() if folder.name not in known]
    deadline = time.monotonic() + 8
    while orphans := list(world.processes()):
        if time.monotonic() > deadline:
            return found + [f"orphan process {process.pid}: {' '.join(process.cmdline())}" for process in orphans]
        time.sleep(0.2)
    return found


def _job(world: World, job: Job, audit: list[list[str]]) -> list[str]:
    folder = world.desk.folders.job(job.key)
    leftovers = [path.name for path in folder.glob("result*") if job.state != "done" or path.name != "result"] if folder.exists() else []
    found = [f"left {name} behind although it is {job.state}" for name in leftovers]
    deed = job.params["deed"]
    if job.state == "done":
        if deed in OWN_DEATHS:
            found.append("is done, but this deed cannot succeed")
        elif world.desk.result(job.key).digest != _expected(world, job).digest:
            found.append("has another result than a plain call")
        stops = [row for row in audit if row[0] == str(job.params["number"]) and row[1] == "stop"]
        if not stops:
            found.append("is done, but the method never came to its end")
    elif job.state == "failed":
        if not job.problem or not job.problem.fix:
            found.append("failed without words")
        if not (_was_hurt(world, job) or any(words in job.error for words in OWN_DEATHS.get(deed, ()))):
            found.append(f"failed though nobody touched it: {job.error!r}")
    elif job.state == "cancelled":
        if job.key not in world.cancelled:
            found.append("is cancelled, but nobody cancelled it last")
    else:
        found.append(f"ended as {job.state}")
    return found


def _was_hurt(world: World, job: Job) -> bool:
    """Whether the process that ran it last was hit by us; a worker writes its number into the log when it begins."""
    said = re.findall(r"process (\d+):", world.desk.log_tail(job.key, 10_000))
    # one that was hit before it could say so can have died of nothing but our signal
    return int(said[-1]) in world.hurt if said else bool(world.hurt)


def _expected(world: World, job: Job) -> Result:
    method = catalogue.find("toy")
    with patch.dict(os.environ, {HASTE: "1"}):
        return api.execute(method, world.data, method.params.from_dict(dict(job.params)))


def _lines(world: World) -> list[str]:
    file = world.audit / "audit.txt"
    return file.read_text().splitlines() if file.exists() else []


def summary(world: World, happened: Counter[str]) -> str:
    """Return the counts of events, states and runs as lines of text."""
    states = Counter(job.state for job in world.desk.all(100_000))
    whats = Counter(line.split()[1] for line in _lines(world))
    lines = [f"{count:5d}  {name}" for name, count in sorted(happened.items(), key=lambda item: -item[1])]
    lines.append(f"{sum(happened.values())} events; jobs: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items())))
    lines.append(f"runs begun {whats['start']}, ended by themselves {whats['stop']}, at the same time {whats['overlap']}")
    if world.browser:
        lines.append(f"pages loaded in the browser: {world.browser.loads}")
    return "\n".join(lines)


def stop_servers(world: World) -> None:
    """End all servers the hard way."""
    while world.servers:
        world.stop_server(0, signal.SIGKILL)
