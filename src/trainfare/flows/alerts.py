"""The alert path: one look at everything, what is new of it, and who is told.

detectors of budgets, runs, spend, prices and bills → findings → alerts → outbox → targets
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainfare.budgets.alert import Alert, Finding, Kind, Notice, Severity, What, advance
from trainfare.budgets.alert_shelf import Shelf, alerts_file, read_shelf, write_shelf
from trainfare.budgets.delivery import Undelivered, deliver
from trainfare.budgets.outbox import (
    Message,
    Queue,
    compose,
    delivered,
    enqueue,
    failed,
    is_due,
)
from trainfare.budgets.target import Target, read_targets
from trainfare.core.errors import NotFound, TrainfareError
from trainfare.core.period import SECOND, format_instant
from trainfare.flows.alert_look import look
from trainfare.metering.audit import add_to_audit, user_and_host
from trainfare.prices.json_file import locked

log = logging.getLogger("trainfare")


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass found and told."""

    alerts: tuple[Alert, ...]
    """Those that are open now."""
    notices: tuple[Notice, ...]
    """What is new."""
    unseen: Mapping[Kind, str]
    """Kinds that could not be looked at, and why; their alerts stay as they were."""
    sent: tuple[str, ...]
    """Targets that took a message."""
    failures: tuple[str, ...]
    """One sentence for each that did not; it is tried again."""


def check_alerts(home: Path, *, at_ns: int | None = None) -> Pass:
    """Look at everything once, remember what is new, and tell it."""
    at_ns = (time.time_ns() if at_ns is None else at_ns) // SECOND * SECOND
    targets = read_targets(home, os.environ)
    findings, unseen = look(home, at_ns)
    looked = set(Kind) - set(unseen)
    alerts, notices = _remember(home, findings, looked, targets, at_ns)
    sent, failures = send_messages(home, at_ns=at_ns)
    still_open = tuple(one for one in alerts if one.is_open)
    return Pass(still_open, tuple(notices), unseen, tuple(sent), tuple(failures))


def _remember(
    home: Path,
    findings: Iterable[Finding],
    looked: set[Kind],
    targets: Sequence[Target],
    at_ns: int,
) -> tuple[list[Alert], list[Notice]]:
    """Bring alerts and outbox up to what was found, in one write."""
    with locked(alerts_file(home)):
        before = read_shelf(home)
        alerts, notices = advance(before.alerts, findings, looked, at_ns, _alert_id)
        queues = {
            one.name: enqueue(
                before.queues.get(one.name, Queue()), [n for n in notices if one.wants(n)]
            )
            for one in targets
        }
        after = Shelf(tuple(alerts), queues)
        if after != before:
            write_shelf(home, after)
    return alerts, notices


def send_messages(home: Path, *, at_ns: int | None = None) -> tuple[list[str], list[str]]:
    """Send what is due; the targets that took it, and a sentence for each that did not.

    A message leaves the outbox only after its receiver took it: a sender that dies in between
    leaves it there, and it is sent again with the same id.
    """
    targets = read_targets(home, os.environ)
    if not targets:
        return [], []
    sent: list[str] = []
    failures: list[str] = []
    # One sender at a time, so that only a death delivers twice. The alerts themselves stay free.
    with locked(home / "outbox"):
        for target in targets:
            now_ns = time.time_ns() if at_ns is None else at_ns
            message = _due(home, target, now_ns)
            if message is None:
                continue
            why = _try(target, message, now_ns)
            _settle(home, target.name, message, now_ns, why)
            if why is None:
                sent.append(target.name)
            else:
                failures.append(why)
    return sent, failures


def _due(home: Path, target: Target, at_ns: int) -> Message | None:
    """The message that *target* is to get now; it is made, and kept, before it is sent."""

    def ready(queue: Queue) -> Queue:
        return compose(queue, at_ns, _message_id, is_quiet=target.is_quiet(at_ns))

    queue = _change(home, target.name, ready)
    return queue.message if is_due(queue, at_ns) else None


