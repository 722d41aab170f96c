"""The command line: ``python -m engine methods`` and ``python -m engine run METHOD DATA --flag value --out FOLDER``."""

import argparse
import sys
from pathlib import Path
from typing import Any

from engine import api, catalogue
from engine.core import Context, Dataset, Tables, UserError, specs
from engine.data import with_targets
from engine.jobs.keys import key_of


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 a mistake the user can mend."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m engine", description="Causeway without the browser.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("methods", help="list the methods")
    runner = commands.add_parser("run", help="run a method on a file")
    runner.add_argument("method", help="name of the method")
    known, _ = parser.parse_known_args(arguments)
    try:
        if known.command == "methods":
            print(api.methods()[["area", "label", "needs", "gives", "citation"]].to_string())
        else:
            _run(known.method, parser, runner, arguments)
    except UserError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _run(name: str, parser: argparse.ArgumentParser, runner: argparse.ArgumentParser, arguments: list[str]) -> None:
    method = catalogue.find(name)
    runner.add_argument(
        "data", nargs="+",
        help="a file, the name of a sample, or files as name=path: one per regime, or one per table as in prices=a.csv factors=b.csv",
    )  # fmt: skip
    runner.add_argument(
        "--targets", action="append", default=[], help="variables intervened on in a regime, as regime=A,B; repeat per regime"
    )
    runner.add_argument("--out", help="folder for the result")
    runner.add_argument("--quiet", action="store_true", help="no progress on the error stream")
    for spec in specs(method.params):
        limits = f" [{spec.low:g} to {spec.high:g}]" if spec.low is not None and spec.high is not None else ""
        names = dict.fromkeys((f"--{spec.name}", f"--{spec.name.replace('_', '-')}"))
        runner.add_argument(*names, dest=spec.name, help=f"{spec.label}{limits}, default {spec.default}".replace("%", "%%"))
    given = parser.parse_args(arguments)
    texts = {spec.name: (spec, getattr(given, spec.name)) for spec in specs(method.params)}
    params = method.params.from_dict({key: spec.parse(text) for key, (spec, text) in texts.items() if text is not None})
    data = _load(given.data, given.targets, method.needs)
    kept = Path(f"{given.out}.{key_of(method, params, data.digest)}.part") if given.out else None  # what is done if this run is killed
    context = Context(params.seed, on_progress=None if given.quiet else _show, kept=kept)
    result = api.execute(method, data, params, context)
    for label, value in result.summary():
        print(f"{label}: {value}")
    for warning in context.warnings:
        print(f"Note: {warning}")
    print(f"Digest: {result.digest}")
    if given.out:
        result.to_dir(given.out)
    context.kept.clear()


def _load(places: list[str], targets: list[str], needs: str) -> Any:
    known = {regime: names.split(",") for regime, _, names in (text.partition("=") for text in targets)}
    if len(places) == 1 and (needs in catalogue.TEXTS or "=" not in places[0]):  # a double bond is no name
        data = api.load_data(places[0], needs)
        return with_targets(data, targets=known) if known else data
    tables = {}
    for place in places:
        name, equals, path = place.partition("=")
        if not equals:
            raise UserError(f"Several files need names, but '{place}' has none.", "Write them as obs=first.csv other=second.csv.", place)
        tables[name] = api.load_part(name, path) if needs in catalogue.SEVERAL else api.load_data(path)
    return (
        Tables(tables) if needs in catalogue.SEVERAL else Dataset.from_frames({name: table.frame for name, table in tables.items()}, known)
    )


def _show(fraction: float, note: str) -> None:
    print(f"{fraction:4.0%} {note}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
