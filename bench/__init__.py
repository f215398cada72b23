"""Benchmarks: Trainfare beside its peers and its limits, in one run (see README.md here)."""
