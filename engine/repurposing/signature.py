"""Signature of a disease: fold changes of every gene, and the terminals that it shares with a second condition."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from engine.core import Context, Params, field, method
from engine.repurposing.expression.condition import Asked, Condition, condition
from engine.repurposing.expression.identifiers import current, match, symbols
from engine.repurposing.expression.inputs import Expression
from engine.repurposing.expression.result import SignatureResult

SHOWN = 5  # genes by which a reader tells whether the sign is right


@dataclass(frozen=True)
class SignatureParams(Params):
    """Which recipe, which groups, how many genes, and what the two conditions must share."""

    recipe: str = field(
        "negative_binomial", "Recipe", choices=("negative_binomial", "log_of_means"), paper="log_of_means",
        help="Negative binomial: a test with false discovery rate, for raw counts. Log of means: the published recipe, without a test.",
    )  # fmt: skip
    treated: str = field("", "Treated group", help="Name of the group in the design; empty: what is left beside the control.")
    control: str = field("", "Control group", help="Name of the group in the design; empty: guessed from names such as mock or DMSO.")
    second_treated: str = field("", "Treated group of the second condition", help="Such as old.")
    second_control: str = field("", "Control group of the second condition", help="Such as young.")
    share: float = field(0.1, "Largest share", low=0.001, high=1.0, step=0.01, paper=0.1, help="Of genes by absolute fold change.")
    q: float = field(0.05, "False discovery rate", low=1e-6, high=1.0, log=True, help="Of tested genes, beside the largest share.")
    is_same_sign: bool = field(True, "Same sign in both conditions", paper=True)
    is_shrunk: bool = field(False, "Shrink fold changes", help="Uncertain changes towards zero; only with the negative binomial.")
    is_flipped: bool = field(False, "Swap treated and control", help="Turns every sign of the disease.")
    known: tuple[str, ...] = field((), "Genes known to rise", help="To check the sign; empty: the five of largest change are shown.")
    covariates: tuple[str, ...] = field(("batch",), "Adjust for", advanced=True, help="Columns of the design, read as categories.")
    other_treated: str = field(
        "", "Treated group without effect", paper="A549 infected", advanced=True,
        help="With the log of means: genes that change here over its control do not count, nor do those that tell the two controls apart.",
    )  # fmt: skip
    other_control: str = field("", "Control of that group", paper="A549 mock", advanced=True)
    values: str = field("detect", "The table holds", choices=("detect", "log2", "plain"), advanced=True, help="For the log of means.")
    duplicates: str = field(
        "detect", "Genes given more than once", choices=("detect", "sum", "max_mean"), advanced=True,
        help="sum: added up, as suits counts. max_mean: the row of largest mean. detect: sum for the test, otherwise max_mean.",
    )  # fmt: skip


@method(
    "signature", area="repurposing", label="Disease signature", needs="expression", gives="terminals",
    cite="Belyaeva, Cammarata, Radhakrishnan, Squires, Yang, Shivashankar, Uhler 2021; Love, Huber, Anders 2014",
)  # fmt: skip
def signature(data: Expression, params: SignatureParams, context: Context) -> SignatureResult:
    """Compute fold changes of a disease and select its terminals, those shared with a second condition where there is one.

    Parameters
    ----------
    data : expression or ready fold changes of the disease, and of a second condition or not.

    Returns
    -------
    SignatureResult with ``table``, ``terminals``, ``second``, ``overlap``.

    Raises
    ------
    UserError
        When groups, numbers or names do not allow the recipe; it says which and the way out.

    Notes
    -----
    Terminals are genes selected in both conditions with log2fc * log2fc_second >= 0, their prize is |log2fc| (Belyaeva et al. 2021). The
    published cut, the largest tenth of the coding genes, controls no error; with the negative binomial a gene must pass the false discovery
    rate as well. The overlap of the two selections is tested over the genes measured in both (Fisher, one-sided).
    """
    said = list(data.sentences)
    others = ((params.other_treated, params.other_control), ("", params.other_control)) if params.other_control else ()
    asked = Asked(
        params.recipe, params.treated, params.control, params.share, params.q, params.values, params.duplicates, params.covariates, others,
        params.is_shrunk, params.is_flipped,
    )  # fmt: skip
    has_second = data.second is not None
    disease = condition(data.disease, data.coding, asked, context.share(0.0, 0.5 if has_second else 0.9))
    context.partial("table", disease.table)
    said += disease.sentences
    second = None
    if data.second is not None:
        plain = replace(asked, treated=params.second_treated, control=params.second_control, others=(), is_flipped=False)
        second = condition(data.second, data.coding, plain, context.share(0.5, 0.9))
        said += second.sentences
    terminals, overlap = _shared(disease, second, params.is_same_sign, said)
    if not len(terminals):
        said.append(
            "No gene is a terminal: allow a larger share or false discovery rate, or check that both conditions have the right sign."
        )
    known = known_genes(disease.table, params.known, said)
    facts = disease.facts | ({f"{name}_second": value for name, value in second.facts.items()} if second else {})
    for sentence in said:
        context.warn(sentence)
    return SignatureResult(
        table=disease.table, second=second.table if second else disease.table.iloc[:0], terminals=terminals, known=known, overlap=overlap,
        facts=facts, sentences=tuple(dict.fromkeys(said)),
    )  # fmt: skip


def _shared(disease: Condition, second: Condition | None, is_same_sign: bool, said: list[str]) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the terminals, and how far the selections of two conditions overlap."""
    own = disease.table.assign(key=disease.table["gene"].map(current))
    if second is None:
        chosen = own[own["is_selected"]].assign(log2fc_second=np.nan)
        return _terminals(chosen), {}
    said += match(second.genes, disease.genes, "the second condition", "the disease").sentences
    other = second.table.assign(key=second.table["gene"].map(current)).drop_duplicates("key")
    both = own.drop_duplicates("key").merge(other[["key", "log2fc", "is_selected"]], on="key", suffixes=("", "_second"))
    mine, theirs = both["is_selected"].to_numpy(dtype=bool), both["is_selected_second"].to_numpy(dtype=bool)
    agrees = (both["log2fc"] * both["log2fc_second"] >= 0).to_numpy()
    shared = mine & theirs
    overlap = {
        "genes": float(len(both)), "disease": float(mine.sum()), "second": float(theirs.sum()), "both": float(shared.sum()),
        "same_sign": float((shared & agrees).sum()), "expected": float(mine.sum() * theirs.sum() / max(len(both), 1)),
        "p": overlap_p(len(both), int(mine.sum()), int(theirs.sum()), int(shared.sum())),
    }  # fmt: skip
    return _terminals(both[shared & agrees] if is_same_sign else both[shared]), overlap


