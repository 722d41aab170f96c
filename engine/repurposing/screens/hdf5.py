"""GCTX and H5AD, the HDF5 formats of CMap and AnnData: facts are read, the matrix stays where it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.core.stored_matrix import StoredMatrix, write_matrix
from engine.repurposing.screens.layout import Axis, Contents, is_swapped

GCTX = "0/DATA/0/matrix"
SPARSE_BYTES = 32_000_000  # of a dense block while a sparse matrix is written out
MOST_CHUNK_BYTES = 256_000_000  # HDF5 opens a compressed chunk whole: a larger one would not be read by blocks


def read_hdf5(path: Path, target: Path) -> Contents:
    """Read the facts of a GCTX or H5AD file; a sparse H5AD is written out once, as float32, to ``target``.

    Raises
    ------
    UserError
        When the file is truncated, is of neither format, or reaches outside itself.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if "0" in file:
                return _gctx(file, path)
            if "X" in file:
                return _h5ad(file, path, target)
            inside = ", ".join(list(file)[:8]) or "nothing"
    except (OSError, KeyError) as problem:
        size = path.stat().st_size
        raise UserError(
            f"{path.name} ({size:,} bytes) is an HDF5 file that is not whole: {str(problem).splitlines()[0][:160]}.",
            "It was probably cut off while it was downloaded or copied; fetch it again.", path.name,
        ) from problem  # fmt: skip
    raise UserError(f"{path.name} is an HDF5 file, but neither GCTX nor H5AD: it holds {inside}.", "Save it as GCTX or H5AD.", path.name)


def _gctx(file: Any, path: Path) -> Contents:
    """Read a file whose matrix has profiles in its rows as h5py sees it; ``META/ROW`` describes genes, ``META/COL`` profiles."""
    node = _matrix_node(file, GCTX, path)
    genes, profiles = (_axis(file, f"0/META/{side}", path) for side in ("ROW", "COL"))
    notes = []
    if is_swapped(genes.facts, profiles.facts):
        genes, profiles = profiles, genes
        notes.append(f"{path.name} describes profiles as its rows and genes as its columns; they were turned round.")
    if not profiles.ids:
        profiles = Axis(tuple(f"profile {i + 1}" for i in range(node.shape[node.shape[0] == len(genes.ids)])), pd.DataFrame())
        notes.append(f"{path.name} says nothing of its profiles.")
    if not genes.ids:
        raise UserError(f"{path.name} does not name its genes (0/META/ROW/id).", "Save it again with its metadata.", path.name)
    right = (len(profiles.ids), len(genes.ids))
    if node.shape not in (right, right[::-1]):
        raise UserError(
            f"{path.name} has a matrix of {node.shape[0]:,} × {node.shape[1]:,}, but describes {right[0]:,} profiles and {right[1]:,} "
            "genes.",
            "Save it again with the metadata of all its profiles and genes.", path.name,
        )  # fmt: skip
    transposed = node.shape != right
    if transposed:
        notes.append(f"The matrix of {path.name} has genes in its rows; it is read turned round.")
    return Contents(StoredMatrix(path, GCTX, transposed), profiles, genes, tuple(notes))


def _h5ad(file: Any, path: Path, target: Path) -> Contents:
    import h5py

    profiles, genes = _axis(file, "obs", path), _axis(file, "var", path)
    turned = is_swapped(genes.facts, profiles.facts)
    notes = (f"{path.name} has genes in obs and profiles in var; it was turned round.",) if turned else ()
    if isinstance(_inside(file, "X", path), h5py.Dataset):
        node = _matrix_node(file, "X", path)
        matrix = StoredMatrix(path, "X", turned)
        shape = node.shape
    else:
        shape = _write_sparse(file["X"], path, target, (len(profiles.ids), len(genes.ids)), turned)
        matrix = StoredMatrix(target)
    if shape != (len(profiles.ids), len(genes.ids)):
        raise UserError(f"X of {path.name} has not the size of obs and var.", "Save the file again.", path.name)
    profiles, genes = (genes, profiles) if turned else (profiles, genes)
    return Contents(matrix, profiles, genes, notes)


def _write_sparse(group: Any, path: Path, target: Path, shape: tuple[int, int], turned: bool) -> tuple[int, int]:
    """Write a sparse matrix out, some rows (of CSR) or columns (of CSC) at a time."""
    form = _text(group.attrs.get("encoding-type", group.attrs.get("h5sparse_format", "")))
    stored = tuple(int(size) for size in group.attrs.get("shape", group.attrs.get("h5sparse_shape", ())))
    if not form.startswith(("csr", "csc")) or stored != shape:
        raise UserError(
            f"X of {path.name} is stored as '{form}' of size {stored}, which is not read.", "Save it dense or as CSR.", path.name
        )
    by_rows = form.startswith("csr")
    lines, across = shape if by_rows else shape[::-1]
    blocks = _dense_blocks(group, path, lines, across)
    if by_rows != turned:  # a line of the file is a profile
        write_matrix(target, (lines, across), (block for _, block in blocks))
    else:
        out = np.lib.format.open_memmap(target, mode="w+", dtype="<f4", shape=(across, lines))
        for start, block in blocks:
            out[:, start : start + len(block)] = block.T
        out.flush()
    return shape


