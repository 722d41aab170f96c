"""Drug-target tables from public files or one's own: one row for each drug and gene, with the affinity and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from engine.core import Dataset, UserError
from engine.repurposing.drug_table.conversion import counted, with_affinity
from engine.repurposing.drug_table.layouts import Rows, is_family, names_in, rows_of
from engine.repurposing.drug_table.licences import licence_of

WEAKEST = 5.0  # -log10 M, 10 uM: weaker rows are dropped, as in the published pipeline
HUMAN = "homo sapiens"
JOIN = "; "
COLUMNS = ("drug", "gene", "affinity", "kind", "source", "family", "action", "target", "n_rows")
SHOWN = 5
_LOWERS = (
    "inhibitor", "antagonist", "blocker", "inverse agonist", "negative", "suppressor", "degrader", "antisense", "inactivator",
)  # fmt: skip
_RAISES = ("agonist", "activator", "positive", "opener", "stimulator", "inducer", "potentiator")


@dataclass(frozen=True, eq=False)
class DrugTargets:
    """Which drug acts on which gene.

    Attributes
    ----------
    table : one row for each drug and gene, by drug and then gene: ``drug`` (small letters), ``gene`` (capitals), ``affinity`` (-log10 M,
        the largest measured; NaN where none was), ``kind`` (Ki, IC50, ... of that value), ``source`` (of all rows), ``family`` (1 where
        that value was measured on a family or complex and not on the gene alone), ``action``, ``target`` (names of all targets behind
        the row), ``n_rows`` (rows of the file behind it).
    structures : ``drug`` with ``smiles`` or ``inchikey`` where the file has structures; else empty.
    sentences : what was done, for the reader.
    source, licence : of the table, see `engine.repurposing.drug_table.licences`.
    """

    table: pd.DataFrame
    structures: pd.DataFrame
    sentences: tuple[str, ...]
    source: str
    licence: str

    @property
    def dataset(self) -> Dataset:
        """The table as the part ``targets`` of a ranking."""
        return Dataset(self.table, "drug targets", source=self.source, licence=self.licence)


def read_targets(
    table: Dataset | pd.DataFrame | str | Path,
    *,
    least_affinity: float = WEAKEST,
    unit: str = "detect",
    genes: Mapping[str, str] | None = None,
) -> DrugTargets:
    """Read a drug-target table: DrugCentral, ChEMBL, Drug Repurposing Hub, that of Belyaeva et al. 2021, or one's own.

    Parameters
    ----------
    table : a table, or the path of a file; lines in front of the header that start with # or ! are passed over.
    least_affinity : in -log10 M; rows with a smaller value are dropped, rows without a value are kept.
    unit : of the affinities when no column says it: ``detect``, ``-log10 M``, ``M``, ``mM``, ``uM``, ``nM``, ``pM``, ``fM`` or ``mixed``.
    genes : name or identifier of a target -> gene symbol, for ChEMBL exports, which name proteins only.

    Raises
    ------
    UserError
        When drug or gene have no column, an affinity is no number or in an unknown unit, or no row is left.

    Notes
    -----
    As in the published pipeline: rows of human proteins, genes of one row split at |, names in small letters, affinities below 10 uM out.
    Unlike it, the rows of one drug and gene become one with the largest affinity, and a pair without any value stays, its affinity NaN:
    dropped, it cost the pipeline its fourth drug (ribavirin on ADK).

    Examples
    --------
    >>> import pandas as pd
    >>> own = pd.DataFrame({"drug": ["Imatinib", "imatinib"], "gene": ["ABL1", "abl1"], "affinity": [30.0, 7.1], "unit": ["nM", "pKi"]})
    >>> read_targets(own).table[["drug", "gene", "affinity"]].round(2).values.tolist()
    [['imatinib', 'ABL1', 7.52]]
    """
    rows = rows_of(table)
    said = list(rows.sentences)
    frame = _named_human(rows, genes, said)
    frame = with_affinity(frame, rows, unit, said)
    frame = _one_gene_per_row(frame, rows)
    weak = frame["affinity"] < least_affinity
    if weak.any():
        said.append(f"Dropped: {counted(weak, 'row')} with an affinity below {least_affinity:g} (-log10 M).")
    frame = frame[~weak]
    if frame.empty:
        raise UserError(f"No row of {rows.where} is left.", f"{' '.join(said)} Lower the least affinity, or check the columns.", rows.where)
    result = _aggregated(frame)
    unknown = result["affinity"].isna()
    if unknown.any():
        said.append(f"{counted(unknown, 'pair')} without an affinity: kept, the affinity unknown.")
    if len(frame) > len(result):
        said.append(f"{len(frame):,} rows became {counted(result['n_rows'] > 0, 'pair')} of drug and gene, each with its largest affinity.")
    if result["family"].any():
        said.append(f"{counted(result['family'] > 0, 'pair')} measured on a family or complex of proteins, not on the gene alone.")
    source = rows.layout.name if rows.layout.needs else _sources(result)
    return DrugTargets(result, _structures(frame), tuple(said), source, licence_of(source).terms)


def promiscuity(targets: pd.DataFrame) -> "pd.Series[int]":
    """Count the different target genes of each drug; most first.

    Parameters
    ----------
    targets : ``drug`` and ``gene``. Give the whole table: counted in an interactome, every drug looks selective.
    """
    counted = targets.astype({"drug": str, "gene": str}).groupby("drug")["gene"].nunique().sort_values(ascending=False, kind="stable")
    return counted.rename("n_targets")


def direction(targets: pd.DataFrame, signature: pd.DataFrame) -> "pd.Series[str]":
    """Say of each row whether what the drug does to the gene goes against the disease.

    Parameters
    ----------
    targets : ``gene`` and ``action``, such as inhibitor or AGONIST.
    signature : ``gene`` and ``log2fc`` of the disease.

    Returns
    -------
    For each row ``reverses``, ``contradicts`` (it pushes the gene where the disease pushes it), or ``unknown``: no action is stated,
    several are that disagree, or the gene is not in the signature.

    Notes
    -----
    A crude reading: expression of a gene is not the activity of its protein. It flags, it does not decide.
    """
    change = signature.assign(gene=signature["gene"].astype(str).str.upper()).drop_duplicates("gene").set_index("gene")["log2fc"]
    disease = np.sign(targets["gene"].astype(str).str.upper().map(change).fillna(0.0).astype(float))
    sign = targets["action"].astype(object).fillna("").map(_effect).astype(float)
    named = np.select([sign * disease < 0, sign * disease > 0], ["reverses", "contradicts"], "unknown")
    return pd.Series(named, index=targets.index, name="direction")


def _effect(actions: object) -> int:
    """Return 1 for actions that raise a target's activity, -1 for those that lower it, 0 for unknown or both."""
    effects = set()
    for action in str(actions).lower().split(JOIN):
        lowers, raises = any(word in action for word in _LOWERS), any(word in action for word in _RAISES)
        effects.add(-1 if lowers else int(raises))  # "antagonist" and "inverse agonist" hold the word agonist
    return effects.pop() if len(effects) == 1 else 0


