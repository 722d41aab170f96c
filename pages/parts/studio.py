"""The studio: one helper process that keeps the model and draws, so that the server never loads it and a crash costs one answer."""

import hashlib
import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from engine import api, catalogue, jobs
from engine.core import Result, UserError
from engine.jobs.folders import var
from engine.molimage import desk
from engine.molimage.asked import molecules
from engine.molimage.attribution import Attribution
from engine.molimage.sample import SampleResult, changed_at

log = logging.getLogger("pages")
IDLE_S = 600  # the helper leaves after so long without a question, and is started again by the next one
LONGEST_S = 180
KEPT = 48  # answers
SHIPPED = "shipped"
CARD = "-card"  # ends the name of what is known of a brought model
TRAINED = "molimage_train"


class Helper:
    """One process that answers, made anew when it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Any = None

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Send a question and return the future of its answer."""
        from joblib.externals.loky import ProcessPoolExecutor

        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(max_workers=1, timeout=IDLE_S)
            return self._pool.submit(function, *arguments)

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return the answer to a question; one that ends the helper is asked once more.

        Raises
        ------
        UserError
            What the function raises, or that the helper gave no answer.
        """
        from concurrent.futures.process import BrokenProcessPool

        for _ in range(2):
            try:
                return self.submit(function, *arguments).result(LONGEST_S)
            except (BrokenProcessPool, RuntimeError) as problem:  # a pool that was shut down refuses with a RuntimeError
                log.warning("the drawing process ended: %s", problem)
                self.leave()
            except TimeoutError:
                self.leave()
                break
        raise UserError("The drawing process gave no answer, most likely because memory ran out.", "Choose smaller or fewer images.")

    def leave(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, kill_workers=True)


@st.cache_resource(show_spinner=False)
def helper() -> Helper:
    """Return the one helper of this server; it ends with the server."""
    import atexit

    found = Helper()
    atexit.register(found.leave)
    return found


def models() -> dict[str, str]:
    """Return the models that can draw: id -> what the list says; the bundled one, those trained here, those brought as files."""
    runs = {job.key: f"Trained here · {_data_of(job.key)}" for job in jobs.shared().all() if job.method == TRAINED and job.state == "done"}
    files = {path.stem.removesuffix(CARD): path for path in sorted(_folder().glob(f"*{CARD}.json"))}
    brought = {
        model: f"From a file · {learnt_from(json.loads(path.read_text()))}" for model, path in files.items() if _file(model).is_file()
    }
    return {SHIPPED: "Shipped with Causeway"} | runs | brought


def learnt_from(facts: Mapping[str, Any]) -> str:
    """Name the data of a model and whether they are real."""
    return f"{'real data' if facts['origin'] == 'real' else 'simulated'}: {facts['data']}, {facts['size']} px"


def place_of(model: str) -> str:
    """Return where a model of `models` lies, as the engine reads it."""
    return SHIPPED if model == SHIPPED else str(_file(model) if _file(model).is_file() else trained(model))


@st.cache_resource(max_entries=8, show_spinner=False)
def trained(key: str) -> Path:
    """Write the model of a training run to a file beside its result, once."""
    result: Any = jobs.shared().result(key)
    return _written(_file(key), result.model.tobytes())


def bring(data: bytes, name: str) -> dict[str, Any]:
    """Keep a model file that was trained elsewhere, and return its facts with ``id``; what is not one is a `UserError`."""
    facts = _told(hashlib.sha256(data).hexdigest(), data, name)
    _written(_file(facts["id"]), data)
    _written(_folder() / f"{facts['id']}{CARD}.json", json.dumps(facts).encode())
    return facts


@st.cache_resource(max_entries=8, show_spinner="Reading the model …")
def _told(digest: str, _data: bytes, _name: str) -> dict[str, Any]:
    found: dict[str, Any] = helper().ask(desk.facts_in, _data, _name)
    return found


@st.cache_resource(max_entries=200, show_spinner=False)
def _data_of(key: str) -> str:
    result: Any = jobs.shared().result(key)
    return learnt_from(result.facts)


def _folder() -> Path:
    return var() / "models"


def _file(model: str) -> Path:
    return _folder() / f"{model}.safetensors"


def _written(path: Path, data: bytes) -> Path:
    """Write a file that is not there yet; it appears whole."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{uuid.uuid4().hex}")
        fresh.write_bytes(data)
        fresh.replace(path)
    return path


def warm(place: str) -> None:
    """Let the helper start and read the model while the page is drawn."""
    if st.session_state.get("studio.warm") != place:
        st.session_state["studio.warm"] = place
        helper().submit(desk.card, place)


def card(place: str) -> dict[str, Any]:
    """Return what a page must know of a model."""
    return _card(place, changed_at(place))


@st.cache_resource(max_entries=8, show_spinner="Starting the drawing process …")
def _card(place: str, changed: int) -> dict[str, Any]:
    found: dict[str, Any] = helper().ask(desk.card, place)
    return found


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def sample(model: str, text: str, settings: tuple[tuple[str, Any], ...]) -> tuple[SampleResult, Any]:
    """Run the sampling method for a molecule; return the result and the data it was made from.

    Parameters
    ----------
    model : id of the model: another model is another answer.
    text : SMILES or name.
    settings : parameters of the method by name.
    """
    data = molecules(text)
    method = catalogue.find("molimage_sample")
    result: Result = helper().ask(api.execute, method, data, method.params.from_dict(dict(settings)))
    assert isinstance(result, SampleResult)
    return result, data


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def ask(model: str, function: str, *arguments: Any) -> Any:
    """Return the answer of a function of `engine.molimage.desk`, kept by the id of the model and by its arguments.

    Parameters
    ----------
    model : id of the model.
    function : its name.
    arguments : what it takes; the first is the place of the model.
    """
    return helper().ask(getattr(desk, function), *arguments)


def atoms(model: str, place: str, smiles: str, dose_um: float, seed: int) -> Attribution:
    """Return which atoms move which stain."""
    found = ask(model, "atoms", place, smiles, dose_um, seed)
    assert isinstance(found, Attribution)
    return found
