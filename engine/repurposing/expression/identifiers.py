"""Names of genes: what kind they are, what spreadsheets did to them, which were renamed, and how many of one table another one knows."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from engine.core import UserError
from engine.repurposing.columns import label
from engine.repurposing.expression.aliases import ALIASES, AS_OF

LEAST_SHARE = 0.5  # of the names of a table that another must know
LISTED = 20  # unmatched names in a message
MOST = 0.5  # share of names from which a table is said to be of one kind
DAMAGED = 10  # dates among the names from which they are no longer repaired in silence

Kind = Literal["symbols", "Ensembl", "Entrez", "Affymetrix", "mouse symbols"]
Rule = Literal["max_mean", "sum"]

_ENSEMBL = re.compile(r"ENS[A-Z]{0,4}[GTP]\d{11}(\.\d+)?(_PAR_Y)?$", re.IGNORECASE)
_PATTERNS: dict[Kind, re.Pattern[str]] = {
    "Ensembl": _ENSEMBL,
    "Affymetrix": re.compile(r"(AFFX-.+|\d+(_[a-z]{1,2})?_at)$", re.IGNORECASE),
    "Entrez": re.compile(r"\d+$"),
    "mouse symbols": re.compile(r"([A-Z][a-z]+[a-z0-9]*|\d{7}[A-Z]\d{2}Rik)$"),
}
_ADVICE: dict[Kind, str] = {
    "Ensembl": "They look like Ensembl identifiers: translate them to gene symbols first (the annotation of your counts has both).",
    "Entrez": "They look like Entrez numbers: translate them to gene symbols first.",
    "Affymetrix": "They look like Affymetrix probe sets: translate them to gene symbols with the chip's annotation first.",
    "mouse symbols": "They look like mouse symbols (Egfr): translate them to their human orthologues first.",
    "symbols": "Is this human, and are these gene symbols such as EGFR?",
}
_MONTHS = {"SEP": "SEPTIN", "MAR": "MARCHF", "DEC": "DELEC"}
_DAY_MONTH = re.compile(r"(\d{1,2})-(SEP|MAR|DEC)(-\d{2,4})?$")
_MONTH_DAY = re.compile(r"(SEP|MAR|DEC)-(\d{1,2})$")
_ISO = re.compile(r"\d{4}[-/](0?9|0?3|12)[-/](\d{1,2})( 00:00:00)?$")
_ISO_MONTHS = {9: "SEP", 3: "MAR", 12: "DEC"}


@dataclass(frozen=True)
class Match:
    """How many names of one table another one knows.

    Attributes
    ----------
    matched : symbol of the first table (upper case) -> how the other table spells it.
    unmatched : symbols of the first table that the other does not know, in the order of the first.
    rate : share of the different symbols that were found, in [0, 1].
    sentences : what a reader must know: the share, what was renamed or repaired, the first names not found.
    """

    matched: Mapping[str, str]
    unmatched: tuple[str, ...]
    rate: float
    sentences: tuple[str, ...]


def symbols(names: Iterable[object]) -> tuple[str, ...]:
    """Return the names in upper case without blanks around them, in the same order, missing ones as an empty text."""
    return tuple(label(name).upper() for name in names)


def current(symbol: str) -> str:
    """Return the symbol in use today: dates made by a spreadsheet undone, renamed genes under their new name, Ensembl without version."""
    symbol = symbol.strip().upper()
    return ALIASES.get(symbol) or _from_date(symbol) or (symbol.partition(".")[0] if _ENSEMBL.match(symbol) else symbol)


def kind_of(names: Iterable[object]) -> Kind:
    """Say what kind of names most of these are; ``symbols`` where no other kind makes up half of them."""
    texts = [text for name in names if (text := label(name))]
    for kind, pattern in _PATTERNS.items():
        if texts and sum(bool(pattern.match(text)) for text in texts) > MOST * len(texts):
            return kind
    return "symbols"


def findings(names: Iterable[object], where: str) -> tuple[str, ...]:
    """Say what is odd about the names of a table: another kind than symbols, dates, names given twice, names that are missing.

    Parameters
    ----------
    where : the table, as named in the sentences.
    """
    raw = list(names)
    upper = symbols(raw)
    kind, dates = kind_of(raw), [name for name in upper if _from_date(name)]
    said = [] if kind == "symbols" else [f"The genes of {where} are not named by human symbols. {_ADVICE[kind]}"]
    if dates:
        many = " Import the file again with that column as text." if len(dates) >= DAMAGED else ""
        has_two_origins = not {"MARCHF1", "MARCHF2"}.isdisjoint(map(current, dates))
        unsure = " 1-Mar and 2-Mar may also have been MARC1 and MARC2." if has_two_origins else ""
        first = ", ".join(f"{name} as {current(name)}" for name in dates[:3])
        said.append(f"A spreadsheet turned {len(dates)} gene names of {where} into dates; they are read back ({first}).{unsure}{many}")
    blank = sum(not name for name in upper)
    if blank:
        said.append(f"{blank:,} rows of {where} have no gene name and are left out.")
    twice = [name for name, count in Counter(upper).items() if count > 1 and name]
    if twice:
        said.append(f"{len(twice):,} genes stand in {where} more than once (the first: {', '.join(twice[:5])}).")
    return tuple(said)


def match(names: Iterable[object], reference: Iterable[object], what: str, where: str) -> Match:
    """Find the genes of one table in another, by symbol whatever the case, by older or newer name, and past spreadsheet dates.

    Parameters
    ----------
    names : gene names to be found, in any case, repeats allowed.
    reference : gene names among which they are looked for.
    what : the table that is looked up, such as ``the terminals``.
    where : the table that is looked in, such as ``the network``.

    Raises
    ------
    UserError
        When fewer than half of the different names are found; it lists the first 20 that are not.
    """
    raw = list(names)
    wanted = tuple(dict.fromkeys(name for name in symbols(raw) if name))
    if not wanted:
        raise UserError(f"There is no gene in {what}.", "Give a table with gene symbols such as EGFR in a column gene.", where)
    known = dict.fromkeys(symbols(reference))
    today = {current(name): name for name in reversed(known)}  # the first spelling wins
    matched = {name: name if name in known else today[current(name)] for name in wanted if name in known or current(name) in today}
    unmatched = tuple(name for name in wanted if name not in matched)
    rate = len(matched) / len(wanted)
    first = ", ".join(unmatched[:LISTED]) + (" …" if len(unmatched) > LISTED else "")
    told = f"{len(matched):,} of {len(wanted):,} genes of {what} were found in {where}"
    if rate < LEAST_SHARE:
        listed = f"; not found: {first}" if unmatched else ""
        raise UserError(f"Only {told}{listed}.", _ADVICE[kind_of(raw)], where)
    said = [f"{told}{f'; not found: {first}' if unmatched else ''}."]
    renamed = [name for name, found in matched.items() if name != found]
    if renamed:
        pairs = ", ".join(f"{name} as {matched[name]}" for name in renamed[:5])
        said.append(f"{len(renamed):,} of them have another name there ({pairs}{' …' if len(renamed) > 5 else ''}; names as of {AS_OF}).")
    if kind_of(raw) == "mouse symbols":
        said.append(f"{what[:1].upper()}{what[1:]} look like mouse genes; they were matched to human genes of the same name.")
    return Match(matched, unmatched, rate, tuple(said))


def one_row_per_gene(values: pd.DataFrame, rule: Rule = "max_mean") -> pd.DataFrame:
    """Keep one row per gene, in order of first appearance.

    Parameters
    ----------
    values : (genes, samples) numbers, gene symbols as index; rows without a name are dropped.
    rule : ``max_mean`` keeps the row of largest mean (the first of equals), ``sum`` adds rows up, which suits counts.
    """
    values = values[values.index != ""]
    if values.index.is_unique:
        return values
    if rule == "sum":
        return values.groupby(level=0, sort=False).sum()
    order = values.index.to_series().groupby(level=0, sort=False).first().index
    best = values.assign(_mean=values.mean(axis=1).fillna(float("-inf")).to_numpy()).sort_values("_mean", ascending=False, kind="stable")
    return best[~best.index.duplicated()].drop(columns="_mean").reindex(order)


def _from_date(symbol: str) -> str | None:
    """Return the gene behind an upper-case name that a spreadsheet turned into a date, None where it is no such date."""
    if found := _DAY_MONTH.match(symbol):
        day, month = int(found[1]), found[2]
    elif found := _MONTH_DAY.match(symbol):
        day, month = int(found[2]), found[1]
    elif found := _ISO.match(symbol):
        day, month = int(found[2]), _ISO_MONTHS[int(found[1])]
    else:
        return None
    return "SELENOF" if (month, day) == ("SEP", 15) else f"{_MONTHS[month]}{day}"
