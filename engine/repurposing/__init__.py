"""Drug repurposing: from the expression of a disease to drugs whose evidence is calibrated."""
