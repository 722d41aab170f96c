"""Backtests: seconds for twelve estimators, the rankings of the S&P sample, skfolio's walk-forward, and a run that is killed.

Then volatility where total positivity holds, since the market itself decides whether it does.
"""

import filecmp
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import engine
from benchmarks.harness import PeerFailed, Row, call_peer, cpu_seconds, wanted
from engine.core import Dataset
from engine.data import sample, simulate
from engine.portfolio.difference import difference
from engine.portfolio.estimators import estimate
from engine.portfolio.result import BacktestResult

TWELVE = (
    "equal", "sample", "lw_identity", "lw_constant_correlation", "oas", "nonlinear", "afm1_lw", "efm1", "poet3", "poet5", "mtp2",
    "mtp2_kendall",
)  # fmt: skip
WINDOW, HOLD, PERIODS, QUICK_PERIODS = 252, 21, 286, 24
LIMIT_S = 60.0
RANKINGS = {  # SD in % a year, as measured for the specs (6.4)
    63: {
        "lw_identity": 15.59, "lw_constant_correlation": 15.70, "oas": 15.79, "nonlinear": 16.10, "poet3": 16.13, "mtp2": 16.21,
        "mtp2_kendall": 16.35, "sample": 18.03, "equal": 18.89,
    },
    126: {
        "lw_identity": 15.27, "lw_constant_correlation": 15.28, "oas": 15.40, "nonlinear": 15.48, "mtp2": 15.50, "mtp2_kendall": 15.70,
        "poet3": 15.73, "sample": 15.946,
    },
    252: {
        "lw_constant_correlation": 15.12, "lw_identity": 15.15, "mtp2": 15.20, "oas": 15.26, "nonlinear": 15.29, "mtp2_kendall": 15.41,
        "poet3": 15.60,
    },
}  # fmt: skip
LONG_ONLY = {  # the same of 6.3, from another loop with drifting shares
    "lw_constant_correlation": 15.083, "poet3": 15.084, "mtp2": 15.085, "oas": 15.130, "lw_identity": 15.130, "nonlinear": 15.134,
    "mtp2_kendall": 15.136, "sample": 15.164, "equal": 19.058,
}  # fmt: skip
NEAR_POINTS = 0.05
FIRST, N_DATES, N_FOLDS, QUICK_FOLDS = 756, 359, 347, 60  # rows of returns before the first date; a last date without 21 rows is left out
AS_IT_IS = {"prune": None, "zero_share": None}
SKFOLIO = (("oas", "OAS"), ("lw_identity", "LedoitWolf"), ("sample", "EmpiricalCovariance"), ("mtp2", "EWCovariance"))
OTHERS = {"mtp2": "no estimator in common: the product has no exponential weights, the peer no total positivity"}
REPEATS = 3
PEER_LIMIT_S = 600
KILLED = ("sample", "lw_identity", "nonlinear", "poet3", "mtp2", "mtp2_kendall")
M_ASSETS, M_PERIODS, M_WINDOWS, M_SEEDS = 50, 60, (63, 126, 252), (0, 1, 2)
RIVALS = ("sample", "lw_identity", "lw_constant_correlation", "oas", "nonlinear")
Floats = NDArray[np.float64]


