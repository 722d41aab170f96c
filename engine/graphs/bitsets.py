"""Sets of nodes as the bits of whole numbers: union, intersection and difference of neighbourhoods in one step each."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def rows(relation: NDArray[Any]) -> list[int]:
    """Return each row of a (p, p) relation as a set: bit j of entry i says whether ``relation[i, j]``."""
    packed = np.packbits(np.asarray(relation, dtype=bool), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def members(nodes: int) -> Iterator[int]:
    """Yield the members of a set in ascending order."""
    while nodes:
        low = nodes & -nodes
        yield low.bit_length() - 1
        nodes ^= low


def of(nodes: Iterable[int]) -> int:
    """Return the set with these members."""
    found = 0
    for node in nodes:
        found |= 1 << node
    return found
