"""Mixtures: samples from several populations, each with a DAG of its own, whose label is hidden."""
