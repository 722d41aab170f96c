"""Tests of conditional independence, and the trace of what they were asked."""

from engine.independence.base import IndependenceTest
from engine.independence.choose import test_for
from engine.independence.discrete import GSquared
from engine.independence.gaussian import FisherZ
from engine.independence.hsic import Hsic
from engine.independence.interventional import InterventionalOracle, InterventionalTests, interventional_for
from engine.independence.kernel import Kci, KernelFeatures
from engine.independence.oracle import Oracle
from engine.independence.rank import Rank
from engine.independence.replay import Replay
from engine.independence.trace import Trace

__all__ = [
    "FisherZ", "GSquared", "Hsic", "IndependenceTest", "InterventionalOracle", "InterventionalTests", "Kci", "KernelFeatures",
    "Oracle", "Rank", "Replay", "Trace", "interventional_for", "test_for",
]  # fmt: skip
