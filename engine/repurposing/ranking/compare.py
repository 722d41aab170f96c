"""Two diseases side by side: what they share, and which drugs move."""

from dataclasses import dataclass

import pandas as pd

NAMES = ("first", "second")
MOVED = ("score", "p", "rank_raw", "rank_calibrated")


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two rankings have in common.

    Attributes
    ----------
    drugs : one row per candidate of either: ``drug``, ``in_first``, ``in_second``, each of `MOVED` for both, and ``move`` (calibrated
        rank of the first less that of the second: positive = nearer the top in the second).
    targets : one row per target of either: ``gene``, ``in_first``, ``in_second``, ``drugs_first``, ``drugs_second``, ``shared_drugs``.
    sentence : the same in numbers.
    """

    drugs: pd.DataFrame
    targets: pd.DataFrame
    sentence: str


def compare(first: pd.DataFrame, second: pd.DataFrame, names: tuple[str, str] = ("the first", "the second")) -> Comparison:
    """Return the drugs and targets of two rankings side by side.

    Parameters
    ----------
    first, second : the part ``ranking`` of two results: one row per drug and target, of which the candidates are compared.
    names : what the sentence calls them.
    """
    kept = (first[first["is_candidate"]], second[second["is_candidate"]])
    drugs = _side_by_side("drug", [frame.drop_duplicates("drug")[["drug", *MOVED]] for frame in kept], "rank_calibrated")
    drugs["move"] = drugs["rank_calibrated_first"] - drugs["rank_calibrated_second"]
    counted = [frame.groupby("gene")["drug"].nunique().rename("drugs").reset_index() for frame in kept]
    targets = _side_by_side("gene", counted, "drugs")
    targets["shared_drugs"] = [_shared(gene, *kept) for gene in targets["gene"]]
    return Comparison(drugs, targets, f"{_overlap(drugs, 'drugs', *names)}; {_overlap(targets, 'targets', *names)}.")


def _side_by_side(key: str, frames: list[pd.DataFrame], order: str) -> pd.DataFrame:
    """Join two tables by a column and say which row is in which; those in both come first."""
    joined = frames[0].merge(frames[1], on=key, how="outer", suffixes=("_first", "_second"))
    for at, name in enumerate(NAMES):
        joined.insert(1 + at, f"in_{name}", joined[key].isin(set(frames[at][key])))
    order_by = [f"in_{NAMES[0]}", f"in_{NAMES[1]}", f"{order}_first", key]
    return joined.sort_values(order_by, ascending=[False, False, True, True], ignore_index=True)


def _shared(gene: str, first: pd.DataFrame, second: pd.DataFrame) -> int:
    """Count the drugs that are candidates through this gene in both."""
    return len(set(first.loc[first["gene"] == gene, "drug"]) & set(second.loc[second["gene"] == gene, "drug"]))


def _overlap(joined: pd.DataFrame, noun: str, first_name: str, second_name: str) -> str:
    both, first, second = ((joined["in_first"] & joined["in_second"]).sum(), joined["in_first"].sum(), joined["in_second"].sum())
    return f"{both} of the {first} {noun} of {first_name} are among the {second} of {second_name}"
