"""Which molecules are asked for: texts or a table become a dataset of canonical molecules with doses."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from engine.core import Dataset, UserError
from engine.molimage.molecule import parse
from engine.molimage.molecule_files import parse_table

MOST = 200  # molecules in one call


def molecules(text: str | Sequence[str]) -> Dataset:
    """Return a dataset of one row per molecule: ``smiles``, canonical, and ``name``, empty when it has none.

    Parameters
    ----------
    text : one or several SMILES, InChI or names of drugs of the gallery.

    Examples
    --------
    >>> from engine.molimage.asked import molecules
    >>> molecules("aspirin").frame.smiles.item()
    'CC(=O)Oc1ccccc1C(=O)O'
    """
    texts = [text] if isinstance(text, str) else list(text)
    read = [parse(each) for each in texts]
    frame = pd.DataFrame({"smiles": [one.smiles for one in read], "name": [one.name for one in read]}).astype("category")
    name = " and ".join(one.name or one.smiles for one in read[:2]) + (f" and {len(read) - 2} more" if len(read) > 2 else "")
    return Dataset(frame, name, steps=(("engine.molimage.molecules", {"text": text if isinstance(text, str) else texts}),))


def molecules_for(data: Any, params: Any) -> pd.DataFrame:
    """Read the molecules of a table: ``smiles`` (a SMILES or a name), and where given ``name`` and ``dose_um``.

    Parameters
    ----------
    data : Dataset or DataFrame.
    params : its ``dose_um`` is the dose of rows that have none.

    Returns
    -------
    One row per molecule: ``smiles``, canonical; ``name``; ``dose_um``; ``notes``, sentences about what was changed.

    Raises
    ------
    UserError
        With the row, when a molecule cannot be read; when there is no column ``smiles``, or there are more than 200 rows.
    """
    table = Dataset.of(data)
    if not 0 < len(table.frame) <= MOST:
        raise UserError(f"The table has {len(table.frame):,} molecules.", f"Give 1 to {MOST} at a time.", "smiles")
    return parse_table(table.frame, params.dose_um, table.name)
