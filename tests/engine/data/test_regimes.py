"""Several files become regimes, their targets are matched to the columns, and the whole history runs again."""

import numpy as np
import pandas as pd
import pytest

import engine
from engine.core import Dataset, UserError
from engine.core.recipe import recipe
from engine.core.result import Provenance, Result
from engine.data import apply, combine, examine, inspect_targets, read_targets, replay

RNG = np.random.default_rng(0)


def files(folder):
    for name, shift in (("obs", 0), ("pkc", 2), ("mek", 4)):
        frame = pd.DataFrame(RNG.standard_normal((30, 3)) + shift, columns=["PKC", "Mek", "Akt"])
        frame.to_csv(folder / f"{name}.csv", index=False)


def test_files_become_regimes(tmp_path):
    files(tmp_path)
    data = combine({name: tmp_path / f"{name}.csv" for name in ("pkc", "obs", "mek")}, targets={"pkc": ["PKC"]})
    assert data.kind == "interventional" and data.regimes == ("obs", "pkc", "mek")
    assert dict(data.targets) == {"obs": (), "pkc": ("PKC",)}
    assert data.rows("mek").frame.shape == (30, 3)


def test_files_with_other_columns_are_named(tmp_path):
    files(tmp_path)
    (tmp_path / "mek.csv").write_text("PKC,Mek\n1,2\n3,4\n")
    with pytest.raises(UserError, match="Akt"):
        combine({name: tmp_path / f"{name}.csv" for name in ("obs", "mek")})
    with pytest.raises(UserError, match="no regimes"):
        combine({"obs": tmp_path / "obs.csv"})


def test_target_table():
    table = b"environment,target\nobs,\npkc,PKC\npkc,Akt\nmek,?\n"
    assert read_targets(table) == {"obs": (), "pkc": ("PKC", "Akt"), "mek": None}
    with pytest.raises(UserError, match="environment and target"):
        read_targets(b"a,b\n1,2\n")


def dataset():
    frames = {name: pd.DataFrame(RNG.standard_normal((20, 3)), columns=["PKC", "Mek", "Akt"]) for name in ("obs", "G0076", "U0126")}
    return Dataset.from_frames(frames, name="cells").after("engine.read", source="x.csv")


def test_unmatched_targets_are_listed_with_their_nearest_matches():
    report = inspect_targets({"G0076": ("pkc",), "U-0126": ("MEK", "GAPDH")}, dataset())
    by_code = {finding.code: finding for finding in report.findings}
    assert "pkc (nearest: PKC)" in by_code["unmatched-targets"].message and "GAPDH (nothing near)" in by_code["unmatched-targets"].message
    assert "U-0126 (nearest: U0126)" in by_code["unmatched-regimes"].message
    assert report.targets == {"G0076": None}
    data = apply(dataset(), by_code["unmatched-targets"].repairs[0])
    assert dict(data.targets) == {"obs": (), "G0076": ("PKC",), "U0126": ("Mek",)}


def test_matching_targets_have_nothing_to_say():
    report = inspect_targets({"G0076": ("PKC",), "U0126": None}, dataset())
    assert report.findings == () and report.targets == {"G0076": ("PKC",), "U0126": None}


def lines_of(data):
    """The printed Python up to the dataset, without the method's run."""
    nothing = Result(provenance=Provenance("pc", 1, {"seed": 0}, data.digest, data.name))
    return [line for line in recipe(nothing, data).splitlines() if line.startswith(("import", "data ="))]


def ran(data):
    space = {}
    exec("\n".join(lines_of(data)), space)
    return space["data"]


def test_recipes_make_the_same_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files(tmp_path)
    (tmp_path / "t.csv").write_text("a;b;c;2-Sep\n" + "\n".join(f"{i % 7},5;{i * i % 11};;{i}" for i in range(40)))
    read = engine.read("t.csv", decimal=",")
    mended = read
    while stops := [f for f in examine(mended) if f.repairs and f.code != "few-levels"]:
        mended = apply(mended, stops[0].repairs[0])
    assert len(mended.steps) > 3
    made = [
        engine.sample("sachs"),
        engine.data.log(engine.sample("sachs"), columns=["Raf", "Mek"]),
        engine.data.simulate("gaussian", p=5, n=50, seed=3),
        engine.data.standardise(engine.data.simulate("interventions", p=5, n=20)),
        engine.data.drop_columns(engine.sample("clinic"), ["asia"]),
        read,
        mended,
        combine({"obs": "obs.csv", "k": engine.data.drop_rows_with_gaps(engine.read("pkc.csv"))}, targets={"k": ["PKC"]}),
    ]
    for data in made:
        assert ran(data).digest == data.digest, lines_of(data)
        assert replay(data.steps).digest == data.digest


def test_replay_runs_nothing_else():
    for steps in [(("os.system", {"command": "true"}),), (("engine.sample", {"name": "clinic"}), ("engine.run", {}))]:
        with pytest.raises(UserError):
            replay(steps)
