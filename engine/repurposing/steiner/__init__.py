"""The interactome: the cheapest part of a protein network that joins the genes of a disease, and how little or much that means."""
