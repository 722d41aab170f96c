"""Molecules and cell images: a conditional wavelet flow, its training data, and how far to believe it."""
