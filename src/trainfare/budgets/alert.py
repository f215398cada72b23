"""Alerts: what is wrong now, told once, until it is over.

    detectors ─► findings ─► alerts (one open per key) ─► notices ─► queues ─► messages

A finding says how things are at one moment; an alert is one thing that was wrong from then till
then. Laws, held by :func:`advance`: a key has at most one open alert; an alert is resolved at most
once; the same findings twice tell nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from trainfare.core.period import DAY, SECOND

SETTLE_NS = 300 * SECOND
"""An alert is over when nothing was found of it for so long: what comes and goes is one alert."""

REMIND_NS = DAY
"""An alert that nobody acknowledged is told again after so long."""

RESOLVED_KEPT = 500
"""So many resolved alerts are remembered."""


class Kind(StrEnum):
    """What an alert is about."""

    BUDGET = "budget"
    FORECAST = "forecast"
    IDLE = "idle"
    STALLED = "stalled"
    RUN = "run"
    """A run costs or lasts unlike its plan or unlike comparable runs."""
    SPEND = "spend"
    """Spend of a component left its usual range."""
    UNATTRIBUTED = "unattributed"
    """Billed, and no run is known that used it."""
    PRICE = "price"
    BILL = "bill"
    CONSERVATION = "conservation"
    COMMITMENT = "commitment"
    """Used less than before, about to end, or worth buying."""


class Severity(IntEnum):
    """How much it matters."""

    WARNING = 1
    CRITICAL = 2
    """Also told in quiet hours."""

    @property
    def word(self) -> str:
        """As people and files have it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector says of one subject now.

    >>> Finding(Kind.IDLE, "r-1", "8 of 8 GPUs idle").key
    'idle:r-1'
    """

    kind: Kind
    subject: str
    """What it is about, the same words every time: a budget, a run, a SKU."""
    sentence: str
    level: int = 1
    """It may get worse: a higher level is told again. 0 opens no alert and keeps an open one: no
    longer over the threshold but not clearly under it either, or not known at present."""
    severity: Severity = Severity.WARNING

    @property
    def key(self) -> str:
        """What tells this alert from all others."""
        return f"{self.kind}:{self.subject}"


class What(StrEnum):
    """What is told of an alert."""

    OPENED = "opened"
    WORSE = "worse"
    REMINDER = "reminder"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that was wrong, from *opened_ns* until *resolved_ns*."""

    id: str
    kind: Kind
    subject: str
    sentence: str
    level: int
    severity: Severity
    opened_ns: int
    told_ns: int
    """When it was last told that it is open."""
    clear_ns: int | None = None
    """Since when nothing is found of it; None while something is."""
    resolved_ns: int | None = None
    acknowledged_by: str | None = None

    @property
    def key(self) -> str:
        """As of its findings."""
        return f"{self.kind}:{self.subject}"

    @property
    def is_open(self) -> bool:
        """Whether it is not over."""
        return self.resolved_ns is None


@dataclass(frozen=True, slots=True)
class Notice:
    """One line to be told."""

    what: What
    alert: str
    """Its id."""
    kind: Kind
    subject: str
    sentence: str
    severity: Severity
    at_ns: int


def notice_of(alert: Alert, what: What, at_ns: int) -> Notice:
    """What is told of *alert* as it stands."""
    return Notice(what, alert.id, alert.kind, alert.subject, alert.sentence, alert.severity, at_ns)


def advance(
    alerts: Sequence[Alert],
    findings: Iterable[Finding],
    looked: Collection[Kind],
    at_ns: int,
    make_id: Callable[[], str],
) -> tuple[list[Alert], list[Notice]]:
    """Bring *alerts* up to what was found at *at_ns*; what there is to tell comes beside it.

    Args:
        alerts: as they were left, resolved ones among them.
        findings: of one look, in any order; of several with one key the worst counts.
        looked: the kinds that were really looked at; alerts of other kinds stay as they are.
        at_ns: now.
        make_id: a new id that no other alert has.
    """
    worst: dict[str, Finding] = {}
    for one in findings:
        before = worst.get(one.key)
        if before is None or (one.level, one.severity) > (before.level, before.severity):
            worst[one.key] = one
    kept: list[Alert] = []
    notices: list[Notice] = []
    for alert in alerts:
        if alert.is_open and alert.kind in looked:
            alert, what = _follow(alert, worst.pop(alert.key, None), at_ns)  # noqa: PLW2901
            notices += [notice_of(alert, what, at_ns)] if what else []
        elif alert.is_open:
            worst.pop(alert.key, None)
        kept.append(alert)
    for one in worst.values():
        if one.level > 0:
            alert = _opened(one, at_ns, make_id())
            kept.append(alert)
            notices.append(notice_of(alert, What.OPENED, at_ns))
    return _remembered(kept), notices


def _opened(one: Finding, at_ns: int, alert_id: str) -> Alert:
    return Alert(
        id=alert_id,
        kind=one.kind,
        subject=one.subject,
        sentence=one.sentence,
        level=one.level,
        severity=one.severity,
        opened_ns=at_ns,
        told_ns=at_ns,
    )


def _follow(alert: Alert, found: Finding | None, at_ns: int) -> tuple[Alert, What | None]:
    """An open alert after a look, and what there is to tell of it."""
    if found is None:
        since_ns = at_ns if alert.clear_ns is None else min(alert.clear_ns, at_ns)
        if at_ns - since_ns < SETTLE_NS:
            return replace(alert, clear_ns=since_ns), None
        return replace(alert, clear_ns=since_ns, resolved_ns=max(at_ns, alert.opened_ns)), (
            What.RESOLVED
        )
    if found.level > alert.level:
        worse = replace(
            alert,
            sentence=found.sentence,
            level=found.level,
            severity=max(found.severity, alert.severity),
            clear_ns=None,
            told_ns=at_ns,
            acknowledged_by=None,
        )
        return worse, What.WORSE
    sentence = found.sentence if found.level > 0 else alert.sentence
    alert = replace(alert, sentence=sentence, clear_ns=None)
    if alert.acknowledged_by is None and at_ns - alert.told_ns >= REMIND_NS:
        return replace(alert, told_ns=at_ns), What.REMINDER
    return alert, None


def _remembered(alerts: Sequence[Alert]) -> list[Alert]:
    """All open alerts and the latest resolved ones, in their order."""
    ends = sorted(one.resolved_ns for one in alerts if one.resolved_ns is not None)
    latest = ends[-RESOLVED_KEPT:]
    return [one for one in alerts if one.resolved_ns is None or one.resolved_ns >= latest[0]]
