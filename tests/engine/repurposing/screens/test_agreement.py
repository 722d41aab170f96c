"""Agreement of cell lines is the cosine of each drug's two signatures, summed up by hand."""

import numpy as np
import pandas as pd
import pytest

from engine.repurposing.screens.agreement import line_agreement


def test_it_is_the_one_by_hand():
    rng = np.random.default_rng(0)
    pairs = [(f"d{k}", cell) for cell in ("B", "A", "C") for k in range(8) if (cell, k) != ("B", 3)]
    groups = pd.DataFrame(pairs, columns=["drug", "cell"])
    groups = groups[(groups["cell"] != "C") | groups["drug"].isin(["d0", "d1"])].reset_index(drop=True)
    groups = groups.sample(frac=1, random_state=1).reset_index(drop=True)
    values = {"difference": rng.normal(size=(len(groups), 9)), "other": rng.normal(size=(len(groups), 4))}
    values["difference"][groups.index[(groups["drug"] == "d5") & (groups["cell"] == "A")]] = 0  # has no direction
    table = line_agreement(groups, values)
    assert table[["cell1", "cell2"]].drop_duplicates().to_numpy().tolist() == [["A", "B"]]  # C shares two drugs only
    rho = {}
    for name, rows in values.items():
        rho[name] = []
        for drug in sorted(set(groups["drug"]) - {"d3", "d5"}):
            a, b = (rows[groups.index[(groups["drug"] == drug) & (groups["cell"] == cell)][0]] for cell in "AB")
            rho[name].append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    found = table.set_index("representation")
    for name in values:
        assert found.loc[name, "drugs"] == 6
        assert found.loc[name, "mean"] == pytest.approx(np.mean(rho[name]))
        assert found.loc[name, "mean_abs"] == pytest.approx(np.abs(rho[name]).mean())
        assert found.loc[name, "gain_abs"] == pytest.approx(np.abs(rho[name]).mean() - np.abs(rho["difference"]).mean())
        assert found.loc[name, "sign_agreement"] == np.mean(np.sign(rho[name]) == np.sign(rho["difference"]))


def test_one_line_has_nothing_to_agree_with():
    table = line_agreement(pd.DataFrame({"drug": ["a", "b", "c"], "cell": "A"}), {"difference": np.eye(3)})
    assert table.empty
    assert "sign_agreement" in table
