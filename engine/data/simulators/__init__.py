"""Simulators: data from models whose truth is known."""
