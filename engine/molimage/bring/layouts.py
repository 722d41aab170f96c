"""Public layouts of image sets, recognised by their files and turned into one kind of table."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from engine.data.findings import Finding, named, refuse
from engine.molimage.bring.channels import JUMP
from engine.molimage.bring.files import is_image
from engine.molimage.bring.places import Place
from engine.molimage.bring.platemaps import molecules_of_wells, platemaps_in
from engine.molimage.bring.stack import again
from engine.molimage.bring.table import ALIASES, IMAGE, open_text, plain

PACKED, BBBC021, GALLERY, READER, LISTED = "packed", "bbbc021", "cell-painting-gallery", "plate-reader", "listed"
LABELS = {
    PACKED: "images.npz with metadata.csv", BBBC021: "BBBC021", GALLERY: "Cell Painting Gallery (load_data.csv)",
    READER: "file names of a plate reader (r01c01f01p01-ch1)", LISTED: "a table that names the images",
}  # fmt: skip
_READER = re.compile(r"r(?P<row>\d+)c(?P<column>\d+)f(?P<site>\d+)p(?P<plane>\d+)-ch(?P<channel>\d+)(?:sk\d+fk\d+fl\d+)?\.tiff?$", re.I)
_SITE = re.compile(r"_s(\d+)_w")
_TABLE = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class Layout:
    """What a folder or ZIP turned out to be.

    Attributes
    ----------
    name : ``packed``, ``bbbc021``, ``cell-painting-gallery``, ``plate-reader`` or ``listed``.
    label : name of its table, for messages.
    table : one row per field, as `engine.molimage.bring.read_table` wants it; empty for ``packed``.
    folder : where its files lie inside the place.
    findings : what was recognised and what is missing.
    """

    name: str
    label: str
    table: pd.DataFrame
    folder: str = ""
    findings: tuple[Finding, ...] = ()


def detect(place: Place, compounds: str | Path | bytes | pd.DataFrame | None = None) -> Layout:
    """Recognise the layout of a folder or ZIP.

    Parameters
    ----------
    place : the folder or archive.
    compounds : table that says which molecule is in which well: ``smiles`` and ``well`` (and ``plate``), or ``smiles`` and ``compound``.

    Raises
    ------
    UserError
        When no layout fits, or several tables could be the one.
    """
    told = open_compounds(compounds)
    for recognise in (_packed, _bbbc021, _gallery, _plate_reader, _listed):
        found = recognise(place, told)
        if found is not None:
            message = (
                f"Recognised: {LABELS[found.name]}, {len(found.table):,} fields."
                if len(found.table)
                else f"Recognised: {LABELS[found.name]}."
            )
            note = Finding("layout", "note", message, found.label)
            return Layout(found.name, found.label, found.table, found.folder, (note, *found.findings))
    message = f"{place.label} holds no table that names the images, and no layout that is known: {'; '.join(LABELS.values())}."
    raise refuse("no-layout", message, again("Give a table with image and smiles", asks="table"), where=place.label)


def packed_in(place: Place) -> str:
    """Return the folder that holds images.npz and metadata.csv, or raise `UserError`."""
    found = _packed_folders(place)
    if not found:
        raise refuse("no-layout", f"{place.label} does not hold images.npz with metadata.csv beside it.", where=place.label)
    return found[0]


def open_compounds(compounds: str | Path | bytes | pd.DataFrame | None) -> pd.DataFrame | None:
    """Open a table of molecules with the house's column names, or return None when there is none."""
    if compounds is None:
        return None
    frame = compounds if isinstance(compounds, pd.DataFrame) else open_text(compounds, "the table of compounds")
    facts = {alias: fact for fact, aliases in ALIASES.items() for alias in aliases}
    return frame.rename(columns={name: facts.get(plain(name), plain(name)) for name in frame.columns})


def _packed_folders(place: Place) -> list[str]:
    names = set(place.names)
    folders = [name.removesuffix("images.npz") for name in place.names if PurePosixPath(name).name == "images.npz"]
    return [folder.rstrip("/") for folder in folders if f"{folder}metadata.csv" in names]


