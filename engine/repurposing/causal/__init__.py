"""Which genes stand upstream: a stable partly directed network of the genes of an interactome, learned from single cells."""
