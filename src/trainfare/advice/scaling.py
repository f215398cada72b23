"""Scaling: what more accelerators do to time and money, from runs on different numbers of them.

    t(n) = a + b/n + c·n        hours for a unit of work on n accelerators; a, b, c ≥ 0
    money(n) = p·n·t(n) = p·(a·n + b + c·n²)

a is what does not divide, b what does, c what communication adds. Money grows with n whatever a and
c are, so the cheapest is the fewest that fit; "optimal" needs a stated value of an hour v:
min (p·n + v)·t(n), with c = 0 at n* = √(v·b / (p·a)). Fewer than three different n fit nothing.

Source: non-negative least squares, C. Lawson and R. Hanson, "Solving Least Squares Problems" (1974),
chapter 23; of so few unknowns every set of those that are above 0 is solved, which is exact.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NEEDED = 3
"""Different numbers of accelerators that a fit needs."""

PAIRS = 4
"""With so many different numbers the communication term is fitted too; fewer would just be met."""

POOR_FIT = 0.25
"""A law that misses a run by more than a quarter says nothing of other numbers: our own judgement."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """A fitted law, in hours for the unit of work that it was fitted on."""

    fixed: float
    """a."""
    divided: float
    """b."""
    communication: float
    """c."""
    counts: tuple[int, ...]
    """The numbers of accelerators that were seen."""
    error: float
    """The largest error of the fit over what was seen, relative."""

    def hours(self, count: float) -> float:
        """t(n)."""
        return self.fixed + self.divided / count + self.communication * count

    def efficiency(self, count: int, against: int = 1) -> float:
        """How much of *count* accelerators works, against *against* of them.

        >>> Scaling(1.0, 3.0, 0.0, (1, 2, 4), 0.0).efficiency(3)
        0.6666666666666666
        """
        return against * self.hours(against) / (count * self.hours(count))


def fit_scaling(points: Iterable[tuple[int, float]]) -> Scaling | str:
    """The law nearest to *points* in relative error, or why there is none.

    >>> fit_scaling([(1, 10.0), (2, 6.0)])
    'runs on 2 different numbers of accelerators; a fit needs 3'

    Args:
        points: (accelerators, hours for one unit of work); several of one number count each.
    """
    seen = [(n, t) for n, t in points if n > 0 and t > 0]
    counts = tuple(sorted({n for n, _ in seen}))
    if len(counts) < NEEDED:
        return f"runs on {len(counts)} different numbers of accelerators; a fit needs {NEEDED}"
    terms = 3 if len(counts) >= PAIRS else 2
    rows = [[1 / t, 1 / (n * t), n / t][:terms] for n, t in seen]
    solution = nnls(rows, [1.0] * len(rows))
    a, b, c = [*solution, 0.0][:3]
    fitted = Scaling(a, b, c, counts, 0.0)
    error = max(abs(fitted.hours(n) / t - 1) for n, t in seen)
    return Scaling(a, b, c, counts, error)


def nnls(rows: Sequence[Sequence[float]], target: Sequence[float]) -> list[float]:
    """Non-negative x with the least Σ (rows·x − target)².

    >>> nnls([[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0])
    [2.0, 0.0]
    """
    width = len(rows[0])
    gram = [[sum(row[i] * row[j] for row in rows) for j in range(width)] for i in range(width)]
    right = [sum(row[i] * y for row, y in zip(rows, target, strict=True)) for i in range(width)]
    whole = sum(value * value for value in target)
    best, least = [0.0] * width, whole
    for size in range(1, width + 1):
        for chosen in itertools.combinations(range(width), size):
            part = _solved(gram, right, chosen)
            if part is None or min(part) < 0:
                continue
            full = [0.0] * width
            for index, value in zip(chosen, part, strict=True):
                full[index] = value
            # At the solution of a set, what is left is y·y − x·(rows·y).
            rest = whole - sum(x * r for x, r in zip(full, right, strict=True))
            if rest < least - _SAME * whole:
                best, least = full, rest
    return best


_SAME = 1e-13
"""A larger set that comes nearer by less than rounding is no better."""


def _solved(
    gram: Sequence[Sequence[float]], right: Sequence[float], chosen: Sequence[int]
) -> list[float] | None:
    """Least squares of the *chosen* unknowns, scaled one by one; None where they are not told apart."""
    scale = [math.sqrt(gram[i][i]) for i in chosen]
    if min(scale) == 0:
        return None
    size = len(chosen)
    matrix = [
        [gram[i][j] / scale[m] / scale[n] for n, j in enumerate(chosen)] + [right[i] / scale[m]]
        for m, i in enumerate(chosen)
    ]
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(matrix[k][i]))
        if abs(matrix[pivot][i]) < 1e-12:
            return None
        matrix[i], matrix[pivot] = matrix[pivot], matrix[i]
        for k in range(size):
            if k != i:
                factor = matrix[k][i] / matrix[i][i]
                matrix[k] = [x - factor * y for x, y in zip(matrix[k], matrix[i], strict=True)]
    return [matrix[i][size] / matrix[i][i] / scale[i] for i in range(size)]


def best_count(scaling: Scaling, price_ratio: float, counts: Iterable[int]) -> int:
    """The number of *counts* with the least money when an hour is worth something.

    Args:
        scaling: the law.
        price_ratio: value of an hour over the price of one accelerator for an hour: v/p; 0 finds
            the cheapest.
        counts: those that may be had.
    """
    return min(counts, key=lambda n: ((n + price_ratio) * scaling.hours(n), n))


def better_count(scaling: Scaling, count: int) -> int:
    """The quickest number that was seen and is cheaper than *count* and no slower; else *count*.

    >>> better_count(Scaling(0.5, 8.0, 0.5, (1, 2, 4, 16), 0.0), 16)
    4
    """
    better = [
        n for n in scaling.counts
        if n * scaling.hours(n) < count * scaling.hours(count)
        and scaling.hours(n) <= scaling.hours(count)
    ]  # fmt: skip
    return min(better, key=scaling.hours) if better else count


def pareto(points: Iterable[tuple[float, float]]) -> list[int]:
    """Places of the (time, money) that no other beats in both, in order of time.

    >>> pareto([(1, 9), (2, 5), (3, 7), (4, 1)])
    [0, 1, 3]
    """
    ordered = sorted(enumerate(points), key=lambda one: (one[1], one[0]))
    front: list[int] = []
    least = math.inf
    for place, (_, money) in ordered:
        if money < least:
            front.append(place)
            least = money
    return front
