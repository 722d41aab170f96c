"""What every area's benchmark shares: rows and their table, CPU time, and peers in their own environment."""

from benchmarks.harness.peers import PeerFailed, call_peer
from benchmarks.harness.rows import Row, table
from benchmarks.harness.timing import cpu_seconds

__all__ = ["PeerFailed", "Row", "call_peer", "cpu_seconds", "table"]
