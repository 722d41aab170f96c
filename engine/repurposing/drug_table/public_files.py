"""The public files behind the published COVID-19 analysis: where they lie and how they are known."""

import gzip
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.core import UserError

_AUTHORS = ("uhlerlab/covid19_repurposing", "9dbe94305b17db1cb5dba2e9a27c38d07a97dad3", "MIT")
_COUNTS = ("BenaroyaResearch/SPresnell_GSE147507", "3f4c6eadc694c8923f43d40c498363e79099f15c", "none stated; GEO GSE147507")
_NETWORK = ("fraenkel-lab/OmicsIntegrator2", "89f6fe88571ef2d8f624666c21bdd455ce0498bf", "BSD-3-Clause")


@dataclass(frozen=True)
class PublicFile:
    """One file of a public repository at one commit.

    Attributes
    ----------
    name : under which it lies in a folder here; there it may also be packed (``.gz`` behind the name).
    repository, commit, path : where it is.
    licence : of the repository.
    sha256 : of its bytes, unpacked.
    """

    name: str
    repository: str
    commit: str
    licence: str
    path: str
    sha256: str

    @property
    def url(self) -> str:
        """Address of exactly this version."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{self.path}"


FILES = {
    file.name: file
    for file in (
        PublicFile(
            "terminals_ppi_analysis.tsv", *_AUTHORS, "Code_ppi/Save/terminals_ppi_analysis.tsv",
            "4bfcf757464d140d0025b0d387f52b2eb3a1ffb45ea4146a2507b5cc678f4236",
        ),
        PublicFile(
            "blancoA_l2fc.csv", *_AUTHORS, "Code_ppi/Save/blancoA_l2fc.csv",
            "c7e8abd3e7ac24e8bc56e15e4b2858314b959fcd53d56bbade6dd46c5cc1da5e",
        ),
        PublicFile(
            "GSE81861_log2_ppi_252nodes.csv", *_AUTHORS, "Code_ppi/Save/GSE81861_log2_ppi_252nodes.csv",
            "ff7007e0fdf3a6f12f9ca37fac22cf474e3bdd5caa734fa4ef1e0aedb2f99448",
        ),
        PublicFile(
            "drug_targets_in_network.tsv", *_AUTHORS, "Code_ppi/Save/drug_targets_in_network.tsv",
            "894f788d4effa9c1339b86f812ce7a27afcfcba73ac0dbc3e307e22de4df66c3",
        ),
        PublicFile(
            "final_drug_target_table.tsv", *_AUTHORS, "Code_ppi/Save/final_drug_target_table.tsv",
            "95fa4211f430369a441100b369ddd853684648a3adb368195a016d47dd11e595",
        ),
        PublicFile(
            "irefindex_v14_costs.tsv", *_NETWORK, "example/OI2_pipeline_data/iRefIndex_v14_MIScore_interactome_C9.costs.txt",
            "28cb46a2466b6b9739f98ac2f283c2a91a09edf2b6cd5cbcb1301e7bb974f524",
        ),
        PublicFile(
            "GSE147507_raw_counts.tsv", *_COUNTS, "data/GSE147507_RawReadCounts.tsv",
            "e9ff04d435dcbdb7ce8535f9d0f42cba644d8bc41a80216403110fe62d89ae84",
        ),
        PublicFile(
            "GSE147507_design.csv", *_COUNTS, "data/design.csv",
            "ae466d97886c938fdf93195e66931ae18f1a8504d75e15107f79d54e9f8ac907",
        ),
    )
}  # fmt: skip


def public_file(name: str, folder: str | Path) -> bytes:
    """Return the bytes of one file from a folder, unpacked, after its checksum has been compared.

    Parameters
    ----------
    name : a key of `FILES`.
    folder : where the file lies under this name, or packed as ``name.gz``.

    Raises
    ------
    UserError
        When the file is not there, or is another one than the published.
    """
    file = _known(name)
    place = next((path for path in (Path(folder) / name, Path(folder) / f"{name}.gz") if path.is_file()), None)
    if place is None:
        raise UserError(f"There is no {name} in {folder}.", f"Download it from {file.url} into this folder.", str(folder))
    content = place.read_bytes()
    if place.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError):
            raise UserError(f"{place.name} is damaged: it does not unpack.", f"Download it again from {file.url}.", str(place)) from None
    _check(file, content, str(place))
    return content


def download(folder: str | Path, fetch: Callable[[str], bytes], names: Sequence[str] = ()) -> list[Path]:
    """Bring files from their public source into a folder; files that are there and right are not brought again.

    Parameters
    ----------
    folder : made if need be.
    fetch : returns what lies at an address; an OSError of it is told in words. The product itself calls no server, so whoever wants the
        files from the network says how.
    names : keys of `FILES`; none for all.

    Returns
    -------
    Paths of the files, in the order asked for.

    Raises
    ------
    UserError
        When the source cannot be reached, or what it sends is not the published file, which is then not kept.

    Notes
    -----
    With a network: ``download("covid19", lambda url: urlopen(url, timeout=30).read())``.
    """
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    brought = []
    for name in names or FILES:
        file, place = _known(name), into / name
        if not (place.is_file() and _digest(place.read_bytes()) == file.sha256):
            content = _fetched(file, fetch)
            _check(file, content, file.url)
            fresh = place.with_name(f"{name}.part")
            fresh.write_bytes(content)
            fresh.replace(place)
        brought.append(place)
    return brought


def repository_of(name: str) -> str:
    """Name the source of a file in one line: repository, path, commit."""
    file = _known(name)
    return f"github.com/{file.repository}, {file.path}, commit {file.commit[:7]}"


def _known(name: str) -> PublicFile:
    if name not in FILES:
        raise UserError(f"There is no public file '{name}'.", f"The files are: {', '.join(FILES)}.", name)
    return FILES[name]


def _fetched(file: PublicFile, fetch: Callable[[str], bytes]) -> bytes:
    """Ask the caller's function for a file, and say in words why there is none."""
    try:
        return fetch(file.url)
    except OSError as problem:  # no network, no such host, refused, timed out, or an HTTP error
        reason = str(getattr(problem, "reason", problem)) or type(problem).__name__
        raise UserError(
            f"{file.name} could not be brought from {file.url}: {reason}.",
            "Connect to the internet and try again, or put the file into the folder by hand.", file.name,
        ) from None  # fmt: skip


def _check(file: PublicFile, content: bytes, where: str) -> None:
    """Refuse bytes that are not those of the published file."""
    found = _digest(content)
    if found != file.sha256:
        raise UserError(
            f"{where} is not the published {file.name}: its SHA-256 starts with {found[:12]}, not {file.sha256[:12]}.",
            f"Download it again from {file.url}, or read your own file as your own table.", where,
        )  # fmt: skip


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
