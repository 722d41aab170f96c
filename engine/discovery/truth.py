"""The truth known for some data: where it stands, how a user brings it, and how much of it a run can find."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from engine.core import Dataset, UserError
from engine.core.nearest import nearest, plain
from engine.discovery.interventional import InterventionalResult
from engine.discovery.result import GraphResult
from engine.graphs import FORMS, Graph, cpdag_of, interventional_cpdag_of, mag_of, pag_of, read
from engine.graphs.graph import plainest_kind

UNNAMED = "the truth known for these data"
FILES = (".csv", ".txt", ".tsv", ".json", ".dot", ".gv", ".graphml", ".xml", ".dagitty")


def truths(dataset: Dataset) -> dict[str, Graph]:
    """Return the graphs that are known, or said, to be true of a dataset, by name; those of other variables are left out."""
    known = dataset.truth
    if "graph" not in known:
        return {}
    forms = {str(known.get("name", UNNAMED)): known["graph"]} | dict(known.get("alternatives", {}))
    graphs = {name: Graph.from_dict(form) for name, form in forms.items()}
    return {name: among(graph, dataset.columns) for name, graph in graphs.items() if set(dataset.columns) <= set(graph.nodes)}


def visible(truth: Graph, result: GraphResult, dataset: Dataset) -> Graph:
    """Return the graph that a perfect run of this kind would find.

    Parameters
    ----------
    truth : over the variables of the result.
    dataset : whose true targets, or else those it was told, decide which arrows interventions reveal.

    Notes
    -----
    Of a DAG the CPDAG, the interventional CPDAG or the PAG; of a MAG the PAG. Anything else, such as a consensus with a cycle, stays as
    it is.
    """
    hidden = result.graph.kind == "pag"
    if truth.kind == "dag" and isinstance(result, InterventionalResult):
        told = dataset.truth.get("targets") or dataset.targets
        return interventional_cpdag_of(truth, {regime: goal for regime, goal in told.items() if goal})
    if truth.kind == "dag":
        return pag_of(mag_of(truth)) if hidden else cpdag_of(truth)
    return pag_of(truth) if truth.kind == "mag" and hidden else truth


def among(truth: Graph, variables: Iterable[str]) -> Graph:
    """Return what holds of some of the variables: the others are unmeasured, as common causes or steps in between."""
    kept = tuple(variables)
    hidden = set(truth.nodes) - set(kept)
    if hidden and truth.kind == "dag":
        truth = mag_of(truth, sorted(hidden))
    part = truth.subgraph(kept)
    only_arrows = truth.kind == "mag" and not part.bidirected.any()
    return Graph(part.nodes, part.marks, "dag") if only_arrows and plainest_kind(part.marks) == "dag" else part


def read_truth(content: bytes, filename: str, form: str | None = None) -> Graph:
    """Read a graph from a file that a user brings.

    Parameters
    ----------
    form : one of `engine.graphs.FORMS`; if not given, those that go with the file's ending are tried, then all others.

    Raises
    ------
    UserError
        When no form fits; the message is that of the likeliest form.
    """
    from engine.data import text
    from engine.data.safety import opened

    content, filename = opened(content, filename, allowed=FILES)
    decoded, _ = text.decode(content, None, filename)
    ending = filename.rpartition(".")[2].lower()
    likely = [name for name in ("edges", *FORMS) if FORMS[name].extension == ending]
    tried = [form] if form else list(dict.fromkeys([*likely, *FORMS]))
    first: UserError | None = None
    for name in tried:
        try:
            return read(decoded, name)
        except UserError as problem:
            first = first or problem
    assert first is not None
    raise UserError(f"{filename} is not read as a graph. {first.message}", first.fix or "Write one edge per line.", filename)


def matches(names: Iterable[str], variables: Iterable[str]) -> dict[str, str | None]:
    """Say which variable each name of a file means: the same but for capitals and signs, else the most alike, else None.

    No variable is given to two names.
    """
    names, free = list(names), list(variables)
    found: dict[str, str | None] = dict.fromkeys(names)
    for likest in (_same, _same_letters, _nearest):
        for name in names:
            if found[name] is None and (variable := likest(name, free)) is not None:
                found[name] = variable
                free.remove(variable)
    return found


def with_truth(dataset: Dataset, graph: Graph, name: str, means: Mapping[str, str | None]) -> Dataset:
    """Return the dataset with a graph that is said to be true of it, beside what is known already.

    Parameters
    ----------
    graph : with the names of its own file.
    means : which variable each of its nodes is; a node that is none of them counts as unmeasured. Variables that the graph does not name
        have no edges.

    Raises
    ------
    UserError
        When no node is a variable, or two are the same one.
    """
    measured = [node for node in graph.nodes if means.get(node)]
    variables = [str(means[node]) for node in measured]
    if not measured:
        raise UserError(f"{name} names none of the variables of {dataset.name}.", "Say which variable each of its names is.", name)
    doubled = next((variable for variable in variables if variables.count(variable) > 1), None)
    if doubled:
        raise UserError(f"Two names of {name} stand for {doubled}.", "Choose another variable for one of them.", doubled)
    part = among(graph, measured)
    place = [dataset.columns.index(variable) for variable in variables]
    marks = np.zeros((dataset.p, dataset.p), np.uint8)
    marks[np.ix_(place, place)] = part.marks
    form = Graph(dataset.columns, marks, part.kind).to_dict()
    known = dict(dataset.truth)
    if "graph" in known:
        known["alternatives"] = {**known.get("alternatives", {}), name: form}
    else:
        known |= {"graph": form, "name": name}
    return dataclasses.replace(dataset, truth=known)


def _same(name: str, free: list[str]) -> str | None:
    return name if name in free else None


def _same_letters(name: str, free: list[str]) -> str | None:
    return next((variable for variable in free if plain(variable) == plain(name)), None)


def _nearest(name: str, free: list[str]) -> str | None:
    inside = (variable for variable in reversed(free) if len(plain(variable)) > 2 and plain(variable) in plain(name))
    return nearest(name, free) or next(inside, None)
