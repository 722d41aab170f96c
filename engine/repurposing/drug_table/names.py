"""Drug names that mean the same: salts, capitals, research codes, combination products; what is not certain goes to a review list."""

import difflib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from engine.core import UserError
from engine.repurposing.drug_table.structures import skeleton_of, skeleton_of_key

SYNONYMS = Path(__file__).parents[3] / "assets" / "molecules" / "synonyms.json"
GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ω": "omega"}
SALTS = (
    "hydrochloride", "dihydrochloride", "trihydrochloride", "hcl", "hydrobromide", "bromide", "chloride", "iodide", "sodium",
    "disodium", "potassium", "calcium", "magnesium", "lithium", "zinc", "sulfate", "sulphate", "bisulfate", "hydrogensulfate",
    "mesylate", "mesilate", "dimesylate", "methanesulfonate", "esylate", "edisylate", "tosylate", "ditosylate", "tosilate", "besylate",
    "besilate", "camsylate", "isethionate", "maleate", "dimaleate", "malate", "malonate", "citrate", "tartrate", "bitartrate",
    "fumarate", "hemifumarate", "succinate", "acetate", "trifluoroacetate", "lactate", "phosphate", "diphosphate", "nitrate", "hyclate",
    "gluconate", "glutamate", "oxalate", "pamoate", "embonate", "benzoate", "salicylate", "napsylate", "orotate", "tromethamine",
    "meglumine", "olamine", "lysine", "arginine", "salt", "hydrate", "monohydrate", "dihydrate", "trihydrate", "hemihydrate",
    "sesquihydrate", "anhydrous", "free base", "freebase",
)  # fmt: skip
_SALT = re.compile(r"[\s\-]+(" + "|".join(map(re.escape, SALTS)) + r")\)?$")
_PARTS = re.compile(r"\s*(?:\s/\s|/|\s\+\s|;|\s&\s|\sand\s|\swith\s|\splus\s)\s*")
CUTOFF = 0.8  # likeness of two names, from 0 to 1, from which one is offered for review
OFFERED = 3


@dataclass(frozen=True, eq=False)
class DrugMatches:
    """Which name of one list means which of another.

    Attributes
    ----------
    matches : ``name``, ``match`` and ``how`` (``same name``, ``salt``, ``synonym``, ``structure``, ``part of a combination``); one row for
        each name that was found, several for a combination product.
    review : ``name``, ``candidate`` ("" for none) and ``why``: what a person should look at; nothing here was matched.
    sentences : how many were found how.
    """

    matches: pd.DataFrame
    review: pd.DataFrame
    sentences: tuple[str, ...]


def match_drugs(names: Sequence[str] | pd.DataFrame, reference: Sequence[str] | pd.DataFrame) -> DrugMatches:
    """Find each drug of one list in another, by structure where both have one, else by name.

    Parameters
    ----------
    names, reference : names, or tables with the column ``drug`` and, where known, ``smiles`` or ``inchikey``.

    Returns
    -------
    DrugMatches

    Raises
    ------
    UserError
        When a table has no column ``drug``.

    Notes
    -----
    In this order: the same name up to capitals, signs and Greek letters; the same without the name of a salt; a known synonym or research
    code; the same skeleton (first block of the InChIKey, salts stripped). A name with several active parts is matched part by part. Two
    names alike with different skeletons, two references for one name, and names that are only written alike go to the review list.

    Examples
    --------
    >>> match_drugs(["Imatinib mesylate", "SAHA"], ["imatinib", "vorinostat"]).matches.values.tolist()
    [['Imatinib mesylate', 'imatinib', 'salt'], ['SAHA', 'vorinostat', 'synonym']]
    """
    ours, theirs = _listed(names), _listed(reference)
    index = _Index(theirs)
    matches: list[tuple[str, str, str]] = []
    review: list[tuple[str, str, str]] = []
    for name, skeleton in ours:
        found, doubts = index.find(name, skeleton)
        if not found and not doubts:
            parts = [part for part in _PARTS.split(name) if part]
            if len(parts) > 1:
                for part in parts:
                    inner, _ = index.find(part, "")
                    found += [(match, "part of a combination") for match, _ in inner]
                doubts = [("", "combination product; " + ("its known parts were matched" if found else "no part is known"))]
            else:
                doubts = index.alike(name) or [("", "not found")]
        matches += [(name, match, how) for match, how in found]
        review += [(name, candidate, why) for candidate, why in doubts]
    table = pd.DataFrame(matches, columns=["name", "match", "how"])
    listed = pd.DataFrame(review, columns=["name", "candidate", "why"])
    ways = ", ".join(f"{count:,} by {how}" for how, count in table["how"].value_counts().items())
    n_found = table["name"].nunique()
    counted = f"{n_found:,} of {len(ours):,} drug names were found{f' ({ways})' if ways else ''}"
    sentence = f"{counted}; {listed['name'].nunique():,} are to be reviewed."
    return DrugMatches(table, listed, (sentence,))


