"""The disease interactome: the cheapest part of a protein network that joins the genes of a disease, and what of it is robust."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Context, Params, UserError, field, method
from engine.repurposing.steiner.inputs import InteractomeInput
from engine.repurposing.steiner.nulls import NullNetworks, null_networks
from engine.repurposing.steiner.pcst import Forest, WeightedGraph
from engine.repurposing.steiner.result import InteractomeResult
from engine.repurposing.steiner.surface import (
    HUB_CURVE,
    PARTNER_CURVE,
    PRIZE_CURVE,
    Sweep,
    hub_curve,
    n_pieces,
    partner_curve,
    prize_curve,
    saturated_b,
    surface_of,
    sweep_of,
    with_partners,
)

SWEPT = 0.4  # share of the progress bar before random diseases


@dataclass(frozen=True)
class InteractomeParams(Params):
    """Prices of the forest, and what else is worked out."""

    w: float = field(
        1.4, "Price of a tree", low=1e-6, high=1_000.0, step=0.1, paper=1.4, help="Small: the network falls apart. Large: one tree."
    )
    b: float = field(40.0, "Scale of the prizes", low=1e-6, high=1e6, step=5.0, paper=40.0, help="Small: genes of low prize are left out.")
    g: float | None = field(
        0.0, "Hub penalty", low=-10.0, high=10.0, step=0.5, paper=0.0, absent="no penalty",
        help="10^g times how likely chance joins the two proteins is added to each cost. 0 hardly counts, 2 avoids hubs.",
    )  # fmt: skip
    partner_prize: float = field(
        0.0, "Prize of partners", low=0.0, high=1_000.0, step=1e-4, advanced=True,
        help="For proteins that bind those of the virus or disease and are no terminals.",
    )  # fmt: skip
    surface: bool = field(True, "Sweep the prices", help="How far the network depends on w, b and g.")
    nulls: int = field(
        0, "Random diseases", low=0, high=10_000, step=100,
        help="Networks of as many random genes, each of like degree: which proteins any disease would need.",
    )  # fmt: skip
    weights: str = field(
        "detect", "Numbers of the network", choices=("detect", "cost", "confidence"), advanced=True,
        help="A high cost is a doubtful edge, a high confidence a sure one.",
    )  # fmt: skip


@method(
    "interactome", area="repurposing", label="Disease interactome", needs="interactome", gives="network",
    cite="Goemans, Williamson 1995; Hegde, Indyk, Schmidt 2014; Belyaeva et al. 2021",
)  # fmt: skip
def interactome(data: InteractomeInput, params: InteractomeParams, context: Context) -> InteractomeResult:
    """Join the genes of a disease by the cheapest part of a protein network, leaving out those that cost more than they are worth.

    Parameters
    ----------
    data : prizes of P proteins and the network among them, with costs; see `engine.repurposing.steiner.inputs`.

    Returns
    -------
    InteractomeResult with ``proteins``, ``tree``, ``edges`` (all edges among the proteins), ``surface`` (every different forest over w)
    and how often forests of random diseases hold each protein, where asked for.

    Raises
    ------
    UserError
        When no tree is worth its price.

    Notes
    -----
    The prize-collecting Steiner forest F that makes sum of b * prize left out + sum of costs in F + w * number of trees small, by the
    rooted growth of Goemans and Williamson with strong pruning. With degrees d, the cost of edge uv is
    cost(uv) + 10^g d_u d_v / ((P - d_u - 1)(P - d_v - 1) + d_u d_v). Terminals are in the interactome by construction; of the others, look
    at ``in_null`` before believing in them.
    """
    for note in data.notes:
        context.warn(note)
    network, graph = data.network, data.network.graph(params.g)
    prizes = with_partners(data.prizes, data.partners, params.partner_prize)
    context.progress(0.02, f"forest of {network.n:,} proteins")
    forest = graph.forest(params.b * prizes, params.w)
    if not forest.nodes.any():
        raise UserError(f"No tree is worth its price of w = {params.w:g}.", "Take a larger scale of the prizes (b), or a smaller w.", "b")
    sweep = sweep_of(graph, data.prizes)
    proteins, surface = _proteins(data, forest, sweep), surface_of(network, sweep, data.partners)
    context.partial("proteins", lambda: proteins)
    context.partial("surface", lambda: surface)
    facts = _facts(data, params, graph, forest, prizes, sweep)
    _warn(data, params, facts, sweep, context)
    by_hub, by_prize, by_partner = (pd.DataFrame(columns=list(names), dtype=float) for names in (HUB_CURVE, PRIZE_CURVE, PARTNER_CURVE))
    if params.surface:
        context.progress(0.1, "hub penalties")
        by_hub, robustness = hub_curve(network, data.prizes, params.w, params.b, forest.nodes)
        proteins["robustness"] = robustness[forest.nodes]
        by_prize = prize_curve(graph, data.prizes, params.w, context.share(0.2, 0.35))
    if params.surface and data.partners.any():
        context.progress(0.35, "prizes of partners")
        by_partner = partner_curve(network, graph, data.prizes, data.partners, params.w, params.b)
    sizes: list[int] = []
    if params.nulls:
        part = context.share(SWEPT, 1.0)
        nulls = null_networks(
            network, prizes, n=params.nulls, w=params.w, b=params.b, g=params.g, seed=params.seed, threads=context.threads,
            progress=part.progress,
        )  # fmt: skip
        proteins, sizes = _with_nulls(proteins, nulls, forest.nodes), nulls.sizes.tolist()
    return InteractomeResult(
        proteins=_with_facts(proteins, data.facts), tree=network.edges(forest.edges), edges=network.within(forest.nodes), surface=surface,
        prize_curve=by_prize, hub_curve=by_hub, partner_curve=by_partner, null_sizes=sizes, facts=facts,
    )  # fmt: skip


def _proteins(data: InteractomeInput, forest: Forest, sweep: Sweep) -> pd.DataFrame:
    """Return a row per protein of the forest."""
    network, chosen = data.network, np.flatnonzero(forest.nodes)
    inside = network.ends[forest.nodes[network.ends].all(axis=1)]
    return pd.DataFrame(
        {
            "protein": [network.proteins[i] for i in chosen], "prize": data.prizes[chosen], "is_terminal": data.prizes[chosen] > 0,
            "is_partner": data.partners[chosen], "degree": np.bincount(inside.ravel(), minlength=network.n)[chosen],
            "degree_network": network.degrees[chosen], "enters_w": sweep.enters[chosen], "robustness": np.nan,
        }
    )  # fmt: skip


def _facts(
    data: InteractomeInput, params: InteractomeParams, graph: WeightedGraph, forest: Forest, prizes: NDArray[np.float64], sweep: Sweep
) -> dict[str, float]:
    """Return the figures of the forest."""
    network, chosen = data.network, forest.nodes
    loops = int(chosen[network.loops].sum())
    return {
        "objective": graph.objective(forest, params.b * prizes, params.w), "trees": forest.n_trees,
        "pieces": n_pieces(network.ends, chosen),
        "terminals": int((chosen & (data.prizes > 0)).sum()), "terminals_given": int((data.prizes > 0).sum()),
        "partners": int((chosen & data.partners).sum()), "links": int(chosen[network.ends].all(axis=1).sum()) + loops, "loops": loops,
        "flat_from": sweep.flat_from, "saturated_b": saturated_b(data.prizes, params.w),
    }  # fmt: skip


def _warn(data: InteractomeInput, params: InteractomeParams, facts: dict[str, float], sweep: Sweep, context: Context) -> None:
    """Say where the prices have no effect, and where they tear the network apart."""
    if facts["trees"] > 1:
        apart = len(np.unique(data.network.pieces()[data.prizes > 0]))
        cause = f"; the network itself keeps them in {apart:,} pieces" if apart > 1 else ""
        context.warn(
            f"The interactome is in {facts['trees']:,.0f} trees at w = {params.w:g}; from w = {sweep.flat_from:.4g} on nothing joins any "
            f"more{cause}."
        )
    elif params.w > sweep.flat_from and len(sweep.joins):
        low, high = sweep.widest()
        context.warn(
            f"From w = {sweep.flat_from:.4g} on the interactome is the same, so w = {params.w:g} has no effect. Below that, the widest "
            f"range without a change is {low:.3g} to {high:.3g}."
        )
    if params.b >= facts["saturated_b"] and not params.partner_prize:
        context.warn(
            f"Every terminal is in the interactome: from b = {facts['saturated_b']:.3g} on a larger scale of the prizes changes nothing."
        )
    left_out = facts["terminals_given"] - facts["terminals"]
    if left_out:
        context.warn(f"{left_out:,.0f} terminals are left out since joining them costs more than their prizes; a larger b takes them in.")


def _with_nulls(proteins: pd.DataFrame, nulls: NullNetworks, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    """Add how often random diseases hold each protein, with Wilson's 95 % interval, and the p-value of its presence."""
    from scipy.stats import norm

    share, n, z = nulls.frequency[chosen], len(nulls.members), float(norm.ppf(0.975))
    middle, half = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return proteins.assign(
        in_null=share, in_null_low=np.maximum((middle - half) / scale, 0.0), in_null_high=np.minimum((middle + half) / scale, 1.0),
        p=nulls.p_values[chosen],
    )  # fmt: skip


def _with_facts(proteins: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Add what else the table of prizes says of a terminal."""
    more = facts.drop(columns=[column for column in facts.columns if column != "protein" and column in proteins.columns])
    return proteins.merge(more, on="protein", how="left")
