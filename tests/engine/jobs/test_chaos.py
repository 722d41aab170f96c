"""A short storm of kills, crashes and cancels leaves every job in a true state; the long one is ``python -m tests.chaos``."""

import sys

import pytest

from tests.chaos.__main__ import storm
from tests.chaos.world import PLAIN


@pytest.mark.skipif(sys.platform == "win32", reason="the storm is made of POSIX signals")
@pytest.mark.parametrize("seed", [3])
def test_a_short_storm(tmp_path, seed):
    violations, said = storm(tmp_path, 20, seed, PLAIN, with_browser=False)
    assert not violations, said
