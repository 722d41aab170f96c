"""What may be done with a table: the terms of the sources that are known for certain, and "not stated" for all others."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Licence:
    """Terms of one source.

    Attributes
    ----------
    source : its name.
    terms : name of the licence, or `NOT_STATED`.
    is_commercial : whether it may be used for profit; None when the terms are not stated.
    is_share_alike : whether what is made of it must be given away under the same terms.
    url : where the source is.
    """

    source: str
    terms: str
    is_commercial: bool | None
    is_share_alike: bool
    url: str


_KNOWN = (
    Licence("DrugCentral", "CC BY-SA 4.0", True, True, "https://drugcentral.org"),
    Licence("ChEMBL", "CC BY-SA 3.0", True, True, "https://www.ebi.ac.uk/chembl"),
    Licence("Guide to Pharmacology", "ODbL, contents CC BY-SA 4.0", True, True, "https://www.guidetopharmacology.org"),
    Licence("DrugBank", "CC BY-NC 4.0", False, False, "https://go.drugbank.com"),
    Licence("drug2cell", "non-commercial", False, False, "https://github.com/Teichlab/drug2cell"),
    Licence("STRING", "CC BY 4.0", True, False, "https://string-db.org"),
    Licence("LINCS", "CC BY 4.0", True, False, "https://lincsproject.org"),
    Licence("OmicsIntegrator2", "BSD-3-Clause", True, False, "https://github.com/fraenkel-lab/OmicsIntegrator2"),
    Licence("covid19_repurposing", "MIT", True, False, "https://github.com/uhlerlab/covid19_repurposing"),
    Licence("Drug Repurposing Hub", NOT_STATED, None, False, "https://clue.io/repurposing"),
    Licence("iRefIndex", NOT_STATED, None, False, ""),
    Licence("GEO", NOT_STATED, None, False, "https://www.ncbi.nlm.nih.gov/geo"),
    Licence("simulated", "CC0", True, False, ""),
)
_OTHER_NAMES = {
    "iuphar": "Guide to Pharmacology",
    "gtopdb": "Guide to Pharmacology",
    "repurposing hub": "Drug Repurposing Hub",
    "l1000": "LINCS",
}


def licence_of(source: str) -> Licence:
    """Return the terms of a source by its name; one that is not known has terms `NOT_STATED`.

    Examples
    --------
    >>> licence_of("DRUGBANK").is_commercial, licence_of("a friend").terms
    (False, 'not stated')
    """
    for known in _KNOWN:
        if _names(known.source, source):
            return known
    named = next((name for other, name in _OTHER_NAMES.items() if _names(other, source)), None)
    return licence_of(named) if named else Licence(source, NOT_STATED, None, False, "")


def _names(known: str, text: str) -> bool:
    """Say whether a text holds a name as words of its own."""
    return re.search(rf"\b{re.escape(known)}\b", text, re.IGNORECASE) is not None


def export_sentence(sources: Iterable[str]) -> str:
    """Write what goes with an export: every source with its terms, and what follows from the strictest.

    Parameters
    ----------
    sources : names, each possibly several joined by "; ", as in the column ``source`` of a drug-target table.
    """
    names = sorted({name.strip() for source in sources for name in source.split(";") if name.strip()})
    found = list({licence.source: licence for licence in map(licence_of, names)}.values())
    if not found:
        return "The source of this table is not stated: find out its terms before you pass it on."
    told = ["Sources and terms: " + ", ".join(f"{licence.source} ({licence.terms})" for licence in found) + "."]
    closed = [licence.source for licence in found if licence.is_commercial is False]
    shared = [licence.source for licence in found if licence.is_share_alike]
    unknown = [licence.source for licence in found if licence.is_commercial is None]
    if closed:
        told.append(f"Not for commercial use, because of {', '.join(closed)}.")
    if shared:
        told.append(f"What you pass on must keep the share-alike terms of {', '.join(shared)} and name the source.")
    if unknown:
        told.append(f"Find out the terms of {', '.join(unknown)} before you pass it on.")
    return " ".join(told)
