"""The alerts of a home and what is still to be told: ``alerts.json``, replaced as a whole.

Alerts and outbox are one file, so that no crash comes between "it is open" and "it is to be told".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainfare.budgets.alert import Alert, Kind, Notice, Severity, What
from trainfare.budgets.outbox import Message, Queue
from trainfare.core.errors import BadInput
from trainfare.core.period import format_instant, parse_instant
from trainfare.prices.json_file import read_json, write_json

FORM = 1
"""The version of the file's form."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Everything that is remembered about alerts."""

    alerts: tuple[Alert, ...] = ()
    queues: Mapping[str, Queue] = field(default_factory=dict)
    """Target → what it has to be told."""


def alerts_file(home: Path) -> Path:
    """Where the alerts of a home are."""
    return home / "alerts.json"


def read_shelf(home: Path) -> Shelf:
    """What was remembered; nothing in a fresh home.

    Raises:
        BadInput: the file is damaged or of a later Trainfare.
    """
    path = alerts_file(home)
    document = read_json(path)
    if document is None:
        return Shelf()
    try:
        is_later = document["form"] > FORM
        alerts = () if is_later else tuple(_alert(row) for row in document["alerts"])
        rows = {} if is_later else document["queues"]
        queues = {name: _queue(row) for name, row in rows.items()}
    except (KeyError, TypeError, ValueError, AttributeError, BadInput) as error:
        raise BadInput(
            f"{path} is damaged: {error!r}; move it away, open alerts are found again"
        ) from None
    if is_later:
        raise BadInput(f"{path} was written by a later Trainfare; upgrade this one")
    return Shelf(alerts, queues)


def write_shelf(home: Path, shelf: Shelf) -> None:
    """Remember *shelf*; hold the lock of the file while reading and writing."""
    document = {
        "form": FORM,
        "alerts": [alert_json(one) for one in shelf.alerts],
        "queues": {name: _queue_json(one) for name, one in sorted(shelf.queues.items())},
    }
    write_json(alerts_file(home), document)


def alert_json(one: Alert) -> dict[str, Any]:
    """An alert with stable keys."""
    return {
        "id": one.id,
        "kind": one.kind.value,
        "subject": one.subject,
        "sentence": one.sentence,
        "severity": one.severity.word,
        "level": one.level,
        "opened_at": format_instant(one.opened_ns),
        "told_at": format_instant(one.told_ns),
        "clear_since": _text(one.clear_ns),
        "resolved_at": _text(one.resolved_ns),
        "acknowledged_by": one.acknowledged_by,
    }


def notice_json(one: Notice) -> dict[str, Any]:
    """A notice with stable keys, as webhooks carry it."""
    return {
        "what": one.what.value,
        "alert": one.alert,
        "kind": one.kind.value,
        "subject": one.subject,
        "sentence": one.sentence,
        "severity": one.severity.word,
        "at": format_instant(one.at_ns),
    }


def _alert(row: Mapping[str, Any]) -> Alert:
    return Alert(
        id=str(row["id"]),
        kind=Kind(row["kind"]),
        subject=str(row["subject"]),
        sentence=str(row["sentence"]),
        level=int(row["level"]),
        severity=Severity[row["severity"].upper()],
        opened_ns=parse_instant(row["opened_at"]),
        told_ns=parse_instant(row["told_at"]),
        clear_ns=_instant(row["clear_since"]),
        resolved_ns=_instant(row["resolved_at"]),
        acknowledged_by=row["acknowledged_by"],
    )


def _notice(row: Mapping[str, Any]) -> Notice:
    return Notice(
        What(row["what"]),
        str(row["alert"]),
        Kind(row["kind"]),
        str(row["subject"]),
        str(row["sentence"]),
        Severity[row["severity"].upper()],
        parse_instant(row["at"]),
    )


def _queue_json(queue: Queue) -> dict[str, Any]:
    message = queue.message
    return {
        "waiting": [notice_json(one) for one in queue.waiting],
        "sent_at": _text(queue.sent_ns),
        "message": None
        if message is None
        else {
            "id": message.id,
            "made_at": format_instant(message.made_ns),
            "due_at": format_instant(message.due_ns),
            "attempts": message.attempts,
            "why": message.why,
            "notices": [notice_json(one) for one in message.notices],
        },
    }


def _queue(row: Mapping[str, Any]) -> Queue:
    message = row["message"]
    return Queue(
        tuple(_notice(one) for one in row["waiting"]),
        None
        if message is None
        else Message(
            str(message["id"]),
            parse_instant(message["made_at"]),
            tuple(_notice(one) for one in message["notices"]),
            parse_instant(message["due_at"]),
            int(message["attempts"]),
            str(message["why"]),
        ),
        _instant(row["sent_at"]),
    )


def _text(instant_ns: int | None) -> str | None:
    return None if instant_ns is None else format_instant(instant_ns)


def _instant(text: str | None) -> int | None:
    return None if text is None else parse_instant(text)