def _try(target: Target, message: Message, at_ns: int) -> str | None:
    """None where the receiver took it, else why not."""
    try:
        deliver(target, message, at_ns)
    except Undelivered as error:
        return str(error)
    except TrainfareError as error:
        return f"target {target.name}: {error}"
    return None


def _settle(home: Path, name: str, message: Message, at_ns: int, why: str | None) -> None:
    chance = random.random()  # noqa: S311 (spreads senders, guards nothing)

    def settled(queue: Queue) -> Queue:
        if why is None:
            return delivered(queue, message.id, at_ns)
        return failed(queue, message.id, at_ns, why, chance)

    _change(home, name, settled)


def _change(home: Path, name: str, change: Callable[[Queue], Queue]) -> Queue:
    """Change one queue under the lock; it is written only where it really changes."""
    with locked(alerts_file(home)):
        shelf = read_shelf(home)
        before = shelf.queues.get(name, Queue())
        after = change(before)
        if after != before:
            write_shelf(home, replace(shelf, queues={**shelf.queues, name: after}))
    return after


def read_alerts(home: Path) -> Shelf:
    """All alerts that are remembered, and what is still to be told."""
    return read_shelf(home)


def acknowledge(home: Path, ids: Sequence[str], *, who: str | None = None) -> list[Alert]:
    """Note that somebody has seen these open alerts: they are told again only if they get worse.

    Args:
        home: whose alerts.
        ids: of alerts, or the beginnings of ids; none means all that are open.
        who: has seen them; this user where it is None.

    Raises:
        NotFound: an id is that of no open alert, or of several.
    """
    who = who or user_and_host()
    with locked(alerts_file(home)):
        shelf = read_shelf(home)
        chosen = _chosen([one for one in shelf.alerts if one.is_open], ids)
        alerts = [
            replace(one, acknowledged_by=who) if one.id in chosen else one for one in shelf.alerts
        ]
        write_shelf(home, replace(shelf, alerts=tuple(alerts)))
    done = [one for one in alerts if one.id in chosen]
    for one in done:
        add_to_audit(home, "alert acknowledged", alert=one.id, key=one.key)
    return done


def _chosen(still_open: Sequence[Alert], ids: Sequence[str]) -> set[str]:
    if not ids:
        return {one.id for one in still_open}
    chosen = set()
    for text in ids:
        found = [one.id for one in still_open if one.id.startswith(text)]
        if len(found) != 1:
            said = "no open alert" if not found else f"{len(found)} open alerts"
            raise NotFound(f"{said} begin with {text!r}; see: trainfare alerts list")
        chosen.add(found[0])
    return chosen


def try_targets(home: Path, names: Sequence[str]) -> dict[str, str | None]:
    """Send a message to each target that says it is a trial; name → why it failed, or None.

    Raises:
        NotFound: there is no target, or none of that name.
    """
    targets = read_targets(home, os.environ)
    known = {one.name: one for one in targets}
    missing = next((name for name in names if name not in known), None)
    if missing is not None or not targets:
        there = ", ".join(known) or "none yet"
        wanted = f"called {missing!r}" if missing else f"in {home / 'notify.toml'}"
        raise NotFound(f"there is no target {wanted}; those there are: {there}")
    at_ns = time.time_ns()
    notice = Notice(
        What.OPENED,
        "a-trial",
        Kind.BUDGET,
        "trial",
        "this is a trial: messages of Trainfare arrive here",
        Severity.WARNING,
        at_ns,
    )
    return {
        name: _try(known[name], Message(_message_id(), at_ns, (notice,), at_ns), at_ns)
        for name in names or known
    }


def _alert_id() -> str:
    return f"a-{secrets.token_hex(4)}"


def _message_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


def queue_json(name: str, queue: Queue) -> dict[str, Any]:
    """What a target has still to be told, with stable keys."""
    message = queue.message
    return {
        "name": name,
        "waiting": len(queue.waiting),
        "message": None if message is None else message.id,
        "attempts": 0 if message is None else message.attempts,
        "due_at": None if message is None else format_instant(message.due_ns),
        "why": (message.why or None) if message is not None else None,
        "sent_at": None if queue.sent_ns is None else format_instant(queue.sent_ns),
    }
