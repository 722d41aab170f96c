"""Expression: names of genes, differential expression, and what is said of an upload."""
