"""Correspondence: a classifier learns from real pairs whether image and molecule match, and is then shown generated pairs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from engine.core import Context, UserError
from engine.molimage.intervals import Interval, share_interval
from engine.molimage.profiles import profiles

if TYPE_CHECKING:
    from engine.molimage.correspondence_net import MatchNet

Floats = NDArray[np.float32]
Side = Literal["network", "profile"]

WIDTH = 16
BATCH = 64
RATE = {"network": 3e-3, "profile": 1e-3}
STEPS = {"network": 600, "profile": 1500}
DECAY = 1e-2
WARM = 0.05  # share of the steps in which the rate rises
CLIP_SD = 5.0
LEAST = 20


@dataclass(frozen=True)
class Pairs:
    """Images and the molecule that each one shows.

    Parameters
    ----------
    images : (N, C, S, S) uint8.
    molecule : (N,) row of ``features`` that belongs to each image.
    features : (M, F) numbers of M molecules.
    plates : (N,) names, to make sure that no plate is on both sides of the split; None for generated images.
    """

    images: NDArray[np.uint8]
    molecule: NDArray[np.int64]
    features: Floats
    plates: NDArray[np.object_] | None = None

    def shuffled(self, seed: int = 0) -> "Pairs":
        """Return the same images, each with a molecule drawn from the images' own at random: whoever matches these is guessing."""
        order = np.random.default_rng(seed).permutation(len(self.molecule))
        return Pairs(self.images, self.molecule[order], self.features, self.plates)


@dataclass(frozen=True)
class Correspondence:
    """How often the classifier is right; 0.5 is guessing.

    Parameters
    ----------
    held_out : on real pairs of plates that it never saw, the ceiling.
    generated : on generated pairs.
    shuffled : on generated images with the wrong molecules called right; far from 0.5 something leaks.
    share : generated / held_out.
    side : what the classifier sees of an image, its pixels ("network") or its statistics ("profile").
    """

    held_out: Interval
    generated: Interval
    shuffled: Interval
    share: float
    side: Side


def correspondence(
    train: Pairs,
    held_out: Pairs,
    generated: Pairs,
    side: Side = "profile",
    width: int = WIDTH,
    seed: int = 0,
    context: Context | None = None,
) -> Correspondence:
    """Learn from real pairs, then judge real pairs of other plates, generated pairs, and generated images with shuffled molecules.

    Parameters
    ----------
    train, held_out, generated : real pairs to learn from, real pairs of other plates, generated pairs.
    side : "profile" sees the statistics of `engine.molimage.profiles`; "network" sees pixels, as the reference's does. On 2,100 simulated
        images of 178 molecules the profile was right on 0.96 of held-out pairs after 32 CPU seconds, the network on 0.80 after 130.
    width : of the first stage of the network.

    Raises
    ------
    UserError
        When a plate is on both sides of the split, or there are too few pairs or molecules.
    """
    if train.plates is not None and held_out.plates is not None:
        both = sorted({str(p) for p in train.plates} & {str(p) for p in held_out.plates})
        if both:
            raise UserError(
                f"Plate {both[0]} is among the images to learn from and among those held out.",
                "Split by plate: a plate is easily recognised.",
            )
    judge = learn_match(train, side, width, seed, context)
    ours = judge.accuracy(generated, seed)
    ceiling = judge.accuracy(held_out, seed)
    return Correspondence(ceiling, ours, judge.accuracy(generated.shuffled(seed), seed), ours.value / ceiling.value, side)


@dataclass(frozen=True)
class Matcher:
    """A classifier that was learnt.

    Parameters
    ----------
    net : log odds of a match from what is seen of images and molecules.
    side : what is seen of an image.
    seen_scale, molecule_scale : centre and scale of what is seen and of the molecules' features.
    """

    net: "MatchNet"
    side: Side
    seen_scale: tuple[Floats, Floats]
    molecule_scale: tuple[Floats, Floats]

    def log_odds(self, images: NDArray[np.uint8], features: Floats) -> NDArray[np.float64]:
        """(N,) log odds that each of N images shows the molecule with the features of that row."""
        return self._log_odds(_seen(images, self.side), features)

    def accuracy(self, pairs: Pairs, seed: int = 0) -> Interval:
        """Return the share of right answers: half of the images with their own molecule, half with another of these pairs' molecules."""
        molecule, is_match = drawn(pairs.molecule, np.random.default_rng(seed))
        odds = self.log_odds(pairs.images, pairs.features[molecule])
        return share_interval(int(((odds > 0) == is_match).sum()), len(odds))

    def _log_odds(self, seen: Floats, features: Floats) -> NDArray[np.float64]:
        import torch

        self.net.eval()
        with torch.inference_mode():
            parts = [
                self.net(
                    torch.from_numpy(_scaled(seen[k : k + BATCH], self.seen_scale)),
                    torch.from_numpy(_scaled(features[k : k + BATCH], self.molecule_scale)),
                ).numpy()
                for k in range(0, len(seen), BATCH)
            ]
        return np.concatenate(parts).astype(np.float64)


