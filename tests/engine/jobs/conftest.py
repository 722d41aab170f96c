"""A runner on a folder of its own, and a small table."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset
from engine.jobs import Job, Limits, Runner
from tests.engine.jobs.toys import METHODS, ToyParams


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUSEWAY_EXTRA_METHODS", METHODS)


@pytest.fixture(scope="session")
def table() -> Dataset:
    values = np.random.default_rng(0).normal(size=(40, 3))
    return Dataset(pd.DataFrame(values, columns=list("ABC")), name="small table")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Runner]]:
    """Make runners on the test's folder: ``desk(slots=2)`` runs jobs, ``desk(active=False)`` only reads and submits."""
    made: list[Runner] = []

    def make(active: bool = True, **limits: float) -> Runner:
        runner = Runner(tmp_path / "var", Limits(**{"slots": 2, "spare": 0, **limits}))
        made.append(runner)
        return runner.start() if active else runner

    yield make
    for runner in made:
        runner.close()
    if made:
        last = Runner(tmp_path / "var", made[0].limits)
        for job in last.all():
            last.delete(job.key)
        last.close()


@pytest.fixture
def submit(table: Dataset) -> Callable[..., Job]:
    def hand_in(runner: Runner, deed: str = "empty", owner: str = "", **params: float) -> Job:
        return runner.submit("toy", table, ToyParams(deed=deed, **params), owner)

    return hand_in
