"""Tests of conditional independence, and the trace of what they were asked."""

from engine.independence.base import IndependenceTest
from engine.independence.gaussian import FisherZ
from engine.independence.oracle import Oracle
from engine.independence.trace import Trace

__all__ = ["FisherZ", "IndependenceTest", "Oracle", "Trace"]
