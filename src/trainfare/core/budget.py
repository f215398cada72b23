"""Budgets: so much money for these runs in this period, and what happens as it is used up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import SECOND, BillingPeriod, Interval
from trainfare.core.plain import percent
from trainfare.core.selection import Selection, select_runs

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_NS = 2**63 - 1
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_AMOUNT = re.compile(r"\$?([0-9.]+)\s*([A-Z]{3})?")


class BudgetPeriod(StrEnum):
    """How long a budget's money lasts before it starts again."""

    RUN = "run"
    """Each run of the scope by itself."""
    DAY = "day"
    WEEK = "week"
    """Monday to Sunday."""
    MONTH = "month"
    QUARTER = "quarter"
    TOTAL = "total"
    """Once and for all."""


class BudgetView(StrEnum):
    """Which book a budget is held against."""

    ESTIMATED = "estimated"
    BILLED = "billed"
    BLENDED = "blended"
    """Billed where the bill has arrived, estimated since."""


class Measure(StrEnum):
    """What a threshold looks at."""

    ACTUAL = "actual"
    FORECAST = "forecast"


class Action(StrEnum):
    """What a threshold does, gentlest first."""

    NOTIFY = "notify"
    CHECKPOINT = "checkpoint"
    STOP = "stop"
    """Gracefully: at the next step boundary, or by SIGTERM and, after the grace, SIGKILL."""
    CANCEL = "cancel"
    """By the user's command, as ``scancel``."""


class State(StrEnum):
    """Where a budget stands."""

    OK = "ok"
    WARN = "warn"
    """A threshold below the limit was reached, or the forecast is over the limit."""
    OVER = "over"
    UNKNOWN = "unknown"
    """Nothing of what was spent is known: the runs have no price, or cost another currency."""


@dataclass(frozen=True, slots=True, order=True)
class Threshold:
    """*action* once *measure* reaches *share* of the limit.

    >>> parse_threshold("forecast:90%:notify")
    Threshold(share=Fraction(9, 10), measure=<Measure.FORECAST: 'forecast'>, action=<Action.NOTIFY: 'notify'>)
    """

    share: Fraction
    measure: Measure = Measure.ACTUAL
    action: Action = Action.NOTIFY

    def __post_init__(self) -> None:
        if self.share <= 0:
            raise BadInput(
                f"a threshold at {percent(self.share, 0)} of the limit is always reached"
            )
        if self.measure is Measure.FORECAST and self.action in (Action.STOP, Action.CANCEL):
            raise BadInput(
                f"a forecast may be wrong, so it does not {self.action} a run; "
                "let it notify or checkpoint"
            )

    def __str__(self) -> str:
        percent = self.share * 100
        return f"{self.measure}:{percent}%:{self.action}"


def parse_threshold(text: str) -> Threshold:
    """Read ``80%``, ``100%:stop`` or ``forecast:90%:notify``.

    Raises:
        BadInput: it is none of these.
    """
    words = text.strip().lower().split(":")
    measure = words.pop(0) if words[0] in list(Measure) else Measure.ACTUAL
    action = words.pop() if len(words) > 1 else Action.NOTIFY
    try:
        [percent] = words
        number = percent[: percent.rindex("%", -1)]
        return Threshold(Fraction(number) / 100, Measure(measure), Action(action))
    except (ValueError, ZeroDivisionError):
        raise BadInput(
            f"threshold {text!r} is not like 80%, 100%:stop or forecast:90%:notify "
            f"(actions: {', '.join(Action)})"
        ) from None


WARN_AT = Threshold(Fraction(4, 5))
STOP_AT = Threshold(Fraction(1), Measure.ACTUAL, Action.STOP)
THRESHOLDS = (WARN_AT, Threshold(Fraction(1)))
"""What a budget tells where nothing else was said: at 80 % and when it is used up."""


