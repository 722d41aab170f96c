"""Parquet: profiles in rows, facts told from genes by their names and types; written out once as a matrix."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.core.stored_matrix import StoredMatrix, write_matrix
from engine.repurposing.screens.layout import DOSES, NAMES, OF_PROFILES, SYMBOLS, TIMES, Axis, Contents

FACTS = {name for names in NAMES.values() for name in names} | {*DOSES, *TIMES, *SYMBOLS}
BATCH_BYTES = 16_000_000


def read_parquet(path: Path, target: Path) -> Contents:
    """Read the facts of a Parquet file and write its numbers, as profiles × genes, to ``target``.

    A number whose name is that of a fact, such as ``pert_dose``, is no gene. With a text column ``gene`` or ``symbol`` the genes are rows.

    Raises
    ------
    UserError
        When the file is damaged or has no column of numbers that could be a gene or profile.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return _read(file, path, target)
    except (pa.ArrowInvalid, OSError) as problem:
        message = f"{path.name} ({path.stat().st_size:,} bytes) is a Parquet file that is not whole: {str(problem).splitlines()[0][:160]}."
        raise UserError(message, "It was probably cut off while it was downloaded or copied; fetch it again.", path.name) from problem


def _read(file: Any, path: Path, target: Path) -> Contents:
    import pyarrow as pa

    numbers: list[str] = []
    facts: list[str] = []
    for column in file.schema_arrow:
        is_number = (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)) and not _is_fact(column.name)
        (numbers if is_number else facts).append(column.name)
    if not numbers:
        raise UserError(
            f"{path.name} has no column of numbers that could be a gene.", "Give one column of numbers for each gene.", path.name
        )
    told = file.read(columns=facts).to_pandas().reset_index(drop=True)
    told = told[[name for name in facts if name in told]]
    n = file.metadata.num_rows
    by_gene = next((name for name in told if name.lower() in SYMBOLS), None)
    rows = _blocks(file, numbers)
    if by_gene is None:
        write_matrix(target, (n, len(numbers)), (block for _, block in rows))
        ids = next((tuple(told[name].astype(str)) for name in told if name.lower() in NAMES["id"]), tuple(str(i + 1) for i in range(n)))
        return Contents(StoredMatrix(target), Axis(ids, told), Axis(tuple(numbers), pd.DataFrame(index=range(len(numbers)))))
    out = np.lib.format.open_memmap(target, mode="w+", dtype="<f4", shape=(len(numbers), n))
    for start, block in rows:
        out[:, start : start + len(block)] = block.T
    out.flush()
    note = f"{path.name} has genes in its rows ({by_gene}); it was turned round."
    genes = Axis(tuple(told[by_gene].astype(str)), told.rename(columns={by_gene: SYMBOLS[0]}))
    return Contents(StoredMatrix(target), Axis(tuple(numbers), pd.DataFrame(index=range(len(numbers)))), genes, (note,))


def _blocks(file: Any, names: list[str]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    start = 0
    for batch in file.iter_batches(batch_size=max(1, BATCH_BYTES // (4 * len(names))), columns=names):
        block = np.empty((batch.num_rows, len(names)), dtype=np.float32)
        for k, name in enumerate(names):
            block[:, k] = batch.column(name).to_numpy(zero_copy_only=False)
        block[block == -666] = np.nan
        yield start, block
        start += len(block)


def _is_fact(name: str) -> bool:
    """Return whether a name is that of a fact; one in capitals with digits, such as CELL1, could be a gene and counts as one."""
    lower = name.lower()
    known = lower in FACTS or lower in ("dose_um", "time_h", "is_control") or lower.startswith(("metadata_", "__index"))
    return known or (OF_PROFILES.match(lower) is not None and "_" in name)