def _packed(place: Place, compounds: pd.DataFrame | None) -> Layout | None:
    found = _packed_folders(place)
    if len(found) > 1:
        raise refuse(
            "several-tables", f"{place.label} holds {len(found)} packed sets: {named(found)}. Choose one folder.", where=place.label
        )
    return Layout(PACKED, "metadata.csv", pd.DataFrame(), found[0]) if found else None


def _named_like(place: Place, pattern: str) -> list[str]:
    return [name for name in place.names if re.search(pattern, PurePosixPath(name).name, re.I)]


def _bbbc021(place: Place, compounds: pd.DataFrame | None) -> Layout | None:
    """Join the image, mechanism and compound tables of BBBC021."""
    listed = _named_like(place, r"^BBBC021_v1_image\.csv$")
    if not listed:
        return None
    frame = open_text(place.read(listed[0]), listed[0])
    stains = [match.group(1) for name in frame.columns if (match := re.match(r"Image_FileName_(.+)", name))]
    first = stains[0]
    table = pd.DataFrame({f"{IMAGE}_{stain}": _joined(frame, f"Image_PathName_{stain}", f"Image_FileName_{stain}") for stain in stains})
    table["compound"] = frame["Image_Metadata_Compound"].astype(str)
    table["dose_um"] = frame["Image_Metadata_Concentration"]
    table["plate"] = frame[f"Image_Metadata_Plate_{first}"].astype(str)
    table["well"] = frame[f"Image_Metadata_Well_{first}"].astype(str)
    table["site"] = frame[f"Image_FileName_{first}"].astype(str).str.extract(_SITE, expand=False).fillna("")
    table["replicate"] = frame.get("Replicate", "")
    for pattern, keys, fact in (
        (r"^BBBC021_v1_moa\.csv$", ["compound", "concentration"], "moa"),
        (r"^BBBC021_v1_compound\.csv$", ["compound"], "smiles"),
    ):
        beside = _named_like(place, pattern)
        if beside:
            told = open_text(place.read(beside[0]), beside[0])
            told = told.assign(compound=told["compound"].astype(str)).rename(columns={"concentration": "dose_um"})
            keys = [key.replace("concentration", "dose_um") for key in keys]
            table = table.merge(told[[*keys, fact]].drop_duplicates(keys), on=keys, how="left")
    return _with_molecules(Layout(BBBC021, listed[0], table), compounds)


def _gallery(place: Place, compounds: pd.DataFrame | None) -> Layout | None:
    """Read the load_data.csv files of the Cell Painting Gallery and the plate maps beside them."""
    listed = _named_like(place, r"^load_data\.csv$") or _named_like(place, r"^load_data_with_illum\.csv$")
    if not listed:
        return None
    frame = pd.concat([open_text(place.read(name), name) for name in listed], ignore_index=True)
    stains = [match.group(1) for name in frame.columns if (match := re.match(r"FileName_Orig(.+)", name))]
    if not stains:
        raise refuse("no-images", f"{listed[0]} has no column FileName_Orig<channel>.", where=listed[0])
    table = pd.DataFrame({f"{IMAGE}_{stain}": _joined(frame, f"PathName_Orig{stain}", f"FileName_Orig{stain}") for stain in stains})
    for name in frame.columns:
        if name.startswith("Metadata_"):
            table[plain(name.removeprefix("Metadata_"))] = frame[name]
    told = platemaps_in(place)
    return _with_molecules(Layout(GALLERY, listed[0], table), compounds if compounds is not None else told)


