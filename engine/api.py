"""The public face: one call that every way in ends in."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import pandas as pd

from engine import catalogue
from engine.core import Context, Dataset, Method, Params, Provenance, Result, Tables
from engine.core.result import package_versions


def methods() -> pd.DataFrame:
    """Return the table of methods: name, area, label, needs, gives, citation."""
    rows = [(m.name, m.area, m.label, m.needs, m.gives, m.cite, m.summary) for m in catalogue.everything()]
    return pd.DataFrame(rows, columns=["name", "area", "label", "needs", "gives", "citation", "summary"]).set_index("name")


def run(method: str, data: Any, *, context: Context | None = None, **params: Any) -> Result:
    """Run a method on data and return its result with its provenance.

    Parameters
    ----------
    method : name of a method, see `methods`.
    data : DataFrame, Dataset, path of a file, name of a bundled sample, or what the method's ``needs`` names; for a method that needs
        molecules also a SMILES or the name of a drug.
    context : watches the run; silent if not given.
    params : parameters of the method by name; the rest keep their defaults.

    Examples
    --------
    >>> import engine
    >>> result = engine.run("pc", "sachs", alpha=0.001)
    >>> result.graph.kind
    'cpdag'
    """
    found = catalogue.find(method)
    return execute(found, load_data(data, found.needs), found.params.from_dict(params), context)


def execute(method: Method, data: Any, params: Params, context: Context | None = None) -> Result:
    """Run a method on loaded data with checked parameters; the one place where results get their provenance."""
    context = context or Context.silent(params.seed)
    started = time.perf_counter()
    result: Result = method.function(catalogue.input_for(method, data, params), params, context)
    provenance = Provenance(
        method=method.name,
        version=method.version,
        params=params.to_dict(),
        data=data.digest,
        data_name=getattr(data, "name", ""),
        seconds=time.perf_counter() - started,
        versions=package_versions(),
        warnings=tuple(context.warnings),
    )
    return dataclasses.replace(result, provenance=provenance)


def load_data(data: Any, needs: str = "") -> Any:
    """Turn a path, sample name or table into a dataset; what knows its own digest passes through.

    A mapping becomes `Tables` where the method's ``needs`` are met by several, otherwise one dataset with a table per condition. A text
    that names no file is read as what the method needs, where that can be written as a text, such as a molecule.
    """
    if isinstance(data, (str, Path)):
        from engine.data import read, sample, sample_names

        if needs in catalogue.FILES:
            return catalogue.from_text(needs, data)
        if needs in catalogue.TEXTS and isinstance(data, str) and not Path(data).is_file():
            return catalogue.from_text(needs, data)
        if str(data) in sample_names() and not Path(data).exists():
            return sample(str(data))
        return read(data)
    if isinstance(data, dict):
        several = needs in catalogue.SEVERAL
        return Tables({str(part): load_part(str(part), table) for part, table in data.items()}) if several else Dataset.from_frames(data)
    return data if hasattr(data, "digest") else Dataset.of(data)


def load_part(part: str, data: Any) -> Any:
    """Turn one of several parts into data: a file by the part that it plays, and the names of rows into a column ``name``."""
    if isinstance(data, pd.Series):
        data = data.to_frame(str(data.name or part))
    if isinstance(data, pd.DataFrame) and not pd.api.types.is_numeric_dtype(data.index) and not isinstance(data.index, pd.DatetimeIndex):
        data = data.rename_axis(str(data.index.name or "name")).reset_index()
    return Dataset(data, part) if isinstance(data, pd.DataFrame) else load_data(data, part)


def load(path: str | Path) -> Result:
    """Read a result from the folder that ``result.to_dir`` or the command line wrote."""
    return Result.from_dir(path)