@dataclass(frozen=True, slots=True)
class Budget:
    """*limit* for the runs that *scope* selects, in every *period*.

    >>> Budget("nlp-month", Money.parse("5000"), select_runs("team=nlp"), BudgetPeriod.MONTH).id
    'nlp-month'
    """

    id: str
    limit: Money
    scope: Selection = field(default_factory=lambda: select_runs(""))
    period: BudgetPeriod = BudgetPeriod.TOTAL
    view: BudgetView = BudgetView.ESTIMATED
    thresholds: tuple[Threshold, ...] = THRESHOLDS
    is_carried_over: bool = False
    """What a period leaves is added to the next one's limit."""
    is_armed: bool = False
    """Whether stop and cancel are done; if not they are only told (a dry run)."""
    grace_seconds: int = 30
    """Between asking a run to stop and making it stop."""
    cancel_command: tuple[str, ...] = ()
    """Arguments of the user's command to cancel; ``{run}`` and ``{job}`` stand for their ids."""
    starts_ns: int = 0
    """Costs before this instant do not count; periods before it carry nothing over."""

    def __post_init__(self) -> None:
        if self.limit.nano <= 0:
            raise BadInput(f"budget {self.id}: a limit of {self.limit} leaves nothing to spend")
        if self.grace_seconds < 0:
            raise BadInput(f"budget {self.id}: a grace of {self.grace_seconds} s is in the past")
        if self.is_carried_over and self.period in (BudgetPeriod.RUN, BudgetPeriod.TOTAL):
            raise BadInput(
                f"budget {self.id}: a {self.period} budget has no next period to carry to"
            )
        wants_cancel = any(one.action is Action.CANCEL for one in self.thresholds)
        if wants_cancel and not self.cancel_command:
            raise BadInput(
                f"budget {self.id}: to cancel, say how: --cancel-command 'scancel {{job}}'"
            )

    def covers(self, run: str, labels: Mapping[str, str], name: str | None = None) -> bool:
        """Whether a run's money is this budget's."""
        return self.scope.holds(run, labels, name)

    def window(self, at_ns: int) -> Interval:
        """The period of this budget that holds an instant; for ``run`` and ``total``, all time."""
        return period_window(self.period, at_ns, self.starts_ns)


