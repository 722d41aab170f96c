"""Finished parts of a run, kept in a folder, so that a run that was killed goes on where it was."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.generic]]


class Kept:
    """Parts by name; without a folder nothing is kept.

    Parameters
    ----------
    folder : belongs to one run, that is, to one method, version, data and parameters; made when the first part comes.
    """

    def __init__(self, folder: Path | None):
        self._folder = folder

    def get(self, name: str) -> Arrays | None:
        """Return the arrays of a part; None where it is not there or was cut off while it was written."""
        if self._folder is None:
            return None
        try:
            # opened here, since NumPy leaves a file that is no ZIP open
            with (self._folder / f"{name}.npz").open("rb") as file, np.load(file, allow_pickle=False) as found:
                return dict(found)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def put(self, name: str, arrays: Arrays) -> None:
        """Keep the arrays of a part; the file appears whole."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        memory = io.BytesIO()
        np.savez(memory, **arrays)  # type: ignore[arg-type]
        fresh = self._folder / f"{name}.{os.getpid()}.part"
        fresh.write_bytes(memory.getvalue())
        fresh.replace(self._folder / f"{name}.npz")

    def clear(self) -> None:
        """Remove all parts."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
