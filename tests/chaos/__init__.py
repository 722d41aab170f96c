"""Random kills, crashes, cancels and reloads: every job must end in a true state, none twice, none half."""
