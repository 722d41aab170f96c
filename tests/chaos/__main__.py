"""``python -m tests.chaos --events 200 --seed 0``: prints what happened and what is wrong; status 1 when anything is."""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from unittest.mock import patch

from engine.jobs.folders import root
from tests.chaos.browser import has_browser
from tests.chaos.events import Events
from tests.chaos.verdict import settle, stop_servers, summary, violations
from tests.chaos.world import PLAIN, REAL, World
from tests.engine.jobs.toys import METHODS


def storm(base: Path, events: int, seed: int, command: str, with_browser: bool) -> tuple[list[str], str]:
    """Let ``events`` random events happen; return the violations and a summary."""
    with patch.dict(os.environ, {"CAUSEWAY_EXTRA_METHODS": METHODS}):
        return _storm(base, events, seed, command, with_browser)


def _storm(base: Path, events: int, seed: int, command: str, with_browser: bool) -> tuple[list[str], str]:
    world = World(base, command, with_browser)
    happened: Counter[str] = Counter()
    try:
        world.start_server()
        chooser = Events(world, seed)
        for _ in range(events):
            happened[chooser.one()] += 1
        found = settle(world)
        stop_servers(world)
        found += violations(world)
        return found, summary(world, happened)
    finally:
        world.close()


def main() -> int:
    """Read the options, let the storm pass, and say how it ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server", default=REAL if (root() / "app.py").exists() else PLAIN, help="command; {port} is filled in")
    parser.add_argument("--plain", action="store_true", help="a small server that only owns the runner, no browser")
    parser.add_argument("--no-browser", action="store_true")
    given = parser.parse_args()
    browser = has_browser() and not given.plain and not given.no_browser
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="causeway-chaos-", ignore_cleanup_errors=True) as folder:
        found, said = storm(Path(folder), given.events, given.seed, PLAIN if given.plain else given.server, browser)
    sys.stdout.write(f"{said}\nseed {given.seed}, {time.monotonic() - started:.0f} s, violations: {len(found)}\n")
    sys.stdout.writelines(f"  {line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
