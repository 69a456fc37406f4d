"""Runs: one unlearning on the clock, grids of them, declared searches, and their records."""
