"""A simulated screen: molecules at doses on plates, photographed, with the truth of every image."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, ImageSet, UserError
from engine.core.parallel import answers
from engine.molimage.simulator import constants
from engine.molimage.simulator.field import Field, render
from engine.molimage.simulator.optics import Optics, plate_optics
from engine.molimage.simulator.oracle import truth_of_image
from engine.molimage.simulator.phenotype import DMSO, phenotype
from engine.molimage.simulator.structure import structure_of

DMSO_SMILES = "CS(C)=O"
ROWS, TREATED_COLUMNS, CONTROL_COLUMNS = "ABCDEFGHIJKLMNOP", range(3, 23), (1, 2, 23, 24)  # a plate of 384 wells, controls at both ends
TREATED_WELLS = [f"{row}{column:02d}" for column in TREATED_COLUMNS for row in ROWS]
CONTROL_WELLS = [f"{row}{column:02d}" for column in CONTROL_COLUMNS for row in ROWS]


@dataclass(frozen=True)
class Treatment:
    """A molecule at a dose; without mechanism and dose it is a DMSO control."""

    smiles: str
    compound: str
    mechanism: str
    dose_um: float

    @property
    def is_control(self) -> bool:
        """Whether cells are left untreated."""
        return self.dose_um == 0

    def number(self, seed: int, *rest: Any) -> int:
        """Return a number that belongs to this treatment and what follows, the same in every run."""
        return _number(seed, self.smiles, float(self.dose_um), *rest)


def simulate(
    molecules: pd.DataFrame, n_each: int, size: int, seed: int = 0, dose_um: float | Sequence[float] = 10.0, batch_effects: bool = True,
    plates: int = 4, controls: int = 16, context: Context | None = None,
) -> ImageSet:  # fmt: skip
    """Simulate a screen of molecules by cell painting.

    Parameters
    ----------
    molecules : columns ``smiles`` and, where known, ``name`` and ``mechanism`` (an id of `MECHANISMS`, empty for unknown).
    n_each : images of each molecule at each dose, spread over the plates.
    size : edge of an image in pixels, 32 to 512; the cells are the same at every size.
    dose_um : one or several doses in µM, each given to every molecule.
    batch_effects : whether plates and wells differ in staining, focus and illumination.
    plates : number of plates, each with its own batch effect.
    controls : DMSO images on each plate.

    Returns
    -------
    ImageSet of origin ``simulated`` with ``smiles``, ``compound``, ``moa``, ``dose_um``, ``plate``, ``well``, ``site``; treatments first.
    The pixels of an image depend on the seed, the molecule, its dose and the image's number alone, not on the other molecules, their order
    or the number of threads.

    Raises
    ------
    UserError
        When the table has no SMILES, names a molecule twice or an unknown mechanism, or a number is outside its limits.
    """
    return simulate_with_truth(molecules, n_each, size, seed, dose_um, batch_effects, plates, controls, context)[0]


def simulate_with_truth(
    molecules: pd.DataFrame, n_each: int, size: int, seed: int = 0, dose_um: float | Sequence[float] = 10.0, batch_effects: bool = True,
    plates: int = 4, controls: int = 16, context: Context | None = None,
) -> tuple[ImageSet, pd.DataFrame]:  # fmt: skip
    """Simulate like `simulate`; return also a table with a row per image: the truth of its cells, see `truth_of_image`."""
    context = context or Context.silent()
    doses = [float(dose) for dose in np.atleast_1d(np.asarray(dose_um, np.float64))]
    treatments = _treatments(molecules, doses)
    if n_each < 1 or plates < 1 or controls < 0:
        raise UserError("A screen needs at least one image of each molecule and one plate.", "Give n_each and plates of 1 or more.")
    jobs = [(treatment, list(range(n_each)), size, seed, batch_effects, plates) for treatment in treatments]
    places = wells(treatments, seed)
    sheets = 1 + max((sheet for sheet, _ in places), default=0)
    dmso = [Treatment(DMSO_SMILES, f"DMSO {sheet + 1}", "inactive", 0.0) for sheet in range(sheets)] if controls else []
    jobs += [(treatment, list(range(controls * plates)), size, seed, batch_effects, plates) for treatment in dmso]
    images, rows, truths = [], [], []
    for done, (job, (drawn, truth)) in enumerate(zip(jobs, answers(_draw, jobs, context.threads), strict=True)):
        sheet, well = places[done] if done < len(places) else (done - len(places), "")
        images.append(drawn)
        truths.append(truth)
        rows += [_row(job[0], j, seed, plates, sheet if sheets > 1 else None, well) for j in job[1]]
        context.progress((done + 1) / len(jobs), f"treatment {done + 1} of {len(jobs)}")
    said = {
        "n_each": n_each,
        "size": size,
        "seed": seed,
        "dose_um": doses,
        "batch_effects": batch_effects,
        "plates": plates,
        "controls": controls,
    }
    found = ImageSet(
        np.concatenate(images), pd.DataFrame(rows), constants.CHANNELS, "simulated cell painting", "simulated",
        pixel_um=constants.UNIT_UM * constants.FIELD_UNITS / size, source=f"rule-based simulator, version {constants.VERSION}",
    ).after("simulate_cells", version=constants.VERSION, molecules=len(molecules), **said)  # fmt: skip
    return found, pd.concat(truths, ignore_index=True)


def field_of(smiles: str, mechanism: str, dose_um: float, index: int, size: int, seed: int = 0, optics: Optics | None = None) -> Field:
    """Return image ``index`` of a molecule at a dose as `simulate` draws it, with masks and cells; in focus when no optics are given."""
    treatment = Treatment(structure_of(smiles).smiles, "", mechanism, float(dose_um))
    return _field(treatment, index, size, seed, optics or Optics())


def _treatments(molecules: pd.DataFrame, doses: list[float]) -> list[Treatment]:
    """Every molecule at every dose, checked."""
    if "smiles" not in molecules:
        raise UserError(
            "The table of molecules has no column smiles.", "Give a table with smiles, and name and mechanism where known.", "smiles"
        )
    if any(not dose > 0 for dose in doses):
        raise UserError("Doses must be positive.", "Untreated cells are the DMSO controls, which are added to each plate.", "dose_um")
    canonical = [structure_of(smiles).smiles for smiles in molecules["smiles"].astype(str)]
    twice = pd.Series(canonical).duplicated()
    if twice.any():
        first = int(np.flatnonzero(twice)[0])
        raise UserError(f"The molecule {canonical[first]} is in the table twice.", "Keep one row of each molecule.", f"row {first + 1}")
    names = molecules["name"].fillna("").astype(str) if "name" in molecules else pd.Series("", molecules.index)
    mechanisms = molecules["mechanism"].fillna("").astype(str) if "mechanism" in molecules else pd.Series("", molecules.index)
    listed = [Treatment(*each, dose) for each in zip(canonical, names, mechanisms, strict=True) for dose in doses]
    for treatment in listed:
        phenotype(treatment.smiles, treatment.mechanism, treatment.dose_um)
    return listed


def wells(treatments: list[Treatment], seed: int) -> list[tuple[int, str]]:
    """Return sheet (from 0) and well of each treatment; a random order of them fills the wells of one sheet after another.

    A sheet is one set of plates; a screen of more than 320 treatments needs several, which share the staining of each plate number.
    """
    order = sorted(range(len(treatments)), key=lambda k: (treatments[k].number(seed, "well"), treatments[k].smiles))
    found = [(0, "")] * len(treatments)
    for rank, k in enumerate(order):
        found[k] = (rank // len(TREATED_WELLS), TREATED_WELLS[rank % len(TREATED_WELLS)])
    return found


def _plate(treatment: Treatment, index: int, seed: int, plates: int) -> int:
    """Return the plate of an image: the images of a treatment go round over all plates."""
    return (treatment.number(seed, "plate") + index) % plates


def _row(treatment: Treatment, index: int, seed: int, plates: int, sheet: int | None, well: str) -> dict[str, Any]:
    """Facts of one image."""
    row = asdict(treatment)
    row["moa"] = row.pop("mechanism")
    row["compound"] = "DMSO" if treatment.is_control else treatment.compound
    turn = index // plates
    named = f"P{_plate(treatment, index, seed, plates) + 1:02d}" + ("" if sheet is None else f"-{sheet + 1}")
    site = 1 + (turn // len(CONTROL_WELLS) if treatment.is_control else turn)
    return row | {"plate": named, "well": well or CONTROL_WELLS[turn % len(CONTROL_WELLS)], "site": site}


def _draw(
    treatment: Treatment, indices: list[int], size: int, seed: int, batch_effects: bool, plates: int
) -> tuple[NDArray[np.uint8], pd.DataFrame]:  # fmt: skip
    """(n, 5, S, S) images of one treatment, and the truth of each."""
    images = np.empty((len(indices), len(constants.CHANNELS), size, size), np.uint8)
    truths = []
    for k, index in enumerate(indices):
        field = _field(treatment, index, size, seed, _optics(treatment, index, seed, plates) if batch_effects else Optics())
        images[k] = np.rint(field.image * 255)
        truths.append(truth_of_image(field))
    return images, pd.DataFrame(truths)


def _optics(treatment: Treatment, index: int, seed: int, plates: int) -> Optics:
    plate = _plate(treatment, index, seed, plates)
    well = treatment.number(
        seed, "well gain", plate, treatment.compound if treatment.is_control else "", index // plates * treatment.is_control
    )
    return plate_optics(np.random.default_rng(_number(seed, "plate", plate))).well(np.random.default_rng(well))


def _field(treatment: Treatment, index: int, size: int, seed: int, optics: Optics) -> Field:
    cells = DMSO if treatment.is_control else phenotype(treatment.smiles, treatment.mechanism, treatment.dose_um)
    sheet = treatment.compound if treatment.is_control else ""
    return render(cells, size, np.random.default_rng(treatment.number(seed, "image", index, sheet)), optics)


def _number(*parts: Any) -> int:
    """Return 128 bits that depend on all parts and on the version of the simulator."""
    told = "|".join(map(str, itertools.chain([constants.VERSION], parts)))
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=16).digest(), "little")
