"""The doctor for markets: everything about a table of prices or returns that its owner should know before a backtest."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from engine.core import Dataset, UserError
from engine.data import rows
from engine.data.findings import Finding, Repair, named, repair, verb
from engine.data.look import Look
from engine.data.series import LONGEST_GAP, date_texts, parse_dates
from engine.data.splits import jumps
from engine.mtp2.signs import MANY_NEGATIVE, most_negative, negative_share, sign_switch
from engine.portfolio.market import dated, frequency_for, refuse_small, run_lengths
from engine.portfolio.prices import Floats, Frequency, Values, fractions, values_of

ORDER = {"stop": 0, "warn": 1, "note": 2}
HEAD = 1_000  # rows of a column looked at for dates
STILL_ROWS = 21  # a month of days without a move
AS_ONE = 0.999  # correlation from which MTP2 has (almost) no solution
ALIKE = 0.95  # correlation above which Agrawal, Roy, Uhler 2022 keep one of two
SHARED_ROWS = 20  # returns that two assets must share for their correlation to mean anything
MANY = 1_000  # assets
MATRICES = 8  # (N, N) arrays that a solver holds at once


def findings(data: Dataset, periods_per_year: int | None = None) -> list[Finding]:
    """Check a table of prices or returns; stops first, then warnings, then notes.

    Parameters
    ----------
    data : as uploaded, of any kind.
    periods_per_year : rows in a year, where the user has said it.

    Returns
    -------
    Findings, each a sentence with the columns it is about and the repairs that mend it. Without a stop, `market_of` reads the table.
    """
    data = Dataset.of(data)
    found = list(_cells(data))
    if not any(finding.level == "stop" for finding in found):
        found += _market(data, periods_per_year)
    return sorted(found, key=lambda finding: ORDER[finding.level])


def _cells(data: Dataset) -> Iterator[Finding]:
    """Find text and dates in columns, and dates out of order."""
    index = data.frame.index
    texts = [name for name, kind in data.frame.dtypes.items() if isinstance(kind, pd.CategoricalDtype)]
    dates = None if isinstance(index, pd.DatetimeIndex) else _date_column(data)
    if not isinstance(index, pd.DatetimeIndex):
        message = f"{data.name} has no dates."
        message += f" Column {dates} holds them?" if dates else " A backtest needs them: upload a table with a column of dates."
        yield Finding("no-dates", "stop", message, dates or "", (dates,) if dates else (), _dates_repairs(dates))
    for name in texts:
        if name != dates:
            offers = (repair("Make it numbers", "to_numbers", columns=[name]), repair(f"Drop {name}", "drop_columns", columns=[name]))
            yield Finding("text", "stop", f"Column {name} holds text.", str(name), (str(name),), offers)
    yield from rows.dates(Look.at(data))


def _date_column(data: Dataset) -> str | None:
    """Return the first column that can be read as dates."""
    for name in data.columns:
        column = data.frame[name].iloc[:HEAD]
        if column.notna().all() and len(column) > 1 and parse_dates(date_texts(column)) is not None:
            return name
    return None


def _dates_repairs(column: str | None) -> tuple[Repair, ...]:
    return (repair(f"Take the dates of {column}", "dates_as_index", column=column),) if column else ()


def _market(data: Dataset, periods_per_year: int | None) -> Iterator[Finding]:
    """Read the table as `market_of` does, and look at the returns."""
    try:
        ordered, _ = dated(data)
        frequency = frequency_for(ordered, periods_per_year)
    except UserError as problem:
        yield Finding("frequency" if problem.where == "periods_per_year" else "dates", "stop", str(problem), problem.where)
        return
    values: Values
    try:
        values, sentence = values_of(ordered, frequency.periods_per_year)
    except UserError as problem:
        yield Finding("values", "stop", problem.message + " What are they?", problem.where, repairs=_values_repairs(data, None))
        return
    if sentence:
        yield Finding("values", "warn", sentence, repairs=_values_repairs(data, values))
    try:
        numbers = fractions(ordered, values)
        refuse_small(int((~np.isnan(numbers).all(axis=0)).sum()), len(numbers), data.name)
    except UserError as problem:
        column = problem.where if problem.where in data.columns else ""
        offers = (repair(f"Drop {column}", "drop_columns", columns=[column]),) if column and data.p > 1 else ()
        yield Finding("small" if not column else "impossible", "stop", str(problem), problem.where, (column,) if column else (), offers)
        return
    dates = ordered.frame.index[len(ordered.frame) - len(numbers) :]
    returns = Dataset(pd.DataFrame(numbers, dates, list(data.columns)), data.name, "returns")
    yield _span(ordered, frequency)
    yield from _splits(data, returns)
    yield from _still(returns)
    yield from _listings(returns)
    yield from _size(returns)
    correlation = shared_correlation(numbers)
    yield from _alike(data, correlation)
    yield from _negative(data, correlation)


def _values_repairs(data: Dataset, values: Values | None) -> tuple[Repair, ...]:
    """Offer to say what the numbers are, what was detected first."""
    offers = {
        "prices": repair("These are prices", "as_prices"),
        "returns": repair("These are returns in fractions", "as_returns"),
        "percent": repair("These are returns in percent", "as_returns", percent=True),
        "log": repair("These are log returns", "as_returns", log=True),
    }
    if (data.numeric <= 0).any():
        del offers["prices"]
    if data.numeric[np.isfinite(data.numeric)].min(initial=0.0) < -1:
        del offers["returns"]
    return tuple(sorted(offers.values(), key=lambda offer: offer is not offers.get(values or "")))


def _span(data: Dataset, frequency: Frequency) -> Finding:
    """Show what the dates were read as, for the user to confirm."""
    first, last = data.frame.index[0], data.frame.index[-1]
    message = f"{len(data.frame):,} rows from {first:%Y-%m-%d} to {last:%Y-%m-%d}, {frequency.name}, {data.p:,} assets."
    return Finding("span", "note", f"{message} A year has {frequency.periods_per_year} rows.")


def _splits(data: Dataset, returns: Dataset) -> Iterator[Finding]:
    """List moves of more than half the price."""
    large = jumps(returns)
    if not large:
        return
    columns = tuple(dict.fromkeys(jump.asset for jump in large))
    splits = [[jump.asset, f"{jump.date:%Y-%m-%d}"] for jump in large if jump.ratio is not None]
    offers = [repair("Drop these columns", "drop_columns", columns=list(columns))] if len(columns) < data.p - 1 else []
    if splits and data.kind in ("prices", "returns") and data.frame.index.is_monotonic_increasing and data.frame.index.is_unique:
        offers.insert(0, repair(f"Treat {len(splits):,} as splits", "adjust_splits", splits=splits))
    message = (
        f"{len(large):,} {verb(large, 'move is', 'moves are')} of half the price or more: {named(large)}. Splits that were not adjusted?"
    )
    yield Finding("splits", "warn", message, columns[0], columns, tuple(offers))


def _still(returns: Dataset) -> Iterator[Finding]:
    """Find assets that never move, and months without a move."""
    values, dates = returns.numeric, returns.frame.index
    moves = (values != 0) & ~np.isnan(values)
    never = [name for j, name in enumerate(returns.columns) if not moves[:, j].any()]
    if never:
        offers = (repair("Remove", "drop_columns", columns=never),) if len(never) < returns.p - 1 else ()
        message = f"{named(never)} {verb(never, 'has', 'have')} no price change at all: excluded from every window."
        yield Finding("constant", "warn", message, never[0], tuple(never), offers)
    run = run_lengths(values == 0)
    longest, end = run.max(axis=0), run.argmax(axis=0)
    still = [j for j, name in enumerate(returns.columns) if longest[j] >= STILL_ROWS and name not in never]
    if still:
        told = []
        for j in sorted(still, key=lambda j: -longest[j]):
            first, last = dates[end[j] - longest[j] + 1], dates[end[j]]
            told.append(f"{returns.columns[j]} between {first:%Y-%m-%d} and {last:%Y-%m-%d} ({longest[j]:,} rows)")
        names = tuple(returns.columns[j] for j in still)
        yield Finding("still", "note", f"No price change: {'; '.join(told[:5])}. Excluded from windows without a move.", names[0], names)


def _listings(returns: Dataset) -> Iterator[Finding]:
    """Count assets listed late, gone early, or with gaps."""
    missing = np.isnan(returns.numeric)
    if not missing.any():
        return
    names = np.array(returns.columns)
    seen = ~missing
    first, last = seen.argmax(axis=0), len(seen) - 1 - seen[::-1].argmax(axis=0)
    row = np.arange(len(seen))[:, None]
    inside = missing & (row > first) & (row < last)
    run = run_lengths(inside)
    groups = {
        "listed after the first row": seen.any(axis=0) & (first > 0),
        "gone before the last row": seen.any(axis=0) & (last < len(seen) - 1),
        f"with a gap of more than {LONGEST_GAP} rows": run.max(axis=0) > LONGEST_GAP,
    }
    told = [f"{int(which.sum()):,} {what} ({named(names[which])})" for what, which in groups.items() if which.any()]
    short = int(inside[:, run.max(axis=0) <= LONGEST_GAP].sum())
    told += [f"{short:,} cells in shorter gaps, which count as returns of 0"] if short else []
    message = f"Not every asset has every row: {'; '.join(told)}. Each window takes those that are complete at its end."
    yield Finding(
        "listings",
        "note",
        f"{message} An asset that vanishes while held is sold at its last price.",
        columns=tuple(names[missing.any(axis=0)]),
    )


def _size(returns: Dataset) -> Iterator[Finding]:
    """Say what few rows or very many assets mean."""
    t, n = returns.frame.shape
    if t <= n:
        message = f"{t:,} rows for {n:,} assets: the sample covariance has no inverse. Shrinkage, factor models and MTP2 do."
        yield Finding("few-rows", "note", message)
    if n > MANY:
        gigabytes = n * n * 8 * MATRICES / 1e9
        yield Finding("many-assets", "warn", f"{n:,} assets: each estimate needs about {gigabytes:.2g} GB. Let the universe be smaller.")


def _alike(data: Dataset, correlation: Floats) -> Iterator[Finding]:
    """Find assets that move as one, and others that pruning would pass over."""
    close = np.triu(np.nan_to_num(correlation), 1)
    names = data.columns
    taken: set[int] = set()
    for i in range(len(names)):
        group = [int(j) for j in np.flatnonzero(close[i] > AS_ONE) if int(j) not in taken] if i not in taken else []
        if not group:
            continue
        taken.update(group)
        members = tuple(names[j] for j in (i, *group))
        offers = [
            repair(f"Keep {kept}", "drop_columns", columns=[name for name in members if name != kept])
            for kept in members[:3]
            if data.p - len(group) > 1
        ]
        message = f"{named(members)} move as one ({close[i, group].max():.4f}). MTP2 has no solution with exact duplicates: keep which?"
        yield Finding("twins", "warn", message, members[1], members, tuple(offers))
    alike = np.argwhere((close > ALIKE) & (close <= AS_ONE))
    if len(alike):
        i, j = max(alike, key=lambda pair: close[pair[0], pair[1]])
        what = (
            f"{len(alike):,} {verb(alike, 'pair has', 'pairs have')} a correlation above {ALIKE:g}, the closest {names[i]} and {names[j]}"
        )
        columns = tuple(names[k] for k in np.unique(alike))
        yield Finding("alike", "note", f"{what} ({close[i, j]:.3f}). Pruning keeps the first of each.", names[i], columns)


def _negative(data: Dataset, correlation: Floats) -> Iterator[Finding]:
    """Warn where total positivity would clip many correlations."""
    share = negative_share(correlation)
    if share <= MANY_NEGATIVE:
        return
    names = data.columns
    pairs = most_negative(correlation)
    worst = named([f"{names[i]} and {names[j]} ({value:.2f})" for i, j, value in pairs])
    message = f"{share:.0%} of the correlations are negative. MTP2 makes them zero or positive; the largest are {worst}. Use Ledoit-Wolf"
    signs = sign_switch(correlation)
    short = [name for name, sign in zip(names, signs, strict=True) if sign < 0]
    if short:
        left = negative_share(correlation * np.outer(signs, signs))
        message += f", or hold {named(short)} short, which leaves {left:.0%}"
    columns = tuple(dict.fromkeys(names[k] for i, j, _ in pairs for k in (i, j)))
    yield Finding("negative", "warn", f"{message}.", columns[0], columns)


def shared_correlation(returns: Floats) -> Floats:
    """Return the (N, N) correlations of the rows that each pair shares; NaN for fewer than 20, or without a move."""
    seen = ~np.isnan(returns)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(seen, returns, 0.0).sum(axis=0) / seen.sum(axis=0)
        x = np.where(seen, returns - mean, 0.0)
        m = seen.astype(np.float64)
        shared, total, square = m.T @ m, x.T @ m, (x * x).T @ m
        spread = np.sqrt(np.maximum(shared * square - total**2, 0.0))
        correlation = (shared * (x.T @ x) - total * total.T) / (spread * spread.T)
    bad = (shared < SHARED_ROWS) | ~np.isfinite(correlation)
    return np.where(bad, np.nan, np.clip(correlation, -1.0, 1.0))
