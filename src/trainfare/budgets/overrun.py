"""Overruns: how many times its expected cost a run may spend before somebody should look.

A training's spend is bursty, so its sum over a day says little; the run itself does, against what
was expected of it. The limit is learnt from finished runs as a conformal quantile of

    actual cost / expected cost

so that, where the future is like the past, at most :data:`FALSE_PER_MONTH` runs a month are told of
that are merely long. Where there are too few runs for that quantile, the largest ratio there was is
stretched. Above :data:`LIMIT_MOST` times what was expected a run is always told of.

Source: V. Vovk and others, "Algorithmic Learning in a Random World" (2005), split conformal
prediction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FALSE_PER_MONTH = 0.5
"""So many runs a month may be told of though nothing is wrong with them."""

LIMIT_MOST = 2.0
"""Twice what was expected is worth a look, however wide the past is or if there is none: a past
holds overruns too, and a limit that grows with them would soon let all of them through."""

LIMIT_LEAST = 1.25
"""A quarter over what was expected is nobody's anomaly."""

STRETCH = 1.1
"""On the largest ratio of a past that is too short to hold the quantile."""

PAST_MIN = 20
"""So few ratios say nothing of a tail."""


@dataclass(frozen=True, slots=True)
class Past:
    """How far finished runs were off."""

    ratios: tuple[float, ...] = ()
    """Actual cost out of expected cost."""
    runs_per_month: float = 0.0


def overrun_limit(past: Past) -> float:
    """The ratio of actual to expected cost above which a run is told of.

    >>> overrun_limit(Past())
    2.0
    >>> calm = Past(tuple(1 + n / 1000 for n in range(400)), runs_per_month=100)
    >>> 1.39 < overrun_limit(calm) < 1.40
    True
    """
    count = len(past.ratios)
    if count < PAST_MIN:
        return LIMIT_MOST
    ordered = sorted(past.ratios)
    allowed = FALSE_PER_MONTH / max(past.runs_per_month, FALSE_PER_MONTH)
    rank = max(1, math.ceil((count + 1) * (1 - allowed)))
    limit = ordered[rank - 1] if rank <= count else ordered[-1] * STRETCH
    return min(LIMIT_MOST, max(LIMIT_LEAST, limit))
