"""Simulation: a small company's month, made up from a seed, with the known true cost of every run."""
