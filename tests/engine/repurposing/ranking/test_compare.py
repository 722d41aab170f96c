"""Two rankings side by side: every shared drug and target is found, and a move is the difference of ranks."""

import pandas as pd

from engine.repurposing.ranking.compare import compare


def ranking(*rows):
    frame = pd.DataFrame(rows, columns=["drug", "gene", "rank_calibrated", "is_candidate"])
    return frame.assign(score=0.5, p=0.1, rank_raw=1.0)


FIRST = ranking(("a", "X", 1, True), ("a", "Y", 1, True), ("b", "X", 2, True), ("c", "Z", 3, False))
SECOND = ranking(("b", "X", 1, True), ("a", "Y", 5, True), ("d", "X", 2, True), ("c", "Z", 3, True))


def test_drugs_and_their_moves():
    drugs = compare(FIRST, SECOND).drugs.set_index("drug")
    assert drugs["move"].dropna().to_dict() == {"a": -4, "b": 1}
    assert set(drugs.index[drugs["in_second"] & ~drugs["in_first"]]) == {"c", "d"}
    assert len(drugs) == 4


def test_targets_and_the_drugs_that_share_them():
    targets = compare(FIRST, SECOND).targets.set_index("gene")
    assert targets.loc["X", ["drugs_first", "drugs_second", "shared_drugs"]].tolist() == [2, 2, 1]
    assert targets.loc["Y", "shared_drugs"] == 1
    assert not targets.loc["Z", "in_first"]


def test_the_sentence_counts():
    sentence = compare(FIRST, SECOND, ("flu", "RSV")).sentence
    assert sentence == "2 of the 2 drugs of flu are among the 4 of RSV; 2 of the 2 targets of flu are among the 3 of RSV."


def test_nothing_in_common_is_no_failure():
    found = compare(FIRST, SECOND[SECOND["drug"] == "d"])
    assert not (found.drugs["in_first"] & found.drugs["in_second"]).any()
    assert compare(FIRST.iloc[:0], SECOND.iloc[:0]).drugs.empty
