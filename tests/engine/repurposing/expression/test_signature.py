"""The signature selects what its recipe says, shares it with a second condition by sign, and comes back from disk the same."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from engine.core import Context, Dataset, Result, Tables, UserError
from engine.repurposing.expression.inputs import expression_for
from engine.repurposing.signature import SignatureParams, known_genes, overlap_p, signature

GENES = [f"GENE{i}" for i in range(400)]


def run(parts, **params):
    asked = SignatureParams(**params)
    data = Tables({part: Dataset(frame) for part, frame in parts.items()}) if isinstance(parts, dict) else Dataset(parts)
    context = Context.silent()
    return signature(expression_for(data, asked), asked, context), context


def drawn(seed, shift, groups=("mock", "infected"), replicates=4, effect=2.0):
    """Draw counts in which genes from ``shift`` on rise or fall by ``effect`` doublings in the second group."""
    rng = np.random.default_rng(seed)
    change = np.zeros(400)
    change[shift : shift + 40] = effect * np.where(np.arange(40) % 2, 1, -1)
    names = [f"{group}{k}" for group in groups for k in range(replicates)]
    treated = np.repeat([0, 1], replicates)
    mu = rng.lognormal(6, 0.5, (400, 1)) * 2 ** (change[:, None] * treated)
    frame = pd.DataFrame(rng.negative_binomial(30, 30 / (30 + mu)).astype(float), columns=names)
    frame.insert(0, "gene", GENES)
    return frame, pd.DataFrame({"sample": names, "group": np.repeat(groups, replicates)}), change


@pytest.fixture(scope="module")
def tested():
    counts, design, _ = drawn(0, 0)
    return run({"counts": counts, "design": design})


def test_counts_to_terminals(tested):
    change = drawn(0, 0)[2]
    result, context = tested
    truth = {gene for gene, c in zip(GENES, change, strict=True) if c}
    found = set(result.terminals["gene"])
    assert len(found & truth) >= 36
    assert len(found - truth) <= 5
    assert result.terminals["prize"].tolist() == sorted(result.table.loc[result.table["is_selected"], "log2fc"].abs(), reverse=True)
    assert (result.facts["treated"], result.facts["control"]) == ("infected", "mock")
    assert result.overlap == {}
    assert set(result.sentences) <= set(context.warnings)
    tested = result.table.dropna(subset="p")
    assert 10 ** -tested["minus_log10_p"].to_numpy() == pytest.approx(tested["p"].to_numpy(), rel=1e-9)


def test_at_most_the_largest_share_is_selected():
    counts, design, _ = drawn(0, 0)
    result, _ = run({"counts": counts, "design": design}, share=0.05)
    assert result.table["is_selected"].sum() == 20
    chosen = result.table[result.table["is_selected"]]
    rest = result.table[~result.table["is_selected"] & (result.table["q"] <= 0.05)]
    assert chosen["log2fc"].abs().min() >= rest["log2fc"].abs().max()


def test_swapping_turns_every_sign_and_known_genes_say_so():
    counts, design, _ = drawn(1, 0)
    there, _ = run({"counts": counts, "design": design}, known=("gene1", "gene3", "gene0"))
    back, _ = run({"counts": counts, "design": design}, known=("gene1", "gene3", "gene0"), is_flipped=True)
    named, _ = run({"counts": counts, "design": design}, treated="mock", control="infected")
    assert there.table["log2fc"].to_numpy() == pytest.approx(-back.table["log2fc"].to_numpy(), abs=1e-4)
    assert named.table["log2fc"].to_numpy() == pytest.approx(back.table["log2fc"].to_numpy())
    assert not any("swapped" in sentence for sentence in there.sentences)
    assert any("2 of 3 genes known to rise fall here" in sentence for sentence in back.sentences)


def test_five_genes_are_shown_when_none_is_named():
    said = []
    table = pd.DataFrame({"gene": list("ABCDEFG"), "log2fc": [1.0, -9, 3, 4, 5, -6, 7], "is_selected": True})
    assert known_genes(table, (), said)["gene"].tolist() == ["B", "G", "F", "E", "D"]
    assert "B -9.00, G +7.00" in said[0]
    assert "the sign is not checked" in (known_genes(table, ("Z",), said), said[1])[1]


def test_two_conditions_share_genes_of_the_same_sign():
    counts, design, _ = drawn(2, 0)
    old, ages, _ = drawn(3, 20, groups=("young", "old"))
    old.iloc[30:32, 1:] = old.iloc[30:32, [5, 6, 7, 8, 1, 2, 3, 4]].to_numpy()  # two shared genes change the other way round
    parts = {"counts": counts, "design": design, "second_counts": old, "second_design": ages}
    result, _ = run(parts)
    assert set(result.terminals["gene"]) <= {GENES[i] for i in range(20, 40) if i not in (30, 31)} | set(GENES[40:])
    assert len(set(result.terminals["gene"]) & {GENES[i] for i in range(20, 40)}) >= 15
    own, second = (dict(zip(t["gene"], t["log2fc"], strict=True)) for t in (result.table, result.second))
    for row in result.terminals.itertuples():
        assert (row.log2fc, row.log2fc_second) == (own[row.gene], second[row.gene])
        assert row.prize == abs(row.log2fc)
        assert row.log2fc * row.log2fc_second >= 0
    both, _ = run(parts, is_same_sign=False)
    assert {"GENE30", "GENE31"} & set(both.terminals["gene"])
    assert result.overlap["both"] == len(both.terminals)
    assert result.overlap["same_sign"] == len(result.terminals)
    assert result.facts["treated_second"] == "old"


@pytest.mark.parametrize(("genes", "first", "second", "both"), [(400, 40, 38, 20), (400, 40, 38, 0), (50, 10, 10, 10)])
def test_the_overlap_is_fishers_one_sided_test(genes, first, second, both):
    table = [[both, first - both], [second - both, genes - first - second + both]]
    assert overlap_p(genes, first, second, both) == pytest.approx(fisher_exact(table, alternative="greater").pvalue)


def test_ties_at_zero_pass_the_sign():
    first = pd.DataFrame({"gene": list("ABCD"), "log2fc": [1.0, -2.0, 3.0, 1.5]})
    second = pd.DataFrame({"gene": list("ABCD"), "log2fc": [0.5, 2.0, 1e-300, 0.1]})
    result, _ = run({"signature": first, "second": second}, share=1.0)
    assert result.terminals["gene"].tolist() == ["C", "D", "A"]


def test_a_ready_signature_alone_or_by_name():
    frame = pd.DataFrame({"gene": GENES, "log2fc": np.linspace(-2, 2, 400), "padj": np.where(np.arange(400) < 30, 0.01, 0.5)})
    plain, _ = run(frame[["gene", "log2fc"]])
    assert plain.table["is_selected"].sum() == 40
    with_q, _ = run({"signature": frame})
    assert with_q.terminals["gene"].tolist() == GENES[:30]
    flipped, _ = run(frame, is_flipped=True)
    assert flipped.table["log2fc"].tolist() == (-with_q.table["log2fc"]).tolist()


def published(seed):
    """Draw a log2(1 + RPKM) table with the four groups of the published comparison, and its design."""
    rng = np.random.default_rng(seed)
    groups = ("ace2 infected", "ace2 mock", "plain infected", "plain mock")
    base = np.abs(rng.normal(3, 2, (100, 1)))
    frame = pd.DataFrame(index=range(100))
    for k, group in enumerate(groups):
        level = np.abs(base + (rng.normal(0, 1.2, (100, 1)) if k == 0 else rng.normal(0, 0.3, (100, 1))))
        for replicate in range(3):
            frame[f"{group} {replicate}"] = np.abs(level + rng.normal(0, 0.2, (100, 1)))[:, 0]
    design = pd.DataFrame({"sample": frame.columns, "group": np.repeat(groups, 3)})
    frame.insert(0, "gene", GENES[:100])
    return frame, design


def test_the_published_comparison_from_table_to_terminals():
    frame, design = published(0)
    coding = pd.DataFrame({"gene": GENES[:80]})
    asked = {
        "recipe": "log_of_means", "treated": "ace2 infected", "control": "ace2 mock", "other_treated": "plain infected",
        "other_control": "plain mock",
    }  # fmt: skip
    result, _ = run({"counts": frame, "design": design, "coding": coding}, **asked)
    means = {}
    for gene, row in frame.set_index("gene").iterrows():
        level = [np.log2(1 + (2 ** row.iloc[3 * k : 3 * k + 3] - 1).mean()) for k in range(4)]
        if gene in set(coding["gene"]) and not all(one < 1 for one in level):
            means[gene] = level
    a = {gene: m[0] - m[1] for gene, m in means.items()}
    b = {gene: m[2] - m[3] for gene, m in means.items()}
    c = {gene: m[1] - m[3] for gene, m in means.items()}
    best = set()
    for t in np.arange(0, max(abs(x) for d in (a, b, c) for x in d.values()), 0.001):
        sets = [{gene for gene, x in d.items() if abs(x) > t} for d in (a, b, c)]
        left = sets[0] - (sets[1] | sets[2])
        best = left if len(left) >= int(0.1 * 80) else best
    assert set(result.terminals["gene"]) == best
    assert result.facts["count"] == 8
    assert result.terminals.set_index("gene")["log2fc"].to_dict() == pytest.approx({gene: a[gene] for gene in best})
    assert result.table["p"].isna().all()
    flipped, _ = run({"counts": frame, "design": design, "coding": coding}, **asked, is_flipped=True)
    assert set(flipped.terminals["gene"]) == best


def test_the_test_refuses_what_is_no_count_and_the_published_recipe_takes_it():
    frame, design = published(1)
    two = design[design["group"].str.startswith("ace2")]
    with pytest.raises(UserError, match="Counts expected; column ace2 infected 0"):
        run({"counts": frame, "design": two})
    result, _ = run({"counts": frame, "design": two}, recipe="log_of_means")
    assert result.table["is_selected"].sum() == 10
    with pytest.raises(UserError, match="negative values"):
        run({"counts": frame.assign(**{"ace2 mock 1": -1.0}), "design": two}, recipe="log_of_means")


def test_one_replicate_per_arm_is_refused_by_the_test_and_warned_of_otherwise():
    counts, design, _ = drawn(4, 0)
    single = design.iloc[[0, 4]]
    with pytest.raises(UserError, match="two replicates"):
        run({"counts": counts, "design": single})
    _, context = run({"counts": counts, "design": single}, recipe="log_of_means")
    assert any("single sample" in sentence for sentence in context.warnings)
    _, context = run({"counts": counts, "design": design.iloc[[0, 4, 5]]})
    assert any("single sample" in sentence for sentence in context.warnings)


def test_batches_that_are_the_treatment_are_refused_by_the_test_only():
    counts, design, _ = drawn(4, 0)
    design["batch"] = np.repeat(["1", "2"], 4)
    with pytest.raises(UserError, match="cannot be told apart"):
        run({"counts": counts, "design": design})
    run({"counts": counts, "design": design}, recipe="log_of_means")
    design["batch"] = np.tile(["1", "2"], 4)
    assert run({"counts": counts, "design": design})[0].facts["covariates"] == ["batch"]


def test_samples_without_counts():
    counts, design, _ = drawn(4, 0)
    counts["mock1"] = 0.0
    with pytest.raises(UserError, match="Sample mock1 of counts has no counts at all"):
        run({"counts": counts, "design": design})
    _, context = run({"counts": counts, "design": design}, recipe="log_of_means")
    assert any("All values of mock1" in sentence for sentence in context.warnings)


def test_repeated_genes_follow_the_rule():
    counts, design, _ = drawn(4, 0)
    counts.loc[1, "gene"] = "gene0"
    counts, design = counts.iloc[:100], design.iloc[[0, 1, 4, 5]]
    added, _ = run({"counts": counts, "design": design})
    largest, _ = run({"counts": counts, "design": design}, duplicates="max_mean")
    pair = counts.loc[:1, design["sample"]].sum(axis=1)
    ratio = largest.table["mean"].iloc[0] / added.table["mean"].iloc[0]
    assert ratio == pytest.approx(pair.max() / pair.sum(), rel=0.1)
    assert any("added up (1 rows fewer)" in sentence for sentence in added.sentences)


def test_old_names_of_one_condition_meet_new_names_of_the_other():
    first = pd.DataFrame({"gene": ["HIST1H1D", "C19ORF66", "EGFR"], "log2fc": [1.0, -2.0, 3.0]})
    second = pd.DataFrame({"gene": ["H1-3", "SHFL", "Egfr"], "log2fc": [1.0, -2.0, -3.0]})
    result, _ = run({"signature": first, "second": second}, share=1.0)
    assert result.terminals["gene"].tolist() == ["C19ORF66", "HIST1H1D"]
    with pytest.raises(UserError, match="Ensembl"):
        run({"signature": first, "second": second.assign(gene=["ENSG00000146648", "ENSG00000137275", "ENSG00000116478"])})


def test_shrunken_changes_are_smaller_and_uncertain_genes_fall_back():
    counts, design, _ = drawn(5, 0, replicates=2)
    plain, _ = run({"counts": counts, "design": design})
    shrunk, _ = run({"counts": counts, "design": design}, is_shrunk=True)
    assert (shrunk.table["log2fc"].abs() <= plain.table["log2fc"].abs() + 1e-12).all()
    assert shrunk.table["log2fc_mle"].tolist() == plain.table["log2fc"].tolist()


def test_it_comes_back_from_disk_the_same(tested, tmp_path):
    counts, design, _ = drawn(0, 0)
    result, _ = tested
    again, _ = run({"counts": counts, "design": design})
    assert Result.from_dir(result.to_dir(tmp_path / "found")).digest == result.digest == again.digest
    assert dict(result.summary())["Compared"] == "infected over mock"


@pytest.mark.shared_data
def test_the_published_terminals_come_from_the_published_fold_changes(shared_data):
    shipped = pd.read_csv(shared_data / "covid19" / "terminals_ppi_analysis.tsv", sep="\t")
    ageing = shipped[["name", "log2FC_ageing"]].rename(columns={"log2FC_ageing": "log2fc"})
    result, _ = run({"signature": pd.read_csv(shared_data / "covid19" / "blancoA_l2fc.csv"), "second": ageing}, share=1.0)
    found = result.terminals.set_index("gene").loc[shipped["name"]]
    assert len(result.terminals) == len(shipped) == 162
    assert found["prize"].tolist() == shipped["prize"].tolist()
    assert found["log2fc"].tolist() == shipped["log2FC_blanco"].tolist()
    assert ((found["log2fc"] > 0).sum(), (found["log2fc"] < 0).sum()) == (75, 87)


@pytest.mark.shared_data
def test_the_infected_cells_of_the_public_counts(shared_data):
    design = pd.read_csv(shared_data / "covid19" / "GSE147507_design.csv")
    counts = pd.read_csv(shared_data / "covid19" / "GSE147507_raw_counts.tsv.gz", sep="\t")
    result, _ = run({"counts": counts, "design": design[design["Base"] == "CoV002"]}, known=("MX1", "IFIT1", "ISG15", "OAS2", "IFI6"))
    assert 225 <= (result.table["q"] < 0.05).sum() <= 275  # 250 were measured for the specs with another implementation
    assert (result.known["log2fc"] > 2).all()
    assert set(result.known["gene"]) <= set(result.terminals["gene"])
