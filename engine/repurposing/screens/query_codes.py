"""A screen in a quarter of its size: each profile as 8-bit whole numbers, with a bound on how far they are from it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core import Profiles
from engine.core.profiles import TemporaryFolder

ALIGNED = 32  # codes of a profile are filled up to a multiple of this, so that compiled loops have no rest
ROWS = 8192


@dataclass(frozen=True, eq=False)
class Prepared:
    """A screen with its 8-bit codes, for one search after another.

    Parameters
    ----------
    profiles : the screen.
    codes : (N, D) int8, D >= d a multiple of 32; the profile is about codes times a factor of its own.
    slack : (N,) bound on the Euclidean distance between profile and codes in units of the codes; inf where values are missing, -1 where
        the profile is zero.
    totals, squares : (N,) sums of the codes and of their squares.
    holder : keeps the temporary file of the codes alive.
    """

    profiles: Profiles
    codes: NDArray[np.int8]
    slack: NDArray[np.float32]
    totals: NDArray[np.int32]
    squares: NDArray[np.int32]
    holder: TemporaryFolder | None = None


def prepare(profiles: Profiles, folder: str | Path | None = None, threads: int = 1) -> Prepared:
    """Code every profile of a screen once; `top` then reads a quarter of the bytes and returns the same profiles and scores.

    Parameters
    ----------
    folder : where the codes (N × d bytes) are kept; by default a temporary folder that lives as long as what is returned.
    threads : how many parts of the screen are coded at the same time.

    Notes
    -----
    x = a c + r with a = max |x| / 127 and |r| known; the bound on a score from it is in `engine.repurposing.screens.query_kernel`.
    """
    from engine.repurposing.screens.query_kernel import encode

    n, d = len(profiles), profiles.p
    holder = TemporaryFolder() if folder is None else None
    place = holder.path if holder else Path(str(folder))
    place.mkdir(parents=True, exist_ok=True)
    codes = np.lib.format.open_memmap(place / "codes.npy", mode="w+", dtype=np.int8, shape=(n, -(-d // ALIGNED) * ALIGNED))
    slack, totals, squares = np.empty(n, np.float32), np.empty(n, np.int32), np.empty(n, np.int32)

    def code(start: int) -> None:
        part = slice(start, min(start + ROWS, n))
        encode(rows_of(profiles, part), d, np.asarray(codes)[part], slack[part], totals[part], squares[part])

    with ThreadPoolExecutor(max(threads, 1)) as pool:
        list(pool.map(code, range(0, n, ROWS)))
    codes.flush()
    return Prepared(profiles, np.load(place / "codes.npy", mmap_mode="r"), slack, totals, squares, holder)


def rows_of(profiles: Profiles, part: slice) -> NDArray[np.float32]:
    """Return some neighbouring profiles as a read-only array, in the file where it can be mapped: one type for compiled loops."""
    mapped = profiles.mapped
    return unwritable(mapped[part] if mapped is not None else profiles.block(part))


def unwritable(array: NDArray[Any]) -> NDArray[Any]:
    """Return a plain view that cannot be written to."""
    view = np.asarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view
