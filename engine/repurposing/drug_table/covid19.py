"""The tables of the published COVID-19 analysis, part by part, from a folder with its public files."""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from engine.core import Dataset, UserError
from engine.repurposing.drug_table.public_files import FILES, public_file, repository_of
from engine.repurposing.drug_table.targets import read_targets

PARTS = {
    "prizes": "terminals_ppi_analysis.tsv",
    "network": "irefindex_v14_costs.tsv",
    "targets": "drug_targets_in_network.tsv",
    "drug_scores": "drug_targets_in_network.tsv",
    "cells": "GSE81861_log2_ppi_252nodes.csv",
    "signature": "blancoA_l2fc.csv",
    "counts": "GSE147507_raw_counts.tsv",
    "design": "GSE147507_design.csv",
}
SERIES = "CoV002"  # A549 without the receptor, three infected and three mock samples; the series of the paper is not in this file
NODES = "interactome_reference_nodes.tsv"  # converted from the authors' pickle, so it has no public checksum; never brought from a network


def covid19(folder: str | Path) -> dict[str, Dataset]:
    """Return every part of the published analysis whose file lies in a folder, see `covid19_part`.

    Parameters
    ----------
    folder : with files of `engine.repurposing.drug_table.public_files`; `public_files.download` fills it.

    Raises
    ------
    UserError
        When none of the files is there, or one is not the published file.
    """
    there = [part for part, name in PARTS.items() if any((Path(folder) / f"{name}{packed}").is_file() for packed in ("", ".gz"))]
    if not there:
        fix = "Choose the folder that holds them; engine.repurposing.drug_table.public_files says where they are and brings them."
        raise UserError(f"None of the files of the COVID-19 analysis is in {folder}.", fix, str(folder))
    if (Path(folder) / NODES).is_file():
        there.append("partners")
    return {part: covid19_part(part, folder) for part in there}


def covid19_part(name: str, folder: str | Path) -> Dataset:
    """Return one part: prizes, network, targets, drug_scores, cells, signature, counts, design or partners.

    Parameters
    ----------
    name : of the part. ``partners`` are those proteins of the published interactome that bind a protein of the virus: the authors' whole
        list is not public.
    folder : with the files.

    Raises
    ------
    UserError
        When the file is not there or is another one than the published.
    """
    if name == "partners":
        place = Path(folder) / NODES
        if not place.is_file():
            raise UserError(f"There is no {NODES} in {folder}.", "Bring your own list of proteins that bind the virus.", str(folder))
        nodes = pd.read_csv(place, sep="\t")
        frame = nodes.loc[nodes["interacts_with_virus"] == 1, ["protein"]].rename(columns={"protein": "gene"})
        source, licence = "converted from the interactome of github.com/uhlerlab/covid19_repurposing", "MIT"
    elif name not in PARTS:
        raise UserError(f"The COVID-19 analysis has no part '{name}'.", f"The parts are: {', '.join(PARTS)}, partners.", name)
    else:
        content = public_file(PARTS[name], folder)
        frame = _frame(name, content)
        source, licence = repository_of(PARTS[name]), FILES[PARTS[name]].licence
    made = Dataset(frame, f"COVID-19 {name}", "counts" if name == "counts" else "samples", source, licence + _terms_behind(name))
    return made.after("engine.repurposing.covid19_part", name=name, folder=str(folder))


def _terms_behind(name: str) -> str:
    """Add the source behind a file where its own terms follow along."""
    return {"targets": "; targets from DrugCentral, CC BY-SA 4.0", "cells": "; GEO GSE81861", "signature": "; GEO GSE147507"}.get(name, "")


def _frame(name: str, content: bytes) -> pd.DataFrame:
    """Read the bytes of one file under the columns of the part."""
    stream = io.BytesIO(content)
    match name:
        case "prizes":
            names = {"name": "gene", "log2FC_blanco": "log2fc", "log2FC_ageing": "log2fc_second"}
            return pd.read_csv(stream, sep="\t").rename(columns=names)
        case "network":
            network = pd.read_csv(stream, sep="\t", keep_default_na=False)
            return network.assign(protein1=network["protein1"].str.upper(), protein2=network["protein2"].str.upper())
        case "targets":
            return read_targets(pd.read_csv(stream, sep="\t")).table
        case "drug_scores":
            scores = pd.read_csv(stream, sep="\t").drop_duplicates("drug").sort_values("corr", ascending=False, kind="stable")
            return scores[["drug", "corr"]].rename(columns={"corr": "score"})
        case "cells":
            return pd.read_csv(stream).rename(columns={"Unnamed: 0": "gene"})
        case "signature":
            signature = pd.read_csv(stream, header=0, names=["gene", "log2fc"], keep_default_na=False, dtype={"log2fc": np.float64})
            return signature.assign(gene=signature["gene"].str.upper())
        case "counts":
            counts = pd.read_csv(stream, sep="\t", index_col=0, keep_default_na=False)
            return counts.filter(like=SERIES).rename_axis("gene").reset_index()
    design = pd.read_csv(stream)
    design = design[design["Base"] == SERIES]
    return pd.DataFrame({"sample": design["SampleId"].str.replace(".", "-", regex=False), "group": design["Treatment"]})
