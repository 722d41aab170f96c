"""Benchmarks against peers: each module here is an area, ``run(quick)`` gives its rows; run with ``python -m benchmarks AREA``."""