def _plate_reader(place: Place, compounds: pd.DataFrame | None) -> Layout | None:
    """Make a table of the file names of an Opera Phenix or like reader, one folder per plate."""
    fields: dict[tuple[str, str, str], dict[int, dict[int, str]]] = defaultdict(lambda: defaultdict(dict))
    for name in place.names:
        match = _READER.search(PurePosixPath(name).name)
        if match:
            well = f"{_row_letters(int(match['row']))}{int(match['column']):02d}"
            folder = str(PurePosixPath(name).parent)
            fields[(folder, well, str(int(match["site"])))][int(match["channel"])][int(match["plane"])] = name
    if not fields or _tables(place):
        return None
    planes = max(len(stack) for channels in fields.values() for stack in channels.values())
    if planes > 1:
        message = (
            f"{place.label} holds {planes} focus planes of each field. Keep the files of one plane (p01, say), or export their projection."
        )
        raise refuse("image-stack", message, where=place.label)
    numbers = sorted({channel for channels in fields.values() for channel in channels})
    rows = []
    for (folder, well, site), channels in fields.items():
        images = {f"{IMAGE}_{JUMP.get(n, f'ch{n}')}": next(iter(channels[n].values())) if n in channels else "" for n in numbers}
        rows.append({**images, "plate": _plate_of(folder, place), "well": well, "site": site})
    listed = ", ".join(f"ch{n}: {JUMP.get(n, f'ch{n}')}" for n in numbers)
    guess = Finding(
        "channels", "warn", f"File names number the channels; they were named as on JUMP plates ({listed}). Check them.", "channels"
    )
    return _with_molecules(Layout(READER, place.label, pd.DataFrame(rows), findings=(guess,)), compounds)


def _row_letters(row: int) -> str:
    """Return the letters of a plate's row: 1 is A, 27 is AA, as on plates of 1,536 wells."""
    return chr(64 + row) if row <= 26 else "A" + chr(64 + row - 26)


def _plate_of(folder: str, place: Place) -> str:
    """Return the name of a plate from the folder of its files: ``BR00117006__2020-11-08T18_18_00-Measurement1/Images`` is BR00117006."""
    parts = [part for part in folder.split("/") if part not in (".", "") and part.lower() != "images"]
    return (parts[-1] if parts else place.label).split("__")[0]


def _listed(place: Place, compounds: pd.DataFrame | None) -> Layout | None:
    """Take the one table that has a column of images."""
    found = _tables(place)
    if not found:
        return None
    if len(found) > 1:
        message = f"{place.label} holds {len(found)} tables that name images: {named(found)}. Say which."
        raise refuse("several-tables", message, again("Choose one", asks="table"), where=place.label)
    ((name, frame),) = found.items()
    return _with_molecules(Layout(LISTED, name, frame), compounds)


def _tables(place: Place) -> dict[str, pd.DataFrame]:
    """Return the text tables with a column image or image_<channel> some of whose cells are named like images."""
    found = {}
    for name in place.names:
        if not name.lower().endswith(_TABLE) or PurePosixPath(name).name.lower().startswith("readme"):
            continue
        content = place.read(name)
        header = re.split(r"[,;\t]", content[:4096].split(b"\n")[0].decode("utf-8", "replace").replace('"', ""))
        if not any(map(_names_images, header)):
            continue
        frame = open_text(content, name)
        images = [column for column in frame.columns if _names_images(column)]
        if any(frame[column].map(lambda cell: is_image(str(cell))).any() for column in images):
            found[name] = frame
    return found


def _names_images(column: str) -> bool:
    return plain(column) in ALIASES[IMAGE] or plain(column).startswith(f"{IMAGE}_")


def _joined(frame: pd.DataFrame, path: str, name: str) -> pd.Series:
    """Return folder and file as one path."""
    names = frame[name].fillna("").astype(str)
    if path not in frame:
        return names
    folders = frame[path].fillna("").astype(str).str.replace("\\", "/").str.rstrip("/")
    return (folders + "/" + names).where((folders != "") & (names != ""), names)


def _with_molecules(layout: Layout, compounds: pd.DataFrame | None) -> Layout:
    """Join a table of molecules by the columns both have; say so when the molecules are still unknown."""
    table, findings = layout.table, list(layout.findings)
    if compounds is not None:
        table, note = molecules_of_wells(table, compounds)
        findings.append(note)
    elif "smiles" not in table and "compound" not in table:
        message = (
            f"{layout.label} says which image is which well, not which molecule was in it. Give a table with well (and plate) and smiles."
        )
        offer = again("Add a table of compounds", asks="compounds")
        findings.append(Finding("no-compounds", "warn", message, layout.label, (), (offer,)))
    return Layout(layout.name, layout.label, table, layout.folder, tuple(findings))
