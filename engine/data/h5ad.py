"""AnnData's H5AD files, opened in a process of their own: a damaged HDF5 file can crash or hang the library that reads it."""

import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.findings import Finding, Refusal, Repair, refuse
from engine.data.safety import MAX_OPENED, MAX_RATIO, SMALL, check_cells

ROOT = Path(__file__).parents[2]
SECONDS = 60
MOST_REGIMES = 50
STRUCTURE = 5_000  # groups and datasets looked at before a file is refused

Contents = tuple[NDArray[np.float64], list[str], dict[str, tuple[str, ...]]]


def contents(content: bytes, filename: str, limit: int | None) -> Contents:
    """Return the matrix X, the names of its variables and the annotations of its rows that have between 2 and 50 values.

    Raises
    ------
    Refusal
        When the file reaches outside itself, holds Python objects, grows beyond its limits, or the library gives up or hangs.
    """
    request = json.dumps({"filename": filename, "limit": limit}).encode() + b"\n" + content
    try:
        done = subprocess.run([sys.executable, "-m", "engine.data.h5ad"], input=request, capture_output=True, timeout=SECONDS, cwd=ROOT)
    except subprocess.TimeoutExpired:
        raise refuse("damaged", f"{filename} could not be read in {SECONDS} s; it is probably damaged.", where=filename) from None
    head, _, body = done.stdout.partition(b"\n")
    if done.returncode or not head:
        raise refuse("damaged", f"{filename} is damaged, or does not follow the layout of an AnnData file.", where=filename)
    answer = json.loads(head)
    if "refused" in answer:
        fields = answer["refused"] | {"repairs": tuple(Repair(**offer) for offer in answer["refused"]["repairs"])}
        raise Refusal(Finding(**fields | {"columns": tuple(fields["columns"])}))
    return np.load(io.BytesIO(body)), answer["header"], {name: tuple(labels) for name, labels in answer["annotations"].items()}


def main() -> int:
    """Answer one request on the standard input: a line of JSON, then the file."""
    asked = json.loads(sys.stdin.buffer.readline())
    try:
        values, header, annotations = extract(sys.stdin.buffer.read(), asked["filename"], asked["limit"])
    except Refusal as stop:
        sys.stdout.buffer.write(json.dumps({"refused": dataclasses.asdict(stop.finding)}).encode() + b"\n")
        return 0
    sys.stdout.buffer.write(json.dumps({"header": header, "annotations": annotations}).encode() + b"\n")
    body = io.BytesIO()  # numpy asks a file where it stands, which a pipe cannot say
    np.save(body, values)
    sys.stdout.buffer.write(body.getbuffer())
    return 0


def extract(content: bytes, filename: str, limit: int | None) -> Contents:
    """Read the file in this process."""
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        _check_h5(file, filename)
        for part in ("X", "var"):
            if part not in file:
                raise refuse("h5ad-layout", f"{filename} has no {part}: it is not an AnnData file.", where=filename)
        values = _matrix(file["X"], filename, limit)
        header = _index_names(file["var"], filename)
        annotations = _annotations(file["obs"], len(values)) if "obs" in file and isinstance(file["obs"], h5py.Group) else {}
    return values, header, annotations


def _check_h5(file: Any, filename: str) -> None:
    """Refuse links to other files, storage outside the file, and objects that only Python could decode."""
    import h5py

    waiting, seen = [file], 0
    while waiting:
        group = waiting.pop()
        for name in group:
            seen += 1
            link = group.get(name, getlink=True)
            if seen > STRUCTURE or not isinstance(link, h5py.HardLink):
                raise refuse(
                    "h5ad-unsafe", f"{filename} links to other places or is too nested. It was not read.", where=f"{group.name}/{name}"
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise refuse("h5ad-unsafe", f"{item.name} of {filename} is stored in another file. It was not read.", where=item.name)
                kinds = [item.dtype] if item.dtype.names is None else [item.dtype[field] for field in item.dtype.names]
                if any(kind.kind in "OV" and h5py.check_string_dtype(kind) is None for kind in kinds):
                    message = f"{item.name} of {filename} holds Python objects. It was not read. Save the file without it."
                    raise refuse("h5ad-unsafe", message, where=item.name)


def _matrix(node: Any, filename: str, limit: int | None) -> NDArray[np.float64]:
    """Read X, dense or compressed by rows or columns."""
    import h5py
    from scipy.sparse import csc_array, csr_array

    if isinstance(node, h5py.Dataset):
        if node.ndim != 2 or node.dtype.kind not in "fiub":
            raise refuse("h5ad-layout", f"X of {filename} is not a table of numbers.", where="X")
        check_cells(node.shape[0], node.shape[1], limit, filename)
        _check_inflation(node, filename)
        return np.asarray(node[()], dtype=np.float64)
    form = _text(node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", "")))
    shape = tuple(int(size) for size in node.attrs.get("shape", node.attrs.get("h5sparse_shape", ())))
    if len(shape) != 2 or not form.startswith(("csr", "csc")) or min(shape) < 0:
        raise refuse("h5ad-layout", f"X of {filename} is stored as '{form}', which is not read.", where="X")
    check_cells(shape[0], shape[1], limit, filename)
    parts = [node[name] for name in ("data", "indices", "indptr")]
    for part in parts:
        _check_inflation(part, filename)
    data, indices, indptr = (part[()] for part in parts)
    matrix = (csr_array if form.startswith("csr") else csc_array)((data.astype(np.float64), indices, indptr), shape=shape)
    matrix.check_format(full_check=True)
    return np.asarray(matrix.todense())


def _check_inflation(node: Any, filename: str) -> None:
    size, stored = node.size * node.dtype.itemsize, max(node.id.get_storage_size(), 1)
    if size > MAX_OPENED or (size > SMALL and size > MAX_RATIO * stored):
        raise refuse("file-archive", f"{node.name} of {filename} opens to {size / 1e6:,.0f} MB and was not opened.", where=node.name)


def _index_names(group: Any, filename: str) -> list[str]:
    import h5py

    if not isinstance(group, h5py.Group):
        raise refuse(
            "h5ad-layout", f"{filename} is in AnnData's layout before version 0.7. Save it again with a newer one.", where=filename
        )
    node = group[_text(group.attrs.get("_index", "_index"))]
    _check_inflation(node, filename)
    return [_text(name) for name in node[()]]


def _annotations(obs: Any, n: int) -> dict[str, tuple[str, ...]]:
    """Return the annotations of the rows that have between 2 and 50 values."""
    import h5py

    found = {}
    index = _text(obs.attrs.get("_index", "_index"))
    for name in (name for name in obs if name != index):
        node = obs[name]
        if isinstance(node, h5py.Group) and {"codes", "categories"} <= set(node):
            texts = [_text(label) for label in node["categories"][()]]
            codes = node["codes"][()]
            labels = tuple(texts[code] for code in codes) if len(codes) == n and codes.min(initial=0) >= 0 else ()
        elif isinstance(node, h5py.Dataset) and node.shape == (n,) and (node.dtype.kind in "iub" or h5py.check_string_dtype(node.dtype)):
            labels = tuple(_text(label) for label in node[()])
        else:
            continue
        if 2 <= len(set(labels)) <= min(MOST_REGIMES, n - 1):
            found[str(name)] = labels
    return found


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    sys.exit(main())
