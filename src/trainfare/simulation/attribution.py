"""Attribution error: how much of the money an allocation gave to its true owner, by match method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.charge import Component, Remainder
from trainfare.core.money import cumulative_parts
from trainfare.simulation.truth import TruthRow, short_name

_Owner = tuple[str | None, Remainder | None]
_Group = tuple[str, Component, str, str, bool]


@dataclass(frozen=True, slots=True)
class AllocatedRow:
    """What an allocation says: money, whom it gave it to, and by which method."""

    run: str | None
    remainder: Remainder | None
    method: str
    component: Component
    currency: str
    nano: int
    resource: str = ""
    """Any spelling of its name; only the last part counts, without regard to case."""
    day: str = ""
    """As in the truth: ``2026-10-31``."""


@dataclass(frozen=True, slots=True)
class MethodError:
    """What one method did: absolute money in nano-units; ``right + wrong + missing`` is all of it."""

    currency: str
    method: str
    right: int
    """Given to its true owner."""
    wrong: int
    """Given to somebody else: another run, or a remainder under a wrong name."""
    missing: int
    """Left in a remainder, though it is truly a run's."""

    @property
    def nano(self) -> int:
        """All that the method gave away."""
        return self.right + self.wrong + self.missing

    @property
    def right_share(self) -> Fraction:
        """The part that is right, from 0 to 1; 1 for a method that gave nothing."""
        return Fraction(self.right, self.nano) if self.nano else Fraction(1)


def attribution_error(
    truth: Iterable[TruthRow], allocated: Iterable[AllocatedRow]
) -> list[MethodError]:
    """Compare an allocation with the truth, method by method.

    Rows are compared within currency, component, resource and day, charges apart from what is
    taken back. The finer both are, the less can two errors hide each other: use
    ``world.truth(is_detailed=True)``, and leave resource and day out of neither or of both.

    Args:
        truth: of the same deliveries and the same view.
        allocated: every row of the allocation, remainders included.

    Returns:
        One row per currency and method, in that order.

    >>> one = TruthRow("a", None, Component.COMPUTE, "USD", 70)
    >>> row = AllocatedRow("a", None, "run_tag", Component.COMPUTE, "USD", 100)
    >>> attribution_error([one], [row])
    [MethodError(currency='USD', method='run_tag', right=70, wrong=30, missing=0)]
    """
    true: dict[_Group, dict[_Owner, int]] = defaultdict(lambda: defaultdict(int))
    for row in truth:
        group = _group(row.currency, row.component, row.resource, row.day, row.nano)
        true[group][row.run, row.remainder] += abs(row.nano)
    given: dict[_Group, dict[_Owner, dict[str, int]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(int))
    )
    for part in allocated:
        group = _group(part.currency, part.component, part.resource, part.day, part.nano)
        given[group][part.run, part.remainder][part.method] += abs(part.nano)
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for group, owners in given.items():
        for method, right, wrong, missing in _compared(true.get(group, {}), owners):
            found = sums[group[0], method]
            found[0], found[1], found[2] = found[0] + right, found[1] + wrong, found[2] + missing
    return [MethodError(*key, *found) for key, found in sorted(sums.items())]


def _group(currency: str, component: Component, resource: str, day: str, nano: int) -> _Group:
    return currency, component, short_name(resource), day, nano < 0


def _compared(
    true: Mapping[_Owner, int], given: Mapping[_Owner, Mapping[str, int]]
) -> Iterable[tuple[str, int, int, int]]:
    """Method, right, wrong and missing of each owner in one group."""
    short = sum(
        max(0, nano - sum(given.get(owner, {}).values()))
        for owner, nano in true.items()
        if owner[0] is not None
    )
    rows: list[tuple[str, int, int, bool]] = []
    for owner, methods in given.items():
        whole = sum(methods.values())
        good = min(whole, true.get(owner, 0))
        rights = cumulative_parts(good, methods.values(), whole) if whole else [0] * len(methods)
        for (method, nano), right in zip(methods.items(), rights, strict=True):
            rows.append((method, right, nano - right, owner[0] is None))
    left = sum(excess for _, _, excess, is_left in rows if is_left)
    lacking = min(left, short)
    for method, right, excess, is_left in rows:
        missing = 0
        if is_left and left:
            missing = lacking * excess // left
            left, lacking = left - excess, lacking - missing
        yield method, right, excess - missing, missing
