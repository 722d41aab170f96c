"""What laboratories would measure of the simulated disease and drugs: counts, single cells, and a screen with plates."""

import numpy as np
import pandas as pd

from engine.core import Profiles
from engine.repurposing.sample.disease import EXPLAINED, Disease
from engine.repurposing.sample.drugs import Drugs
from engine.repurposing.sample.proteins import N_PROTEINS

N_OUTSIDE = 1_000  # expressed genes whose proteins are not in the network; none is touched by a cause
LOG_MEAN_COUNT = (5.0, 1.3)  # mean and sd of ln(expected count)
DISPERSION, DISPERSION_AT_ONE = 0.05, 2.0  # variance = mu + (DISPERSION + DISPERSION_AT_ONE / mu) mu²
DEPTH = (0.7, 1.4)  # relative sequencing depth of a sample
SAMPLES_PER_GROUP = 3
OUTSIDE_SD = 0.1  # true log2 fold change of the genes outside the network
SECOND_ERROR_SD = 0.15  # of the second condition's fold changes

N_CELLS = 200
CELL_LEVEL = (2.3, 1.0)  # mean and sd over genes of log2 expression in single cells
DROPOUT_HALF, DROPOUT_SLOPE = 1.0, 1.5  # expression at which half the cells show a zero, and how steeply that falls

CELL_LINES = ("SIM-A", "SIM-B", "SIM-C")
DOSES_UM = (0.4, 2.0, 10.0)
TIME_H = 24.0
N_REPLICATES = 3  # plates of each cell line; a plate holds every drug at every dose once
N_CONTROLS = 24  # wells with the solvent alone, 384 - 3 x 120
N_LANDMARKS = 300
LANDMARK_LEVEL = (8.5, 1.5)  # mean and sd over genes of log2 intensity
LINE_SD = 0.7  # difference of a gene between cell lines
LINE_RESPONSE_SD = 0.25  # sd of ln(how much a gene answers in one cell line)
LINE_SENSITIVITY = (0.6, 1.2)  # how much a cell line answers to one drug
PLATE_GENE_SD, PLATE_SD = 0.25, 0.3  # shift of a gene, and of all genes, on one plate
WELL_SD = 0.5
COLUMNS_OF_PLATE = 24


def outside_genes() -> list[str]:
    """Name the genes whose proteins are not in the network."""
    return [f"SIMX{number + 1}" for number in range(N_OUTSIDE)]


