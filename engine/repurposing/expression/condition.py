"""One condition: its fold changes by one of the recipes, and which genes are selected."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, UserError
from engine.repurposing.expression import log_of_means
from engine.repurposing.expression.identifiers import current
from engine.repurposing.expression.inputs import Measured, unique_genes
from engine.repurposing.expression.negative_binomial import compare
from engine.repurposing.expression.samples import design_matrix, two_groups
from engine.repurposing.expression.scale import per_million, refuse_other_than_counts, scale_of

COLUMNS = ("gene", "log2fc", "p", "q", "minus_log10_p", "is_selected")
FEW = 2  # replicates of a group below which the test says little


@dataclass(frozen=True)
class Asked:
    """What is asked of one condition, see `SignatureParams`."""

    recipe: str
    treated: str
    control: str
    share: float
    level: float
    values: str
    duplicates: str
    covariates: tuple[str, ...] = ()
    others: tuple[
        tuple[str, str], ...
    ] = ()  # further comparisons (treated, control) whose genes do not count; "" as treated stands for the own control
    is_shrunk: bool = False
    is_flipped: bool = False


@dataclass(frozen=True, eq=False)
class Condition:
    """Fold changes of one condition.

    Attributes
    ----------
    table : see `SignatureResult.table`.
    genes : symbols of all genes of the user's table, also of those that fell out.
    facts : see `SignatureResult.facts`.
    sentences : what was guessed and left out.
    """

    table: pd.DataFrame
    genes: tuple[str, ...]
    facts: dict[str, Any]
    sentences: list[str] = field(default_factory=list)


def condition(data: Measured | pd.DataFrame, coding: tuple[str, ...], asked: Asked, context: Context) -> Condition:
    """Return the fold changes of one condition and the genes selected.

    Parameters
    ----------
    coding : symbols of protein-coding genes; other genes are left out. Empty: all genes count.

    Raises
    ------
    UserError
        When the groups are not clear, the numbers do not suit the recipe, or the design cannot be tested.
    """
    if isinstance(data, pd.DataFrame):
        return _ready(data, coding, asked)
    treated, control = two_groups(data.design["group"], asked.treated, asked.control, data.where)
    asked = replace(asked, others=tuple((own or control, other) for own, other in asked.others))
    if asked.is_flipped:
        treated, control = control, treated
    facts = {
        "recipe": asked.recipe, "treated": treated, "control": control, "treated_samples": int((data.design["group"] == treated).sum()),
        "control_samples": int((data.design["group"] == control).sum()), "covariates": [], "threshold": 0.0, "filtered_below": 0.0,
    }  # fmt: skip
    said = [f"{data.where}: {treated} ({facts['treated_samples']} samples) over {control} ({facts['control_samples']} samples)."]
    recipe = _tested if asked.recipe == "negative_binomial" else _by_means
    return recipe(data, coding, asked, Condition(pd.DataFrame(), (), facts, said), context)


def _tested(data: Measured, coding: tuple[str, ...], asked: Asked, so_far: Condition, context: Context) -> Condition:
    """Compare two groups of counts by the negative binomial test."""
    facts, said = so_far.facts, so_far.sentences
    used = data.of_groups(facts["treated"], facts["control"])
    refuse_other_than_counts(used.values, used.rows, used.where)
    empty = used.values.columns[(used.values.sum(axis=0) == 0).to_numpy()]
    if len(empty):
        raise UserError(f"Sample {empty[0]} of {used.where} has no counts at all.", "Leave it out of the design.", str(empty[0]))
    fewest = min(facts["treated_samples"], facts["control_samples"])
    if fewest < FEW:
        said.append(f"A group of {data.where} has a single sample: how much samples vary is known from the other group alone.")
    design, covariates = design_matrix(used.design, facts["treated"], asked.covariates, used.where)
    values, twice = _unique(used, "sum" if asked.duplicates == "detect" else asked.duplicates)
    found = compare(values.to_numpy(), tuple(values.index), design, asked.level, context)
    table = found.table
    if asked.is_shrunk:
        table["log2fc_mle"], table["log2fc"] = table["log2fc"], table["log2fc_shrunk"]
    table.insert(4, "minus_log10_p", _minus_log10(table["stat"].to_numpy(), table["p"].to_numpy()))
    silent = int(table["log2fc"].isna().sum())
    if silent:
        said.append(f"{silent:,} genes of {data.where} have no count in these samples and are left out.")
    outliers = int(table["is_outlier"].sum())
    if outliers:
        said.append(f"{outliers:,} genes of {data.where} hang on a single sample (Cook's distance) and get no p-value.")
    table = _coding(table.dropna(subset="log2fc").reset_index(drop=True), coding)
    count = int(asked.share * (len(coding) or len(table)))
    facts |= {"covariates": list(covariates), "filtered_below": found.filtered_below, "count": count}
    change, q = table["log2fc"].to_numpy(), table["q"].to_numpy()
    significant = np.where(q <= asked.level, change, 0.0)
    table["is_selected"] = log_of_means.largest(significant, count) & (significant != 0)
    said += [*twice, f"{(q <= asked.level).sum():,} genes of {data.where} have q <= {asked.level:g}; the largest {count:,} count."]
    return Condition(_ordered(table), tuple(values.index), facts, said)


def _by_means(data: Measured, coding: tuple[str, ...], asked: Asked, so_far: Condition, context: Context) -> Condition:
    """Compare groups by logs of means, as published."""
    facts, said = so_far.facts, so_far.sentences
    pairs = [(facts["treated"], facts["control"])]
    pairs += [two_groups(data.design["group"], own, other, data.where) for own, other in asked.others]
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    used = data.of_groups(*names)
    values, twice = _unique(used, "max_mean" if asked.duplicates == "detect" else asked.duplicates)
    values, is_log2 = _on_a_scale(values, asked.values, data.where, said)
    if (used.design["group"].value_counts() < FEW).any():
        said.append(f"A group of {data.where} has a single sample: fold changes rest on it alone, and nothing is tested.")
    if empty := [str(name) for name, total in used.values.sum(axis=0).items() if total == 0]:
        said.append(f"All values of {', '.join(empty)} in {data.where} are zero; they are averaged with the rest. Leave out such samples.")
    if incomplete := int((~np.isfinite(values.to_numpy())).any(axis=1).sum()):
        said.append(f"{incomplete:,} genes of {data.where} have a missing or infinite value and are left out.")
    groups = {name: used.design.index[used.design["group"] == name].tolist() for name in names}
    context.progress(0.5, "means per group")
    arms = log_of_means.arms(values, groups, is_log2)
    table = pd.DataFrame({"gene": arms.genes, "log2fc": arms.change(*pairs[0])})
    table["log2_treated"], table["log2_control"] = arms.levels[pairs[0][0]], arms.levels[pairs[0][1]]
    for k, pair in enumerate(pairs[1:]):
        table[f"log2fc_other{k + 1}"] = arms.change(*pair)
    table = _coding(table, coding)
    if not len(table):
        raise UserError(f"No gene of {data.where} is expressed in any group.", "Are these values log2(1 + RPKM), or RPKM?", data.where)
    count = int(asked.share * (len(coding) or values.index.nunique()))
    facts["count"] = count
    if len(pairs) > 1:
        others = tuple(table[f"log2fc_other{k + 1}"].to_numpy() for k in range(len(pairs) - 1))
        table["is_selected"], facts["threshold"] = log_of_means.scan(table["log2fc"].to_numpy(), others, count)
    else:
        table["is_selected"] = log_of_means.largest(table["log2fc"].to_numpy(), count)
    said += [
        *twice,
        f"{data.where}: {len(table):,} genes are expressed in a group; the {count:,} largest changes count, nothing is tested.",
    ]
    return Condition(_ordered(table), tuple(values.index), facts, said)


def _ready(data: pd.DataFrame, coding: tuple[str, ...], asked: Asked) -> Condition:
    """Select from fold changes that somebody else computed."""
    table = _coding(data.copy(), coding)
    if asked.is_flipped:
        table["log2fc"] = -table["log2fc"]
    p = table["p"].to_numpy(dtype=float)
    with np.errstate(divide="ignore"):
        table["minus_log10_p"] = np.minimum(-np.log10(p), 330.0)
    count = int(asked.share * (len(coding) or len(table)))
    has_q = bool(table["q"].notna().any())
    change = table["log2fc"].to_numpy()
    counted = np.where(table["q"].to_numpy() <= asked.level, change, 0.0) if has_q else change
    table["is_selected"] = log_of_means.largest(counted, count) & (counted != 0)
    which = f"with q <= {asked.level:g} " if has_q else ""
    facts = {"recipe": "ready", "treated": "", "control": "", "count": count, "threshold": 0.0, "filtered_below": 0.0, "covariates": []}
    said = [f"The fold changes of {len(table):,} genes are ready; the {count:,} largest {which}count."]
    return Condition(_ordered(table), tuple(data["gene"]), facts, said)


def _unique(data: Measured, rule: str) -> tuple[pd.DataFrame, list[str]]:
    """Return one row per gene and a sentence on those that were given more than once."""
    values = unique_genes(data, rule)
    fewer = int((data.values.index != "").sum()) - len(values)
    how = "added up" if rule == "sum" else "represented by the row of largest mean"
    return values, [f"Genes given more than once in {data.where} are {how} ({fewer:,} rows fewer)."] if fewer else []


def _on_a_scale(values: pd.DataFrame, stated: str, where: str, said: list[str]) -> tuple[pd.DataFrame, bool]:
    """Return values for the log of means, and whether they are logs."""
    if not np.isfinite(values.to_numpy()).any():
        raise UserError(f"{where} holds no number.", "Check the file: every sample must have values.", where)
    scale = scale_of(values.to_numpy(), where)
    if stated == "detect":
        said.append(scale.sentence)
        if scale.kind == "signed":
            raise UserError(
                scale.sentence, "Give log2(1 + RPKM) or RPKM; if these are fold changes, give them as a ready signature.", where
            )
    if scale.kind == "counts" and stated == "detect":
        said.append(f"{where} is brought to counts per million, so that samples of different depth compare.")
        return per_million(values), False
    return values, stated == "log2" or (stated == "detect" and scale.kind == "log2")


def _coding(table: pd.DataFrame, coding: tuple[str, ...]) -> pd.DataFrame:
    """Keep protein-coding genes, under their old or new name, where a list of them is given."""
    if not coding:
        return table
    known = {current(name) for name in coding}
    kept = table[[current(name) in known for name in table["gene"]]].reset_index(drop=True)
    if not len(kept):
        first, listed = (", ".join(names[:3]) for names in (list(table["gene"]), list(coding)))
        raise UserError(
            f"No gene is in the list of coding genes: {first} … against {listed} ….", "Use gene symbols in both, or leave the list out.",
            "coding",
        )  # fmt: skip
    return kept


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Put the columns that every recipe has first."""
    for name in COLUMNS:
        if name not in table:
            table[name] = np.nan
    return table[[*COLUMNS, *(name for name in table.columns if name not in COLUMNS)]]


def _minus_log10(stat: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return -log10 of two-sided normal p-values, exact also where p underflows to zero; NaN where p is."""
    from scipy.special import log_ndtr

    return np.where(np.isnan(p), np.nan, -(np.log(2.0) + log_ndtr(-np.abs(stat))) / np.log(10.0))
