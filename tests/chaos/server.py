"""The smallest server: it owns the job runner and does nothing else. ``python -m tests.chaos.server``."""

import time

from engine.jobs import shared

if __name__ == "__main__":
    shared()
    while True:
        time.sleep(3600)
