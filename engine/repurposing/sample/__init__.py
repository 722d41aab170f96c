"""A simulated disease with planted causes and drugs, so that the precision of a ranking is known."""

from engine.repurposing.sample.planted import PARTS, SimulatedDisease, part, planted, precision_at, pure_null

__all__ = ["PARTS", "SimulatedDisease", "part", "planted", "precision_at", "pure_null"]