def run(quick: bool) -> Iterator[Row]:
    """Yield seconds of twelve estimators, then volatilities beside those of the specs, of skfolio, after a kill, and of an M-matrix."""
    periods = QUICK_PERIODS if quick else PERIODS
    for law in ("one_factor",) if quick else ("one_factor", "heavy_tail"):
        if wanted(f"12 estimators, N=100, {law}"):
            yield _twelve(f"12 estimators, N=100, {law}", law, periods)
    for window in (252,) if quick else RANKINGS:
        if wanted(f"S&P-20 T={window}"):
            yield from _ranking(f"S&P-20 T={window}", window)
    if not quick and wanted("S&P-20 long-only T=252"):
        yield from _long_only("S&P-20 long-only T=252")
    for name, covariance in SKFOLIO[:1] if quick else SKFOLIO:
        if wanted(f"walk-forward, {covariance}"):
            yield from _against_skfolio(f"walk-forward, {covariance}", name, covariance, QUICK_FOLDS if quick else N_FOLDS, quick)
    if wanted("resume"):
        yield from _resume("resume after kill -9", QUICK_PERIODS if quick else PERIODS // 2)
    for window in M_WINDOWS[:1] if quick else M_WINDOWS:
        if wanted(f"M-matrix N={M_ASSETS} T={window}"):
            yield from _m_matrix(f"M-matrix N={M_ASSETS} T={window}", window, M_SEEDS[:1] if quick else M_SEEDS)


def _backtest(data: Any, estimators: Sequence[str], **settings: Any) -> BacktestResult:
    """Run one in this process and silently, on one thread."""
    found: BacktestResult = engine.run("backtest", data, estimators=tuple(estimators), hold=HOLD, **settings)
    return found


def _twelve(workload: str, law: str, periods: int) -> Row:
    drawn = simulate("returns", law=law, p=100, n=WINDOW + periods * HOLD, seed=0)
    market = Dataset(drawn.frame.mean(axis=1).to_frame("market"), "their mean", "returns")

    def end_to_end() -> BacktestResult:
        result = _backtest({"returns": drawn, "factors": market}, TWELVE, window=WINDOW)
        with tempfile.TemporaryDirectory() as folder:
            result.to_dir(Path(folder) / "result")
        return result

    seconds, result = cpu_seconds(end_to_end)
    ends = ", ".join(f"{name} {100 * sd:.2f}" for name, sd in (*_sd(result).items(),)[:: len(TWELVE) - 1])
    note = f"{len(result.turnover)} dates, {len(result.tests)} tests of pairs, written to disk; first and last SD, % a year: {ends}"
    target = [LIMIT_S] if periods == PERIODS else []
    return Row(workload, "seconds", "backtest", [seconds], "target" if target else "", target, note=note)


def _sd(result: BacktestResult) -> dict[str, float]:
    """Return realised volatility per year of every strategy, as a fraction, the lowest first."""
    return dict(result.table["SD, daily"])


def _stocks(rows: int) -> Dataset:
    """Return the prices of the sample, cut after so many rows of returns."""
    data = sample("stocks")
    return data.with_frame(data.frame.iloc[: rows + 1])


def _ranking(workload: str, window: int) -> Iterator[Row]:
    expected = RANKINGS[window]
    names = dict.fromkeys((*expected, "sample", "equal"))
    seconds, result = cpu_seconds(lambda: _backtest(_stocks(FIRST + N_DATES * HOLD), list(names), window=window, first=FIRST, **AS_IT_IS))
    yield Row(workload, "seconds", "backtest", [seconds], "", [], note=f"{len(result.turnover)} dates, {len(names)} estimators")
    yield from _beside(workload, result, expected, "spec 6.4")
    ours, theirs = ([name for name in order if name in expected] for order in (result.strategies, expected))
    yield Row(workload, "rank of mtp2", "mtp2", [ours.index("mtp2") + 1.0], "spec 6.4", [theirs.index("mtp2") + 1.0], note=" ".join(ours))
    for extreme in (name for name in (result.strategies[0], result.strategies[-1]) if name != "mtp2"):
        yield _told_apart(workload, result, extreme)


def _beside(workload: str, result: BacktestResult, expected: dict[str, float], source: str) -> Iterator[Row]:
    """Yield volatilities beside expected ones, and by how many points they differ."""
    for name, sd in _sd(result).items():
        if name in expected:
            off = 100 * sd - expected[name]
            verdict = f"within {NEAR_POINTS}" if abs(off) <= NEAR_POINTS else f"MISSED by more than {NEAR_POINTS}"
            note = f"{100 * sd:.3f} against {expected[name]:g}: {off:+.3f} points, {verdict}"
            yield Row(workload, "SD, % a year", name, [100 * sd], source, [expected[name]], note=note)


def _told_apart(workload: str, result: BacktestResult, other: str) -> Row:
    """Say whether mtp2 and another strategy differ in variance by more than chance."""
    pair = _variance_pair(result, other)
    daily = difference(result.returns["mtp2"], result.returns[other], "variance", "hac", kernel="parzen").p
    note = f"bootstrap of {pair['periods']} holding windows, Holm {pair['holm']:.3f}; kernel error on single days, too liberal: {daily:.2g}"
    return Row(workload, f"p, mtp2 and {other}", "backtest", [pair["p"]], "", [], note=note)


def _variance_pair(result: BacktestResult, other: str) -> "pd.Series[Any]":
    """Return the test of equal variances of mtp2 and another strategy."""
    pairs = result.tests[result.tests["kind"] == "variance"]
    return pairs[[{better, worse} == {"mtp2", other} for better, worse in zip(pairs["better"], pairs["worse"], strict=True)]].iloc[0]


def _long_only(workload: str) -> Iterator[Row]:
    first = FIRST + WINDOW
    result = _backtest(_stocks(FIRST + N_DATES * HOLD), list(LONG_ONLY), window=WINDOW, first=first, long_only=True, **AS_IT_IS)
    yield from _beside(workload, result, LONG_ONLY, "spec 6.3")


def _against_skfolio(workload: str, name: str, covariance: str, folds: int, quick: bool) -> Iterator[Row]:
    """Yield long-only minimum variance, weights restored every day, of the same folds from both programs."""
    rows = FIRST + WINDOW + folds * HOLD
    prices = _stocks(rows)
    settings = {"window": WINDOW, "first": FIRST + WINDOW, "long_only": True, "holding": "weights", **AS_IT_IS}
    _backtest(_stocks(FIRST + WINDOW + 1), [name], **settings)
    runs = [cpu_seconds(lambda: _backtest(prices, [name], **settings)) for _ in range(1 if quick else REPEATS)]
    ours = 100 * _sd(runs[0][1])[name]
    values = prices.frame.pct_change().to_numpy()[1 + FIRST :]
    theirs: list[dict[str, Any]] = []
    note = OTHERS.get(name, "")
    try:
        asked = {"covariance": covariance, "train": WINDOW, "test": HOLD}
        theirs = call_peer("skfolio_walk_forward", {f"a{k}": values for k in range(len(runs))}, asked, PEER_LIMIT_S)
    except PeerFailed as problem:
        note = str(problem)
    peer = f"skfolio {covariance}"
    sd = [100 * float(np.std(answer["returns"]) * np.sqrt(252)) for answer in theirs[:1]]
    exact = f"{ours:.4f} against {sd[0]:.4f}: {ours - sd[0]:+.4f} points" if sd else ""
    yield Row(workload, "SD, % a year", name, [ours], peer, sd, note="; ".join(filter(None, (exact, note))))
    if theirs and name not in OTHERS:
        yield _optimality(workload, runs[0][1].weights_of(name).to_numpy(), np.array(theirs[0]["weights"]), values, name, peer)
    speeds = [[1000 * each / folds for each in seconds] for seconds in ([spent for spent, _ in runs], [each["seconds"] for each in theirs])]
    yield Row(workload, "ms per fold", name, speeds[0], peer, speeds[1], note=f"{folds} folds, imports and warm-up not counted")


def _optimality(workload: str, ours: Floats, theirs: Floats, values: Floats, name: str, peer: str) -> Row:
    """Count the folds in which the product's weights have less variance, under the estimate that both were given."""
    over = []
    for k, (own, other) in enumerate(zip(ours, theirs, strict=True)):
        covariance = estimate(name, values[k * HOLD : k * HOLD + WINDOW]).covariance
        over.append(float(other @ covariance @ other / (own @ covariance @ own)) - 1)
    note = f"the peer's estimated variance exceeds the product's by {min(over):.1g} to {max(over):.1g} of it: an interior point's tolerance"
    return Row(workload, "folds of less variance", name, [float(np.mean(np.array(over) > 0))], peer, [], True, note)


def _resume(workload: str, periods: int) -> Iterator[Row]:
    """Kill a run with all its processes when half of its dates are done, run it again, and compare it with one that was left alone."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        simulate("returns", law="one_factor", p=M_ASSETS, n=WINDOW + periods * HOLD, seed=0).frame.to_csv(folder / "returns.csv")
        command = [sys.executable, "-m", "engine", "run", "backtest", str(folder / "returns.csv"), "--quiet", "--window", str(WINDOW)]
        command += ["--values", "returns", "--estimators", ",".join(KILLED), "--out"]
        calm, alone = _finished([*command, str(folder / "calm")])
        killed = subprocess.Popen([*command, str(folder / "killed")], stdout=subprocess.DEVNULL, start_new_session=True)
        while killed.poll() is None and len(list(folder.glob("killed.*.part/date_*.npz"))) < periods // 2:
            time.sleep(0.01)
        if killed.returncode is None:
            os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        kept = len(list(folder.glob("killed.*.part/date_*.npz")))
        resumed, again = _finished([*command, str(folder / "killed")])
        names = [path.name for path in (folder / "calm").iterdir() if path.name != "meta.json"]
        _, differ, missing = filecmp.cmpfiles(folder / "calm", folder / "killed", names, shallow=False)
    note = f"{periods} dates, {len(KILLED)} estimators"
    yield Row(workload, "same digest", "backtest", [float(calm == resumed)], "left alone", [1.0], True, note)
    same = [float(not differ and not missing)]
    yield Row(workload, "same bytes", "backtest", same, "left alone", [1.0], True, f"{len(names)} files; meta.json holds the seconds")
    yield Row(
        workload, "dates not computed again", "backtest", [kept / periods], "", [], True, f"{kept} of {periods} were kept at the kill"
    )
    yield Row(
        workload, "seconds", "backtest", [again], "left alone", [alone], note="of the second run with all its processes, start included"
    )


def _finished(command: list[str]) -> tuple[str, float]:
    """Run a command to its end; return the digest that it prints and the CPU seconds of its processes."""
    before = _spent()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return next(line for line in done.stdout.splitlines() if line.startswith("Digest: ")), _spent() - before


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _m_matrix(workload: str, window: int, seeds: Sequence[int]) -> Iterator[Row]:
    """Yield volatility where the precision is a sparse M-matrix, beside other estimators and the least that weights can reach."""
    results, least = [], []
    for seed in seeds:
        drawn = simulate("returns", law="m_matrix", p=M_ASSETS, n=max(M_WINDOWS) + M_PERIODS * HOLD, seed=seed)
        results.append(_backtest(drawn, [*RIVALS, "mtp2"], window=window, first=max(M_WINDOWS), values="returns", **AS_IT_IS))
        least.append(100 * float(np.sqrt(252 / np.linalg.inv(np.array(drawn.truth["covariance"])).sum())))
    sd = {name: [100 * _sd(result)[name] for result in results] for name in (*RIVALS, "mtp2")}
    for name in RIVALS:
        p = ", ".join(f"{_variance_pair(result, name)['holm']:.2g}" for result in results)
        yield Row(workload, "SD, % a year", "mtp2", sd["mtp2"], name, sd[name], note=f"Holm's p of equal variances: {p}")
    yield Row(
        workload, "SD, % a year", "mtp2", sd["mtp2"], "true covariance", least, note="the least that any weights have, in the long run"
    )
