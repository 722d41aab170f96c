"""What a drug's score would be for another disease: p-values against signatures drawn at random, q-values, shared ranks."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from engine.core import Context

Floats = NDArray[np.float64]

AT_ONCE = 100  # random signatures scored together
TOLERANCE = 1e-9  # two scores this near are equal
MOST_DIRECTIONS = 1000  # drug signatures, drawn at random, that span the directions whose signs are turned

NULLS = {
    "spectrum": "Random signatures with the same share along each principal direction of the drugs: signs of the directions turned",
    "genes": "The values of the signature dealt to other genes",
}


def directions_of(drugs: Floats, seed: int) -> Floats:
    """Return the principal directions (k, d) of drug signatures (G, d) about 0, of `MOST_DIRECTIONS` of them where there are more."""
    if len(drugs) > MOST_DIRECTIONS:
        drugs = drugs[np.sort(np.random.default_rng(seed).choice(len(drugs), MOST_DIRECTIONS, replace=False))]
    _, sizes, directions = np.linalg.svd(drugs, full_matrices=False)
    return np.asarray(directions[sizes > sizes.max(initial=0.0) * 1e-10])


def turned(signature: Floats, directions: Floats, n: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield blocks of n signatures (b, d) in all that have the length of the given one along every principal direction of the drugs.

    Parameters
    ----------
    signature : (d,) of the disease.
    directions : (k, d) from `directions_of`.

    Notes
    -----
    Genes of a screen move together, so a few directions carry most of any signature. Dealing values to other genes destroys that, and its
    p-values are too small for a disease with the structure that real ones have. Here the signature is written in the principal
    directions, s = sum of a_k v_k + rest, and each a_k, and the rest, keeps its size and is given a sign at random. The p-value is exact
    when a disease without relation to a drug is as likely to move along a direction as against it. The price is power where the disease
    lies along a single direction: half of its turns are itself.
    """
    shares = directions @ signature
    rest = signature - shares @ directions
    for count in _counts(n):
        signs = rng.choice([-1.0, 1.0], size=(count, len(shares) + 1))
        yield (signs[:, :-1] * shares) @ directions + signs[:, -1:] * rest


def dealt(whole: Floats, d: int, n: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield blocks of n signatures (b, d) in all, each the values of d genes drawn from the whole signature without replacement.

    Notes
    -----
    As many genes are drawn as the screen shares with the signature, from all genes of the signature: chance is matched on coverage, and
    with few shared genes its scores spread widely.
    """
    for count in _counts(n):
        yield np.stack([rng.permutation(whole)[:d] for _ in range(count)])


def _counts(n: int) -> Iterator[int]:
    for start in range(0, n, AT_ONCE):
        yield min(AT_ONCE, n - start)


def p_values(observed: Floats, scores: Callable[[Floats], Floats], null: Iterator[Floats], n: int, context: Context, note: str) -> Floats:
    """Return (G,) one-sided p-values, (1 + random signatures that score as high or higher) / (1 + n); NaN where there is no score.

    Parameters
    ----------
    observed : (G,) scores of the drugs.
    scores : gives the (G, b) scores for signatures (b, d).
    null : blocks of n random signatures in all.
    """
    above, done = np.zeros(len(observed)), 0
    for block in null:
        context.progress(done / n, f"{note}: {done:,} of {n:,} random signatures")
        above += (scores(block) >= observed[:, None] - TOLERANCE).sum(axis=1)
        done += len(block)
    return np.where(np.isfinite(observed), (1 + above) / (1 + n), np.nan)
