"""What every test may ask for: the public call, the shared data, and a state folder of its own."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
LONG = ("test_journeys.py", "test_public_face.py", "test_train.py")  # a minute or more each

settings.register_profile("causeway", deadline=None, max_examples=60, print_blob=True)
settings.load_profile("causeway")


def pytest_configure(config):
    """Keep every test process away from the user's own jobs and results."""
    config.causeway_var = tempfile.mkdtemp(prefix="causeway-var-")
    os.environ["CAUSEWAY_VAR"] = config.causeway_var


def pytest_unconfigure(config):
    shutil.rmtree(config.causeway_var, ignore_errors=True)


def pytest_collection_modifyitems(items):
    """Let the longest files come first: each is the work of one process, and none must end alone when the others are done."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def run():
    """The public call, ``engine.run``."""
    import engine

    return engine.run


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real files named by CAUSEWAY_DATA, or ``../shared/data``; skips without it unless CAUSEWAY_REQUIRE_DATA=1."""
    folder = Path(os.environ.get("CAUSEWAY_DATA") or ROOT.parent / "shared" / "data")
    if folder.is_dir():
        return folder
    reason = f"the shared data are not at {folder}; set CAUSEWAY_DATA to their folder"
    if os.environ.get("CAUSEWAY_REQUIRE_DATA") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser_path():
    """A browser to drive: the one named by CAUSEWAY_BROWSER, or one found; skips without it unless CAUSEWAY_REQUIRE_BROWSER=1."""
    import start

    found = os.environ.get("CAUSEWAY_BROWSER") or start.system_browser() or start.playwright_browser()
    if found:
        return found
    reason = "no browser was found; install Chromium, Chrome or Edge, or set CAUSEWAY_BROWSER to one"
    if os.environ.get("CAUSEWAY_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
