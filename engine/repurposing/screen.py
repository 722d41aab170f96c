"""Method screen: which drugs of a screen move genes the other way than a disease, and how far that can be trusted."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, Params, UserError, field, method
from engine.repurposing.columns import flags
from engine.repurposing.screens import chance, connectivity, imputation
from engine.repurposing.screens.agreement import line_agreement
from engine.repurposing.screens.autoencoder import Autoencoder, train
from engine.repurposing.screens.design import DOSES, Design, design_of
from engine.repurposing.screens.drug_signatures import DrugSignatures, drug_signatures
from engine.repurposing.screens.inputs import Asked
from engine.repurposing.screens.readings import Floats, Readings, readings_of, scaled
from engine.repurposing.screens.representations import (
    GENES,
    LABELS,
    LEARNED,
    METRIC,
    Linear,
    Representation,
    after_activation,
    embedded,
    principal_components,
    untrained,
    z_scores,
)  # fmt: skip
from engine.repurposing.screens.result import ScreenResult
from engine.repurposing.screens.retrieval import retrieval_table
from engine.repurposing.screens.scoring import DIGITS, Question, drug_table

FEW_COMPONENTS = 20  # shown beside the number asked for
MOST_FITTED = 5_000  # profiles that principal components are found on
MOST_RETRIEVED = 1_500  # profiles that retrieval is measured on, whole compounds
SHUFFLES = 100  # orders of labels that chance of retrieval is measured with
LOOKED_AT = 2_000  # profiles that show whether values are differences


@dataclass(frozen=True)
class ScreenParams(Params):
    """How profiles are written, how drugs are scored, and against what chance."""

    representation: str = field(
        "z_score", "Representation", choices=tuple(LABELS), paper="embedding",
        help="What is compared. The retrieval score shows which one finds replicates on your own screen.",
    )  # fmt: skip
    score: str = field("cosine", "Score", choices=tuple(connectivity.LABELS), paper="cosine", help="High always means reversal.")
    cell: str = field("", "Cell line", paper="A549", help="One cell line of the screen; empty for all.")
    aim: str = field("reverse", "Look for drugs that", choices=("reverse", "mimic"), help="Reverse the disease, or act as it does.")
    doses: str = field("all", "Doses", choices=DOSES, paper="all", help="Average over all doses of a drug, or keep its highest.")
    null: str = field(
        "spectrum", "Chance", choices=tuple(chance.NULLS),
        help="spectrum: as strong along each direction in which genes move together. genes: values dealt to other genes.",
    )  # fmt: skip
    draws: int = field(1_000, "Random signatures", low=0, high=100_000, step=100, help="The least p-value is 1 / (1 + this number).")
    learn: bool = field(
        False, "Train the autoencoder", help="Compare the learned embedding too; always trained where the representation needs it."
    )
    impute: bool = field(False, "Fill in missing cell lines", paper=True, help="Predict signatures of drugs not measured in a cell line.")
    impute_by: str = field(
        "singular_values", "Fill in by", choices=imputation.WAYS, advanced=True,
        help="singular_values: noise is cut off by a hard threshold first.",
    )  # fmt: skip
    components: int = field(100, "Principal components", low=1, high=2_000, step=10, advanced=True)
    list_size: int = field(
        100, "Genes in each list", low=1, high=5_000, step=10, advanced=True, help="Of the weighted Kolmogorov-Smirnov score: most raised, "
        "most lowered.",
    )  # fmt: skip
    resamples: int = field(
        50, "Halves of the genes", low=0, high=1_000, step=10, advanced=True, help="For the interval of each rank; 0 for none."
    )
    width: int = field(1024, "Width of the autoencoder", low=2, high=16_384, step=64, paper=1024, advanced=True)
    epochs: int = field(25, "Epochs", low=1, high=100_000, step=5, advanced=True)
    batch: int = field(64, "Profiles in a batch", low=2, high=8_192, step=32, paper=128, advanced=True)
    most_profiles: int = field(20_000, "Profiles trained on", low=100, high=2_000_000, step=1_000, advanced=True)


@method(
    "screen", area="repurposing", label="Drugs that reverse a signature", needs="screen", gives="drugs",
    cite="Belyaeva et al. 2021; Subramanian et al. 2017; Agarwal, Shah, Shen 2020",
)  # fmt: skip
def screen(asked: Asked, params: ScreenParams, context: Context) -> ScreenResult:
    """Rank the drugs of a screen by how well they reverse a disease, with the chance of each score and a test of the representation.

    Parameters
    ----------
    asked : profiles of drugs and controls, and the disease's log2 fold changes on the genes they share; without them only retrieval,
        counts and agreement are found.

    Returns
    -------
    ScreenResult with ``drugs``, ``signatures``, ``retrieval``, ``agreement``, ``imputation`` and ``losses``.

    Raises
    ------
    UserError
        When the screen names no drugs or has no controls, or the score cannot be taken in the representation.

    Notes
    -----
    A signature is the mean profile of a drug in a cell line less the mean of its controls, in the representation; the score its likeness
    to the disease's, with the sign turned, so that high means reversal (Belyaeva et al. 2021, who use the uncentred cosine). The
    p-value is one-sided (see `engine.repurposing.screens.chance`); q-values are over all drugs and cell lines of the table.
    """
    readings, model, representations = _read(asked, params, context.share(0.0, 0.35))
    retrieval = _retrieval(asked, readings, representations, params, context.share(0.35, 0.5))
    context.partial("retrieval", retrieval)
    signatures, measured, errors = _signatures(readings, representations, params, context.share(0.5, 0.7))
    if params.representation == "embedding":
        context.warn(METRIC)
    drugs = pd.DataFrame()
    if asked.change is not None:
        drugs = _scored(asked, readings, signatures, representations, params, context.share(0.7, 1.0))
    parts = {
        "drugs": drugs, "signatures": measured.groups.drop(columns=["line", "is_imputed", "donors", "contexts", "residual"]),
        "retrieval": retrieval, "agreement": line_agreement(measured.groups, measured.values), "imputation": errors,
        "losses": pd.DataFrame() if model is None else model.losses,
    }  # fmt: skip
    rounded: dict[str, Any] = {name: part.round(DIGITS) for name, part in parts.items()}
    return ScreenResult(**rounded, representation=params.representation, score=params.score, genes=len(readings.genes))


def scored_drugs(asked: Asked, params: ScreenParams, context: Context) -> pd.DataFrame:
    """Return the table ``drugs`` of `screen` without the rest of it, for whoever needs scores only; raises as `screen` does."""
    readings, _, representations = _read(asked, params, context.share(0.0, 0.5))
    signatures, _, _ = _signatures(readings, representations, params, context.share(0.5, 0.7))
    return _scored(asked, readings, signatures, representations, params, context.share(0.7, 1.0)).round(DIGITS)


def _read(asked: Asked, params: ScreenParams, context: Context) -> tuple[Readings, Autoencoder | None, dict[str, Representation]]:
    """Sort the profiles, and find the representations that they are compared in."""
    if params.score == "weighted_ks" and params.representation not in GENES:
        raise UserError(
            f"The weighted Kolmogorov-Smirnov score needs genes, and {LABELS[params.representation]} has none.",
            f"Choose {' or '.join(LABELS[name] for name in GENES)}.", "score",
        )  # fmt: skip
    for sentence in asked.sentences:
        context.warn(sentence)
    design = _design(asked, params)
    readings = readings_of(asked.screen, asked.genes, design, context.share(0.0, 0.28))
    for sentence in (*design.sentences, *readings.sentences):
        context.warn(sentence)
    model = _model(asked, readings, params, context.share(0.28, 0.94))
    return readings, model, _representations(readings, model, params, context.share(0.94, 1.0))


def _signatures(
    readings: Readings, representations: dict[str, Representation], params: ScreenParams, context: Context
) -> tuple[DrugSignatures, DrugSignatures, pd.DataFrame]:
    """Return the signatures that are scored, those of them that were measured, and how far the filled-in ones are off."""
    compared = ("difference", "pca", params.representation, *(["embedding"] if "embedding" in representations else []))
    needed = {name: representations[name] for name in compared}
    measured = drug_signatures(readings, needed, context.share(0.0, 0.5))
    if not params.impute:
        return measured, measured, pd.DataFrame()
    signatures, errors = _imputed(measured, readings, params, context.share(0.5, 1.0))
    return signatures, measured, errors


def _scored(
    asked: Asked,
    readings: Readings,
    signatures: DrugSignatures,
    representations: dict[str, Representation],
    params: ScreenParams,
    context: Context,
) -> pd.DataFrame:
    """Hold the signatures against the disease."""
    drugs = drug_table(readings, signatures, representations, _question(asked, readings, params), context)
    _warn_of_scores(drugs, representations[params.representation], params, context)
    return drugs


def _design(asked: Asked, params: ScreenParams) -> Design:
    """Sort the profiles; a screen without controls whose values have both signs is taken as one of differences."""
    rows = asked.screen.rows
    has_controls = "is_control" in rows and bool(flags(rows["is_control"], "the screen").any())
    step = max(1, len(rows) // LOOKED_AT)
    is_differential = not has_controls and bool(np.nanmin(asked.screen.block(np.arange(0, len(rows), step), asked.genes)) < 0)
    design = design_of(rows, cell=params.cell, doses=params.doses, is_differential=is_differential)
    if is_differential:
        told = "The screen has no controls and values of both signs: each profile is taken as a difference from controls already."
        return dataclasses.replace(design, sentences=(told, *design.sentences))
    return design


def _model(asked: Asked, readings: Readings, params: ScreenParams, context: Context) -> Autoencoder | None:
    """Train the autoencoder where it is asked for."""
    if not (params.learn or params.representation in LEARNED):
        return None
    rows = np.sort(np.concatenate([readings.treated, readings.controls]))
    if len(rows) > params.most_profiles:
        context.warn(f"The autoencoder was trained on {params.most_profiles:,} of {len(rows):,} profiles, drawn at random.")
        rows = np.sort(np.random.default_rng(params.seed).choice(rows, params.most_profiles, replace=False))
    return train(
        scaled(readings.take(rows)), asked.screen.column("drug")[rows], readings.design.is_control[rows], width=params.width,
        epochs=params.epochs, batch=params.batch, seed=params.seed, context=context,
    )  # fmt: skip


def _representations(readings: Readings, model: Autoencoder | None, params: ScreenParams, context: Context) -> dict[str, Representation]:
    rows = readings.treated
    if len(rows) > MOST_FITTED:
        rows = np.sort(np.random.default_rng(params.seed).choice(rows, MOST_FITTED, replace=False))
    found: dict[str, Representation] = {
        "difference": Linear("difference"), "z_score": z_scores(readings), "pca": principal_components(readings, params.components, rows)
    }  # fmt: skip
    if model is not None:
        found["embedding"] = embedded(readings, model)
        found["embedding_post"] = after_activation(readings, model, context)
    if model is not None or params.representation == "untrained":
        found["untrained"] = untrained(readings, params.width, params.seed)
    return found


def _retrieval(
    asked: Asked, readings: Readings, representations: dict[str, Representation], params: ScreenParams, context: Context
) -> pd.DataFrame:
    """Measure how well each representation finds other profiles of a compound in the same cell line."""
    rows = _replicated(readings, params.seed)
    if not len(rows):
        context.warn("No compound has two profiles in one cell line: representations cannot be compared on this screen.")
        return pd.DataFrame()
    x = readings.take(rows)
    tried: dict[str, tuple[str, Floats]] = {"raw": ("Profiles as they are", x)}
    for name, representation in representations.items():
        values = representation.of_profiles(readings, x, rows)
        if name != "pca":
            tried[name] = (LABELS[name], values)
            continue
        values = values - values.mean(axis=0)  # components are about the mean of the drugs
        for k in sorted({min(FEW_COMPONENTS, values.shape[1]), values.shape[1]}):
            tried[f"pca_{k}"] = (f"{LABELS['pca']}, {k}", values[:, :k])
    _, compound = np.unique(asked.screen.column("drug")[rows].astype(str), return_inverse=True)
    return retrieval_table(tried, compound, readings.design.line[rows], shuffles=SHUFFLES, seed=params.seed, context=context)


def _replicated(readings: Readings, seed: int) -> NDArray[np.int64]:
    """Return the profiles whose compound has two or more in their cell line; of whole groups drawn at random at most `MOST_RETRIEVED`."""
    rows = readings.treated
    group = readings.design.group[rows]
    size = np.bincount(group)
    order = np.random.default_rng(seed).permutation(np.flatnonzero(size >= 2))
    taken = order[np.cumsum(size[order]) <= MOST_RETRIEVED]
    return rows[np.isin(group, taken)]


def _imputed(signatures: DrugSignatures, readings: Readings, params: ScreenParams, context: Context) -> tuple[DrugSignatures, pd.DataFrame]:
    """Return the signatures with the missing ones below them, marked, and how well measured ones are predicted."""
    groups = signatures.groups
    names, drug = np.unique(groups["drug"].to_numpy(str), return_inverse=True)
    measured = imputation.Measured(groups["line"].to_numpy(np.int64), drug, signatures.values["difference"])
    recipes = imputation.recipes_for(measured, params.impute_by, context.share(0.0, 0.5))
    errors = imputation.left_out_error(measured, params.impute_by, params.seed, context.share(0.5, 1.0))
    lines = readings.design.lines
    errors = errors.assign(drug=names[errors["drug"].astype(int)], cell=[lines[k] for k in errors.pop("line").astype(int)])
    if not recipes:
        context.warn("No signature is missing that could be filled in: every drug was measured in every cell line, or none in two.")
        return signatures, errors
    facts = pd.DataFrame(
        {
            "drug": [names[recipe.drug] for recipe in recipes], "cell": [lines[recipe.line] for recipe in recipes],
            "line": [recipe.line for recipe in recipes], "is_imputed": True, "replicates": 0, "plates": 0, "doses": 0, "times": 0,
            "controls": 0, "donors": [len(recipe.donors) for recipe in recipes], "contexts": [len(recipe.contexts) for recipe in recipes],
            "residual": [recipe.residual for recipe in recipes],
        }
    )  # fmt: skip

    def below(values: Floats) -> Floats:
        return np.vstack([values, *(recipe.weights @ values[recipe.donors] for recipe in recipes)])

    if len(errors):
        context.warn(
            f"{len(recipes):,} signatures are imputed, not measured, and marked so. Predicted as if missing, {len(errors):,} measured ones "
            f"agree with what was measured at a median cosine of {errors['cosine'].median():.2f}; the drug's mean over other lines has "
            f"{errors['cosine_drug'].median():.2f}, the line's mean over other drugs {errors['cosine_line'].median():.2f}."
        )
    whole = pd.concat([groups, facts], ignore_index=True)
    return DrugSignatures(
        whole, {name: below(values) for name, values in signatures.inputs.items()},
        {name: below(values) for name, values in signatures.values.items()},
    ), errors  # fmt: skip


def _question(asked: Asked, readings: Readings, params: ScreenParams) -> Question:
    """Return the disease on the genes that are left; a drug that mimics it reverses its opposite."""
    assert asked.change is not None
    sign = -1.0 if params.aim == "mimic" else 1.0
    value = dict(zip(asked.genes, asked.change, strict=True))
    change = sign * np.array([value[gene] for gene in readings.genes])
    return Question(
        change, sign * asked.whole, params.representation, params.score, params.list_size, params.null, params.draws, params.resamples,
        params.seed,
    )  # fmt: skip


def _warn_of_scores(drugs: pd.DataFrame, representation: Representation, params: ScreenParams, context: Context) -> None:
    flat = int(drugs["score"].isna().sum())
    if flat:
        context.warn(f"{flat:,} drug signatures have no direction (all zeros) and no score.")
    if params.resamples and not isinstance(representation, Linear):
        context.warn("After the activation a half of the genes has no embedding of its own: ranks have no interval.")
