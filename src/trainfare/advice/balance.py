"""Balances: what a month of one subject paid for training that went on, and for what advice is about.

Useful is the train stage of runs that did not fail, less what it waited for data: no remedy of these
rules changes it, so two that are followed at once do not count each other's saving.

    rule            about
    evaluations     evaluation of runs that trained and did not fail
    input_bound     what their training loop waited for data; a run that measured no wait is left out
    slow_start      their setup; a run that says nothing of its stages is left out
    failed_again    all of a failed run whose error came more than once, the first time too
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from trainfare.advice.trip import Trip

_FINE = 10**15
"""Parts of a run are whole numbers of this part."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What one month paid, in nano-units."""

    useful: int
    about: int
    """For what the remedy would change."""


def _is_told(rule: str, trip: Trip) -> bool:
    if rule == "input_bound":
        return trip.wait_hours is not None
    return trip.has_stages or rule != "slow_start"


def _useful(trip: Trip) -> float:
    """A run that says nothing of its stages is useful as a whole."""
    return max(0.0, _trained(trip) - _waited(trip)) if trip.has_stages else 1.0


def _trained(trip: Trip) -> float:
    return _share(trip, "train") + _share(trip, "run")


def _evaluated(trip: Trip) -> float:
    """A job that only evaluates has nothing to evaluate less often."""
    return _share(trip, "eval") if _trained(trip) else 0.0


def _share(trip: Trip, stage: str) -> float:
    return trip.stage_hours.get(stage, 0.0) / trip.machine_hours if trip.machine_hours else 0.0


def _waited(trip: Trip) -> float:
    hours = trip.wait_hours or 0.0
    return min(hours / trip.machine_hours, _trained(trip)) if trip.machine_hours else 0.0


ABOUT: Mapping[str, Callable[[Trip], float]] = {
    "evaluations": _evaluated,
    "input_bound": _waited,
    "slow_start": lambda trip: _share(trip, "setup"),
    "failed_again": lambda _: 0.0,
}
"""Rule → which part of what a run that did not fail paid it is about."""


def balances_of(
    rule: str, trips: Iterable[Trip], failed: Collection[str], again: Collection[str]
) -> dict[str, Balance]:
    """Month → balance of *rule*, one of :data:`ABOUT`.

    Args:
        rule: which advice.
        trips: the runs of its subject, of one currency.
        failed: runs that failed or crashed.
        again: those of them whose error came more than once.
    """
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for trip in trips:
        if not _is_told(rule, trip):
            continue
        useful, about = (0.0, 0.0) if trip.run in failed else (_useful(trip), ABOUT[rule](trip))
        if rule == "failed_again" and trip.run in again:
            about = 1.0
        for slot, amount in trip.paid.items():
            own = sums[slot.period]
            own[0] += round(useful * _FINE) * amount.nano // _FINE
            own[1] += round(about * _FINE) * amount.nano // _FINE
    return {period: Balance(*own) for period, own in sorted(sums.items())}
