"""Stage 6: the table of drugs and targets with all their evidence, and how much of it random diseases would show as well."""