def _named_human(rows: Rows, genes: Mapping[str, str] | None, said: list[str]) -> pd.DataFrame:
    """Keep rows of human proteins that name a drug and a gene."""
    frame = rows.frame
    if "drug_id" in frame:
        frame = frame.assign(drug=frame["drug"].fillna(frame["drug_id"]) if "drug" in frame else frame["drug_id"])
    if "organism" in frame:
        other = frame["organism"].str.lower() != HUMAN
        if other.any():
            said.append(f"Left out: {counted(other, 'row')} of another organism than Homo sapiens, or of none.")
        frame = frame[~other]
    frame = _with_genes(frame, rows, genes, said)
    nameless = frame["drug"].isna() | frame["gene"].isna()
    if nameless.any():
        said.append(f"Left out: {counted(nameless, 'row')} without a drug or a gene.")
    frame = frame[~nameless]
    if frame.empty:
        raise UserError(
            f"No row of {rows.where} names a drug and a human gene.",
            " ".join([*said, "Give one row per drug and gene."]), rows.where,
        )  # fmt: skip
    return frame.assign(drug=frame["drug"].str.lower())


def _with_genes(frame: pd.DataFrame, rows: Rows, genes: Mapping[str, str] | None, said: list[str]) -> pd.DataFrame:
    """Fill genes from the mapping of the user where the table names targets only."""
    known = {name.upper(): gene for name, gene in (genes or {}).items()}
    found = frame["gene"] if "gene" in frame else pd.Series(np.nan, index=frame.index, dtype=object)
    for column in ("target_id", "target"):
        if column in frame and known:
            found = found.fillna(frame[column].str.upper().map(known))
    if found.isna().all() and "target" in frame:
        first = ", ".join(frame["target"].dropna().unique()[:SHOWN])
        fix = "Add a column gene, or give genes: a table from target names or identifiers to gene symbols."
        raise UserError(f"{rows.where} names proteins, not genes, such as: {first}.", fix, rows.where)
    if known and found.isna().any():
        missing = frame.loc[found.isna(), "target" if "target" in frame else "target_id"].dropna().unique()
        said.append(f"{len(missing):,} targets have no gene, the first: {', '.join(missing[:SHOWN])}.")
    return frame.assign(gene=found)