def parse_limit(text: str) -> Money:
    """Read ``5000``, ``$5000`` or ``5000EUR``.

    Raises:
        BadInput: it is none of these.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"limit {text!r} is not an amount such as 5000 or 5000EUR")
    return Money.parse(match[1], match[2] or "USD")


def read_limit(limit: object, word: str) -> Money:
    """A limit as people state it in Python: text, whole units, or money; *word* is what they call it.

    Raises:
        BadInput: it is none of these; floats lose digits.

    >>> read_limit(25, "budget"), read_limit("25EUR", "budget")
    (Money('25.000000000', 'USD'), Money('25.000000000', 'EUR'))
    """
    if isinstance(limit, Money):
        return limit
    if isinstance(limit, bool) or not isinstance(limit, str | int):
        raise BadInput(f'{word}={limit!r} is not text; write {word}="{limit}" (floats lose digits)')
    return parse_limit(str(limit))


def make_budget(
    name: str,
    limit: str | int | Money,
    *,
    scope: str = "",
    period: str = "total",
    view: str = "estimated",
    thresholds: Sequence[str] = (),
    is_armed: bool = False,
    **more: Any,
) -> Budget:
    """A budget from the words of people; *more* are further fields of :class:`Budget`.

    Raises:
        BadInput: a word makes no sense.

    >>> make_budget("nlp", "5000EUR", scope="team=nlp", period="month").limit.currency
    'EUR'
    """
    if not _ID.fullmatch(name):
        raise BadInput(f"budget name {name!r} is not 1 to 63 of a-z, 0-9, '.', '_' and '-'")
    if period not in list(BudgetPeriod):
        raise BadInput(f"period {period!r} is not one of {', '.join(BudgetPeriod)}")
    if view not in list(BudgetView):
        raise BadInput(f"view {view!r} is not one of {', '.join(BudgetView)}")
    return Budget(
        id=name,
        limit=read_limit(limit, "limit"),
        scope=select_runs(scope),
        period=BudgetPeriod(period),
        view=BudgetView(view),
        thresholds=tuple(sorted(map(parse_threshold, thresholds))) or THRESHOLDS,
        is_armed=is_armed,
        **more,
    )


def period_window(period: BudgetPeriod, at_ns: int, starts_ns: int = 0) -> Interval:
    """The stretch of *period* that holds an instant, in UTC, cut at *starts_ns*.

    >>> from trainfare.core.period import format_instant, parse_instant
    >>> friday = parse_instant("2026-11-27T08:00:00Z")
    >>> [format_instant(period_window(BudgetPeriod(name), friday).start_ns) for name in ("week", "quarter")]
    ['2026-11-23T00:00:00Z', '2026-10-01T00:00:00Z']
    """
    midnight = (_EPOCH + timedelta(seconds=at_ns // SECOND)).replace(hour=0, minute=0, second=0)
    match period:
        case BudgetPeriod.DAY:
            start, end = midnight, midnight + timedelta(days=1)
        case BudgetPeriod.WEEK:
            start = midnight - timedelta(days=midnight.weekday())
            end = start + timedelta(days=7)
        case BudgetPeriod.MONTH:
            whole = BillingPeriod.of(at_ns).interval
            return Interval(max(whole.start_ns, min(starts_ns, at_ns)), whole.end_ns)
        case BudgetPeriod.QUARTER:
            first = BillingPeriod(midnight.year, (midnight.month - 1) // 3 * 3 + 1)
            last = first.next().next()
            return Interval(
                max(first.interval.start_ns, min(starts_ns, at_ns)), last.interval.end_ns
            )
        case _:
            return Interval(min(starts_ns, at_ns), _MOST_NS)
    return Interval(max(_instant(start), min(starts_ns, at_ns)), _instant(end))


def _instant(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1) * SECOND


def carried_limit(limit: Money, spent_before: list[Money]) -> Money:
    """*limit* of a period plus what the periods before it left; overspending is carried as well.

    >>> carried_limit(Money.parse("100"), [Money.parse("70"), Money.parse("150")]).text()
    '80.000000000'
    """
    left = limit * len(spent_before) - Money.total(spent_before, limit.currency)
    return limit + left


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a budget stands at one moment."""

    budget: Budget
    limit: Money
    """The budget's, with what was carried over."""
    spent: Money | None
    """What is known; None where nothing is. *why* says what is not in it."""
    forecast: Money | None = None
    """What will be spent when the period ends (or the runs do); None where it is not known."""
    forecast_low: Money | None = None
    forecast_high: Money | None = None
    forecast_coverage: float | None = None
    """Share of the past that was between such bounds; None where nothing says how sure it is."""
    breach_probability: float | None = None
    """Share of the scenarios that are over the limit."""
    run: str | None = None
    """The run, for a budget on each run by itself."""
    why: str = ""
    """What *spent* lacks, or why a figure is not known; empty where all is."""
    ended_ns: int | None = None
    """When *run* ended; None while it goes on, and for a budget on many."""
    for_kept: Money | None = None
    """Of *spent*, what runs cost that had ended before the period: the data that they keep."""

    @property
    def reached(self) -> tuple[Threshold, ...]:
        """The thresholds that are reached, lowest first."""
        return tuple(
            one
            for one in sorted(self.budget.thresholds)
            if (amount := self.spent if one.measure is Measure.ACTUAL else self.forecast)
            is not None
            and amount.nano >= one.share * self.limit.nano
        )

    @property
    def percent_spent(self) -> int | None:
        """Whole percent of the limit, rounded down so that 100 is not said before it is reached."""
        if self.spent is None or self.limit.nano <= 0:
            return None
        return self.spent.nano * 100 // self.limit.nano

    @property
    def state(self) -> State:
        """Over where the limit is used up, else warn where a threshold or the forecast says so."""
        if self.spent is None:
            return State.UNKNOWN
        if self.spent >= self.limit:
            return State.OVER
        is_forecast_over = self.forecast is not None and self.forecast > self.limit
        return State.WARN if self.reached or is_forecast_over else State.OK
