"""Drawing the cells of a field: where they lie, and the shape, state and brightness of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.molimage.simulator import constants
from engine.molimage.simulator.phenotype import Phenotype

Floats = NDArray[np.float32]
BUMPS = 5  # processes of a cell: two along its axis, three anywhere
LOBES = 4
MAX_NUCLEOLI = 8
MAX_MICRONUCLEI = 3
TRIES = 24
INTERPHASE, MITOTIC, APOPTOTIC = 0, 1, 2


@dataclass(frozen=True)
class Population:
    """n cells with everything that is drawn of them; lengths in units of 1/64 of the field's edge, angles in radians.

    Parameters
    ----------
    centre : (n, 2) row and column.
    state : (n,) `INTERPHASE`, `MITOTIC` or `APOPTOTIC`.
    radius : (n,) of the cell without its processes.
    bump_angle, bump_height, bump_sharpness : (n, BUMPS) processes: direction, height in radii, and fall per radian.
    axis : (n,) direction of the long axis.
    lobe_centre, lobe_radii : (n, LOBES, 2) centres and half axes of the parts of the nucleus, 0 for none.
    lobe_angle : (n, LOBES) direction of the first half axis.
    nucleoli : (n, MAX_NUCLEOLI, 3) row, column, radius; radius 0 for none.
    micronuclei : (n, MAX_MICRONUCLEI, 3) the same.
    golgi : (n, 2) centre of the Golgi.
    stain : (n, 5) brightness of each channel relative to the phenotype.
    offset : (n, 2) where the cell's textures start.
    """

    centre: Floats
    state: NDArray[np.int64]
    radius: Floats
    bump_angle: Floats
    bump_height: Floats
    bump_sharpness: Floats
    axis: Floats
    lobe_centre: Floats
    lobe_radii: Floats
    lobe_angle: Floats
    nucleoli: Floats
    micronuclei: Floats
    golgi: Floats
    stain: Floats
    offset: Floats

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.centre)


def populate(phenotype: Phenotype, rng: np.random.Generator) -> Population:
    """Draw the cells of a field and of a margin around it.

    Returns
    -------
    Population of 1 + Poisson(density - 1) cells in the field, so that no field is empty, and of cells as dense around it; cells keep a
    distance from each other where there is room (a soft core).
    """
    around = phenotype.density * ((1 + 2 * constants.MARGIN / constants.FIELD_UNITS) ** 2 - 1)
    inside = 1 + int(rng.poisson(max(phenotype.density - 1, 0)))
    n = inside + int(rng.poisson(around))
    state = np.where(rng.random(n) < phenotype.mitotic, MITOTIC, INTERPHASE)
    state = np.where(rng.random(n) < phenotype.apoptotic, APOPTOTIC, state)
    varied = np.exp(constants.CELL_SIZE_SD * rng.standard_normal(n))
    # what goes into processes is missing from the body
    body = phenotype.spread * (1.06 - 0.10 * phenotype.roughness - 0.30 * phenotype.elongation)
    spread = constants.CELL_RADIUS * body * varied
    radius = np.select(
        [state == MITOTIC, state == APOPTOTIC], [constants.MITOTIC_RADIUS * varied, constants.APOPTOTIC_RADIUS * varied], spread
    )
    nucleus = phenotype.nuclear_radius * np.exp(constants.NUCLEUS_SIZE_SD * rng.standard_normal(n))
    nucleus = np.minimum(nucleus, 0.66 * radius)
    centre = _places(radius, nucleus, inside, rng)
    axis = rng.uniform(0, np.pi, n)
    angle, height, sharpness = _processes(phenotype, state, axis, rng)
    middle = centre + (0.10 * radius * (state == INTERPHASE))[:, None] * rng.standard_normal((n, 2))
    lobe_centre, lobe_radii, lobe_angle = _lobes(phenotype, state, middle, nucleus, axis, rng)
    towards = axis + np.where(rng.random(n) < 0.5, 0, np.pi) + rng.normal(0, 0.7, n)
    golgi = middle + ((nucleus + 0.8)[:, None]) * _direction(towards)
    drawn = (
        centre, radius, angle, height, sharpness, axis, lobe_centre, lobe_radii, lobe_angle,
        _nucleoli(phenotype, state, lobe_centre, lobe_radii, rng), _micronuclei(phenotype, state, middle, nucleus, rng), golgi,
        np.exp(constants.STAIN_SD * rng.standard_normal((n, len(constants.CHANNELS)))), rng.uniform(100, 1000, (n, 2)),
    )  # fmt: skip
    first, *rest = (np.asarray(each, np.float32) for each in drawn)
    return Population(first, state, *rest)


def _direction(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


def _places(radius: NDArray[np.float64], nucleus: NDArray[np.float64], inside: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, 2) centres, the first ones in the field, the others around it: of some tries the first with room, else the roomiest."""
    n, edge, margin = len(radius), constants.FIELD_UNITS, constants.MARGIN
    drawn = rng.uniform(0, 1, (n, TRIES, 2))
    drawn[:inside] *= edge
    # the frame is four strips, each turned by a quarter against the one before
    drawn[inside:] = drawn[inside:] * [margin, edge + margin] - margin - edge / 2
    turn = 1j ** rng.integers(0, 4, (n, TRIES))
    turn[:inside] = 1
    tried = (drawn[..., 1] + 1j * drawn[..., 0]) * turn  # points of the plane as complex numbers: a distance is one call
    tried[inside:] += (1 + 1j) * edge / 2
    centre = np.empty(n, complex)
    for k in range(n):
        wanted = np.maximum(constants.CELL_DISTANCE * (radius[:k] + radius[k]), nucleus[:k] + nucleus[k] + constants.NUCLEUS_GAP)
        room = (np.abs(tried[k, :, None] - centre[:k]) / wanted).min(axis=1, initial=np.inf)
        has_room = room >= 1
        centre[k] = tried[k, has_room.argmax() if has_room.any() else room.argmax()]
    return np.stack([centre.imag, centre.real], axis=-1)