def _dense_blocks(group: Any, path: Path, lines: int, across: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    ends = group["indptr"][()]
    if len(ends) != lines + 1 or ends[0] != 0 or (np.diff(ends) < 0).any():
        raise UserError(f"X of {path.name} has broken row ends.", "Save the file again.", path.name)
    step = max(1, SPARSE_BYTES // (4 * max(across, 1)))
    for start in range(0, lines, step):
        stop = min(start + step, lines)
        places = group["indices"][ends[start] : ends[stop]]
        if places.size and not 0 <= places.min() <= places.max() < across:
            raise UserError(f"X of {path.name} has values outside its size.", "Save the file again.", path.name)
        block = np.zeros((stop - start, across), dtype=np.float32)
        block[np.repeat(np.arange(stop - start), np.diff(ends[start : stop + 1])), places] = group["data"][ends[start] : ends[stop]]
        yield start, block


def _matrix_node(file: Any, place: str, path: Path) -> Any:
    """Return a dense table of numbers inside the file."""
    import h5py

    node = _inside(file, place, path)
    if not isinstance(node, h5py.Dataset) or node.ndim != 2 or node.dtype.kind not in "fiu":
        raise UserError(f"{place} of {path.name} is not a table of numbers.", "Save it again as GCTX or H5AD.", path.name)
    chunk = int(np.prod(node.chunks)) * node.dtype.itemsize if node.chunks else 0
    if chunk > MOST_CHUNK_BYTES:
        raise UserError(
            f"{place} of {path.name} is stored in pieces of {chunk / 1e9:.1f} GB, which cannot be read by parts.",
            "Save it again with smaller chunks, such as 1,024 profiles.", path.name,
        )  # fmt: skip
    return node


def _inside(file: Any, place: str, path: Path) -> Any:
    """Return a node that lies in the file itself: a link or outside storage could make us read another file."""
    import h5py

    node = file
    for part in place.split("/"):
        if not isinstance(node, h5py.Group) or part not in node:
            raise UserError(f"{path.name} has no {place}.", "Save it again as GCTX or H5AD.", path.name)
        if not isinstance(node.get(part, getlink=True), h5py.HardLink):
            raise UserError(
                f"{place} of {path.name} is a link to another place. It was not read.", "Save the file without links.", path.name
            )
        node = node[part]
    if isinstance(node, h5py.Dataset) and (node.external or node.is_virtual):
        raise UserError(f"{place} of {path.name} is stored in another file. It was not read.", "Save the file as one.", path.name)
    return node


def _axis(file: Any, place: str, path: Path) -> Axis:
    """Read the names and facts of one side; facts of another length or kind are left out, and of nothing there is nothing."""
    import h5py

    if place not in file:
        return Axis((), pd.DataFrame())
    group = _inside(file, place, path)
    if not isinstance(group, h5py.Group):
        raise UserError(f"{place} of {path.name} is in a layout before AnnData 0.7.", "Save it again with a newer version.", path.name)
    index = _text(group.attrs.get("_index", "id"))
    index = index if index in group else "_index" if "_index" in group else ""
    ids = _values(_inside(file, f"{place}/{index}", path)) if index else None
    facts = {}
    for name in group:
        found = _values(_inside(file, f"{place}/{name}", path)) if name != index else None
        if found is not None and (ids is None or len(found) == len(ids)):
            facts[str(name)] = found
    names = () if ids is None else tuple(str(value).strip() for value in ids)
    return Axis(names, pd.DataFrame(facts))


def _values(node: Any) -> Any:
    """Return a fact as texts or numbers; None for what is neither."""
    import h5py

    if isinstance(node, h5py.Group):
        if {"codes", "categories"} <= set(node):
            labels, codes = _values(node["categories"]), node["codes"][()]
            return pd.Series(np.array([*labels, None], dtype=object)[codes])  # code -1 is missing
        if {"values", "mask"} <= set(node):
            return pd.Series(_values(node["values"])).mask(node["mask"][()].astype(bool))
        return None
    if node.ndim != 1:
        return None
    if h5py.check_string_dtype(node.dtype) is not None:
        return np.array([_text(value) for value in node[()]], dtype=object)
    return node[()] if node.dtype.kind in "fiub" else None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
