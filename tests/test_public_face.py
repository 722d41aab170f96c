"""The public face: Python, the command line, the folder on disk and the printed recipe all give one result."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engine
from engine import catalogue
from engine.__main__ import main
from engine.catalogue import PLACES
from engine.core import Cancelled, Context, UserError, specs
from engine.core.recipe import recipe
from engine.graphs import Graph
from engine.independence import Oracle
from tests.engine.molimage.tiny import tiny_place
from tests.engine.repurposing import small

ROOT = Path(__file__).resolve().parents[1]
METHODS = [name for name in PLACES if catalogue.find(name).needs != "images"]  # those have a test of their own: a run takes seconds
CONDITIONS = [name for name in METHODS if catalogue.find(name).needs == "interventional"]
TRUTH = Graph.from_edges("ABCD", ["A --> C", "B --> C", "C --> D"])
FOUND = {"cpdag": {"A --> C", "B --> C", "C --> D"}, "pag": {"A o-> C", "B o-> C", "C --> D"}}
FOUND["dag"] = FOUND["cpdag"]  # its class has no other DAG
CAUSAL = [name for name in METHODS if catalogue.find(name).gives in FOUND and name not in small.PARTS]
MARKET = [name for name in METHODS if catalogue.find(name).needs == "prices"]
MOLECULES = [name for name in METHODS if catalogue.find(name).needs == "molecules"]
NO_GRAPH = [*MARKET, *MOLECULES, *small.PARTS]
# settings with which a method that takes seconds on a few columns takes fewer
QUICK = {"mixture": {"k": 2}, "backtest": {"estimators": ("equal", "mtp2"), "window": 60}, **small.QUICK}


def chain(n=2000, seed=0, shift=0.0):
    """A linear Gaussian sample of TRUTH; ``shift`` is an intervention on C."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n))
    c = a + b + rng.normal(size=n) + shift
    return pd.DataFrame({"A": a, "B": b, "C": c, "D": c + rng.normal(size=n)})


def market(seed=0):
    """Daily returns of four assets."""
    moves = 0.01 * chain(n=200, seed=seed)
    return moves.set_index(pd.bdate_range("2020-01-01", periods=len(moves), unit="us").rename("date"))


def settings_for(method, **more):
    """Quick settings, and of those given the ones that the method has."""
    known = {spec.name for spec in specs(catalogue.find(method).params)}
    own = {"model": tiny_place(), "n": 1, "size": 16} if method in MOLECULES else {}
    return own | QUICK.get(method, {}) | {name: value for name, value in more.items() if name in known}


def other_setting(method):
    """A setting that changes what is asked."""
    return settings_for(method, alpha=1e-2) if "alpha" in settings_for(method, alpha=1e-2) else settings_for(method, seed=1)


def table_for(method, seed=0):
    """What a method needs: one table, or one per condition."""
    if method in MARKET:
        return market(seed)
    if method in MOLECULES:
        return pd.DataFrame({"smiles": ["CC(=O)O", "CCN" if seed else "aspirin"]})
    if method in small.PARTS:
        return small.parts_of(method, seed)
    if method not in CONDITIONS:
        return chain(n=600 if method in QUICK else 2000, seed=seed)
    return engine.Dataset.from_frames({"obs": chain(seed=seed), "shifted": chain(seed=seed + 100, shift=2.0)}, {"shifted": ["C"]})


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "chain.csv"
    chain().to_csv(path, index=False)
    market().to_csv(path.with_name("market.csv"))
    table_for(MOLECULES[0]).to_csv(path.with_name("molecules.csv"), index=False)
    return path


def flags(settings):
    """Settings as flags of the command line."""
    return [text for name, value in settings.items() for text in (f"--{name}", ",".join(value) if isinstance(value, tuple) else value)]


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "engine", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_table_of_methods():
    table = engine.methods()
    assert table.index.name == "name"
    assert {"area", "label", "needs", "gives", "citation"} <= set(table.columns)
    assert set(METHODS) <= set(table.index)
    assert (table.loc[METHODS, ["label", "citation", "summary"]].map(len) > 0).all(axis=None)


@pytest.mark.parametrize("method", CAUSAL)
def test_a_table_gives_the_graph_behind_it(method, run):
    graph = run(method, table_for(method), **settings_for(method, alpha=1e-3, seed=0)).graph
    assert graph.kind == catalogue.find(method).gives
    assert set(map(str, graph.edges())) == FOUND[graph.kind]


@pytest.mark.parametrize("method", [name for name in METHODS if catalogue.find(name).needs == "independence"])
def test_an_oracle_stands_in_for_data(method, run):
    graph = run(method, Oracle(TRUTH)).graph
    assert set(map(str, graph.edges())) == FOUND[graph.kind]


@pytest.mark.parametrize("method", METHODS)
def test_the_digest_follows_inputs_and_nothing_else(method, run):
    settings = settings_for(method, alpha=1e-3, seed=0)
    first = run(method, table_for(method), **settings)
    assert run(method, table_for(method), **settings).digest == first.digest
    assert run(method, table_for(method), **other_setting(method)).digest != first.digest
    assert run(method, table_for(method, seed=1), **settings).digest != first.digest


