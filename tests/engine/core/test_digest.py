"""A digest changes with every cell, name and type, and with nothing else."""

import time

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, canonical_json, digest_of


@pytest.fixture(scope="module")
def large():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(200_000, 10)), columns=[f"X{i}" for i in range(10)])


def test_one_changed_cell_is_always_noticed(large):
    before, rng = digest_of([large]), np.random.default_rng(1)
    for _ in range(20):
        i, j = rng.integers(len(large)), rng.integers(10)
        kept = large.iat[i, j]
        large.iat[i, j] = np.nextafter(kept, np.inf)
        assert digest_of([large]) != before
        large.iat[i, j] = kept
    assert digest_of([large]) == before


def test_one_changed_cell_of_an_array_is_always_noticed():
    array, rng = np.zeros((200_000, 10)), np.random.default_rng(1)
    before = digest_of([array])
    for _ in range(20):
        i, j = rng.integers(len(array)), rng.integers(10)
        array[i, j] = 1
        assert digest_of([array]) != before
        array[i, j] = 0


def test_a_large_table_takes_little_time(large):
    started = time.process_time()
    digest_of([large])
    assert time.process_time() - started < 0.5


def test_a_table_of_numbers_has_the_digest_of_its_columns_one_by_one(monkeypatch):
    frame = pd.DataFrame(np.random.default_rng(2).normal(size=(20, 3)), columns=["a", "b", "c"])
    tables = [frame, frame.assign(d=-0.0, e=np.nan), frame.T, frame[[]]]
    together = [digest_of([table]) for table in tables]
    monkeypatch.setattr("engine.core.digest.has_only_numbers", lambda frame: False)
    assert [digest_of([table]) for table in tables] == together


def test_no_two_different_things_have_one_digest():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    things = [
        [frame],
        [frame.rename(columns={"a": "c"})],
        [frame[["b", "a"]]],
        [frame.astype({"a": "float32"})],
        [frame.astype({"a": "int64"})],
        [frame.set_axis(["r", "s"])],
        [frame.assign(a=["1.0", "2.0"])],
        [frame.assign(a=pd.Categorical(["x", "y"]))],
        [frame.assign(a=pd.Categorical(["x", "y"], categories=["y", "x"]))],
        [frame.to_numpy()],
        [frame.to_numpy().T],
        [frame.to_numpy().reshape(4)],
        [frame.to_numpy().tobytes()],
        ["ab", "c"],
        ["a", "bc"],
        ["abc"],
        [["ab", "c"]],
        [1],
        ["1"],
        [1.5],
        [None],
        [b"null"],
        [[]],
        [{}],
        [],
    ]
    digests = [digest_of(thing) for thing in things]
    assert len(set(digests)) == len(things)
    assert all(len(digest) == 32 for digest in digests)


def test_order_of_keys_memory_and_views_do_not_count():
    values = np.arange(12.0).reshape(3, 4)
    assert digest_of([np.asfortranarray(values)]) == digest_of([values]) == digest_of([np.arange(24.0).reshape(3, 8)[:, ::2] / 2])
    assert digest_of([{"a": 1, "b": 2}]) == digest_of([{"b": 2, "a": 1}])
    assert canonical_json({"b": [1, None], "ä": True}) == '{"b":[1,null],"ä":true}'


def test_a_known_digest_stays_the_same_on_every_machine():
    # BLAKE2b-128 over length-prefixed chunks: here the single chunk b'json "x"'
    import hashlib

    chunk = b'json "x"'
    assert digest_of(["x"]) == hashlib.blake2b(len(chunk).to_bytes(8, "little") + chunk, digest_size=16).hexdigest()


def test_objects_without_stable_bytes_are_refused():
    with pytest.raises(TypeError, match="no stable bytes"):
        digest_of([np.array([object()])])


def test_dataset_digest_counts_content_only():
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"]})
    digest = Dataset(frame).digest
    assert digest == Dataset(frame, name="other", source="there", licence="CC0").digest
    assert digest == Dataset(frame.set_axis([7, 8, 9])).digest
    assert digest == Dataset(frame.astype({"a": int})).digest
    changed = [
        Dataset(frame.assign(a=[1.0, 2.0, 4.0])),
        Dataset(frame.assign(b=["x", "y", "y"])),
        Dataset(frame.rename(columns={"a": "A"})),
        Dataset(frame, kind="counts"),
        Dataset(frame, regime=("r", "r", "s")),
        Dataset(frame, regime=("r", "s", "s")),
        Dataset(frame, regime=("r", "r", "s"), targets={"s": ("a",)}),
        Dataset(frame, regime=("r", "r", "s"), targets={"s": ()}),
        Dataset(frame, regime=("r", "r", "s"), targets={"s": None}),
    ]
    assert len({digest, *(other.digest for other in changed)}) == len(changed) + 1
