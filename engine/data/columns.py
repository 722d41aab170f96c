"""The doctor on columns: constants, copies, sums of others, counts, skew, groups, and the scale of simulated data."""

import re
from collections.abc import Iterator

import numpy as np

from engine.data.dependence import identical_columns, linear_dependence
from engine.data.findings import Finding, Repair, named, repair, verb
from engine.data.look import Look
from engine.data.transform import clipped_correlation
from engine.graphs import Graph

SKEW = 2.0  # the exponential distribution's
HEAVY_ZEROS = 0.2
MOST_REGIMES = 50
PSD = 1e-8
DEPENDENCE_CELLS = 20_000_000  # beyond this, a sample of the rows decides which relations to check on all of them
_REGIME_NAME = re.compile(
    r"regime|environment|^env$|experiment|condition|treatment|perturbation|intervention|setting|batch|plate|cluster", re.I
)


def constants(look: Look) -> Iterator[Finding]:
    """Find columns with one value or none."""
    still = [*look.columns(~look.varies & (look.counts > 0))]
    still += [name for name in look.text_columns if look.dataset.frame[name].nunique() == 1]
    empty = [*look.columns(look.counts == 0), *(name for name in look.text_columns if look.dataset.frame[name].isna().all())]
    if look.n == 1:
        return
    for code, columns, what in (("constant", still, "never varies (SD 0)"), ("empty-column", empty, "holds no values")):
        if columns:
            text = (
                f"Column {columns[0]} {what}"
                if len(columns) == 1
                else f"{len(columns)} columns {what.replace('s ', ' ', 1)}: {named(columns)}"
            )
            offers = (repair("Remove", "drop_columns", columns=columns),) if len(columns) < look.dataset.p else ()
            text += ": removed? No test can use it." if code == "constant" else ": removed?"
            yield Finding(code, "stop", text, columns[0], tuple(columns), offers)


def copies(look: Look) -> Iterator[Finding]:
    """Find columns with the same value in every row."""
    if look.dataset.kind == "correlation" or look.n < 2:
        return
    usable = [name for name in look.dataset.columns if name not in set(look.columns(~look.varies))]
    for group in identical_columns(look.dataset.frame[usable]):
        offers = tuple(repair(f"Keep {kept}", "drop_columns", columns=[name for name in group if name != kept]) for kept in group[:3])
        message = f"{named(group)} are identical (r=1): keep which?"
        yield Finding("duplicate", "stop", message, group[1], group, offers)


def sums(look: Look) -> Iterator[Finding]:
    """Find columns that others give exactly, by a sum, a scale or a complement to 100."""
    if look.dataset.kind == "correlation":
        return
    twins = {name for group in identical_columns(look.dataset.frame[list(look.names)]) for name in group[1:]}
    chosen = [name for j, name in enumerate(look.names) if look.varies[j] and name not in twins]
    frame = look.dataset.frame[chosen]
    if frame.size > DEPENDENCE_CELLS:
        every = int(np.ceil(frame.size / DEPENDENCE_CELLS))
        relations = linear_dependence(frame.iloc[::every])
        relations = linear_dependence(frame) if relations else ()
    else:
        relations = linear_dependence(frame)
    for relation in relations:
        columns = (relation.column, *relation.coefficients)
        text = str(relation) if len(columns) <= 8 else f"{relation.column} is an exact combination of {named(relation.coefficients)}"
        message = f"{text} (to 1e-10). Partial correlations given the others do not exist."
        offer = repair(f"Remove {relation.column}", "drop_columns", columns=[relation.column])
        yield Finding("linear-dependence", "stop", message, relation.column, columns, (offer,))


def shapes(look: Look) -> Iterator[Finding]:
    """Find counts, heavy zeros and skew, for which Fisher z on the raw scale is wrong."""
    if look.dataset.kind in ("correlation", "prices", "returns"):
        return
    amounts = look.varies & ~look.discrete & (look.low >= 0)
    zeros = (look.values == 0).mean(axis=0)
    skew = look.skew
    counts = amounts & look.whole & ((zeros >= HEAVY_ZEROS) | (skew > 1.0))
    heavy = amounts & (counts | (zeros >= HEAVY_ZEROS))
    if heavy.any():
        columns, worst = look.columns(heavy), float(zeros[heavy].max())
        what = f"{named(columns)} {verb(columns, 'holds', 'hold')} {'counts' if counts.any() else 'many zeros'}, up to {worst:.0%} zeros."
        message = f"{what} Take log(1+x) and a rank test; many zeros break Fisher z all the same."
        yield Finding("counts", "warn", message, columns[0], columns, _scale_repairs(columns, "log1p"))
    skewed = look.varies & ~look.discrete & ~heavy & (np.abs(skew) > SKEW) & (look.counts >= 20)
    if skewed.any():
        columns = look.columns(skewed)
        worst = int(np.argmax(np.where(skewed, np.abs(skew), 0)))
        positive = bool((look.low[skewed] > 0).all() and (skew[skewed] > 0).all())
        message = f"{named(columns)} {verb(columns, 'is', 'are')} heavily skewed (up to {skew[worst]:.1f} at {look.names[worst]}). "
        message += "Take logarithms, or use a rank test." if positive else "Use a rank test."
        yield Finding("skewed", "warn", message, columns[0], columns, _scale_repairs(columns, "log" if positive else ""))


