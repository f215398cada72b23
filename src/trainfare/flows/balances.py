"""What runs paid before and after advice was accepted: the balances that a saving is measured by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from trainfare.advice.balance import ABOUT, Balance, balances_of
from trainfare.advice.failures import FAILED, error_kind
from trainfare.core.decision import Decision
from trainfare.core.period import BillingPeriod
from trainfare.flows.advice_history import Gathered
from trainfare.flows.trials import error_of, experiment_of
from trainfare.flows.trips import trips_of
from trainfare.metering.receipt import Receipt


def read_balances(
    gathered: Gathered, accepted: Iterable[Decision]
) -> dict[str, Mapping[str, Balance]]:
    """Recommendation → month → balance, for those of *accepted* that are measured so.

    Runs of the month of the acceptance that began after it are left out.
    """
    wanted = [one for one in accepted if one.rule in ABOUT]
    if not wanted or gathered.history.book != "billed":
        return {}
    runs = gathered.history.runs
    trips = trips_of(gathered.receipts, gathered.history.paid)
    failed = {run for run, past in runs.items() if past.ending in FAILED}
    again = _failed_again(gathered, failed)
    found: dict[str, Mapping[str, Balance]] = {}
    for one in wanted:
        month = BillingPeriod.of(one.at_ns).interval
        own = [
            trip
            for trip in trips
            if trip.currency == one.base.currency
            and _subject(gathered, one, trip.run, trip.family) == one.subject
            and not one.at_ns < _start_ns(gathered, trip.run) < month.end_ns
        ]
        found[one.advice] = balances_of(one.rule, own, failed, again)
    return found


def _subject(gathered: Gathered, one: Decision, run: str, family: str) -> str:
    return experiment_of(gathered.history.runs[run]) if one.rule == "failed_again" else family


def _start_ns(gathered: Gathered, run: str) -> int:
    interval = gathered.history.runs[run].interval
    assert interval is not None  # it was metered
    return interval.start_ns


def _failed_again(gathered: Gathered, failed: set[str]) -> set[str]:
    """Failed runs whose error came more than once in their experiment."""
    parents = {parent for receipt in gathered.receipts for parent in receipt.run.parents}
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for run, error in _errors(gathered.receipts):
        if run in failed and run not in parents:
            experiment = experiment_of(gathered.history.runs[run])
            groups[experiment, error_kind(error)].append(run)
    return {run for same in groups.values() if len(same) > 1 for run in same}


def _errors(receipts: Sequence[Receipt]) -> Iterable[tuple[str, str]]:
    for receipt in receipts:
        error = error_of(receipt.run)
        if error:
            yield receipt.run.id, error
