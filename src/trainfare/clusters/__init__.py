"""Readers of who used what: Slurm, DCGM, OpenCost, managed jobs."""
