"""What each of the five stains shows of a cell, before any microscope: amounts per pixel from the geometry and the phenotype."""

import numpy as np
from numpy.typing import NDArray

from engine.molimage.simulator import constants
from engine.molimage.simulator.phenotype import Phenotype
from engine.molimage.simulator.population import APOPTOTIC, MITOTIC, Population
from engine.molimage.simulator.territory import Pixels
from engine.molimage.simulator.textures import DISC_SPACING, TILE, disc_tile, lines, noise, texels

Floats = NDArray[np.float32]


class Stains:
    """The five stains of the pixels of a field.

    Parameters
    ----------
    cells, pixels : the drawn cells and where they lie.
    phenotype : strengths of the stains.
    pixel : edge of a pixel in units, over which outlines are smoothed.

    Attributes
    ----------
    is_vacuole : (P,) whether a pixel lies in a vacuole.
    """

    def __init__(self, cells: Population, pixels: Pixels, phenotype: Phenotype, pixel: float):
        self.cells, self.pixels, self.phenotype = cells, pixels, phenotype
        self._pixel = pixel
        self._soft = np.float32(max(pixel, 0.3))
        self._state = cells.state[pixels.cell]
        start = cells.offset[pixels.cell]
        self._u, self._v = pixels.along + start[:, 0], pixels.across + start[:, 1]
        self.in_nucleus = self._inside(pixels.nucleus)
        self._outside = np.maximum(pixels.nucleus, 0)
        self._nucleoli = self._balls(cells.nucleoli, rows=np.flatnonzero(pixels.nucleus < 0.5))
        self._slow = noise(self._u, self._v, 4.0)
        self._height = self._thickness()
        self._hole, self._rim, self.is_vacuole = self._vacuoles()

    def amounts(self) -> Floats:
        """(P, 5) amount of each stain in the order of `constants.CHANNELS`."""
        drawn = (self._dna(), self._er(), self._rna(), self._agp(), self._mito())
        return np.stack(drawn, axis=1) * self.cells.stain[self.pixels.cell]

    def _inside(self, distance: Floats) -> Floats:
        """Share of a pixel inside an outline at this signed distance."""
        return np.clip(np.float32(0.5) - distance / self._soft, 0, 1)

    def _thickness(self) -> Floats:
        """Height of the cell: a ramp at the border, a dome over the nucleus, higher in cells that are less spread."""
        p = self.pixels
        ramp = 1 - np.exp(-np.maximum(p.border, 0) / np.float32(1.6))
        dome = np.exp(-((self._outside / np.float32(3.2 + 2.2 * self.phenotype.spread)) ** 2))
        round_up = (constants.CELL_RADIUS / self.cells.radius[p.cell]) ** np.float32(0.7)
        return ramp * (np.float32(0.30) + np.float32(0.70) * dome) * np.minimum(round_up, np.float32(1.7))

    def _balls(self, balls: Floats, rows: NDArray[np.intp]) -> Floats:
        """(P,) 1 inside of the cell's own discs, 0 elsewhere; only ``rows`` are looked at."""
        found = np.zeros(len(self.pixels.cell), np.float32)
        cell, y, x = self.pixels.cell[rows], self.pixels.y[rows], self.pixels.x[rows]
        here = np.zeros(len(rows), np.float32)
        for k in range(balls.shape[1]):
            if not balls[:, k, 2].any():
                break
            ball = balls[:, k].copy()
            ball[:, :2] -= self.cells.centre
            own = ball[cell]
            away = np.sqrt((y - own[:, 0]) ** 2 + (x - own[:, 1]) ** 2) - own[:, 2]
            here = np.maximum(here, np.where(own[:, 2] > 0, self._inside(away), 0))
        found[rows] = here
        return found

    def _vacuoles(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Share of a pixel inside a vacuole and on its rim, and whether it counts as inside."""
        p, none = self.pixels, np.zeros(len(self.pixels.cell), np.float32)
        taken = self.phenotype.vacuoles
        if taken <= 0:
            return none, none, none > 0
        distance, rank = disc_tile()
        at = texels(self._u, self._v, DISC_SPACING / 3.0)
        away, own = distance.reshape(TILE * TILE)[at], rank.reshape(TILE * TILE)[at]
        is_free = (own < taken) & (p.nucleus > 0.3) & (p.border > 0.5) & (self._state == 0)
        hole = np.where(is_free, np.clip((1 - away) * np.float32(2.0), 0, 1), 0)
        rim = np.where(is_free, np.exp(-(((away - 1) * np.float32(4.0)) ** 2)), 0)
        return hole, rim, is_free & (away < 1)

    def _dna(self) -> Floats:
        p, f = self.pixels, self.phenotype
        grain = noise(self._u, self._v, 0.75, self._pixel) + np.float32(0.5) * noise(self._v, self._u, 1.8)
        body = 1 + np.float32(f.chromatin) * grain - np.float32(0.45) * self._nucleoli
        body *= 1 - np.float32(0.18) * np.exp(np.minimum(p.nucleus, 0) / np.float32(1.2))
        dense = np.where(self._state == MITOTIC, np.float32(1.75), np.where(self._state == APOPTOTIC, np.float32(1.7), 1))
        micro = self._balls(self.cells.micronuclei, np.flatnonzero((p.nucleus > 0) & (p.nucleus < 8)))
        nuclear = self.in_nucleus * np.maximum(body, np.float32(0.15)) * dense
        return np.float32(f.dna) * (np.maximum(nuclear, micro * np.float32(0.9)) + np.float32(0.015) * self._height)

    def _er(self) -> Floats:
        f = self.phenotype
        net = lines(self._u, self._v, 0.55, 0.7, self._pixel) + np.float32(0.5) * noise(self._v, self._u, 0.9, self._pixel)
        near = np.exp(-self._outside / np.float32(5.5))
        body = self._height * (np.float32(0.72) + np.float32(0.26) * net) * (np.float32(0.45) + np.float32(0.95) * near)
        body *= 1 + np.float32(0.15) * self._slow
        excluded = 1 - self.in_nucleus * np.where(self._state == 0, np.float32(0.55), np.float32(0.3))
        return np.float32(f.er) * body * excluded * (1 - np.float32(0.85) * self._hole) * self._brighter(1.35)

    def _rna(self) -> Floats:
        f = self.phenotype
        grain = 1 + np.float32(0.14) * noise(self._u, self._v, 0.8, self._pixel) + np.float32(0.10) * self._slow
        body = self._height * grain * (1 - np.float32(0.7) * self._hole)
        nuclear = self.in_nucleus * (np.float32(0.44) * grain + np.float32(1.05) * self._nucleoli)
        inside = np.where(self._state == 0, body * (1 - self.in_nucleus) + nuclear, body * np.float32(1.2))
        return np.float32(f.rna) * inside * np.float32(1.05)

    def _agp(self) -> Floats:
        p, f = self.pixels, self.phenotype
        ruffle = np.clip(np.float32(0.45) + np.float32(0.6) * noise(self._v, self._u, 3.0), 0.1, 1.6)
        ring = np.exp(-((p.border / np.float32(0.75)) ** 2)) * ruffle * np.minimum(p.edge / self._soft, 1)
        skin = np.float32(0.42) * self._height * (1 + np.float32(0.25) * noise(self._u, self._v, 0.6, self._pixel))
        envelope = np.float32(0.20) * np.exp(-((p.nucleus / np.float32(0.5)) ** 2)) + np.float32(0.13) * self.in_nucleus
        body = ring * np.float32(0.55) + skin + np.where(self._state == 0, envelope + self._golgi(), np.float32(0.25) * self._height)
        body = body * (1 - np.float32(0.6) * self._hole) + np.float32(0.55) * self._rim
        return np.float32(f.agp) * body * self._brighter(1.3) + self._fibres()

    def _golgi(self) -> Floats:
        """Stacks and vesicles: a compact bright patch beside the nucleus, or scattered bits around it."""
        scatter = np.float32(self.phenotype.golgi_dispersion)
        to = (self.cells.golgi - self.cells.centre)[self.pixels.cell]
        away2 = (self.pixels.y - to[:, 0]) ** 2 + (self.pixels.x - to[:, 1]) ** 2
        patch = np.exp(-away2 / np.float32(2.1) ** 2) * (1 - scatter)
        around = np.exp(-((self._outside / np.float32(4.5)) ** 2)) * scatter * np.float32(0.5)
        bits = np.clip(noise(self._u * np.float32(0.8), self._v, 0.55, self._pixel) * np.float32(0.8) + np.float32(0.35), 0, 1.6)
        return np.float32(1.8) * (patch + around) * bits * (1 - np.float32(0.8) * self.in_nucleus)

    def _fibres(self) -> Floats:
        """Stress fibres: long parallel lines along the cell's axis, strongest off the nucleus."""
        f, p = self.phenotype, self.pixels
        if f.fibres <= 0:
            return np.zeros(len(p.cell), np.float32)
        bent = self._v + np.float32(0.5) * noise(self._u, self._v, 6.0)
        threads = lines(self._u * np.float32(1 / 11), bent, 0.8, 0.28, self._pixel) * (np.float32(0.6) + np.float32(0.4) * self._slow)
        reach = np.clip(p.border / np.float32(1.5), 0, 1) * np.where(self._state == 0, 1, 0)
        return np.float32(0.42 * f.fibres) * np.maximum(threads, 0) * reach * (1 - np.float32(0.45) * self.in_nucleus)

    def _mito(self) -> Floats:
        f, p = self.phenotype, self.pixels
        bent_u, bent_v = self._u + np.float32(0.8) * self._slow, self._v + np.float32(0.8) * noise(self._v, self._u, 4.0)
        bent_u = bent_u * np.float32(1 / 1.7)
        first, second = lines(bent_u, bent_v, 0.62, 0.26, self._pixel), lines(bent_v, bent_u, 0.70, 0.24, self._pixel)
        threads = first + second - first * second
        threads *= np.clip(np.float32(0.85) + np.float32(0.4) * noise(self._v, self._u, 1.6), 0.2, 1.5)
        dots = np.clip((noise(self._u, self._v, 0.42, self._pixel) - np.float32(0.75)) * np.float32(1.3), 0, 1.3)
        mixed = np.float32(f.fragmentation) * dots + np.float32(1 - f.fragmentation) * threads
        gather = np.exp(-self._outside / np.float32(9.0 - 6.5 * f.perinuclear)) * np.float32(1.0 + 0.5 * f.perinuclear)
        reach = np.clip((p.border - np.float32(0.6)) / np.float32(1.5), 0, 1)
        body = (mixed + np.float32(0.10)) * gather * reach * (np.float32(0.5) + self._height)
        return np.float32(f.mito) * body * (1 - np.float32(0.85) * self.in_nucleus) * (1 - np.float32(0.8) * self._hole)

    def _brighter(self, factor: float) -> Floats:
        """Return this factor for rounded cells, dividing or dying, and 1 for others."""
        return np.where(self._state == 0, np.float32(1), np.float32(factor))