def groups(look: Look) -> Iterator[Finding]:
    """Say what binary and categorical columns mean for a Gaussian test."""
    if look.dataset.kind == "correlation":
        return
    binary = look.columns(look.discrete & (look.levels == 2))
    several = look.columns(look.discrete & (look.levels > 2))
    measured = look.columns(look.varies & ~look.discrete)
    texts = tuple(name for name in look.text_columns if look.dataset.frame[name].nunique() > 1)
    if texts and (measured or several or binary):
        message = f"Categories ({named(texts)}) and numbers are mixed. The kernel test takes both; or leave the categories out."
        offers = [repair("Leave out the categories", "drop_columns", columns=list(texts))]
        if not measured:
            offers.insert(0, repair("Make all columns categories", "categories", columns=[*binary, *several]))
        yield Finding("categories", "warn", message, texts[0], texts, tuple(offers))
    if several:
        message = f"{named(several)} {verb(several, 'has', 'have')} few values: make them categories (for G² or kernel), or leave out."
        offers = [
            repair("Make them categories", "categories", columns=list(several)),
            repair("Leave out", "drop_columns", columns=list(several)),
        ]
        yield Finding("few-levels", "warn", message, several[0], several, tuple(offers if measured or binary or texts else offers[:1]))
    if binary:
        message = f"{named(binary)} {verb(binary, 'is', 'are')} binary. A Gaussian test is allowed, but only approximate."
        yield Finding("binary", "note", message, binary[0], binary, (repair("Make them categories", "categories", columns=list(binary)),))


def regime_columns(look: Look) -> Iterator[Finding]:
    """Find columns that may name the setting of the experiment."""
    if look.dataset.regime is not None or look.dataset.kind == "correlation" or look.dataset.p < 3:
        return
    frame = look.dataset.frame
    for name in look.dataset.columns:
        if _REGIME_NAME.search(name) and 2 <= frame[name].nunique() <= MOST_REGIMES and frame[name].notna().all():
            if name in look.names and not look.whole[look.names.index(name)]:
                continue
            message = f"Column {name} has {frame[name].nunique()} values. Does it name the setting in which a row was measured?"
            offers = (repair("Use as regimes", "as_regimes", column=name), repair(f"Drop {name}", "drop_columns", columns=[name]))
            yield Finding("regime-column", "note", message, name, (name,), offers)


def correlation_matrix(look: Look) -> Iterator[Finding]:
    """Check a correlation matrix: values in [-1, 1], no negative eigenvalue."""
    if look.dataset.kind != "correlation":
        return
    matrix = look.values
    off = ~np.eye(len(matrix), dtype=bool)
    wrong = off & ~(np.abs(matrix) < 1)
    before = float(np.linalg.eigvalsh(np.nan_to_num(matrix))[0])
    if not wrong.any() and before >= -PSD:
        return
    after = float(np.linalg.eigvalsh(clipped_correlation(matrix, 1e-6))[0])
    parts = []
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        stated = "missing" if np.isnan(matrix[i, j]) else f"{matrix[i, j]:.6g}"
        parts.append(f"The correlation of {look.names[i]} and {look.names[j]} is {stated}, not between -1 and 1.")
    if before < -PSD:
        parts.append("No data can have this correlation matrix, as happens when each pair is computed from other rows.")
    message = f"{' '.join(parts)} Smallest eigenvalue {before:.2g}; {after:.2g} after repair."
    columns = tuple(dict.fromkeys(look.names[k] for pair in np.argwhere(wrong) for k in pair))
    yield Finding(
        "not-psd",
        "stop",
        message,
        columns[0] if columns else "",
        columns,
        (repair("Repair the eigenvalues", "nearest_correlation", floor=1e-6),),
    )


def raw_scale(look: Look) -> Iterator[Finding]:
    """Note that the variances of simulated data can give the causal order away."""
    dataset = look.dataset
    if not dataset.source.startswith("simulated") or "graph" not in dataset.truth or look.text_columns or dataset.kind == "correlation":
        return
    directed = Graph.from_dict(dataset.truth["graph"])
    if directed.nodes != look.names or not directed.directed.any() or look.spread.max() < 1.1 * look.spread.min():
        return
    growing = (look.spread[:, None] < look.spread[None, :])[directed.directed].mean()
    message = (
        f"Simulated on the raw scale: {growing:.0%} of the arrows lead to a variable with larger variance, so sorting by variance "
        "guesses the order. Standardise to be fair, or compare both."
    )
    yield Finding("raw-scale", "note", message, repairs=(repair("Standardise", "standardise"),))


def _scale_repairs(columns: tuple[str, ...], function: str) -> tuple[Repair, ...]:
    offers = [repair("Take log(1+x)" if function == "log1p" else "Take logarithms", function, columns=list(columns))] if function else []
    return (*offers, repair("Turn into normal scores (ranks)", "normal_scores", columns=list(columns)))
