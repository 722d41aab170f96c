"""Content digests: the same content has the same name on every machine."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

DIGEST_BYTES = 16  # BLAKE2b-128


def canonical_json(value: Any) -> str:
    """Write ``value`` as JSON in the one form that digests are taken of: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(parts: Iterable[Any]) -> str:
    """Hash a sequence of parts (bytes, text, arrays, frames, JSON values) to 32 hexadecimal digits.

    Every part is hashed whole, with its type and length in front, so neighbouring parts cannot run together.
    """
    total = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        for chunk in _chunks(part):
            total.update(len(chunk).to_bytes(8, "little"))
            total.update(chunk)
    return total.hexdigest()


def _chunks(part: Any) -> Iterable[bytes | memoryview]:
    if isinstance(part, bytes):
        yield part
    elif isinstance(part, np.ndarray):
        array = np.ascontiguousarray(part)
        if array.dtype == object:
            raise TypeError("arrays of Python objects have no stable bytes; convert them to text or numbers first")
        yield f"array {array.dtype.str} {array.shape}".encode()
        yield array.tobytes()
    elif isinstance(part, pd.Series):
        yield from _chunks(part.to_frame(str(part.name)))
    elif isinstance(part, pd.DataFrame):
        yield f"frame {part.shape}".encode()
        if not isinstance(part.index, pd.RangeIndex):
            yield from _column("index", part.index.to_series())
        if all(dtype == np.float64 for dtype in part.dtypes):  # taken from the table as a whole, which is much faster than one by one
            table = part.to_numpy()
            for k in range(part.shape[1]):
                yield f"{part.columns[k]} float64".encode()
                yield np.ascontiguousarray(table[:, k]).view(np.uint8).data
            return
        for name, column in part.items():
            yield from _column(str(name), column)
    else:
        yield b"json " + canonical_json(part).encode()


def _column(name: str, column: "pd.Series[Any]") -> Iterable[bytes | memoryview]:
    yield f"{name} {column.dtype}".encode()
    if isinstance(column.dtype, pd.CategoricalDtype):
        yield canonical_json([str(c) for c in column.cat.categories]).encode()
        yield np.ascontiguousarray(column.cat.codes).tobytes()
    elif pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        yield np.ascontiguousarray(column.to_numpy()).tobytes()
    else:
        yield canonical_json([None if v is None or v is pd.NA else str(v) for v in column]).encode()
