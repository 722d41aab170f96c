"""Differential expression of counts: negative binomial regression with dispersions shrunk to a trend, and a Wald test per gene."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, UserError
from engine.repurposing.expression import cooks, dispersion
from engine.repurposing.expression.filtering import adjusted

LEAST_MEAN = 0.5  # expected counts below this are held there while coefficients are fitted, so that a group of zeros has finite ones
RIDGE = 1e-6  # on coefficients in natural logs: keeps the normal equations of a gene regular
STEPS = 100  # of iteratively reweighted least squares
DEVIANCE = 1e-8  # relative change of the deviance at which a gene is done
FARTHEST = 30.0  # a coefficient beyond this is a gene that does not converge
LOG2 = float(np.log(2.0))

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was found about every gene, and what it rests on.

    Attributes
    ----------
    table : one row per gene in the order given: ``gene``, ``mean`` (of normalised counts), ``log2fc`` (treated over control, maximum
        likelihood), ``log2fc_shrunk`` (its posterior mode), ``se`` (of log2fc), ``stat``, ``p``, ``q``, ``dispersion``, ``is_outlier``
        (a single sample decides; no p-value). A gene without a count has NaN throughout.
    size_factors : (n,) depth of each sample relative to the others.
    trend : the two numbers a1, a0 of dispersion = a1 / mean + a0.
    filtered_below : mean of normalised counts below which q is not given.
    """

    table: pd.DataFrame
    size_factors: Floats
    trend: tuple[float, float]
    filtered_below: float


def compare(counts: Floats, genes: tuple[str, ...], design: Floats, level: float, context: Context) -> Comparison:
    """Test for every gene whether the last column of the design matters.

    Parameters
    ----------
    counts : (G, n) whole numbers, not negative.
    genes : G names.
    design : (n, p) of full rank with more rows than columns; the first column is one, the last says who is treated.
    level : false discovery rate for which the filter on the mean is chosen.

    Raises
    ------
    UserError
        When the design is not of full rank, or leaves no sample to estimate dispersions from.

    Notes
    -----
    Love, Huber, Anders 2014: K_ij ~ NB(mean s_j q_ij, dispersion a_i), log q_i = X b_i. Size factors s are medians of ratios to geometric
    means (their equation 5). Dispersions maximise the Cox-Reid adjusted likelihood, get a trend a1 / mean + a0, and are shrunk to it unless
    they lie more than two residual deviations above. Coefficients are fitted by iteratively reweighted least squares; stat = b / se(b) is
    compared with a normal. Genes whose Cook's distance is large in a group of three or more get no p-value; q is by Benjamini and Hochberg
    over genes above a mean chosen for most rejections. Fold changes are shrunk with a Cauchy prior (Zhu, Ibrahim, Love 2018), the
    likelihood taken as normal. An outlying count is never replaced, also not in groups of seven or more.
    """
    check_design(design)
    factors = size_factors(counts)
    kept = counts.sum(axis=1) > 0
    y = counts[kept]
    mean = (y / factors).mean(axis=1)
    context.progress(0.05, f"dispersions of {len(y):,} genes")
    rough = dispersion.from_moments(y, factors, design)
    fitted = expected_counts(y, factors, design, rough)
    raw = dispersion.gene_wise(y, fitted, design, rough)
    trend = dispersion.trend_of(raw, mean)
    context.progress(0.4, "shrinking the dispersions")
    shrunk = dispersion.shrunk(y, fitted, design, raw, trend(mean))
    context.progress(0.7, "coefficients and tests")
    coefficients, errors, expected, leverage = regression(y, factors, design, shrunk)
    log2fc, se = coefficients[:, -1] / LOG2, errors / LOG2
    p = two_sided(log2fc / se)
    outlier = cooks.outliers(y, factors, design, expected, leverage)
    p[outlier] = np.nan
    q, below = adjusted(p, mean, float(np.mean(~kept)), level)
    columns = {
        "mean": mean, "log2fc": log2fc, "log2fc_shrunk": cauchy_mode(log2fc, se), "se": se, "stat": log2fc / se, "p": p, "q": q,
        "dispersion": shrunk, "is_outlier": outlier.astype(float),
    }  # fmt: skip
    return Comparison(_table(genes, kept, columns), factors, (trend.a1, trend.a0), below)


