"""The gallery: approved drugs and well-known tool compounds by name, with the mechanism of those whose mechanism is known."""

import difflib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

MOLECULES = Path(__file__).parents[2] / "assets" / "molecules"
INACTIVE = "inactive"
FEW_SHOT = 10  # a mechanism with fewer molecules is shown, never averaged into a score
GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta"}
SALT = re.compile(
    r"\s+(dihydrochloride|hydrochloride|hcl|sodium|disodium|potassium|calcium|sulfate|sulphate|mesylate|maleate|citrate|tartrate|bitartrate"
    r"|fumarate|succinate|acetate|tosylate|besylate|hydrobromide|bromide|chloride|lactate|phosphate|nitrate|hyclate|salt)+$"
)


@dataclass(frozen=True)
class Drug:
    """One row of the gallery.

    Parameters
    ----------
    name : in normal writing.
    smiles : canonical isomeric SMILES, salts stripped.
    mechanism : one of the simulator's mechanisms, ``inactive``, or empty when it is not known.
    note : group of an inactive drug, "tool compound", or empty.
    """

    name: str
    smiles: str
    mechanism: str
    note: str


def drugs() -> pd.DataFrame:
    """Return the gallery: ``name``, ``smiles``, ``mechanism``, ``note``, one row for each molecule, by name.

    Mechanisms are labels from pharmacology, written by hand in ``assets/molecules/mechanisms.json``; empty means unknown, not inactive.
    """
    return _drugs().copy()


def mechanism_counts() -> "pd.Series[int]":
    """Count the molecules of each mechanism, most first; those below `FEW_SHOT` are few-shot."""
    known = _drugs()["mechanism"]
    return known[known != ""].value_counts()


def find(name: str) -> Drug | None:
    """Look up a drug by name; case, hyphens, spaces and a salt's name behind it do not matter, and common synonyms are known.

    Examples
    --------
    >>> from engine.molimage.gallery import find
    >>> find("Taxol").name
    'paclitaxel'
    """
    found = _by_key().get(search_key(name))
    return found or _by_key().get(search_key(SALT.sub("", name.strip().casefold())))


def close_names(name: str, n: int = 3) -> list[str]:
    """Return up to ``n`` names of the gallery that are written almost like this one, nearest first."""
    near = difflib.get_close_matches(search_key(name), list(_by_key()), n=2 * n, cutoff=0.75)
    return list(dict.fromkeys(_by_key()[key].name for key in near))[:n]


def name_of(smiles: str) -> str:
    """Return the name of a molecule in canonical form; empty when the gallery does not have it."""
    return _names().get(smiles, "")


def left_out(name: str) -> str:
    """Say why a known drug is not in the gallery; empty for any other name."""
    return _json("left_out.json").get(search_key(name), "")


def mechanism_labels() -> dict[str, tuple[str, str]]:
    """Return mechanism and note of every drug labelled in ``mechanisms.json`` and ``tools.json``, by name."""
    labels: dict[str, tuple[str, str]] = {}
    for mechanism, listed in _json("mechanisms.json").items():
        for note, names in listed.items() if isinstance(listed, dict) else [("", listed)]:
            labels |= dict.fromkeys(names, (mechanism, note))
    for mechanism, tools in _json("tools.json").items():
        labels |= {tool["name"]: (mechanism, "tool compound") for tool in tools}
    return labels


@lru_cache(maxsize=1)
def _drugs() -> pd.DataFrame:
    return pd.read_parquet(MOLECULES / "drugs.parquet")


@lru_cache(maxsize=1)
def _by_key() -> Mapping[str, Drug]:
    """Names and synonyms, without case and signs, to drugs; a name goes before a synonym."""
    named = {search_key(row.name): row for row in (Drug(*values) for values in _drugs().itertuples(index=False, name=None))}
    return {search_key(synonym): named[search_key(name)] for synonym, name in _json("synonyms.json").items()} | named


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    return dict(zip(_drugs()["smiles"], _drugs()["name"], strict=True))


@lru_cache(maxsize=8)
def _json(name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((MOLECULES / name).read_text())
    return table


def search_key(name: str) -> str:
    """Letters and digits of a name, small."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[^a-z0-9+]", "", "".join(GREEK.get(sign, sign) for sign in plain))
