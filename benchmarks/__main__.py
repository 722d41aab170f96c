"""The command line: ``python -m benchmarks AREA [--quick] [--json FILE]``."""

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
    """Run one area, print its table and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare the product with its peers, one run, one thread.")
    parser.add_argument("area", choices=areas())
    parser.add_argument("--quick", action="store_true", help="only the small workloads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows here")
    given = parser.parse_args(arguments)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # before the area imports NumPy

    from benchmarks.harness import table

    rows = importlib.import_module(f"benchmarks.{given.area}").run(given.quick)
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps([row.to_dict() for row in rows], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