def counts_of(genes: list[str], disease: Disease, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw negative-binomial counts of both groups and their design.

    Returns
    -------
    Counts, first column ``gene``, then one column for each sample; and the design: ``sample``, ``group``.
    """
    expected = rng.lognormal(*LOG_MEAN_COUNT, N_PROTEINS + N_OUTSIDE)
    log2fc = np.append(disease.log2fc, rng.normal(0, OUTSIDE_SD, N_OUTSIDE))
    groups = ["mock"] * SAMPLES_PER_GROUP + ["disease"] * SAMPLES_PER_GROUP
    is_disease = np.array(groups) == "disease"
    mean = expected[:, None] * 2.0 ** np.outer(log2fc, is_disease) * rng.uniform(*DEPTH, len(groups))
    size = 1 / (DISPERSION + DISPERSION_AT_ONE / mean)
    counts = rng.negative_binomial(size, size / (size + mean))
    samples = [f"{group}_{number % SAMPLES_PER_GROUP + 1}" for number, group in enumerate(groups)]
    table = pd.DataFrame(counts.astype(np.float64), columns=samples)
    table.insert(0, "gene", [*genes, *outside_genes()])
    return table, pd.DataFrame({"sample": samples, "group": groups})


def second_of(genes: list[str], disease: Disease, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the fold changes of the second condition: ``gene``, ``log2fc``."""
    true = np.append(disease.log2fc_second, rng.normal(0, OUTSIDE_SD, N_OUTSIDE))
    measured = true + rng.normal(0, SECOND_ERROR_SD, len(true))
    return pd.DataFrame({"gene": [*genes, *outside_genes()], "log2fc": measured})


def cells_of(genes: list[str], disease: Disease, rng: np.random.Generator) -> pd.DataFrame:
    """Draw log2 expression of single cells, zeros where a gene was missed: first column ``gene``, then one column for each cell.

    Notes
    -----
    Every gene has variance about 1: that of its regulators' share, and noise for the rest. A value x is missed with chance
    1 / (1 + exp(DROPOUT_SLOPE (x - DROPOUT_HALF))), as weakly expressed genes are.
    """
    is_regulated = np.diff(disease.regulation.indptr) > 0
    noise = rng.standard_normal((N_PROTEINS, N_CELLS)) * np.where(is_regulated, np.sqrt(1 - EXPLAINED), 1.0)[:, None]
    level = rng.normal(*CELL_LEVEL, N_PROTEINS)[:, None]
    value = np.maximum(level + noise + disease.response(noise), 0.0)
    is_missed = rng.random(value.shape) < 1 / (1 + np.exp(DROPOUT_SLOPE * (value - DROPOUT_HALF)))
    table = pd.DataFrame(np.where(is_missed, 0.0, value).round(4), columns=[f"cell{number + 1}" for number in range(N_CELLS)])
    table.insert(0, "gene", genes)
    return table


def screen_of(genes: list[str], disease: Disease, drugs: Drugs, rng: np.random.Generator) -> Profiles:
    """Draw the screen: log2 intensities of the landmark genes in every well of `N_REPLICATES` plates of each cell line."""
    landmarks = np.sort(rng.choice(N_PROTEINS, N_LANDMARKS, replace=False))
    response = drugs.response(disease)[landmarks].T
    dose = np.array(DOSES_UM)
    saturation = dose / (dose + drugs.table["half_dose_um"].to_numpy()[:, None])
    wells = pd.DataFrame({"drug": np.repeat(drugs.table["drug"].to_numpy(), len(dose)), "dose_um": np.tile(dose, len(drugs.table))})
    wells = pd.concat([wells, pd.DataFrame({"drug": ["DMSO"] * N_CONTROLS, "dose_um": 0.0})], ignore_index=True)
    level = rng.normal(*LANDMARK_LEVEL, N_LANDMARKS)
    values, rows = [], []
    for line in CELL_LINES:
        line_level = level + rng.normal(0, LINE_SD, N_LANDMARKS)
        answer = response * np.exp(rng.normal(0, LINE_RESPONSE_SD, N_LANDMARKS))
        strength = saturation * rng.uniform(*LINE_SENSITIVITY, (len(drugs.table), 1))
        expected = (strength[:, :, None] * answer[:, None, :]).reshape(-1, N_LANDMARKS)
        expected = np.vstack([expected, np.zeros((N_CONTROLS, N_LANDMARKS))]) + line_level
        for replicate in range(N_REPLICATES):
            plate = rng.normal(0, PLATE_GENE_SD, N_LANDMARKS) + rng.normal(0, PLATE_SD)
            values.append(expected + plate + rng.normal(0, WELL_SD, expected.shape))
            rows.append(_plate_rows(wells, line, f"{line}_{replicate + 1}", rng))
    facts = pd.concat(rows, ignore_index=True)
    intensities = np.maximum(np.vstack(values), 0.0).astype(np.float32)
    return Profiles.of(
        intensities, facts, tuple(genes[number] for number in landmarks), name="simulated screen", source="simulated", licence="CC0"
    )


def _plate_rows(wells: pd.DataFrame, line: str, plate: str, rng: np.random.Generator) -> pd.DataFrame:
    """Describe the wells of one plate; drugs lie in random places."""
    place = rng.permutation(len(wells))
    well = [f"{chr(ord('A') + number // COLUMNS_OF_PLATE)}{number % COLUMNS_OF_PLATE + 1:02d}" for number in place]
    return pd.DataFrame(
        {
            "id": [f"{plate}:{name}" for name in well],
            "drug": wells["drug"],
            "cell": line,
            "dose_um": wells["dose_um"],
            "time_h": TIME_H,
            "plate": plate,
            "well": well,
            "is_control": wells["drug"] == "DMSO",
        }
    )
