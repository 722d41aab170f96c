"""A matrix of numbers in a file, of which any rows and columns are read without the rest."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = -666.0  # how CMap's files write a value that was not measured
SLAB_BYTES = 4_000_000  # read at a time when not every row or column of it is wanted
LEAST_SLAB_BYTES = 65_536
LEAST_OPENED_BYTES, MOST_OPENED_BYTES = 1_000_000, 64_000_000  # of chunks that stay unpacked, so that none is unpacked twice
SPARSE = 4  # rows are read one run after another where whole slabs would hold so many times what is asked for

Places = NDArray[np.int64]
_DIGESTS: dict[tuple[Any, ...], str] = {}  # by path, size, time and selection: a digest of a large file takes seconds


@dataclass(frozen=True, eq=False)
class StoredMatrix:
    """An (N, d) matrix in an ``.npy`` file of float32, or in a data set of an HDF5 file, of any type and orientation.

    Parameters
    ----------
    path : the file.
    dataset : path of the data set inside an HDF5 file; empty for ``.npy``.
    transposed : whether the file has genes × profiles.
    rows, columns : numbers in the file of the rows and columns that make up the matrix; None for all.

    Notes
    -----
    In an HDF5 file -666 is read as NaN. The file is opened for each reading: nothing is held open, so it may be read by any thread or
    process.
    """

    path: Path
    dataset: str = ""
    transposed: bool = False
    rows: Places | None = None
    columns: Places | None = None

    @property
    def suffix(self) -> str:
        """``.h5`` or ``.npy``."""
        return ".h5" if self.dataset else ".npy"

    @property
    def is_whole(self) -> bool:
        """Whether the matrix is all that the file's data set holds, in its order."""
        return self.rows is None and self.columns is None

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(N, d)."""
        n, d = self._file_shape
        return (n if self.rows is None else len(self.rows), d if self.columns is None else len(self.columns))

    @cached_property
    def _file_shape(self) -> tuple[int, int]:
        if not self.dataset:
            n, d = self._array.shape
            return n, d
        import h5py

        with h5py.File(self.path, "r") as file:
            a, b = file[self.dataset].shape
        return (b, a) if self.transposed else (a, b)

    @cached_property
    def _array(self) -> NDArray[np.float32]:
        array: NDArray[np.float32] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        if array.ndim != 2 or array.dtype != np.float32:
            raise ValueError(f"{self.path} holds no matrix of float32")
        return array

    @property
    def mapped(self) -> NDArray[np.float32] | None:
        """The matrix as it lies in the file; None for HDF5, and where rows or columns are selected."""
        return self._array if not self.dataset and self.is_whole else None

    @property
    def stamp(self) -> list[int]:
        """Size in bytes and time of the last change in nanoseconds."""
        status = self.path.stat()
        return [status.st_size, status.st_mtime_ns]

    @property
    def _key(self) -> tuple[Any, ...]:
        chosen = (None if places is None else places.tobytes() for places in (self.rows, self.columns))
        return (str(self.path), *self.stamp, self.dataset, self.transposed, *chosen)

    @property
    def known_digest(self) -> str | None:
        """Digest of the numbers where it was taken before and the file has not changed since."""
        return _DIGESTS.get(self._key)

    def remember(self, digest: str) -> None:
        """Note the digest of the numbers."""
        _DIGESTS[self._key] = digest

    def at(self, path: Path) -> "StoredMatrix":
        """Return the same matrix in another copy of the file."""
        return dataclasses.replace(self, path=path)

    def select(self, rows: Places | None = None, columns: Places | None = None) -> "StoredMatrix":
        """Return some rows and columns of the matrix."""
        return dataclasses.replace(self, rows=_within(self.rows, rows), columns=_within(self.columns, columns))

    def read(self, rows: Places, columns: Places | None = None) -> NDArray[np.float32]:
        """Return (rows, columns) as float32, NaN where missing; None for all columns."""
        first, second = _within(self.rows, rows), _within(self.columns, columns)
        assert first is not None
        out = np.empty((len(first), self._file_shape[1] if second is None else len(second)), dtype=np.float32)
        if out.size == 0:
            return out
        if not self.dataset:
            _gather(self._array, first, second, out)
            return out
        import h5py

        opened = min(max(out.nbytes // 16, LEAST_OPENED_BYTES), MOST_OPENED_BYTES)
        with h5py.File(self.path, "r", rdcc_nbytes=opened) as file:
            node = file[self.dataset]
            if self.transposed:
                every = np.arange(node.shape[0]) if second is None else second
                _read_slabs(node, every, first, out.T)
            else:
                _read_slabs(node, first, second, out)
        return out

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` needs beside the folder; for a whole matrix."""
        return {"file": self.path.name, "dataset": self.dataset, "transposed": self.transposed}

    @classmethod
    def from_dict(cls, folder: Path, told: Mapping[str, Any]) -> "StoredMatrix":
        """Find the matrix again in the folder that its file was put into."""
        return cls(folder / Path(told["file"]).name, told["dataset"], told["transposed"])