def _processes(
    phenotype: Phenotype, state: NDArray[np.int64], axis: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Directions, heights and sharpness of the processes; rounded cells have none."""
    n, long, rough = len(axis), phenotype.elongation, phenotype.roughness
    angle = rng.uniform(0, 2 * np.pi, (n, BUMPS))
    angle[:, :2] = axis[:, None] + [0, np.pi] + rng.normal(0, 0.25, (n, 2))
    height = (0.10 + 1.0 * rough) * rng.gamma(2.0, 0.5, (n, BUMPS))
    height[:, :2] = (0.15 + 1.9 * long) * rng.uniform(0.5, 1.4, (n, 2)) + 0.5 * rough * rng.random((n, 2))
    sharpness = rng.uniform(2.5 + 1.5 * rough, 4.0 + 4.5 * rough, (n, BUMPS))
    sharpness[:, :2] = rng.uniform(1.3 + 1.0 * long, 2.2 + 1.6 * long + 1.5 * rough, (n, 2))
    height *= np.where(state == INTERPHASE, 1.0, 0.04)[:, None]
    return angle, height, sharpness


def _lobes(
    phenotype: Phenotype, state: NDArray[np.int64], middle: NDArray[np.float64], nucleus: NDArray[np.float64], axis: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Centres, half axes and directions of the parts of a nucleus: an ellipse, a few lobes, a mitotic plate or pair, or a dense ball."""
    n = len(middle)
    long = np.clip(phenotype.nuclear_elongation + rng.normal(0, 0.07, n), 0.0, 0.65)
    angle = np.repeat((axis + rng.normal(0, 0.35, n))[:, None], LOBES, axis=1)
    ratio = np.sqrt(1 - long)
    at = np.repeat(middle[:, None], LOBES, axis=1)
    radii = np.zeros((n, LOBES, 2))
    radii[:, 0] = np.stack([nucleus / ratio, nucleus * ratio], axis=-1)
    many = (rng.random(n) < phenotype.multilobed) & (state == INTERPHASE)
    count = rng.integers(2, LOBES + 1, n)
    around = rng.uniform(0, 2 * np.pi, n)[:, None] + 2 * np.pi * np.arange(LOBES) / count[:, None] + rng.normal(0, 0.25, (n, LOBES))
    share = rng.uniform(0.75, 1.15, (n, LOBES)) * (np.arange(LOBES) < count[:, None])
    share = nucleus[:, None] * share / np.sqrt((share**2).sum(axis=1, keepdims=True)) * 1.08
    apart = rng.uniform(0.62, 0.86, (n, 1)) * nucleus[:, None] * np.where(count == 2, 0.92, 1.0)[:, None]
    squeeze = rng.uniform(0.8, 1.0, (n, LOBES))
    at[many] = (at + apart[..., None] * _direction(around))[many]
    radii[many] = np.stack([share / squeeze, share * squeeze], axis=-1)[many]
    angle[many] = (around + rng.normal(0, 0.6, (n, LOBES)))[many]

    dividing = state == MITOTIC
    parting = dividing & (rng.random(n) < 0.35)
    gap = np.where(parting, rng.uniform(1.3, 2.4, n), 0.0)
    across = angle[:, 0] + np.pi / 2
    at[dividing, 0] += (gap[:, None] * _direction(across))[dividing]
    at[parting, 1] -= (gap[:, None] * _direction(across))[parting]
    bar = np.stack([rng.uniform(3.0, 4.0, n), rng.uniform(1.05, 1.6, n)], axis=-1)
    radii[dividing, 0] = bar[dividing]
    radii[parting] = 0.0
    radii[parting, 0] = radii[parting, 1] = (bar * [0.85, 0.8])[parting]
    angle[parting, 1] = angle[parting, 0]
    dying = state == APOPTOTIC
    radii[dying] = 0.0
    radii[dying, 0] = rng.uniform(1.6, 2.4, (n, 1))[dying] * [1.0, 0.9]
    return at, radii, angle


def _nucleoli(
    phenotype: Phenotype, state: NDArray[np.int64], lobe_centre: NDArray[np.float64], lobe_radii: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """(n, MAX_NUCLEOLI, 3) nucleoli well inside lobes; dividing and dying nuclei have none."""
    n = len(state)
    count = np.minimum(rng.poisson(phenotype.nucleoli, n), MAX_NUCLEOLI) * (state == INTERPHASE)
    lobes = np.maximum((lobe_radii[:, :, 0] > 0).sum(axis=1), 1)
    lobe = rng.integers(0, 1_000, (n, MAX_NUCLEOLI)) % lobes[:, None]
    home = np.take_along_axis(lobe_centre, lobe[:, :, None], axis=1)
    room = np.take_along_axis(lobe_radii[:, :, 1], lobe, axis=1)
    away = 0.62 * room * np.sqrt(rng.random((n, MAX_NUCLEOLI)))
    at = home + away[..., None] * _direction(rng.uniform(0, 2 * np.pi, (n, MAX_NUCLEOLI)))
    radius = phenotype.nucleolar_size * rng.uniform(0.75, 1.25, (n, MAX_NUCLEOLI)) * 0.95
    radius = np.minimum(radius, 0.42 * room) * (np.arange(MAX_NUCLEOLI) < count[:, None])
    return np.concatenate([at, radius[..., None]], axis=-1)


def _micronuclei(
    phenotype: Phenotype, state: NDArray[np.int64], middle: NDArray[np.float64], nucleus: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:  # fmt: skip
    """(n, MAX_MICRONUCLEI, 3) small nuclei beside the main one."""
    n = len(state)
    count = np.minimum(rng.poisson(phenotype.micronuclei, n), MAX_MICRONUCLEI) * (state == INTERPHASE)
    away = nucleus[:, None] * rng.uniform(1.25, 1.5, (n, MAX_MICRONUCLEI)) + 0.6
    at = middle[:, None] + away[..., None] * _direction(rng.uniform(0, 2 * np.pi, (n, MAX_MICRONUCLEI)))
    radius = rng.uniform(0.7, 1.3, (n, MAX_MICRONUCLEI)) * (np.arange(MAX_MICRONUCLEI) < count[:, None])
    return np.concatenate([at, radius[..., None]], axis=-1)
