"""Small screens whose truth is known."""

import numpy as np
import pandas as pd

from engine.core import Context, Profiles
from engine.repurposing.screens.design import design_of
from engine.repurposing.screens.readings import readings_of


def genes(d):
    return tuple(f"G{i:03d}" for i in range(d))


def small_screen(seed=0, drugs=6, lines=("A", "B"), plates=2, replicates=2, controls=4, d=30, effects=None, noise=0.3):
    """A screen on a log2 scale: lines and plates have levels of their own, each drug adds its effect; returns profiles and effects."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(size=(drugs, d)) if effects is None else effects
    rows, values = [], []
    for line in lines:
        base = 8 + rng.normal(size=d)
        for plate in range(plates):
            level = base + 0.5 * rng.normal(size=d)
            for drug in range(-1, drugs):
                for _ in range(controls if drug < 0 else replicates):
                    drug_facts = {"drug": "DMSO", "dose_um": 0.0} if drug < 0 else {"drug": f"drug{drug}", "dose_um": 10.0}
                    rows.append(drug_facts | {"cell": line, "plate": f"{line}{plate}", "time_h": 24.0, "is_control": drug < 0})
                    values.append(level + (0 if drug < 0 else effects[drug]) + noise * rng.normal(size=d))
    return Profiles.of(np.array(values), pd.DataFrame(rows), genes(d)), effects


def read(screen, **options):
    """Return its readings on all genes."""
    return readings_of(screen, screen.genes, design_of(screen.rows, **options), Context.silent())