def write_matrix(path: Path, shape: tuple[int, ...], blocks: Iterable[NDArray[Any]]) -> None:
    """Write blocks of rows, one after another, as the float32 ``.npy`` file of a matrix of this shape."""
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": tuple(int(size) for size in shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block, dtype="<f4").data)


def _within(known: Places | None, asked: Places | None) -> Places | None:
    if asked is None:
        return known
    return asked if known is None else known[asked]


def _gather(array: NDArray[np.float32], rows: Places, columns: Places | None, out: NDArray[np.float32]) -> None:
    """Copy rows and columns, some rows at a time: numpy would copy whole rows first."""
    step = _step(4 * array.shape[1], out.nbytes)
    for at in range(0, len(rows), step):
        chosen = rows[at : at + step]
        if columns is None:
            np.take(array, chosen, axis=0, out=out[at : at + step], mode="clip")
        else:
            np.take(array[chosen], columns, axis=1, out=out[at : at + step], mode="clip")


def _read_slabs(node: Any, first: Places, second: Places | None, out: NDArray[np.float32]) -> None:
    """Read ``node[first][:, second]`` into ``out``, a slab of neighbouring rows of the file at a time, in the order of the file."""
    low, high = (0, node.shape[1]) if second is None else (int(second.min()), int(second.max()) + 1)
    is_range = second is None or bool(np.array_equal(second, np.arange(low, high)))
    order = np.argsort(first, kind="stable")
    most = _step(4 * (high - low), out.nbytes)
    for places in _runs(first[order], most):
        wanted, targets = first[order[places]], order[places]
        start, stop = int(wanted[0]), int(wanted[-1]) + 1
        slab = np.empty((stop - start, high - low), dtype=np.float32)
        node.read_direct(slab, np.s_[start:stop, low:high])
        slab[slab == MISSING] = np.nan
        inside = wanted - start
        if is_range:
            out[targets] = slab if len(inside) == len(slab) else slab[inside]
        else:
            assert second is not None
            out[targets] = slab[np.ix_(inside, second - low)]


def _runs(numbers: Places, most: int) -> Iterator[slice]:
    """Cut sorted numbers into runs that span at most so many rows of the file and are not mostly gaps."""
    start = 0
    while start < len(numbers):
        stop = int(np.searchsorted(numbers, numbers[start] + most))
        if (numbers[stop - 1] - numbers[start] + 1) > SPARSE * (stop - start):  # scattered: up to the next gap only
            gaps = np.flatnonzero(np.diff(numbers[start:stop]) > 1)
            stop = start + int(gaps[0]) + 1 if len(gaps) else stop
        yield slice(start, stop)
        start = stop


def _step(row_bytes: int, out_bytes: int) -> int:
    """Return how many rows of the file make a slab: at most a twentieth of what is asked for, since a slab may be copied once more."""
    budget = min(SLAB_BYTES, max(out_bytes // 20, LEAST_SLAB_BYTES))
    return max(1, budget // max(row_bytes, 1))
