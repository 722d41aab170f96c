"""The released configuration of Mol2Image, rebuilt from its description to time it: random weights, the molecule a vector."""