def overlap_p(genes: int, first: int, second: int, both: int) -> float:
    """Return the chance that two random selections of such sizes share at least so many genes (Fisher's exact test, one-sided)."""
    from scipy.stats import hypergeom

    return float(hypergeom.sf(both - 1, genes, first, second))


def known_genes(table: pd.DataFrame, known: tuple[str, ...], said: list[str]) -> pd.DataFrame:
    """Return the fold changes of genes known to rise, or of the five of largest change, and say what they tell about the sign."""
    if not known:
        pool = table[table["is_selected"]] if table["is_selected"].any() else table
        rows = pool.loc[pool["log2fc"].abs().sort_values(ascending=False, kind="stable").index[:SHOWN], ["gene", "log2fc"]]
        shown = ", ".join(f"{gene} {change:+.2f}" for gene, change in zip(rows["gene"], rows["log2fc"], strict=True))
        said.append(
            f"The largest changes: {shown} (log2, + rises in disease). Is that the right way round? Otherwise swap treated and control."
        )
        return rows.reset_index(drop=True)
    wanted = {current(name): name for name in symbols(known)}
    rows = table[[current(gene) in wanted for gene in table["gene"]]][["gene", "log2fc"]].reset_index(drop=True)
    falling = int((rows["log2fc"] < 0).sum())
    if not len(rows):
        said.append("None of the genes known to rise is in the table; the sign is not checked.")
    elif 2 * falling > len(rows):
        said.append(
            f"{falling} of {len(rows)} genes known to rise fall here: treated and control seem swapped. Swap them to turn every sign."
        )
    return rows


def _terminals(chosen: pd.DataFrame) -> pd.DataFrame:
    """Return genes with their prize, the largest first."""
    table = chosen[["gene", "log2fc", "log2fc_second"]].copy()
    table.insert(1, "prize", table["log2fc"].abs())
    return table.sort_values(["prize", "gene"], ascending=[False, True], kind="stable").reset_index(drop=True)
