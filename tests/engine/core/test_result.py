"""A result comes back from disk as it was, and its recipe is Python that makes it again."""

import ast
import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, Provenance, Result, UserError
from engine.core import result as result_module
from engine.core.recipe import recipe
from engine.graphs import Graph


@dataclass(frozen=True, kw_only=True, eq=False)
class Example(Result):
    """A result with one part of any type."""

    part: Any = None
    other: Any = 1


MADE = Provenance("pc", 1, {"alpha": 0.01, "columns": ["a"], "seed": 7}, "0" * 32, "cells.csv", 1.5, {"numpy": "2"}, ("Look here.",))
SUPPORT = np.full((2, 2, 4), 0.25)
PARTS = {
    "number": 0.1 + 0.2,
    "whole": 3,
    "text": "ä 🧬 <script>",
    "nothing": None,
    "list": [1, "a", None, [2.5]],
    "tuple": (1, "a"),
    "dict": {"b": [1, 2], "a": {"c": True}},
    "array": np.arange(6, dtype=np.int32).reshape(2, 3),
    "floats": np.array([0.1, np.nan, -np.inf]),
    "texts": np.array(["a", "äb"]),
    "frame": pd.DataFrame({"x": [1.5, np.nan], "name": ["a", "b"], "kind": pd.Categorical(["u", "v"], categories=["v", "u"])}),
    "named rows": pd.DataFrame({"x": [1.0, 2.0]}, index=["r", "s"]),
    "dates": pd.DataFrame({"x": [1.0, 2.0]}, index=pd.date_range("2020-01-01", periods=2, name="date")),
    "series": pd.Series([1.0, 2.0], index=["a", "b"], name="share"),
    "series without name": pd.Series([1.0, 2.0]),
    "empty frame": pd.DataFrame({"x": pd.Series([], dtype=float)}),
    "graph": Graph.from_edges(["a b", "<c>", "d"], ["a b o-> <c>", "<c> --> d"]),
    "graph with support": Graph(("A", "B"), np.array([[0, 2], [3, 0]]), "dag", np.array([[0, 1.5], [0, 0]]), SUPPORT),
}


@pytest.fixture(autouse=True)
def _known_type(monkeypatch):
    """Let results of this file be read back, as those of a plug-in are."""
    monkeypatch.setattr(result_module, "plugins", lambda: {"example": __name__})


def same(a, b):
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, check_freq=False)
    elif isinstance(a, pd.Series):
        pd.testing.assert_series_equal(a, b, check_freq=False)
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype
    else:
        assert a == b
        assert type(a) is type(b)


@pytest.mark.parametrize("name", PARTS)
def test_every_type_of_part_comes_back(name, tmp_path):
    made = Example(part=PARTS[name], provenance=MADE)
    back = Result.from_dir(made.to_dir(tmp_path / "r"))
    assert type(back) is Example
    same(made.part, back.part)
    assert back.provenance == MADE
    assert back.digest == made.digest == json.loads((tmp_path / "r" / "meta.json").read_text())["digest"]


def test_parts_change_the_digest_and_the_clock_does_not():
    results = [Example(part=part, provenance=MADE) for part in PARTS.values()]
    assert len({result.digest for result in results}) == len(PARTS)
    assert Example(part=1).digest != Example(part=1, other=2).digest
    assert Example(part=1, other=2).digest != Example(part=2, other=1).digest
    later = dataclasses.replace(MADE, seconds=9.0, versions={}, data_name="x", warnings=())
    assert Example(part=1, provenance=later).digest == Example(part=1, provenance=MADE).digest
    asked = dataclasses.replace(MADE, params={**MADE.params, "seed": 8})
    assert Example(part=1, provenance=asked).digest != Example(part=1, provenance=MADE).digest


def test_a_result_replaces_the_one_before_as_a_whole(tmp_path):
    Example(part=np.zeros(3), provenance=MADE).to_dir(tmp_path / "r")
    Example(part="text", provenance=MADE).to_dir(tmp_path / "r")
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["meta.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


@pytest.mark.parametrize("place", ["type", "part"])
@pytest.mark.parametrize(
    "name", ["subprocess:Popen", "os:system", "enginex.core:Result", "builtins:eval", "engine.core.params:Params", "engine.api:run"]
)
def test_a_file_that_names_a_foreign_class_is_refused(place, name, tmp_path):
    folder = Example(part=PARTS["graph"]).to_dir(tmp_path / "r")
    meta = json.loads((folder / "meta.json").read_text())
    target = meta if place == "type" else meta["parts"]["part"]
    target["type"] = name
    (folder / "meta.json").write_text(json.dumps(meta))
    if (place, name) == ("part", "engine.core.params:Params"):
        # it reads a dict, so it is allowed; the graph's dict is then refused by it
        with pytest.raises(UserError):
            Result.from_dir(folder)
        return
    with pytest.raises(UserError, match="Do not open results of unknown origin"):
        Result.from_dir(folder)


def test_a_missing_result_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="There is no result"):
        Result.from_dir(tmp_path / "nothing")


def test_pickled_arrays_are_refused(tmp_path):
    folder = Example(part=np.zeros(2)).to_dir(tmp_path / "r")
    np.savez(folder / "part.npz", value=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        Result.from_dir(folder)


def test_summary_has_at_most_eight_rows():
    assert dict(Example(provenance=MADE).summary())["Method"] == "pc"
    assert len(Example(provenance=MADE).summary()) <= 8
    assert Example().summary() == []


def calls(code):
    """The calls of a recipe as (function, keyword arguments)."""
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return {ast.unparse(node.func): {k.arg: ast.literal_eval(k.value) for k in node.keywords} for node in found}


def test_recipe_names_method_parameters_and_digest():
    made = Example(part=1, provenance=MADE)
    code = recipe(made)
    assert calls(code)["engine.run"] == dict(MADE.params)
    assert "engine.run('pc', data" in ast.unparse(ast.parse(code))
    assert f"assert result.digest == '{made.digest}'" in ast.unparse(ast.parse(code))
    assert MADE.data in code


def test_recipe_tells_how_the_data_were_made():
    steps = (("engine.sample", {"name": "sachs"}), ("engine.data.drop_columns", {"columns": ['say "hi"', "b\\"]}))
    data = Dataset(pd.DataFrame({"a": [1.0]}), steps=steps)
    found = calls(recipe(Example(provenance=MADE), data))
    assert found["engine.sample"] == {"name": "sachs"}
    assert found["engine.data.drop_columns"] == {"columns": ['say "hi"', "b\\"]}


def test_recipe_with_a_hostile_name_stays_one_string():
    hostile = dataclasses.replace(MADE, data_name='x"); import os; os.system("true')
    assert set(calls(recipe(Example(provenance=hostile)))) == {"engine.read", "engine.run"}


def test_a_result_without_provenance_has_no_recipe():
    with pytest.raises(ValueError, match="provenance"):
        recipe(Example())