def learn_match(
    train: Pairs, side: Side = "profile", width: int = WIDTH, seed: int = 0, context: Context | None = None, steps: int | None = None
) -> Matcher:
    """Learn whether image and molecule match: binary cross-entropy, half of each batch with a molecule that is not the image's.

    Parameters
    ----------
    steps : batches of 64; the default lasts about two minutes on one core for the network at 64 px, half a minute for the profile.

    Notes
    -----
    The network is the one of the reference's evaluation, a residual network with one block per stage beside the molecule, but narrower and
    shown fingerprint features instead of a graph; AdamW with a warm start and a cosine. Images are turned and mirrored at random.
    """
    import torch
    from torch.nn import functional

    if len(train.molecule) < LEAST or len(np.unique(train.molecule)) < 2:
        raise UserError("Too few pairs to learn a correspondence from.", f"Give at least {LEAST} images of at least two molecules.")
    rng, n, steps = np.random.default_rng(seed), len(train.molecule), steps or STEPS[side]
    seen = _seen(train.images, side)
    seen_scale = _scale(seen, (0, 2, 3) if side == "network" else (0,))
    used = train.features[np.unique(train.molecule)]
    molecule_scale = _scale(used, (0,))
    from engine.molimage.correspondence_net import MatchNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = MatchNet(seen.shape[1], used.shape[1], width if side == "network" else None)
        plan = torch.optim.AdamW(net.parameters(), lr=RATE[side], weight_decay=DECAY)
        rate = torch.optim.lr_scheduler.LambdaLR(plan, lambda k: _rate((k + 1) / steps))
        net.train()
        for step in range(steps):
            if context:
                context.progress(step / steps, f"step {step + 1} of {steps} of the correspondence classifier")
            rows = rng.choice(n, min(BATCH, n), replace=False)
            molecule, is_match = drawn(train.molecule[rows], rng, np.unique(train.molecule))
            shown = _turned(seen[rows], rng) if side == "network" else seen[rows]
            odds = net(torch.from_numpy(_scaled(shown, seen_scale)), torch.from_numpy(_scaled(train.features[molecule], molecule_scale)))
            loss = functional.binary_cross_entropy_with_logits(odds, torch.from_numpy(is_match.astype(np.float32)))
            plan.zero_grad()
            loss.backward()
            plan.step()
            rate.step()
    return Matcher(net, side, seen_scale, molecule_scale)


def drawn(
    molecule: NDArray[np.int64], rng: np.random.Generator, choices: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Leave half of the images their molecule and give the others any other one of the choices, each equally likely.

    Returns
    -------
    (N,) molecule shown with each image, and whether it is the image's own.
    """
    choices = np.unique(molecule) if choices is None else choices
    if len(choices) < 2:
        raise UserError("One molecule alone cannot be mismatched.", "Give pairs of at least two molecules.")
    is_match = rng.permutation(len(molecule)) % 2 == 0
    place = np.searchsorted(choices, molecule)
    other = choices[(place + rng.integers(1, len(choices), len(molecule))) % len(choices)]
    return np.where(is_match, molecule, other), is_match


def _seen(images: NDArray[np.uint8], side: Side) -> Floats:
    return images.astype(np.float32) / np.float32(255) if side == "network" else profiles(images)


def _scale(values: Floats, axes: tuple[int, ...]) -> tuple[Floats, Floats]:
    sd = values.std(axis=axes, keepdims=True)
    return values.mean(axis=axes, keepdims=True), np.where(sd < 1e-6, np.float32(1), sd).astype(np.float32)


def _scaled(values: Floats, scale: tuple[Floats, Floats]) -> Floats:
    return np.clip((values - scale[0]) / scale[1], -CLIP_SD, CLIP_SD).astype(np.float32)


def _turned(images: Floats, rng: np.random.Generator) -> Floats:
    """Return a batch turned by one of four quarter turns and mirrored or not; one draw for a batch is enough over many batches."""
    turned = np.rot90(images, int(rng.integers(4)), axes=(2, 3))
    return np.ascontiguousarray(turned[:, :, :, ::-1] if rng.integers(2) else turned)


def _rate(share: float) -> float:
    """Return the factor on the learning rate after a share of the steps."""
    return min(share / WARM, 0.5 * (1 + float(np.cos(np.pi * share))))