@pytest.mark.parametrize("method", METHODS)
def test_a_result_comes_back_from_disk_the_same(method, run, tmp_path):
    result = run(method, table_for(method), **settings_for(method))
    back = engine.load(result.to_dir(tmp_path / "result"))
    assert type(back) is type(result)
    assert back.digest == result.digest
    assert method in NO_GRAPH or back.graph == result.graph
    assert back.provenance == result.provenance


@pytest.mark.parametrize("method", METHODS)
def test_the_summary_is_short_and_readable(method, run):
    rows = run(method, table_for(method), **settings_for(method)).summary()
    assert 3 <= len(rows) <= 8
    assert all(isinstance(label, str) and isinstance(value, str) and label and value for label, value in rows)


@pytest.mark.parametrize("method", METHODS)
def test_the_command_line_gives_the_same_digest(method, run, csv, tmp_path, capsys):
    places, data = [csv], csv
    if method in MARKET:
        places, data = [csv.with_name("market.csv")], csv.with_name("market.csv")
    if method in MOLECULES:
        places, data = ["CC(=O)O"], "OC(C)=O"  # a molecule, not a file and not a name with its path
    if method in small.PARTS:
        data = small.files_of(method, tmp_path)
        places = [f"{part}={place}" for part, place in data.items()]
    if method in CONDITIONS:
        data = table_for(method)
        for regime in data.regimes:
            data.rows(regime).frame.to_csv(tmp_path / f"{regime}.csv", index=False)
        places = [*(f"{regime}={tmp_path / regime}.csv" for regime in data.regimes), "--targets", "shifted=C"]
    settings = settings_for(method, alpha=1e-3, seed=0)
    # in this process: one that starts afresh, as the next tests do, spends seconds on imports alone
    status = main(["run", method, *map(str, [*places, *flags(settings)]), "--out", str(tmp_path / "result")])
    told = capsys.readouterr()
    assert status == 0, told.err
    expected = run(method, data, **settings)
    assert f"Digest: {expected.digest}" in told.out.splitlines()
    assert engine.load(tmp_path / "result").digest == expected.digest


def test_the_command_line_lists_the_methods():
    done = command("methods")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in METHODS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "astrology", "x.csv"), "There is no method 'astrology'."),
        (("run", "pc", "nowhere.csv"), "nowhere.csv"),
        (("run", "pc", "sachs", "--alpha", "2"), "Choose a value from"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(arguments, words):
    done = command(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("source", ["file", "sample", "repaired"])
@pytest.mark.parametrize("method", METHODS)
def test_the_printed_python_gives_the_same_digest(method, source, run, csv, monkeypatch):
    monkeypatch.chdir(csv.parent)
    if method in CONDITIONS and source == "file":
        pytest.skip("one file holds one condition")
    if method == "mixture" and source == "sample":
        pytest.skip("a minute for what the repaired sample shows too")
    if method in small.PARTS:
        if source != "file":
            pytest.skip("no bundled sample; the simulated disease has a test of its own")
        data = {part: engine.api.load_part(part, place.name) for part, place in small.files_of(method, csv.parent).items()}
        data = engine.api.load_data(data, catalogue.find(method).needs)
    elif method in CONDITIONS:
        data = engine.sample("regimes")
        data = engine.data.with_targets(data, targets={regime: data.truth["targets"][regime] for regime in data.regimes[1:]})
    elif method in MARKET:
        data = engine.read("market.csv") if source == "file" else engine.sample("industries")
    elif method in MOLECULES:
        data = engine.read("molecules.csv") if source == "file" else engine.molimage.molecules(["aspirin", "CCO"])
    else:
        data = engine.read(csv.name) if source == "file" else engine.sample("mixture")
    if source == "repaired":
        data = engine.data.drop_columns(data, columns=list(data.columns[1 if method in MOLECULES else 4 :]))
    text = recipe(run(method, data, **settings_for(method, alpha=1e-4)), data)
    names = {}
    exec(text, names)  # the last line of the recipe asserts the digest
    assert names["result"].provenance.method == method
    assert "assert result.digest ==" in text


@pytest.mark.parametrize("method", METHODS)
def test_a_run_can_be_stopped(method, run):
    with pytest.raises(Cancelled):
        run(method, table_for(method), **settings_for(method), context=Context(is_cancelled=lambda: True))


@pytest.mark.parametrize("method", METHODS)
def test_progress_runs_forward(method, run):
    seen = []
    context = Context(threads=1, on_progress=lambda fraction, note: seen.append(fraction))
    run(method, table_for(method), **settings_for(method), context=context)
    assert seen == sorted(seen)
    assert all(0 <= fraction <= 1 for fraction in seen)
    assert seen


def test_an_unknown_parameter_lists_the_known_ones(run):
    with pytest.raises(UserError, match="alpha"):
        run("pc", chain(), alhpa=0.1)


def test_names_of_the_face():
    for name in engine.__all__:
        assert getattr(engine, name) is not None
    with pytest.raises(AttributeError, match="astrology"):
        _ = engine.astrology
