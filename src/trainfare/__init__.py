"""Trainfare: what every AI training run costs, live and billed."""
