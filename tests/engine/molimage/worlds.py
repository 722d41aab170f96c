"""A tiny world for tests of training: round cells whose size and brightness follow from the molecule."""

import numpy as np
import pandas as pd

from engine.core import ImageSet

ALCOHOLS = ["C" * n + "O" for n in range(1, 13)]
AMINES = ["C" * n + "N" for n in range(1, 13)]


def blobs(molecules, n_each=6, size=32, seed=0, channels=2):
    """Images of one blob each: alcohols make it large, amines bright; the chain's length changes it a little."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    images, rows = [], []
    for smiles in molecules:
        radius = (0.28 if smiles.endswith("O") else 0.16) * size + 0.1 * len(smiles)
        level = 90 if smiles.endswith("O") else 170
        for k in range(n_each):
            cy, cx = rng.uniform(0.3 * size, 0.7 * size, 2)
            inside = 1 / (1 + np.exp((np.hypot(y - cy, x - cx) - radius) / 1.5))
            image = [inside * level * (0.6 + 0.4 * c) + rng.normal(12, 3, (size, size)) for c in range(channels)]
            images.append(np.clip(image, 0, 255).astype(np.uint8))
            rows.append({"smiles": smiles, "compound": smiles, "dose_um": 10.0, "moa": smiles[-1], "split": "test" if k == 0 else "train"})
    return ImageSet(np.stack(images), pd.DataFrame(rows), tuple(f"stain {c}" for c in range(channels)), "blobs", "simulated")