def _one_gene_per_row(frame: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    """Split the genes of a row, and say of each whether it was measured alone."""
    split = frame["gene"].str.split(f"[{rows.layout.splits}]", regex=True)
    listed = {"Drug Repurposing Hub", "your own table"}  # their rows list the targets of a drug, not the members of one target
    is_shared = split.map(len).gt(1) & (rows.layout.name not in listed)
    if "target_type" in frame:
        is_shared |= frame["target_type"].str.upper().ne("SINGLE PROTEIN") & frame["target_type"].notna()
    if "family" in frame:
        is_shared |= frame["family"].str.lower().isin(["1", "1.0", "true", "yes"])
    long = frame.assign(gene=split, family=is_shared.astype(bool)).explode("gene")
    long["gene"] = long["gene"].str.strip().str.upper()
    long = long[long["gene"].ne("")]
    if "protein_target" in rows.headers.values():
        cells = long["target"].fillna("")
        is_group = [is_family(names_in(cell), gene) for cell, gene in zip(cells, long["gene"], strict=True)]
        long["family"] = long["family"].to_numpy() | np.array(is_group)
        long["target"] = [JOIN.join(names_in(cell)) for cell in cells]
    for column in ("kind", "source", "action", "target"):
        if column not in long:
            long[column] = rows.layout.name if column == "source" and rows.layout.needs else ""
        long[column] = long[column].fillna("")
    return long


def _aggregated(long: pd.DataFrame) -> pd.DataFrame:
    """Make one row of each drug and gene: the largest affinity, measured on the gene alone where a family ties with it."""
    ordered = long.sort_values(["drug", "gene", "affinity", "family"], ascending=[True, True, False, True], kind="stable")
    pairs = ordered.groupby(["drug", "gene"], sort=True)
    best = ordered.drop_duplicates(["drug", "gene"]).set_index(["drug", "gene"])[["affinity", "kind", "family"]]
    for column in ("source", "action", "target"):
        best[column] = pairs[column].agg(_joined)
    best["n_rows"] = pairs.size().astype(float)
    best["family"] = best["family"].astype(float)
    return best.reset_index()[list(COLUMNS)]


def _joined(texts: "pd.Series[str]") -> str:
    """Join the different texts of a group; those that were joined before come apart first."""
    return JOIN.join(sorted({part for text in texts for part in text.split(JOIN) if part}))


def _sources(table: pd.DataFrame) -> str:
    """Name the source of a table of one's own: what its column says, when all rows say the same."""
    named = set(table["source"]) - {""}
    return named.pop() if len(named) == 1 else "your own table"


def _structures(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep one structure for each drug."""
    columns = [column for column in ("smiles", "inchikey") if column in frame]
    if not columns:
        return pd.DataFrame({"drug": pd.Series(dtype=str)})
    return frame[["drug", *columns]].dropna(subset=columns, how="all").drop_duplicates("drug").reset_index(drop=True)
