"""The advice path: history → recommendations of every kind → each dollar to one of them → ranked.

advise → gather (bill, claims, runs) → advice.* → core.settle → told
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from trainfare.advice.balance import Balance
from trainfare.advice.experiments import advise_experiments
from trainfare.advice.idle_machines import advise_idle_machines
from trainfare.advice.low_use import advise_low_use
from trainfare.advice.network import advise_network
from trainfare.advice.storage import advise_storage
from trainfare.core.decision import Decision, Verdict
from trainfare.core.money import NANO, Money
from trainfare.core.recommendation import Advice, Kind, NoAdvice, Recommendation, settle
from trainfare.flows.advice_history import Gathered, gather
from trainfare.flows.balances import read_balances
from trainfare.flows.bill import has_analytics, has_ledger
from trainfare.flows.carried import read_carried, store_reads
from trainfare.flows.run_advice import advise_runs
from trainfare.flows.trials import read_trials

Source = Callable[[Gathered], Iterable[Recommendation | NoAdvice]]
"""What finds recommendations of some kinds."""


def _idle(gathered: Gathered) -> Iterator[Recommendation | NoAdvice]:
    yield from advise_idle_machines(gathered.history)
    yield from advise_low_use(gathered.history)


def _experiments(gathered: Gathered) -> Iterator[Recommendation | NoAdvice]:
    trials, sweeps = read_trials(gathered)
    history = gathered.history
    yield from advise_experiments(trials, sweeps, history.paid, history.accepted)


def _storage(gathered: Gathered) -> Iterator[Recommendation | NoAdvice]:
    yield from advise_storage(gathered.kept, gathered.history.paid)


def _network(gathered: Gathered) -> Iterator[Recommendation | NoAdvice]:
    carried = read_carried(gathered.book)
    if carried:
        yield from advise_network(carried, *store_reads(gathered))


SOURCES: tuple[Source, ...] = (_idle, _storage, _network, _experiments, advise_runs)
"""Everybody who is asked."""

LEAST_PER_MONTH = 1
"""Advice that saves less than one unit of its currency a month is not worth reading."""


@dataclass(frozen=True, slots=True)
class Advised:
    """What ``trainfare advise`` says."""

    periods: tuple[str, ...]
    """The months of the history: those in which something was used."""
    book: str
    advice: tuple[Advice, ...]
    """What nobody decided on yet, the largest saving first."""
    all: tuple[Advice, ...]
    """Of every kind, also what is decided, snoozed or saves next to nothing."""
    not_advised: tuple[NoAdvice, ...]
    """What was looked at and is not recommended, and why."""
    paid: Mapping[str, Money]
    """Currency → what was paid in the history: the whole bill with its tax and credits, or all that
    was estimated."""
    not_allocated: tuple[str, ...]
    """Billing periods with a bill and no allocation; they are not in it."""
    balances: Mapping[str, Mapping[str, Balance]] = field(default_factory=dict)
    """Accepted recommendation → month → what its runs paid, where a saving is measured so."""
    only_corrected: tuple[str, ...] = ()
    """Billing periods without usage: what they correct, credit or tax is in *paid*, and they are no
    months."""

    @property
    def paid_per_month(self) -> dict[str, Money]:
        """Currency → what was paid in a month of the history, as savings are per month."""
        months = max(1, len(self.periods)) * NANO
        return {
            currency: Money.nearest(Fraction(amount.nano, months), currency)
            for currency, amount in self.paid.items()
        }


def advise(home: Path, kinds: Iterable[Kind] = ()) -> Advised:
    """Recommendations from the history of *home*, held against it.

    Every kind is always computed, for what one kind may claim depends on those before it.

    Args:
        home: whose bills, claims and runs.
        kinds: only these are told; none is all.

    Raises:
        NotFound: there is neither a run nor an allocated bill.
    """
    said = read_said(home)
    accepted = [one for one in said.values() if one.verdict is Verdict.ACCEPTED]
    gathered = gather(home, frozenset((one.rule, one.subject) for one in accepted))
    history = gathered.history
    dismissed = {one.advice for one in said.values() if one.verdict is Verdict.DISMISSED}
    found = [one for source in SOURCES for one in source(gathered)]
    recommended = [one for one in found if isinstance(one, Recommendation)]
    recommended = [one for one in recommended if one.id not in dismissed]
    settled = settle(recommended, history.paid, max(1, len(history.periods)))
    refused = [one for one in found if isinstance(one, NoAdvice)] + list(_not_paid_back(settled))
    told = frozenset(kinds) or frozenset(Kind)
    hidden = {one.advice for one in said.values() if one.is_hidden(history.now_ns)}
    return Advised(
        history.periods,
        history.book,
        tuple(
            one
            for one in settled
            if one.recommendation.kind in told
            and _is_worth(one)
            and one.recommendation.id not in hidden
        ),
        tuple(settled),
        tuple(one for one in refused if one.kind in told),
        gathered.total,
        gathered.book.not_allocated,
        read_balances(gathered, accepted),
        tuple(sorted(set(gathered.book.periods) - set(history.periods))),
    )


def _not_paid_back(settled: Iterable[Advice]) -> Iterator[NoAdvice]:
    """What costs more once than is left to save by the advice before it."""
    for advice in settled:
        one = advice.recommendation
        if one.once and one.saving() and not advice.saving:
            why = f"other advice leaves less to save than the {one.once} that doing it costs once"
            yield NoAdvice(one.kind, one.rule, one.subject, why, one.evidence)


def read_said(home: Path) -> dict[str, Decision]:
    """Recommendation → what was last said to it; nothing where there is no ledger."""
    if not (has_ledger(home) and has_analytics()):
        return {}
    from trainfare.store.decisions import current_decisions
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        return current_decisions(connection)


def _is_worth(one: Advice) -> bool:
    return one.saving >= Money(LEAST_PER_MONTH * 10**9, one.saving.currency)