def check_design(design: Floats) -> None:
    """Refuse a design that cannot tell its columns apart, or that explains every sample by itself."""
    n, p = design.shape
    if np.linalg.matrix_rank(design) < p:
        raise UserError(
            "Treatment and batch cannot be told apart: every batch holds only one of the two groups, or two covariates say the same.",
            "Leave the covariate out, use samples of both groups from one batch, or choose the recipe log of means, which tests nothing.",
            "design",
        )
    if n <= p:
        raise UserError(
            f"{n} samples are too few for {p - 1} comparisons (groups and what is adjusted for): nothing tells how much samples vary.",
            "Give at least two replicates per group, or choose the recipe log of means, which tests nothing.",
            "design",
        )


def size_factors(counts: Floats) -> Floats:
    """Return the (n,) medians of ratios to the geometric mean of each gene; with a zero in every gene, over the counts that are there.

    Notes
    -----
    Where no gene is without a zero, the geometric mean of a gene is the n-th root of the product of its non-zero counts, a sample's median
    is taken over its own non-zero genes, and factors are scaled to geometric mean one.
    """
    if not (counts.sum(axis=0) > 0).all():
        empty = np.flatnonzero(counts.sum(axis=0) == 0)
        raise UserError(f"Sample number {empty[0] + 1} has no counts at all.", "Leave it out of the design.", "counts")
    with np.errstate(divide="ignore"):
        logs = np.log(counts)
    whole = np.isfinite(logs).all(axis=1)
    if whole.any():
        return np.asarray(np.exp(np.median(logs[whole] - logs[whole].mean(axis=1, keepdims=True), axis=0)))
    logs = np.where(np.isfinite(logs), logs, np.nan)
    some = ~np.isnan(logs).all(axis=1)
    ratios = logs[some] - np.nansum(logs[some], axis=1, keepdims=True) / counts.shape[1]
    factors = np.nanmedian(ratios, axis=0)
    return np.asarray(np.exp(factors - factors.mean()))


def expected_counts(y: Floats, factors: Floats, design: Floats, rough: Floats) -> Floats:
    """Return the (G, n) counts expected while dispersions are estimated, at least 0.5.

    With as many different samples as coefficients these are group means; otherwise a regression with dispersions from moments.
    """
    if len(np.unique(design, axis=0)) == design.shape[1]:
        hat = design @ np.linalg.pinv(design)
        return np.asarray(np.maximum(factors * ((y / factors) @ hat.T), LEAST_MEAN))
    return regression(y, factors, design, rough)[2]


