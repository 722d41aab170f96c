"""Files in, datasets out: reading, checking, repairing, simulating."""
