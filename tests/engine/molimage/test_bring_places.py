"""A folder or ZIP is never left, and archives that could grow without limit are not opened."""

import io
import zipfile

import numpy as np
import pytest

from engine.core import UserError
from engine.data.findings import Refusal
from engine.molimage.bring import open_place, places
from tests.engine.molimage.brought import tif


def archive(members, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return out.getvalue()


def made(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return open_place(folder)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("P1/a.tif", "P1/a.tif"),
        ("./P2/a.tif", "P2/a.tif"),
        ("/home/me/plates/P1/a.tif", "P1/a.tif"),
        (r"C:\data\P2\A.TIF", "P2/a.tif"),
        ("b.tif", "P1/b.tif"),
        ("other/b.tif", "P1/b.tif"),
        ("a.tif", None),  # two fit equally well
        ("c.tif", None),
        ("", None),
    ],
)
def test_a_table_finds_its_files(tmp_path, told, found):
    assert made(tmp_path, "P1/a.tif", "P2/a.tif", "P1/b.tif").find(told) == found


@pytest.mark.parametrize("told", ["../secret.tif", "P1/../../secret.tif", r"..\secret.tif"])
def test_a_path_out_of_the_folder_is_refused(tmp_path, told):
    (tmp_path / "secret.tif").write_bytes(b"x")
    place = made(tmp_path / "set", "P1/a.tif")
    with pytest.raises(UserError, match="points outside"):
        place.find(told)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "secret.tif").write_bytes(b"x")
    made(tmp_path / "set", "a.tif")
    (tmp_path / "set" / "b.tif").symlink_to(tmp_path / "secret.tif")
    place = open_place(tmp_path / "set")
    assert place.read("a.tif") == b"a.tif"
    with pytest.raises(UserError, match="leads out"):
        place.read("b.tif")


@pytest.mark.parametrize("name", ["../a.tif", "/a.tif", r"..\a.tif", "C:/a.tif", "x/../../a.tif"])
def test_a_zip_with_a_member_outside_is_refused(name):
    with pytest.raises(Refusal, match="points outside"):
        open_place(archive({name: b"x"}))


def test_a_zip_bomb_is_not_opened():
    with pytest.raises(Refusal, match="more than 100 times"):
        open_place(archive({"a.tif": bytes(30 * 2**20)}))


def test_limits_on_size_and_number(monkeypatch, tmp_path):
    noise = np.random.default_rng(0).bytes(3000)
    monkeypatch.setattr(places, "MAX_UNPACKED", 4000)
    assert open_place(archive({"a.tif": noise})).read("a.tif") == noise
    with pytest.raises(Refusal, match="GiB"):
        open_place(archive({"a.tif": noise, "b.tif": noise}))
    monkeypatch.setattr(places, "MAX_FILES", 3)
    with pytest.raises(Refusal, match="at most 3"):
        open_place(archive({f"{i}.tif": b"x" for i in range(4)}))
    with pytest.raises(Refusal, match="at most 3"):
        made(tmp_path, *(f"{i}.tif" for i in range(4)))
    monkeypatch.setattr(places, "MAX_FILE", 2000)
    with pytest.raises(Refusal, match="at most 0 MB"):
        open_place(archive({"a.tif": noise})).read("a.tif")


def test_the_limits_are_those_of_the_spec():
    assert places.MAX_UNPACKED == 2 * 2**30 and places.MAX_FILES == 50_000


def test_a_locked_or_broken_zip_is_refused():
    content = bytearray(archive({"a.tif": b"x" * 100}))
    with pytest.raises(Refusal, match="damaged"):
        open_place(bytes(content[:40]))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Refusal, match="password"):
        open_place(bytes(content))


def test_a_damaged_member_is_named():
    content = bytearray(archive({"a.tif": tif(np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8))}))
    content[200] ^= 255
    with pytest.raises(Refusal, match=r"a\.tif.*damaged"):
        open_place(bytes(content)).read("a.tif")


def test_clutter_is_not_listed(tmp_path):
    assert made(tmp_path, "a.tif", ".DS_Store", "__MACOSX/a.tif").names == ("a.tif",)
    assert open_place(archive({"a.tif": b"x", "__MACOSX/._a.tif": b"x", ".DS_Store": b"x"})).names == ("a.tif",)


def test_a_folder_that_is_not_there():
    with pytest.raises(UserError, match="There is no folder"):
        open_place("/nowhere/at/all")
