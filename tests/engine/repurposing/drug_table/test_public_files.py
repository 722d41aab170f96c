"""Public files are known by their checksum: the published bytes are read, any others are refused, and no network is told in a sentence."""

import dataclasses
import gzip
import hashlib
from urllib.error import HTTPError, URLError

import pytest

from engine.core import UserError
from engine.repurposing.drug_table import public_files
from engine.repurposing.drug_table.covid19 import PARTS, covid19, covid19_part
from engine.repurposing.drug_table.public_files import FILES, download, public_file, repository_of

CONTENT = b"name\tprize\tlog2FC_blanco\tlog2FC_ageing\nA\t1.5\t-1.5\t-0.2\n"
NAME = PARTS["prizes"]


@pytest.fixture
def published(monkeypatch):
    """Pretend that CONTENT is what was published."""
    file = dataclasses.replace(FILES[NAME], sha256=hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setitem(public_files.FILES, NAME, file)
    return file


def test_a_file_is_found_plain_or_packed(tmp_path, published):
    (tmp_path / f"{NAME}.gz").write_bytes(gzip.compress(CONTENT))
    assert public_file(NAME, tmp_path) == CONTENT
    (tmp_path / NAME).write_bytes(CONTENT)
    assert public_file(NAME, tmp_path) == CONTENT


def test_other_bytes_are_refused(tmp_path, published):
    (tmp_path / NAME).write_bytes(CONTENT + b"B\t9\t9\t9\n")
    with pytest.raises(UserError, match=r"is not the published.*SHA-256 starts with"):
        public_file(NAME, tmp_path)
    (tmp_path / NAME).unlink()
    with pytest.raises(UserError, match=r"Download it from https://raw\.githubusercontent\.com/uhlerlab/covid19_repurposing/9dbe94305b"):
        public_file(NAME, tmp_path)
    (tmp_path / f"{NAME}.gz").write_bytes(gzip.compress(CONTENT)[:20])
    with pytest.raises(UserError, match="does not unpack"):
        public_file(NAME, tmp_path)


def test_a_download_is_checked_kept_and_not_repeated(tmp_path, published):
    asked = []

    def fetch(url):
        asked.append(url)
        return CONTENT

    folder = tmp_path / "new"
    assert download(folder, fetch, [NAME]) == [folder / NAME]
    assert (folder / NAME).read_bytes() == CONTENT
    download(folder, fetch, [NAME])
    assert asked == [published.url]
    (folder / NAME).write_bytes(b"spoilt")
    download(folder, fetch, [NAME])
    assert (folder / NAME).read_bytes() == CONTENT


def test_a_wrong_answer_is_not_kept(tmp_path, published):
    with pytest.raises(UserError, match="is not the published"):
        download(tmp_path, lambda url: b"<html>404</html>", [NAME])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (URLError("Name or service not known"), "Name or service not known"),
        (HTTPError("https://x", 404, "Not Found", None, None), "Not Found"),
        (TimeoutError("timed out"), "timed out"),
        (ConnectionRefusedError(), "ConnectionRefusedError"),
    ],
)
def test_no_network_is_a_sentence(tmp_path, problem, reason):
    def fetch(url):
        raise problem

    with pytest.raises(UserError, match=f"could not be brought from https://.*: {reason}.*put the file into the folder by hand"):
        download(tmp_path, fetch, [NAME])


def test_every_file_has_a_fixed_version_and_a_checksum():
    for file in FILES.values():
        assert len(file.commit) == 40
        assert len(file.sha256) == 64
        assert file.url.startswith("https://raw.githubusercontent.com/")
        assert file.path.rpartition("/")[2] in repository_of(file.name)
    assert set(PARTS.values()) <= set(FILES)
    with pytest.raises(UserError, match="no public file 'x'"):
        repository_of("x")


def test_an_empty_folder_and_an_unknown_part_are_sentences(tmp_path, published):
    with pytest.raises(UserError, match="None of the files"):
        covid19(tmp_path)
    with pytest.raises(UserError, match="no part 'drugs'"):
        covid19_part("drugs", tmp_path)
    with pytest.raises(UserError, match="Bring your own list"):
        covid19_part("partners", tmp_path)
    (tmp_path / NAME).write_bytes(CONTENT)
    assert list(covid19(tmp_path)) == ["prizes"]


@pytest.mark.shared_data
def test_the_published_parts(shared_data):
    """Every shared file is the published one, and its part has the size that is known of it."""
    parts = covid19(shared_data / "covid19")
    assert set(parts) == {*PARTS, "partners"}
    shapes = {
        "prizes": (162, 4), "network": (182_002, 3), "cells": (252, 75), "signature": (17_785, 2), "counts": (23_710, 7), "design": (6, 2),
        "drug_scores": (19, 2), "partners": (5, 1),
    }  # fmt: skip
    assert {part: parts[part].frame.shape for part in shapes} == shapes
    assert set(parts["partners"].frame["gene"]) == {"EXOSC5", "FOXRED2", "LOX", "RBX1", "RIPK1"}
    assert list(parts["design"].frame["sample"]) == list(parts["counts"].columns[1:])
    prizes = parts["prizes"].frame.set_index("gene")
    signature = parts["signature"].frame.set_index("gene")["log2fc"]
    assert (signature[prizes.index] - prizes["log2fc"]).abs().max() == 0  # trap 12: joined by capitals, exactly equal
    assert signature.index.is_unique
    scores = parts["drug_scores"].frame
    assert scores["drug"].astype(str).tolist()[:3] == ["dasatinib", "ribavirin", "axitinib"]
    assert all("DrugCentral" in parts[part].licence for part in ("targets",))
    call, arguments = parts["prizes"].steps[0]
    assert call == "engine.repurposing.covid19_part"
    assert covid19_part(**arguments).digest == parts["prizes"].digest
