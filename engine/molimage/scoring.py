"""The measures of a set of generated images: texture, morphology, mechanism, correspondence, variety, memory and likeness of profiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context
from engine.core.parallel import answers
from engine.molimage.agreement import Agreement, morphology_agreement
from engine.molimage.correspondence import Matcher, Pairs
from engine.molimage.intervals import Interval
from engine.molimage.judge import Judge, Verdict
from engine.molimage.kid import feature_distance
from engine.molimage.morphology import morphology
from engine.molimage.profiles import profiles
from engine.molimage.retrieval import diversity, memorisation, retrieval
from engine.molimage.swd import sliced_wasserstein

Labels = NDArray[np.object_]

AT_ONCE = 16  # fields measured in one task
FEWEST = 4  # images for a distance between sets


@dataclass(frozen=True, eq=False)
class Described:
    """Images with everything that is measured on them.

    Parameters
    ----------
    images : (N, C, S, S) uint8.
    molecule, moa : (N,) molecule of each, and its mechanism, empty when unknown.
    profiles : (N, F) of `engine.molimage.profiles`.
    morphology : N rows of `engine.molimage.morphology`.
    """

    images: NDArray[np.uint8]
    molecule: Labels
    moa: Labels
    profiles: NDArray[np.float32]
    morphology: pd.DataFrame

    def take(self, rows: NDArray[np.int64]) -> "Described":
        """Return the images of these rows under the molecules and mechanisms of all rows: wrong ones, where the rows are shuffled."""
        kept = self.morphology.iloc[rows].reset_index(drop=True)
        return Described(self.images[rows], self.molecule, self.moa, self.profiles[rows], kept)


def describe(
    name: str, images: NDArray[np.uint8], molecule: Labels, moa: Labels, channels: Sequence[str], diameter_px: float, context: Context
) -> Described:
    """Measure images; what was measured is kept under ``name`` for a run that goes on."""
    kept = context.kept.get(f"measured_{name}")
    if kept is None:
        tasks = [(images[k : k + AT_ONCE], tuple(channels), diameter_px) for k in range(0, len(images), AT_ONCE)]
        tables = []
        for k, table in enumerate(answers(morphology, tasks, context.threads)):
            tables.append(table)
            context.progress((k + 1) / len(tasks), f"cells of {name}: {min((k + 1) * AT_ONCE, len(images))} of {len(images)} images")
        table = pd.concat(tables, ignore_index=True)
        kept = {"profiles": profiles(images), "values": table.to_numpy(dtype=float), "names": np.array([str(each) for each in table])}
        context.kept.put(f"measured_{name}", kept)
    table = pd.DataFrame(np.asarray(kept["values"], float), columns=[str(each) for each in kept["names"]])
    return Described(images, molecule, moa, np.asarray(kept["profiles"], np.float32), table)


@dataclass(frozen=True, eq=False)
class Measure:
    """Images of a set and what was learnt from them, against which sets of images are measured.

    Parameters
    ----------
    reference : images of the test split, real or simulated.
    floor : other images of the same molecules.
    ceiling : the best set that there is for morphology: fresh simulations, or ``floor``.
    train_profiles : (N, F) of training images.
    judge : of mechanisms, None with fewer than two.
    matcher : of images and molecules, None when not asked for; ``features`` (M, F) of molecules by SMILES go with it.
    resamples : of the bootstrap over molecules.
    """

    reference: Described
    floor: Described
    ceiling: Described
    train_profiles: NDArray[np.float32]
    judge: Judge | None
    matcher: Matcher | None
    features: dict[str, NDArray[np.float32]]
    resamples: int
    seed: int

    def scores(self, some: Described, reached: Agreement) -> dict[str, float]:
        """Return the measures of a set whose `agreement` is known, by name; one that cannot be had is left out."""
        found: dict[str, float] = {"images": float(len(some.images))} | self._texture(some)
        found |= _with_limits("morphology", reached.mean)
        if reached.share is not None:
            found |= _with_limits("morphology_share", reached.share)
        verdict, best = self.verdict(some), self._floor_verdict
        if verdict is not None and best is not None:
            found |= _with_limits("mechanism", verdict.accuracy) | {"mechanism_balanced": verdict.balanced}
            found |= {"mechanism_share": verdict.accuracy.value / max(best.accuracy.value, 1e-12)}
            found |= {"worst_recall": float(verdict.recall["recall"].min())}
        matched, most = self._matched(some), self._floor_matched
        if matched is not None and most is not None:
            found |= _with_limits("correspondence", matched) | {"correspondence_share": matched.value / max(most.value, 1e-12)}
        return found | self._distances(some)

    def agreement(self, some: Described) -> Agreement:
        """Return how compounds move the cells of a set, beside the reference."""
        best = (self.ceiling.morphology, self.ceiling.molecule)
        return morphology_agreement(
            self.reference.morphology, self.reference.molecule, some.morphology, some.molecule, best, self.seed, self.resamples
        )

    def verdict(self, some: Described) -> Verdict | None:
        """Return what the judge says of the images whose mechanism it knows; None without a judge or such images."""
        if self.judge is None:
            return None
        known = np.isin(some.moa.astype(str), self.judge.classes)
        return self.judge.verdict(some.profiles[known], some.moa[known]) if known.any() else None

    def swd(self, some: Described) -> dict[int, float]:
        """Return the sliced Wasserstein distance to the reference by level in px, both cut to the same number of images."""
        n = min(len(some.images), len(self.reference.images), len(self.floor.images))
        order = [np.random.default_rng([self.seed, k]).permutation(k)[:n] for k in (len(self.reference.images), len(some.images))]
        return sliced_wasserstein(self.reference.images[order[0]], some.images[order[1]], self.seed)

    def _texture(self, some: Described) -> dict[str, float]:
        found, floor = self.swd(some), self._floor
        ratios = [found[level] / max(floor[level], 1e-12) for level in found]
        return {f"swd_{level}": value for level, value in found.items()} | {
            "swd_ratio": float(np.mean(ratios)), "swd_worst_ratio": float(max(ratios)),
        }  # fmt: skip

    @cached_property
    def _floor(self) -> dict[int, float]:
        return self.swd(self.floor)

    @cached_property
    def _floor_verdict(self) -> Verdict | None:
        return self.verdict(self.floor)

    @cached_property
    def _floor_matched(self) -> Interval | None:
        return self._matched(self.floor)

    def _matched(self, some: Described) -> Interval | None:
        """Return how often the matcher is right on a set's images with a structure."""
        if self.matcher is None:
            return None
        rows = np.flatnonzero([str(name) in self.features for name in some.molecule])
        names = sorted({str(some.molecule[row]) for row in rows})
        if len(names) < 2:
            return None
        features = np.stack([self.features[name] for name in names])
        number = np.array([names.index(str(some.molecule[row])) for row in rows], np.int64)
        return self.matcher.accuracy(Pairs(some.images[rows], number, features), self.seed)

    def _distances(self, some: Described) -> dict[str, float]:
        found = {}
        if min(len(some.images), len(self.reference.images)) >= FEWEST:
            near = feature_distance(self.reference.profiles, some.profiles, self.seed)
            apart = feature_distance(*_filled(self.reference.morphology, some.morphology), self.seed)
            found = {"kid": near.kernel, "kid_se": near.kernel_se, "morphology_fd": apart.frechet}
        ratio, _ = diversity(self.reference.profiles, self.reference.molecule, some.profiles, some.molecule, self.seed)
        copies = memorisation(self.train_profiles, self.reference.profiles, some.profiles)
        found_again = retrieval(self.reference.profiles, self.reference.molecule, some.profiles, some.molecule, self.seed)
        found |= _with_limits("diversity", ratio) | {"nearest_ratio": copies.ratio, "copied": copies.copied}
        return found | _with_limits("retrieval", found_again.precision) | {"retrieval_chance": found_again.chance}


def _with_limits(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _filled(reference: pd.DataFrame, other: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both tables as numbers; what a field without cells lacks is the reference's median, and a feature it never has is left out."""
    names = [str(name) for name in reference if name in other]
    middle = reference[names].median().to_numpy(dtype=float)
    numbers = [table[names].to_numpy(dtype=float) for table in (reference, other)]
    first, second = (np.where(np.isnan(each), middle, each)[:, np.isfinite(middle)] for each in numbers)
    return first, second
