"""The command line: ``python -m benchmarks AREA [--quick] [--only TEXT] [--json FILE]``."""

import argparse
import importlib
import json
import os
import pkgutil
import sys
from pathlib import Path

import benchmarks

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")


def areas() -> list[str]:
    """Name the areas: every module of this package but this one."""
    return [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.ispkg and module.name != "__main__"]


def main(arguments: list[str] | None = None) -> int:
    """Run one area, print each row of its table as soon as it is there, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare the product with its peers, one run, one thread.")
    parser.add_argument("area", choices=areas())
    parser.add_argument("--quick", action="store_true", help="only the small workloads")
    parser.add_argument("--only", default="", metavar="TEXT", help="only workloads whose name contains this text")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows here, after each of them")
    given = parser.parse_args(arguments)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # before the area imports NumPy

    from benchmarks.harness import CLOSING, header, line, only, wanted

    only(given.only)
    print(header(), flush=True)
    rows = []
    for row in importlib.import_module(f"benchmarks.{given.area}").run(given.quick):
        if not wanted(row.workload):
            continue
        print(line(row), flush=True)
        rows.append(row.to_dict())
        if given.json:
            _keep(given.json, json.dumps(rows, indent=1))
    print(CLOSING if rows else f"No workload of {given.area} has a name with '{given.only}' in it.")
    return 0


def _keep(file: Path, text: str) -> None:
    """Replace a file as a whole, so that a run that is stopped leaves all rows that it had."""
    half = file.with_name(f"{file.name}.part")
    half.write_text(text)
    half.replace(file)


if __name__ == "__main__":
    sys.exit(main())
