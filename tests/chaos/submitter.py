"""A second process that hands in runs: one JSON order per line in, one key per line out. ``python -m tests.chaos.submitter``."""

import json
import sys

from engine.core import Dataset, UserError
from engine.jobs import Runner
from engine.jobs.folders import var
from tests.engine.jobs.toys import ToyParams

if __name__ == "__main__":
    runner = Runner(var())
    for line in sys.stdin:
        order = json.loads(line)
        try:
            key = runner.submit("toy", Dataset.from_dir(order["data"]), ToyParams.from_dict(order["params"])).key
        except UserError as problem:
            key = f"refused: {problem}"
        sys.stdout.write(f"{key}\n")
        sys.stdout.flush()
