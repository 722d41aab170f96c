"""Which method suits which data: three answers of the user and a look at the table, and the reasons in words."""

from dataclasses import dataclass, field
from typing import Any, Literal

from engine.core import Dataset
from engine.independence.choose import categories_of, with_several_levels

Hidden = Literal["no", "maybe", "yes"]
Changed = Literal["no", "known", "partly"]

MANY = 50  # variables from which on tests among all neighbours take long and err often; an order search comes first
SLOW_KERNEL = 30  # variables up to which kernel tests end within a minute or two


@dataclass(frozen=True)
class Advice:
    """A method with its settings, why it suits, and what to compare it with.

    Attributes
    ----------
    method : name in the catalogue.
    settings : those that differ from its defaults.
    because : reasons, one sentence each.
    second : name of a method that sees the data in another way.
    """

    method: str
    settings: dict[str, Any] = field(default_factory=dict)
    because: tuple[str, ...] = ()
    second: str = "pc"


def advise(data: Dataset, hidden: Hidden = "no", changed: Changed = "no", curved: bool = False) -> Advice:
    """Choose a method.

    Parameters
    ----------
    data : its number of variables and rows, its categories and its conditions count.
    hidden : whether something unmeasured may drive several variables.
    changed : whether conditions were changed on purpose; ``known``: the variables acted on are all named; ``partly``: some may not be.
    curved : whether relations may be other than straight lines.
    """
    mixed, discrete = _holds(data)
    curved = curved and not discrete
    if changed != "no" and data.regimes:
        return _interventions(data, hidden, changed, curved)
    by_kernel = curved or mixed
    settings = {"test": "kernel"} if curved else {}
    reasons = _kernel_reasons(data, curved, mixed)
    if hidden != "no":
        why = "Something unmeasured may be at work, so the graph must be able to say 'a hidden cause' and 'not decided'."
        if data.p > MANY and not by_kernel:
            return Advice("bfci", {}, (why, f"With {data.p:,} variables a search over orders first saves most of the tests."), "rfci")
        reasons = (why, "FCI draws only what holds in whatever way hidden causes act.", *reasons)
        return Advice("fci", settings, reasons, "grasp" if not by_kernel else "rfci")
    if by_kernel:
        return Advice("pc", settings, ("PC works with any test of independence.", *reasons), "fci")
    kind = "categories" if discrete else "numbers"
    reasons = (
        "No hidden causes and no planned changes: a graph of arrows and open lines is what the data can tell.",
        f"On simulated {kind} the tuck search found more true graphs than the other methods here.",
    )
    if data.p > 1000:
        reasons = (*reasons, f"{data.p:,} variables take minutes; set a time limit to see the best graph so far.")
    return Advice("grasp", {}, reasons, "pc")


def _interventions(data: Dataset, hidden: Hidden, changed: Changed, curved: bool) -> Advice:
    settings: dict[str, Any] = {"invariance": "kernel"} if curved else {}
    unnamed = [regime for regime in data.regimes if data.targets.get(regime) is None]
    reasons = [f"The table has {len(data.regimes)} conditions; comparing them turns edges that observation leaves open."]
    if changed == "known" and not unnamed:
        method, second = "igsp", "utigsp"
        reasons.append("All variables acted on are named, and nothing else is taken to be hit.")
    else:
        method, second = "utigsp", "grasp"
        reasons.append("What each condition acts on is found from the data, so that side effects come to light.")
        if changed == "known":
            reasons.append(f"No targets are named for {', '.join(unnamed[:3])}{' …' if len(unnamed) > 3 else ''}.")
    if curved:
        reasons.append("Kernel comparisons see changes that are no shift of a straight line.")
    if hidden != "no":
        reasons.append("This method takes it that nothing unmeasured drives several variables; compare it with FCI.")
        second = "fci"
    return Advice(method, settings, tuple(reasons), second)


def _kernel_reasons(data: Dataset, curved: bool, mixed: bool) -> tuple[str, ...]:
    if not curved and not mixed:
        return ()
    why = "Kernel tests see curved relations." if curved else "Numbers stand beside categories, which only kernel tests can compare."
    slow = (f"They are slow: with {data.p} variables expect minutes.",) if data.p > SLOW_KERNEL else ()
    return (why, *slow)


def _holds(data: Dataset) -> tuple[bool, bool]:
    """Return whether categories of more than two levels stand beside numbers, and whether all columns are categories."""
    categories = categories_of(data.frame)
    discrete = len(categories) == data.p
    return not discrete and bool(with_several_levels(data.frame, categories)), discrete
