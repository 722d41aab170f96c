"""Pages without a browser: run through the frame, one state folder for each test."""

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import jobs

SECONDS = 60
MAIN = Path(__file__).parents[2] / "pages" / "main.py"


@pytest.fixture
def open_page(tmp_path, monkeypatch):
    """Open a page by its file name, as a link with these query parameters would; what still runs at the end is stopped."""
    monkeypatch.setenv("CAUSEWAY_VAR", str(tmp_path))
    monkeypatch.setenv("CAUSEWAY_SPARE", "0")  # to warm a process for each test costs more than to start the few that run something
    monkeypatch.setenv("CAUSEWAY_SLOTS", str(os.cpu_count() or 1))  # so each run has one thread: the other cores are for other tests

    def opened(name: str, **link: str) -> AppTest:
        app = AppTest.from_file(MAIN, default_timeout=SECONDS)
        app.switch_page(name)
        app.query_params.update(link)
        return app.run()

    yield opened
    runner = jobs.shared()
    for job in runner.all():
        runner.cancel(job.key)
    runner.close()
