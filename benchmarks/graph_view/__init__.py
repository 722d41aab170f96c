"""A page to time the graph view on, beside pyvis's own."""