def normal_name(name: str) -> str:
    """Return letters and digits of a name, small, Greek letters spelt out.

    Examples
    --------
    >>> normal_name("β-Lapachone "), normal_name("PS-341")
    ('betalapachone', 'ps341')
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[^a-z0-9+]", "", "".join(GREEK.get(sign, sign) for sign in plain))


def without_salt(name: str) -> str:
    """Return a name without the salts and hydrates behind it; a name that is nothing but a salt stays.

    Examples
    --------
    >>> without_salt("Sunitinib malate"), without_salt("lapatinib ditosylate monohydrate"), without_salt("Potassium iodide")
    ('sunitinib', 'lapatinib', 'potassium iodide')
    """
    plain = re.sub(r"\s*\((?=[^)]*\)$)", " ", name.strip().casefold())
    while (shorter := _SALT.sub("", plain).strip()) != plain and shorter not in SALTS:
        plain = shorter
    return plain.rstrip(")") if "(" not in plain else plain


class _Index:
    """The reference list, by every key that a name may have."""

    def __init__(self, listed: list[tuple[str, str]]) -> None:
        self.skeleton = dict(listed)
        self.by_name: dict[str, list[str]] = {}
        self.by_base: dict[str, list[str]] = {}
        self.by_synonym: dict[str, list[str]] = {}
        self.by_skeleton: dict[str, list[str]] = {}
        for name, skeleton in listed:
            base = normal_name(without_salt(name))
            self.by_name.setdefault(normal_name(name), []).append(name)
            self.by_base.setdefault(base, []).append(name)
            self.by_synonym.setdefault(_synonyms().get(base, base), []).append(name)
            if skeleton:
                self.by_skeleton.setdefault(skeleton, []).append(name)

    def find(self, name: str, skeleton: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return (match, how), at most one, and (candidate, why) for review."""
        base = normal_name(without_salt(name))
        ways = (
            ("same name", self.by_name.get(normal_name(name), [])),
            ("salt", self.by_base.get(base, [])),
            ("synonym", self.by_synonym.get(_synonyms().get(base, base), [])),
        )
        for how, found in ways:
            if not found:
                continue
            theirs = [self.skeleton[match] for match in found]
            fitting = [match for match, other in zip(found, theirs, strict=True) if not (skeleton and other) or skeleton == other]
            if not fitting:
                return [], [(match, f"{how}, but another structure") for match in found]
            if len(fitting) > 1:
                fitting = [match for match in fitting if normal_name(match) == base] or fitting
            if len(fitting) > 1:
                return [], [(match, f"{how}, but {len(fitting)} entries have it") for match in fitting]
            return [(fitting[0], how)], []
        same = self.by_skeleton.get(skeleton, []) if skeleton else []
        if len(same) > 1:
            return [], [(match, f"same structure, but {len(same)} entries have it") for match in same]
        return [(match, "structure") for match in same], []

    def alike(self, name: str) -> list[tuple[str, str]]:
        """Return names that begin alike and are written almost like this one."""
        base = normal_name(without_salt(name))
        least, most = len(base) * CUTOFF / (2 - CUTOFF), len(base) * (2 - CUTOFF) / CUTOFF  # beyond these lengths no name is as alike
        candidates = [key for key in self.by_base if key[:1] == base[:1] and least <= len(key) <= most]
        near = difflib.get_close_matches(base, candidates, n=OFFERED, cutoff=CUTOFF)
        return [(match, "written alike") for key in near for match in self.by_base[key]][:OFFERED]


def _listed(drugs: Sequence[str] | pd.DataFrame) -> list[tuple[str, str]]:
    """Return the different names with the skeletons of their structures, empty where none is given."""
    if not isinstance(drugs, pd.DataFrame):
        return [(name, "") for name in dict.fromkeys(map(str, drugs))]
    if "drug" not in drugs:
        seen = ", ".join(map(str, drugs.columns[:8]))
        raise UserError("The table of drugs has no column drug.", f"Name the column of names drug. Columns seen: {seen}.", "drug")
    first = drugs.drop_duplicates("drug")
    keys = first["inchikey"] if "inchikey" in first else pd.Series("", index=first.index)
    smiles = first["smiles"] if "smiles" in first else pd.Series("", index=first.index)
    rows = zip(first["drug"].astype(str), keys.fillna("").astype(str), smiles.fillna("").astype(str), strict=True)
    return [(name, skeleton_of_key(key) or (skeleton_of(molecule) if molecule else "")) for name, key, molecule in rows]


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, str]:
    """Synonyms and research codes to names, both in normal form."""
    listed: dict[str, str] = json.loads(SYNONYMS.read_text(encoding="utf-8"))
    return {normal_name(synonym): normal_name(name) for synonym, name in listed.items()}
