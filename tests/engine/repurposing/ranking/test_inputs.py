"""Tables are read by the names that files use, and what cannot be ranked is refused with the way out."""

import numpy as np
import pandas as pd
import pytest

from engine.core import Dataset, Profiles, Tables, UserError
from engine.repurposing.ranking.disease import Disease, given_terminals
from engine.repurposing.ranking.inputs import drug_scores_of, repurposing_for


def table(**columns):
    return Dataset(pd.DataFrame(columns), "scores")


PLAIN = {
    "prizes": table(gene=["A"], prize=[1.0]), "network": table(protein1=["A"], protein2=["B"], cost=[0.5]),
    "targets": table(drug=["x"], gene=["A"]), "drug_scores": table(drug=["x"], score=[1.0]),
}  # fmt: skip


def test_what_is_whole_passes():
    assert repurposing_for(Tables(PLAIN), None).tables == PLAIN


@pytest.mark.parametrize("part", list(PLAIN))
def test_a_missing_table_is_named(part):
    with pytest.raises(UserError, match=f"missing: .*{part}"):
        repurposing_for(Tables({name: given for name, given in PLAIN.items() if name != part}), None)


def test_strange_and_wrong_parts_are_refused():
    with pytest.raises(UserError, match="no use for a table named 'prices'"):
        repurposing_for(Tables(PLAIN | {"prices": table(a=[1.0])}), None)
    with pytest.raises(UserError, match="several tables"):
        repurposing_for(table(a=[1.0]), None)
    screen = Profiles.of(np.eye(2), pd.DataFrame({"drug": ["a", "b"]}), ("A", "B"))
    without = {name: given for name, given in PLAIN.items() if name != "drug_scores"}
    with pytest.raises(UserError, match="scored by a signature"):
        repurposing_for(Tables(without | {"screen": screen}), None)
    with pytest.raises(UserError, match="network must be a plain table"):
        repurposing_for(Tables(PLAIN | {"network": screen}), None)


def test_scores_under_other_names_and_twice():
    found, said = drug_scores_of(table(Name=["Aspirin ", "aspirin", "b"], CORR=[0.2, 0.4, 0.5]))
    assert found[["drug", "score"]].values.tolist() == [["aspirin", pytest.approx(0.3)], ["b", 0.5]]
    assert "Name as drug" in said[0]


def test_one_cell_line_or_the_mean_of_all():
    given = table(drug=["a", "a", "b"], cell=["X", "Y", "X"], score=[0.2, 0.6, 0.1], p=[0.01, 0.5, 0.9])
    one, _ = drug_scores_of(given, "X")
    assert one["score"].tolist() == [0.2, 0.1]
    whole, said = drug_scores_of(given)
    assert whole["score"].tolist() == [pytest.approx(0.4), 0.1]
    assert whole["p_screen"].tolist() == [0.5, 0.9]  # no mean of p-values
    assert "means over 2 cell lines" in said[-1]
    with pytest.raises(UserError, match="no cell line 'Z'") as caught:
        drug_scores_of(given, "Z")
    assert "X, Y" in caught.value.fix


def test_scores_that_are_none():
    with pytest.raises(UserError, match="no column score") as caught:
        drug_scores_of(table(drug=["a"], value=[1.0]))
    assert "Columns seen: drug, value" in caught.value.fix
    with pytest.raises(UserError, match=r"'high' in row 2"):
        drug_scores_of(table(drug=["a", "b"], score=["0.1", "high"]))
    with pytest.raises(UserError, match="No row"):
        drug_scores_of(table(drug=["a"], score=[np.nan]))
    found, said = drug_scores_of(table(drug=["a", "b"], score=[np.nan, 1.0]))
    assert found["drug"].tolist() == ["b"]
    assert "1 rows of scores have no score" in said[-1]


def test_terminals_as_the_authors_name_them():
    given = table(name=["egfr", "Tp53"], prize=[2.0, 1.0], log2FC_blanco=[-2.0, 1.0], log2FC_ageing=[-1.0, 0.5])
    found = given_terminals(given)
    assert found.values.tolist() == [["EGFR", 2.0, -2.0, -1.0], ["TP53", 1.0, 1.0, 0.5]]
    assert given_terminals(table(gene=["A"], weight=[1.0]))[["log2fc", "log2fc_second"]].isna().all(axis=None)
    with pytest.raises(UserError, match="no column prize"):
        given_terminals(table(gene=["A"], other=[1.0]))


class Selected:
    """What a signature selected, as far as random names need it."""

    def __init__(self, rng, n=400):
        genes = [f"G{k}" for k in range(n)]
        change = rng.normal(size=n)
        self.table = pd.DataFrame({"gene": genes, "log2fc": change, "is_selected": np.abs(change) > 1})
        other = rng.normal(size=n)
        self.second = pd.DataFrame({"gene": genes, "log2fc": other, "is_selected": np.abs(other) > 1})


def test_random_names_keep_the_number_selected_and_what_the_second_condition_asks():
    rng = np.random.default_rng(0)
    selected = Selected(rng)
    disease = Disease(pd.DataFrame(), selected)
    second = selected.second.set_index("gene")
    prizes = set(selected.table.loc[selected.table["is_selected"], "log2fc"].abs().round(12))
    sizes = []
    for _ in range(60):
        drawn = disease.under_random_names(rng)
        assert second.loc[list(drawn), "is_selected"].all()
        assert {round(prize, 12) for prize in drawn.values()} <= prizes
        sizes.append(len(drawn))
    chosen, other = selected.table["is_selected"].sum(), selected.second["is_selected"].sum()
    assert np.mean(sizes) == pytest.approx(chosen * other / 400 / 2, rel=0.2)  # half of the pairs agree in sign
    selected.second = selected.second.iloc[:0]
    assert len(disease.under_random_names(rng)) == chosen
