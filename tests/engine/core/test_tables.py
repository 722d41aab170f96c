"""Several tables by name: one digest, one folder, one recipe."""

import pandas as pd
import pytest

import engine
from engine.core import Dataset, Tables, UserError, read_data
from engine.core.recipe import data_recipe
from engine.jobs.folders import Folders


def two(first=1.0):
    prices = Dataset(pd.DataFrame({"A": [first, 2.0], "B": [3.0, 4.0]}), "prices.csv")
    return Tables({"prices": prices, "factors": Dataset(pd.DataFrame({"Market": [0.1, 0.2]}), "factors.csv")})


def test_the_digest_follows_tables_and_their_parts():
    assert two().digest == two().digest
    assert two().digest != two(first=5.0).digest
    swapped = Tables({"prices": two()["factors"], "factors": two()["prices"]})
    assert swapped.digest != two().digest
    assert two().digest not in {table.digest for table in two().tables.values()}


def test_they_come_back_from_disk(tmp_path):
    back = read_data(two().to_dir(tmp_path / "both"))
    assert isinstance(back, Tables)
    assert back.digest == two().digest
    assert back.name == "prices.csv + factors.csv"
    one = read_data(two().main.to_dir(tmp_path / "one"))
    assert isinstance(one, Dataset)


def test_jobs_keep_them_by_their_digest(tmp_path):
    folders = Folders(tmp_path)
    folders.keep_dataset(two())
    folders.keep_dataset(two())
    assert folders.dataset(two().digest)["factors"].columns == ("Market",)


def test_what_cannot_be_kept_is_refused():
    with pytest.raises(UserError, match="No table"):
        Tables({})
    with pytest.raises(UserError, match="cannot name a table"):
        Tables({"../prices": two().main})
    assert two().get("sectors") is None


def test_the_recipe_makes_each_table():
    both = Tables({"prices": engine.sample("sachs"), "factors": engine.sample("clinic")})
    lines = data_recipe(both)
    assert lines == ["prices = engine.sample(name='sachs')", "factors = engine.sample(name='clinic')",
                     'data = {"prices": prices, "factors": factors}']  # fmt: skip
    assert data_recipe(two()) == []
