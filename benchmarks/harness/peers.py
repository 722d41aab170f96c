"""Run a peer inside its own environment and its own process, and bring back what it measured.

The peers' pins clash with the product's, so they live in ``benchmarks/peers/.venv``, built on first use from
``benchmarks/peers/requirements.txt``. What runs there is ``benchmarks/peers/run.py``.
"""

import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PEERS = Path(__file__).parents[1] / "peers"
ENVIRONMENT = PEERS / ".venv"
REQUIREMENTS = PEERS / "requirements.txt"
COMPLETE = ENVIRONMENT / "requirements.txt"  # a copy of the list, written when all of it is installed


class PeerFailed(Exception):
    """The peer did not finish: it ran out of time, broke off or could not be installed; the message says which.

    Attributes
    ----------
    answers : what it found for the first inputs before it was stopped.
    """

    def __init__(self, message: str, answers: Sequence[dict[str, Any]] = ()):
        super().__init__(message)
        self.answers = list(answers)


def call_peer(peer: str, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any], limit_s: float) -> list[dict[str, Any]]:
    """Run one peer on several inputs, after a warm-up on a corner of the first, each timed inside the peer's process.

    Parameters
    ----------
    peer : name of a function in ``benchmarks/peers/run.py``.
    arrays : name -> input; the peer takes them in this order.
    settings : keyword arguments for the peer, JSON-ready.
    limit_s : wall seconds for the whole process.

    Returns
    -------
    One dict per input: ``seconds`` (CPU) and what the peer found.

    Raises
    ------
    PeerFailed
        When the limit has passed, the process ended with an error, or the environment cannot be built; it holds the answers had by then.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, asked, found = (Path(folder) / name for name in ("arrays.npz", "settings.json", "found.json"))
        np.savez(given, **arrays)
        asked.write_text(json.dumps(dict(settings)))
        command = [str(_python()), str(PEERS / "run.py"), peer, str(given), str(asked), str(found)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
        except subprocess.TimeoutExpired:
            answers = _read(found)
            reached = f", {len(answers)} of {len(arrays)} done" if answers else ""
            raise PeerFailed(f"stopped after {limit_s:g} s{reached}", answers) from None
        if done.returncode:
            raise PeerFailed((done.stderr.strip().splitlines() or ["ended without a word"])[-1], _read(found))
        return _read(found)


def _read(found: Path) -> list[dict[str, Any]]:
    """Return the answers written so far; the peer replaces the file after each of them."""
    return json.loads(found.read_text()) if found.is_file() else []


def _python() -> Path:
    """Return the interpreter of the peers' environment, built if it is missing or its list has changed."""
    interpreter = ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (COMPLETE.is_file() and COMPLETE.read_text() == REQUIREMENTS.read_text()):
        print("Building the peers' environment; this happens once.", file=sys.stderr)
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        # --no-deps: the list is complete, and the peers' own requirements ask for packages that clash and are never imported here
        install = [str(interpreter), "-m", "pip", "install", "-qq", "--no-deps", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
        if subprocess.run(install, check=False).returncode:
            raise PeerFailed("the peers' environment could not be built")
        COMPLETE.write_text(REQUIREMENTS.read_text())
    return interpreter
