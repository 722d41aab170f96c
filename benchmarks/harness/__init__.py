"""What every area's benchmark shares: rows and their table, the choice of workloads, clocks, and peers in their own environment."""

from benchmarks.harness.peers import PeerFailed, call_peer
from benchmarks.harness.rows import CLOSING, Row, header, line
from benchmarks.harness.timing import cpu_seconds, wall_seconds
from benchmarks.harness.wanted import only, wanted

__all__ = ["CLOSING", "PeerFailed", "Row", "call_peer", "cpu_seconds", "header", "line", "only", "wall_seconds", "wanted"]
