"""Discrete Bayesian networks from BIF files: bundled ones or the user's own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import UserError
from engine.graphs import Graph

NETWORKS = Path(__file__).parents[2] / "assets" / "networks"
MAX_VARIABLES, MAX_CELLS = 2_000, 5_000_000
ROUNDING = 0.02  # published tables are rounded; a row of probabilities may miss 1 by this much

_VARIABLE = re.compile(
    r"variable\s+(?P<name>\"[^\"]*\"|[^\s{]+)\s*\{\s*type\s+discrete\s*\[\s*(?P<n>\d+)\s*\]\s*\{(?P<states>[^}]*)\}", re.S
)
_PROBABILITY = re.compile(r"probability\s*\(\s*(?P<head>[^)]*)\)\s*\{(?P<body>[^}]*)\}", re.S)
_ROW = re.compile(r"\((?P<states>[^)]*)\)(?P<values>[^;]*);")
_WHOLE = re.compile(r"(?P<kind>table|default)(?P<values>[^;]*);")


@dataclass(frozen=True, eq=False)
class Network:
    """A discrete Bayesian network.

    Attributes
    ----------
    name : label.
    states : variable -> names of its states.
    parents : variable -> its parents, in the order of its table's axes.
    tables : variable -> probabilities, one axis per parent and the last for the variable itself.
    """

    name: str
    states: Mapping[str, tuple[str, ...]]
    parents: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, NDArray[np.float64]]

    @property
    def graph(self) -> Graph:
        """The network's DAG; a cyclic file is a `UserError`."""
        return Graph.from_edges(self.states, [f"{a} --> {b}" for b, of in self.parents.items() for a in of], "dag")

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw n rows by forward sampling; one category column per variable."""
        drawn: dict[str, NDArray[np.int64]] = {}
        for name in self.order():
            table = self.tables[name]
            row = np.zeros(n, dtype=np.int64)
            for parent, levels in zip(self.parents[name], table.shape[:-1], strict=True):
                row = row * levels + drawn[parent]
            cumulative = table.reshape(-1, table.shape[-1]).cumsum(axis=1)[:, :-1]
            uniform = rng.random(n)
            state = np.zeros(n, dtype=np.int64)
            for threshold in cumulative.T:
                state += uniform > threshold[row]
            drawn[name] = state
        return pd.DataFrame({name: pd.Categorical.from_codes(drawn[name], pd.Index(levels)) for name, levels in self.states.items()})

    def order(self) -> tuple[str, ...]:
        """Return the variables, parents before children."""
        done: dict[str, None] = {}
        left = dict.fromkeys(self.states)
        while left:
            ready = [name for name in left if all(parent in done for parent in self.parents[name])]
            if not ready:
                raise UserError(f"The arrows among {', '.join(list(left)[:5])} form a cycle.", "A Bayesian network has none.")
            for name in ready:
                done[name] = left.pop(name)
        return tuple(done)


def network_names() -> tuple[str, ...]:
    """Names of the bundled networks, smallest file first."""
    files = sorted(NETWORKS.glob("*.bif.gz"), key=lambda path: path.stat().st_size)
    return tuple(path.name.removesuffix(".bif.gz") for path in files)


@lru_cache(maxsize=16)
def network(name: str) -> Network:
    """Return a bundled network by name."""
    if name not in network_names():
        raise UserError(f"There is no network '{name}'.", f"The networks are: {', '.join(network_names())}.", name)
    return read_bif((NETWORKS / f"{name}.bif.gz").read_bytes(), f"{name}.bif.gz")


def read_bif(source: str | Path | bytes, filename: str = "network.bif") -> Network:
    """Read a network from a BIF file (also gzipped).

    Raises
    ------
    UserError
        When a variable has no table, a table has the wrong size, or probabilities do not sum to 1.
    """
    from engine.data.safety import checked_file, opened

    if isinstance(source, (str, Path)):
        content, filename = checked_file(source), Path(source).name
    else:
        content = source
    content, filename = opened(content, filename, allowed=(".bif",))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{filename} is not a text file.", "Save the network as BIF text in UTF-8.", filename) from None
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
    states = {_name(m["name"]): tuple(_name(s) for s in m["states"].split(",")) for m in _VARIABLE.finditer(text)}
    if not states:
        raise UserError(f"{filename} declares no discrete variable.", "Upload a network in BIF format.", filename)
    if len(states) > MAX_VARIABLES:
        raise UserError(f"{filename} has {len(states):,} variables, more than {MAX_VARIABLES:,}.", "Choose a smaller network.", filename)
    parents: dict[str, tuple[str, ...]] = {}
    tables: dict[str, NDArray[np.float64]] = {}
    for match in _PROBABILITY.finditer(text):
        head = [_name(part) for part in re.split(r"[|,]", match["head"]) if part.strip()]
        unknown = [name for name in head if name not in states]
        if not head or unknown:
            raise UserError(f"A table of {filename} names {', '.join(unknown) or 'nothing'}.", "Declare every variable.", filename)
        child, *of = head
        parents[child] = tuple(of)
        tables[child] = _table(child, of, states, match["body"])
    missing = [name for name in states if name not in tables]
    if missing:
        raise UserError(f"Variable {missing[0]} of {filename} has no probability table.", "Add one, or remove the variable.", missing[0])
    made = Network(filename.removesuffix(".bif"), states, parents, tables)
    made.order()
    return made


def _table(child: str, of: list[str], states: Mapping[str, tuple[str, ...]], body: str) -> NDArray[np.float64]:
    """Read one table into an array with an axis per parent and the child's last."""
    shape = [len(states[name]) for name in (*of, child)]
    if np.prod(shape, dtype=float) > MAX_CELLS:
        raise UserError(f"The table of {child} has more than {MAX_CELLS:,} cells.", "Choose a smaller network.", child)
    table = np.full(shape, np.nan)
    for whole in _WHOLE.finditer(_ROW.sub("", body)):
        values = _numbers(child, whole["values"])
        if whole["kind"] == "default" or not of:
            table[...] = _fitting(child, values, shape[-1])
        else:  # the format lists the child's axis first
            table = np.moveaxis(_fitting(child, values, table.size).reshape(shape[-1:] + shape[:-1]), 0, -1)
    index = {name: {state: i for i, state in enumerate(states[name])} for name in of}
    for row in _ROW.finditer(body):
        given = [_name(state) for state in row["states"].split(",")]
        if len(given) != len(of) or any(state not in index[name] for name, state in zip(of, given, strict=True)):
            raise UserError(f"The table of {child} has a row for ({row['states'].strip()}), which its parents cannot be in.", "", child)
        place = tuple(index[name][state] for name, state in zip(of, given, strict=True))
        table[place] = _fitting(child, _numbers(child, row["values"]), shape[-1])
    total = table.sum(axis=-1, keepdims=True)
    if np.isnan(table).any():
        raise UserError(f"The table of {child} lacks rows for some states of its parents.", "Add the rows.", child)
    if (table < 0).any() or (np.abs(total - 1) > ROUNDING).any():
        raise UserError(f"Probabilities of {child} do not sum to 1.", "Correct its table.", child)
    return table / total


def _numbers(child: str, text: str) -> NDArray[np.float64]:
    try:
        return np.array([float(part) for part in text.replace(",", " ").split()])
    except ValueError:
        raise UserError(f"The table of {child} holds '{text.strip()[:40]}', which is not numbers.", "Correct it.", child) from None


def _fitting(child: str, values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    if len(values) != size:
        raise UserError(f"The table of {child} has {len(values)} numbers where {size} are needed.", "Correct it.", child)
    return values


def _name(text: str) -> str:
    return text.strip().strip('"').strip()
