"""A disease small enough that every method of the area runs on it in a moment; its parts by name, as frames, and as files."""

import numpy as np
import pandas as pd

from engine.core import Profiles

GENES = tuple(f"PROT{i}" for i in range(48))
DRUGS = tuple(f"drug{i}" for i in range(8))
PARTS = {  # method -> what it is given
    "signature": ("counts", "design"),
    "screen": ("signature", "screen"),
    "interactome": ("prizes", "network"),
    "target_network": ("cells", "network"),
    "repurposing": ("prizes", "network", "targets", "drug_scores", "cells"),
}
QUICK = {  # settings with which they take a second
    "screen": {"draws": 20, "resamples": 4},
    "interactome": {"surface": False},
    "target_network": {"subsamples": 4},
    "repurposing": {"nulls": 20, "resamples": 4, "subsamples": 4},
}


def part(name, seed=0):
    """One part as a frame."""
    rng = np.random.default_rng([seed, len(name)])
    log2fc = rng.normal(size=len(GENES)) * (np.arange(len(GENES)) < 16)
    return {
        "counts": lambda: _counts(rng, log2fc),
        "design": lambda: pd.DataFrame({"sample": [f"s{i}" for i in range(6)], "group": ["mock"] * 3 + ["infected"] * 3}),
        "signature": lambda: pd.DataFrame({"gene": GENES, "log2fc": log2fc}),
        "prizes": lambda: pd.DataFrame({"gene": GENES[:9], "prize": rng.uniform(1, 3, 9)}),
        "network": lambda: _network(rng),
        "targets": lambda: _targets(rng),
        "drug_scores": lambda: pd.DataFrame({"drug": DRUGS, "score": rng.normal(size=len(DRUGS))}),
        "cells": lambda: _cells(rng),
        "screen": lambda: _screen(rng),
    }[name]()


def parts_of(method, seed=0):
    """The parts of a method; only the first depends on the seed."""
    frames = {name: part(name, seed if k == 0 else 0) for k, name in enumerate(PARTS[method])}
    return {name: profiles_of(frame) if name == "screen" else frame for name, frame in frames.items()}


def profiles_of(frame):
    """A screen as it is after reading."""
    return Profiles.of(frame[list(GENES)].to_numpy(), frame.drop(columns=list(GENES)), GENES)


def files_of(method, folder):
    """The same as files: part -> path."""
    places = {name: folder / (f"{name}.parquet" if name == "screen" else f"{name}.csv") for name in PARTS[method]}
    for name, place in places.items():
        part(name).to_parquet(place) if name == "screen" else part(name).to_csv(place, index=False)
    return places


def _counts(rng, log2fc):
    mean = rng.lognormal(5, 1, len(GENES))[:, None] * 2 ** (log2fc[:, None] * ([0] * 3 + [1] * 3))
    counts = rng.poisson(mean * rng.gamma(20, 1 / 20, mean.shape))
    return pd.DataFrame(counts, columns=[f"s{i}" for i in range(6)]).assign(gene=GENES)[["gene", *(f"s{i}" for i in range(6))]]


def _network(rng):
    ring = [(i, (i + 1) % len(GENES)) for i in range(len(GENES))]
    chords = [(i, j) for i in range(len(GENES)) for j in range(i + 2, len(GENES)) if rng.random() < 0.05]
    first, second = zip(*dict.fromkeys(ring + chords), strict=True)
    named = np.array(GENES)
    return pd.DataFrame({"protein1": named[list(first)], "protein2": named[list(second)], "cost": rng.uniform(0.2, 0.9, len(first))})


def _targets(rng):
    rows = [(drug, gene, round(rng.uniform(5, 9), 2)) for drug in DRUGS for gene in rng.choice(GENES, 5, replace=False)]
    return pd.DataFrame(rows, columns=["drug", "gene", "affinity"])


def _cells(rng):
    values = np.log2(1 + rng.poisson(rng.gamma(2, 4, (len(GENES), 1)) * rng.gamma(3, 1 / 3, 40), (len(GENES), 40)))
    frame = pd.DataFrame(values, columns=[f"cell{i}" for i in range(40)])
    frame.insert(0, "gene", GENES)
    return frame


def _screen(rng):
    effects = rng.normal(size=(len(DRUGS), len(GENES)))
    rows = [(drug, plate) for plate in ("P1", "P2") for drug in (*DRUGS, "DMSO", "DMSO", "DMSO") for _ in range(2)]
    values = np.array([8 + (effects[DRUGS.index(drug)] if drug in DRUGS else 0) + 0.3 * rng.normal(size=len(GENES)) for drug, _ in rows])
    facts = pd.DataFrame(rows, columns=["drug", "plate"]).assign(cell="A549", dose_um=10.0, time_h=24.0)
    facts["is_control"] = facts["drug"] == "DMSO"
    return pd.concat([facts, pd.DataFrame(values, columns=list(GENES))], axis=1)