def regression(y: Floats, factors: Floats, design: Floats, alpha: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Fit log(counts / factors) = X b per gene by iteratively reweighted least squares.

    Parameters
    ----------
    y : (G, n) counts.
    alpha : (G,) dispersions.

    Returns
    -------
    (G, p) coefficients in natural logs, (G,) standard error of the last, (G, n) expected counts of at least 0.5, (G, n) leverages.
    """
    n, p = design.shape
    ridge = RIDGE * np.eye(p)
    start, *_ = np.linalg.lstsq(design, np.log(y / factors + 0.1).T, rcond=None)
    beta = np.ascontiguousarray(start.T)
    previous = np.full(len(y), np.inf)
    active = np.arange(len(y))
    pairs = np.einsum("ni,nj->nij", design, design).reshape(n, p * p)
    for _ in range(STEPS):
        a, mu = alpha[active, None], np.maximum(factors * np.exp(beta[active] @ design.T), LEAST_MEAN)
        weights = mu / (1 + a * mu)
        working = np.log(mu / factors) + (y[active] - mu) / mu
        normal = (weights @ pairs).reshape(-1, p, p) + ridge
        fresh = np.linalg.solve(normal, ((weights * working) @ design)[:, :, None])[:, :, 0]
        beta[active] = np.clip(fresh, -FARTHEST, FARTHEST)
        mu = np.maximum(factors * np.exp(beta[active] @ design.T), LEAST_MEAN)
        deviance = -2 * dispersion.log_likelihood(y[active], mu, alpha[active]).sum(axis=1)
        moving = np.abs(deviance - previous[active]) > DEVIANCE * (np.abs(deviance) + 0.1)
        previous[active] = deviance
        active = active[moving]
        if not len(active):
            break
    mu = np.maximum(factors * np.exp(beta @ design.T), LEAST_MEAN)
    weights = mu / (1 + alpha[:, None] * mu)
    inverse = np.linalg.inv((weights @ pairs).reshape(-1, p, p) + ridge)
    leverage = weights * np.einsum("ni,gij,nj->gn", design, inverse, design, optimize=True)
    free = factors * np.exp(beta @ design.T)  # a group near zero tells little, so its error is that of its own mean, not of 0.5
    information = ((free / (1 + alpha[:, None] * free)) @ pairs).reshape(-1, p, p)
    inverse = np.linalg.inv(information + ridge)
    return beta, np.sqrt((inverse @ information @ inverse)[:, -1, -1]), mu, leverage


def two_sided(stat: Floats) -> Floats:
    """Return the two-sided p-values of standard normal statistics."""
    from scipy.special import ndtr

    return np.asarray(2 * ndtr(-np.abs(stat)))


def cauchy_mode(estimates: Floats, errors: Floats) -> Floats:
    """Shrink estimates towards zero under a Cauchy prior: small and uncertain ones most, large certain ones hardly.

    Notes
    -----
    The scale is the deviation A of true effects that makes b_i ~ N(0, A^2 + se_i^2) fit (Efron, Morris 1975), at most 1; the mode of
    -(x - b)^2 / (2 se^2) - log(1 + x^2 / A^2) is sought between 0 and b on a grid that is refined.
    """
    used = np.isfinite(estimates) & np.isfinite(errors)
    b, se = np.abs(estimates[used]), errors[used]
    scale = min(max(_spread(b, se), 1e-3), 1.0)
    low, high = np.zeros_like(b), b
    for _ in range(4):
        grid = np.linspace(low, high, 33)
        best = np.argmax(-((grid - b) ** 2) / (2 * se**2) - np.log1p((grid / scale) ** 2), axis=0)
        columns = np.arange(len(b))
        low, high = grid[np.maximum(best - 1, 0), columns], grid[np.minimum(best + 1, 32), columns]
    shrunk = np.full(len(estimates), np.nan)
    shrunk[used] = np.sign(estimates[used]) * (low + high) / 2
    return shrunk


def _spread(b: Floats, se: Floats) -> float:
    """Return A of b_i ~ N(0, A^2 + se_i^2), by the weighted moments of Efron and Morris, repeated until A stays."""
    variance = 1.0
    for _ in range(100):
        weights = 1 / (variance + se**2) ** 2
        fresh = max(float(np.sum(weights * (b**2 - se**2)) / np.sum(weights)), 0.0)
        if abs(fresh - variance) < 1e-9:
            break
        variance = fresh
    return float(np.sqrt(variance))


def _table(genes: tuple[str, ...], kept: NDArray[np.bool_], columns: dict[str, Floats]) -> pd.DataFrame:
    """Put the figures of the genes that have counts among all genes."""
    table = pd.DataFrame({"gene": genes})
    for name, values in columns.items():
        whole = np.full(len(genes), np.nan)
        whole[kept] = values
        table[name] = whole
    table.loc[~kept, ["mean", "is_outlier"]] = 0.0
    return table
