"""Causal discovery: methods that learn a graph."""
