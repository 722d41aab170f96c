"""From the user's tables to what an interactome is made of: prizes of genes, a network, and the partners of the disease's proteins."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.core import Tables, UserError
from engine.repurposing.columns import GENE, column_of
from engine.repurposing.expression.identifiers import findings, match, symbols
from engine.repurposing.parts import refuse_strange
from engine.repurposing.prizes import WHERE, prizes_in
from engine.repurposing.steiner.network import Network, network_of

PARTS = ("prizes", "network", "partners")
MOST_TERMINALS = 2_000
ADVISED = 500  # terminals, where there are too many


@dataclass(frozen=True, eq=False)
class InteractomeInput:
    """What `engine.repurposing.interactome` is given.

    Attributes
    ----------
    network : P proteins.
    prizes : (P,) prize of each protein, 0 for those that are no terminal.
    partners : (P,) whether a protein binds one of the virus or disease.
    facts : one row per terminal of the network: ``protein``, then what else the table of prizes holds.
    name, digest : of the user's tables.
    notes : what was found and done while reading.
    """

    network: Network
    prizes: NDArray[np.float64]
    partners: NDArray[np.bool_]
    facts: pd.DataFrame
    name: str
    digest: str
    notes: tuple[str, ...]


def interactome_for(data: Any, params: Any) -> InteractomeInput:
    """Read ``prizes`` (gene, prize), ``network`` (protein1, protein2, cost) and, where given, ``partners`` (gene).

    Parameters
    ----------
    params : ``weights`` says what the numbers of the network mean.

    Raises
    ------
    UserError
        When a part is missing or unknown, a column is missing, a prize is negative or no number, fewer than half of the terminals are in
        the network, or there are more than 2,000 of them.
    """
    if not isinstance(data, Tables):
        raise UserError("An interactome needs two tables.", "Give prizes (gene, prize) and network (protein1, protein2, cost).", "network")
    refuse_strange(data, PARTS)
    for part, columns in (("prizes", "gene, prize"), ("network", "protein1, protein2, cost")):
        if data.get(part) is None:
            raise UserError(f"There is no table of {part}.", f"Name it {part}; its columns are {columns}.", part)
    network, notes = network_of(data["network"].frame, params.weights)
    facts, more = _terminals(data["prizes"].frame, network)
    prizes = np.zeros(network.n)
    prizes[network.numbers(facts["protein"])] = facts["prize"]
    bound, last = _partners(data, network)
    return InteractomeInput(network, prizes, bound, facts.drop(columns="prize"), data.name, data.digest, (*notes, *more, *last))


def _terminals(frame: pd.DataFrame, network: Network) -> tuple[pd.DataFrame, list[str]]:
    """Return ``protein``, ``prize`` and the other columns, one row per terminal that is in the network, and what was found."""
    table = prizes_in(frame)
    said = list(findings(table["gene"].mask(table["gene"] == ""), WHERE))
    if (table["prize"] == 0).any():
        said.append(f"{(table['prize'] == 0).sum():,} genes have a prize of 0 and are no terminals.")
    table = table[(table["prize"] > 0) & (table["gene"] != "")].sort_values("prize", ascending=False, kind="stable")
    if table.empty:
        raise UserError("No gene has a prize above 0.", "Give the genes of the disease with their prizes.", "prizes")
    found = match(table["gene"], network.proteins, "the prizes", "the network")
    said += found.sentences
    table.insert(0, "protein", table["gene"].map(found.matched))
    table = table.dropna(subset="protein").drop_duplicates("protein")
    if len(table) > MOST_TERMINALS:
        raise UserError(
            f"There are {len(table):,} terminals: with more than {MOST_TERMINALS:,} the forest is the network itself.",
            f"Keep the {ADVISED} genes of largest prize.",
            "prizes",
        )
    return table.drop(columns="gene").reset_index(drop=True), said


def _partners(data: Tables, network: Network) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which proteins are partners; a partner outside the network is of no use and is only said."""
    bound, part = np.zeros(network.n, dtype=bool), data.get("partners")
    if part is None:
        return bound, []
    names = symbols(part.frame[column_of(part.frame, GENE, "gene", "the partners", "partners")])
    found = match(names, network.proteins, "the partners", "the network")
    bound[network.numbers(found.matched.values())] = True
    return bound, list(found.sentences)
