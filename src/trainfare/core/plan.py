"""Plans: how much work a training says that it has before it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What one segment says there is to do; None where nobody said."""

    steps: int | None = None
    """Of the whole training, whichever attempt makes them."""
    epochs: int | None = None
    """Of the whole training: one more than the number of the last."""
    samples: int | None = None
    tokens: int | None = None
    """Of the whole training, all its processes together."""
    epoch_steps: int | None = None
    """How many steps the loader of one epoch holds."""
    loop_steps: int | None = None
    """How many steps this segment has made when its only loop outside epochs ends."""


NO_PLAN = Plan()
"""Nobody said anything."""
