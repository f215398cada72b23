"""Departures: where a steady series leaves its usual range, told only as often as its past allows.

For storage, egress and other spend that runs on by itself. Training spend is bursty: there it is
the run that is held against its expectation (:mod:`.overrun`).

At each point, from earlier points alone:

    score = |value − median| / spread       spread = max(1.4826 · MAD, (q95 − q5) / 3.29, 1 % of the median)
    limit = max(3, 1.1 × the 99.5 % quantile of the earlier scores)

The second line is what a fixed threshold lacks: a series that jumps every night is not told of every
night. Both are done for the values and for their means over a short window, because many middling
values in a row are as odd as one large one. A departure lasts until its score is under half of the
limit.

Source: rolling median and MAD as in J. Hochenbaum and others, "Automatic Anomaly Detection in the
Cloud via Statistical Learning" (2017); the quantile is split conformal prediction. How it compares
is measured by ``bench/anomaly.py``.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

SCORE_LEAST = 3.0
QUANTILE = 0.995
STRETCH = 1.1
CLEAR = 0.5
SPREAD_LEAST = 0.01
"""Of the median: a change by less than three times this is nobody's anomaly."""


def departures(values: Sequence[float], *, past: int, scale: int) -> list[bool]:
    """For each value whether the series is out of its usual range there.

    Args:
        values: at even distances, in order of time.
        past: so many earlier values say what is usual; nothing is told before two thirds as many.
        scale: the length of the short window.

    >>> flat = [5.0, 5.1] * 30
    >>> departures([*flat, 9.0], past=30, scale=7)[-2:]
    [False, True]
    """
    sharp = _out_of_range(values, past)
    slow = _out_of_range(list(_means(values, scale)), past)
    return [one or other for one, other in zip(sharp, slow, strict=True)]


def _out_of_range(values: Sequence[float], past: int) -> list[bool]:
    usual, scores = _Window(past), _Window(2 * past)
    found: list[bool] = []
    for value in values:
        if len(usual) * 3 < past:
            usual.add(value)
            found.append(False)
            continue
        score = _score(value, usual)
        limit = max(SCORE_LEAST, scores.quantile(QUANTILE) * STRETCH) if scores else SCORE_LEAST
        is_ready = len(scores) * 3 >= past
        found.append(is_ready and score > (limit * CLEAR if found[-1] else limit))
        usual.add(value)
        scores.add(score)
    return found


def _score(value: float, usual: _Window) -> float:
    median = usual.median()
    mad = statistics.median(abs(one - median) for one in usual)
    wide = (usual.quantile(0.95) - usual.quantile(0.05)) / 3.29
    spread = max(1.4826 * mad, wide, abs(median) * SPREAD_LEAST)
    if spread == 0:
        return 0.0 if value == median else 1e6
    return min(abs(value - median) / spread, 1e6)


def _means(values: Iterable[float], length: int) -> Iterator[float]:
    recent: deque[float] = deque(maxlen=length)
    for value in values:
        recent.append(value)
        yield sum(recent) / len(recent)


class _Window:
    """The latest *length* values, also in order of size."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._recent: deque[float] = deque()
        self._ordered: list[float] = []

    def __len__(self) -> int:
        return len(self._ordered)

    def __iter__(self) -> Iterator[float]:
        return iter(self._ordered)

    def add(self, value: float) -> None:
        self._recent.append(value)
        insort(self._ordered, value)
        if len(self._recent) > self._length:
            del self._ordered[bisect_left(self._ordered, self._recent.popleft())]

    def median(self) -> float:
        half = len(self._ordered) // 2
        return (self._ordered[half] + self._ordered[~half]) / 2

    def quantile(self, share: float) -> float:
        """The value that *share* of them, less than all, are below."""
        return self._ordered[int(share * len(self._ordered))]
