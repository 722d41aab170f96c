"""FCI: which marks of the graph hold in whatever way hidden causes are at work."""

from dataclasses import dataclass

from engine.core import Context, field, method
from engine.discovery.latent import LatentParams, PagResult, close, pag_result
from engine.discovery.possible_d_sep import unshielded_colliders, without_d_sep_links
from engine.discovery.result import GraphResult
from engine.discovery.skeleton import Separators, skeleton
from engine.discovery.stability import supported
from engine.independence import IndependenceTest


@dataclass(frozen=True)
class FciParams(LatentParams):
    """Parameters of FCI."""

    every_edge: bool = field(
        False, "Ask every edge beyond its neighbours", advanced=True, paper=True,
        help="As in the first papers. Without, only edges are asked of which earlier tests say that neither end is a cause of the other; "
        "others cannot fall when all tests are true, and dense graphs are learned much sooner.",
    )  # fmt: skip


@method(
    "fci", area="discovery", label="FCI", needs="independence", gives="pag",
    cite="Spirtes, Glymour, Scheines 2000; Zhang 2008; Colombo, Maathuis 2014",
)  # fmt: skip
def fci(test: IndependenceTest, params: FciParams, context: Context) -> GraphResult:
    """Learn the PAG of variables that may have hidden common causes.

    Parameters
    ----------
    test : answers questions about p variables; every answer is recorded in ``test.trace``.

    Returns
    -------
    PagResult with ``graph`` (PAG over p nodes), ``conflicts``, ``is_valid`` and ``trace``.

    Notes
    -----
    First the skeleton of PC: edges fall when some set of neighbours separates their ends. With hidden causes a separating set may hold
    nodes further away. An edge that only such a set takes away has ends of which tests say that neither is a cause of the other (Claassen,
    Mooij and Heskes 2013); each such edge is asked again given sets of possibly d-separating nodes in its biconnected block. Then all marks
    are circles again, unshielded colliders get arrowheads (R0), and rules R1 to R4 and R8 to R10 of Zhang 2008 set the marks that all
    graphs of the class share, with selection bias R5 to R7 too. Edges fall level by level and rules look at the nodes in order of their
    names, so the order of the columns plays no part. Exact under faithfulness; the second search can take long in dense graphs.
    """
    return supported(search, test, params, context)


def search(test: IndependenceTest, params: FciParams, context: Context) -> PagResult:
    """Run FCI once, without resamples."""
    found = Separators(test, params.known(test.nodes))
    adjacent = skeleton(found, params.max_given, context)
    adjacent = without_d_sep_links(adjacent, found, params.max_given, params.every_edge, context)
    found.improve(adjacent, context)
    oriented = unshielded_colliders(adjacent, found)
    close(oriented, found, params, context)
    return pag_result(found, oriented, params, context)
