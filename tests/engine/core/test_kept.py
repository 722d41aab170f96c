"""Finished parts outlive the run that made them, and a part cut off in the middle counts as none."""

import numpy as np

from engine.core import Kept


def test_parts_come_back(tmp_path):
    Kept(tmp_path / "run").put("window-1", {"weights": np.arange(6.0).reshape(2, 3), "names": np.array(["a", "b"])})
    back = Kept(tmp_path / "run").get("window-1")
    np.testing.assert_array_equal(back["weights"], np.arange(6.0).reshape(2, 3))
    assert list(back["names"]) == ["a", "b"]
    assert Kept(tmp_path / "run").get("window-2") is None


def test_a_part_that_was_cut_off_is_none(tmp_path):
    kept = Kept(tmp_path)
    kept.put("part", {"x": np.ones(1000)})
    whole = (tmp_path / "part.npz").read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 3):
        (tmp_path / "part.npz").write_bytes(whole[:size])
        assert kept.get("part") is None


def test_nothing_is_kept_without_a_folder(tmp_path):
    kept = Kept(None)
    kept.put("part", {"x": np.ones(3)})
    assert kept.get("part") is None
    kept.clear()


def test_clear_removes_all(tmp_path):
    kept = Kept(tmp_path / "run")
    kept.put("part", {"x": np.ones(3)})
    kept.clear()
    assert not (tmp_path / "run").exists()
