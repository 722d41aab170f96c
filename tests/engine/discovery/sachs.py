"""The protein signalling data with interventions as the authors of UT-IGSP take them; for tests that have the shared data."""

from pathlib import Path

import numpy as np
import pandas as pd

from engine.core import Dataset

EXPERIMENTS = {"obs": (1, 2), "Akt": (3,), "PKC": (4,), "PIP2": (5,), "Mek": (6,), "PIP3": (7,)}


def six_experiments(shared_data: Path) -> Dataset:
    """Return 1,755 cells without an intervention and 723 to 911 with one, on the log scale; the columns are those of the bundled sample."""
    table = pd.read_csv(shared_data / "discovery" / "sachs_14_experiments.tsv.gz", sep="\t").rename(columns={"p38": "P38"})
    proteins = np.log(table.drop(columns="experiment"))
    frames = {name: proteins[table["experiment"].isin(which)].reset_index(drop=True) for name, which in EXPERIMENTS.items()}
    return Dataset.from_frames(frames, name="six experiments")
