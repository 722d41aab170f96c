"""Sets of nodes as the bits of whole numbers: union, intersection and difference of neighbourhoods in one step each."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

REMEMBERED = 4096  # sets whose members are kept at hand


def rows(relation: NDArray[Any]) -> list[int]:
    """Return each row of a (p, p) relation as a set: bit j of entry i says whether ``relation[i, j]``."""
    packed = np.packbits(np.asarray(relation, dtype=bool), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def relation(sets: Sequence[int]) -> NDArray[np.bool_]:
    """Return the (p, p) relation whose rows are p sets of p nodes, see `rows`."""
    width = (len(sets) + 7) // 8
    packed = np.frombuffer(bytearray().join(nodes.to_bytes(width, "little") for nodes in sets), np.uint8).reshape(len(sets), width)
    return np.unpackbits(packed, axis=1, count=len(sets), bitorder="little").astype(bool)


def members(nodes: int) -> Iterator[int]:
    """Yield the members of a set in ascending order."""
    return iter(_listed(nodes))


@lru_cache(maxsize=REMEMBERED)
def _listed(nodes: int) -> tuple[int, ...]:
    """Return the members of a set; searches ask for the same neighbourhoods again and again."""
    found = []
    while nodes:
        low = nodes & -nodes
        found.append(low.bit_length() - 1)
        nodes ^= low
    return tuple(found)


def of(nodes: Iterable[int]) -> int:
    """Return the set with these members."""
    found = 0
    for node in nodes:
        found |= 1 << node
    return found
