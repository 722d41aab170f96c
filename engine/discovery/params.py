"""What every method that works by independence tests lets its user choose."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core import Params, field
from engine.discovery.knowledge import Knowledge
from engine.independence.choose import TESTS


@dataclass(frozen=True)
class TestedParams(Params):
    """Level, smallest effect and kind of the tests, the rows they see, what is known before, the bootstrap, and the time there is."""

    __test__ = False  # not a test case, whatever its name suggests to a test runner

    alpha: float = field(
        1e-3, "Significance level", low=1e-12, high=0.5, log=True,
        help="A smaller level draws fewer edges. With many variables take at most 1 / (number of variables)².",
    )  # fmt: skip
    floor: float = field(
        0.0, "Smallest effect", advanced=True, low=0.0, high=0.5, step=0.01,
        help="Partial correlations no larger than this count as none, however small their p-value. With very many rows nearly everything "
        "is significant: try 0.02.",
    )  # fmt: skip
    test: str = field(
        "auto", "Independence test", choices=TESTS,
        help="auto: discrete for categories, kernel for categories beside numbers, rank for strongly skewed or heavy-tailed columns, "
        "Gaussian otherwise. kernel: relations that are not straight lines, and categories with numbers; weaker on straight lines. "
        "kernel-exact: the same without the short cut above 1,500 rows. hsic: for noise that is added to functions of the causes.",
    )  # fmt: skip
    bootstrap: int = field(
        0, "Bootstrap resamples", low=0, high=1000, step=10,
        help="Learn the graph again from resampled rows and draw on each edge how often it came back.",
    )  # fmt: skip
    knowledge: str = field(
        "", "What is known before",
        help="One statement a line. A, B < C: A and B come before C, so C drives neither. A --> C: this arrow must be there. "
        "C -/-> A: this arrow cannot be; * stands for every variable. With hidden causes C -/-> A says that C is no cause of A at all.",
    )  # fmt: skip
    time_limit: float | None = field(
        None, "Time limit", low=0.1, high=1e6, step=10, unit="s", advanced=True,
        help="When so much time has passed the search ends with the best graph so far. None lets it come to its end. Each resample of the "
        "bootstrap has the same time.",
    )  # fmt: skip
    sweep: bool = field(
        False, "Other levels too", advanced=True,
        help="Learn the graph again at stricter and looser levels, as the curve of its accuracy needs.",
    )  # fmt: skip
    rows: str = field(
        "all", "Rows used", choices=("all", "obs"), advanced=True,
        help="With several regimes: pool all rows, or use those of the observational regime only.",
    )  # fmt: skip

    def known(self, nodes: Sequence[str]) -> Knowledge:
        """Return what is known of these variables; a `UserError` when statements are unreadable or contradict each other."""
        return Knowledge.of(self.knowledge, nodes)
