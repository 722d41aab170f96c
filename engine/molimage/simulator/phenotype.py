"""The state of a cell population as named numbers, and what each mechanism does to it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.core import UserError
from engine.molimage.simulator import constants
from engine.molimage.simulator.structure import Structure, structure_of


@dataclass(frozen=True)
class Phenotype:
    """What a field of cells looks like on average; the numbers of untreated cells and their meaning are in `constants.DMSO`.

    Parameters
    ----------
    density : cells per field.
    nuclear_radius : radius of a circle of the nucleus' area, in units of 1/64 of the field's edge.
    nuclear_elongation : 1 - minor/major axis of the nucleus.
    multilobed, mitotic, apoptotic : probabilities per cell.
    micronuclei, nucleoli : mean numbers per cell.
    chromatin : contrast of the chromatin texture.
    nucleolar_size, spread : radius of nucleolus and cell relative to untreated ones.
    elongation, roughness : how spindle-shaped a cell is, and how long its processes are, 0 to 1.
    dna, er, rna, agp, mito : brightness of the stains, share of full scale.
    fibres : strength of stress fibres, 0 to 1.
    golgi_dispersion, fragmentation, perinuclear, vacuoles : scatter of the Golgi, mitochondria as dots, their gathering around the nucleus,
        and vacuoles, 0 to 1.
    """

    density: float
    nuclear_radius: float
    nuclear_elongation: float
    multilobed: float
    micronuclei: float
    mitotic: float
    apoptotic: float
    chromatin: float
    dna: float
    nucleoli: float
    nucleolar_size: float
    spread: float
    elongation: float
    roughness: float
    er: float
    rna: float
    agp: float
    fibres: float
    golgi_dispersion: float
    mito: float
    fragmentation: float
    perinuclear: float
    vacuoles: float

    def array(self) -> NDArray[np.float64]:
        """(T,) the numbers in the order of `COLUMNS`."""
        return np.array([getattr(self, name) for name in COLUMNS])

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> "Phenotype":
        """Make a phenotype of (T,) numbers in the order of `COLUMNS`, each moved into its allowed range."""
        low, high = np.array([constants.BOUNDS[name] for name in COLUMNS]).T
        return cls(*np.clip(values, low, high).tolist())


COLUMNS: tuple[str, ...] = tuple(each.name for each in fields(Phenotype))
DMSO = Phenotype(**constants.DMSO)


@dataclass(frozen=True)
class Mechanism:
    """A mechanism of action and the phenotype of its full response; rule-based, not measured.

    Parameters
    ----------
    id : name shared with the gallery of drugs.
    full : phenotype at saturating dose of a fully potent molecule.
    """

    id: str
    full: Phenotype

    @property
    def shift(self) -> NDArray[np.float64]:
        """(T,) full response minus untreated."""
        return self.full.array() - DMSO.array()


def _mechanisms() -> Mapping[str, Mechanism]:
    return {name: Mechanism(name, Phenotype(**{**constants.DMSO, **effect})) for name, effect in constants.EFFECTS.items()}


MECHANISMS: Mapping[str, Mechanism] = _mechanisms()


def hill(dose_um: float, ec50_um: float, coefficient: float = constants.HILL_COEFFICIENT) -> float:
    """Return dose^n / (dose^n + EC50^n) in [0, 1)."""
    raised = (dose_um / ec50_um) ** coefficient
    return raised / (1.0 + raised)


@cache
def drift_ranges() -> NDArray[np.float64]:
    """(T,) how far each column moves at most by `constants.DRIFT`: a tenth of its range over mechanisms."""
    full = np.array([each.full.array() for each in MECHANISMS.values()])
    return constants.DRIFT_SHARE * np.ptp(full, axis=0)


def phenotype(smiles: str, mechanism: str, dose_um: float) -> Phenotype:
    """Return the phenotype of cells under a molecule: a published rule of its mechanism, its structure and its dose.

    Parameters
    ----------
    smiles : the molecule.
    mechanism : an id of `MECHANISMS`; empty text or ``inactive`` for none.
    dose_um : concentration in µM; 0 is untreated.

    Raises
    ------
    UserError
        When the mechanism is not one of the simulator's, the dose is negative, or the SMILES cannot be read.

    Notes
    -----
    theta = theta_DMSO + p hill(dose; EC50) (theta_mechanism - theta_DMSO) + a (theta_lysosomotropic - theta_DMSO) + f dose / (dose + 1 µM),
    moved into `constants.BOUNDS`. p, EC50, f and the amphiphilicity in a are functions of RDKit descriptors (see `structure`) whose
    numbers are in `constants`. The amphiphilicity acts in every molecule; in a drug labelled lysosomotropic the larger of both counts.
    """
    if mechanism and mechanism not in MECHANISMS:
        raise UserError(f"The simulator knows no mechanism '{mechanism}'.", f"The mechanisms are: {', '.join(MECHANISMS)}.", mechanism)
    if not dose_um >= 0:
        raise UserError(f"A dose cannot be {dose_um:g} µM.", "Give 0 or a positive concentration in µM.", "dose_um")
    structure = structure_of(smiles)
    labelled = structure.potency * hill(dose_um, structure.ec50_um)
    amphiphilic = structure.amphiphilicity * hill(dose_um, constants.AMPHIPHILE_EC50_UM)
    theta = DMSO.array() + _drift(structure) * dose_um / (dose_um + constants.DRIFT_UM)
    if mechanism == "lysosomotropic":
        labelled = max(labelled, amphiphilic)
    else:
        theta += amphiphilic * MECHANISMS["lysosomotropic"].shift
    return Phenotype.of(theta + (labelled * MECHANISMS[mechanism].shift if mechanism else 0.0))


def _drift(structure: Structure) -> NDArray[np.float64]:
    """(T,) what a molecule of this structure does whatever its mechanism, at high dose."""
    sums = [sum(w * structure.z[name] for name, w in constants.DRIFT.get(column, {}).items()) for column in COLUMNS]
    return drift_ranges() * np.tanh(np.array(sums))
