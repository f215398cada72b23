"""The outbox: what is still to be told to one target, at least once, and never in a flood.

    notices ─► waiting ─► one message ─► sent, or tried again later

A target has at most one message under way; what happens meanwhile waits and becomes the next one.
So a thousand alerts at once, or a mail server that is down for a day, are one message. A message
keeps its id and its words until it is delivered: a receiver that gets it twice can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trainfare.budgets.alert import Notice, Severity
from trainfare.core.period import HOUR, SECOND

GAP_NS = 120 * SECOND
"""Between two messages to one target; what happens meanwhile is gathered."""

RETRY_NS = 15 * SECOND
"""The wait after the first failure; it doubles with every other …"""
RETRY_MAX_NS = HOUR
"""… up to this, and a message is never given up."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to one target at once."""

    id: str
    """The key by which a receiver knows it again."""
    made_ns: int
    notices: tuple[Notice, ...]
    due_ns: int
    """Not tried before."""
    attempts: int = 0
    why: str = ""
    """What failed the last time."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What one target has to be told."""

    waiting: tuple[Notice, ...] = ()
    message: Message | None = None
    sent_ns: int | None = None
    """When the last message was delivered."""


def enqueue(queue: Queue, notices: Sequence[Notice]) -> Queue:
    """Let *notices* wait; of one alert the latest word stands for what it said before."""
    fresh = {one.alert for one in notices}
    kept = [one for one in queue.waiting if one.alert not in fresh]
    return replace(queue, waiting=(*kept, *notices))


def compose(
    queue: Queue, at_ns: int, make_id: Callable[[], str], *, is_quiet: bool = False
) -> Queue:
    """Make the next message of what waits, if it is time; in quiet hours of what is critical only."""
    if queue.message is not None:
        return queue
    if queue.sent_ns is not None and 0 <= at_ns - queue.sent_ns < GAP_NS:
        return queue
    now = [one for one in queue.waiting if not is_quiet or one.severity is Severity.CRITICAL]
    if not now:
        return queue
    later = tuple(one for one in queue.waiting if one not in now)
    return replace(queue, waiting=later, message=Message(make_id(), at_ns, tuple(now), at_ns))


def is_due(queue: Queue, at_ns: int) -> bool:
    """Whether there is a message to try now; one that seems to wait too long saw the clock go back."""
    message = queue.message
    return message is not None and not 0 < message.due_ns - at_ns <= RETRY_MAX_NS


def delivered(queue: Queue, message_id: str, at_ns: int) -> Queue:
    """The queue after the receiver accepted the message; any other word changes nothing."""
    if queue.message is None or queue.message.id != message_id:
        return queue
    return replace(queue, message=None, sent_ns=at_ns)


def failed(queue: Queue, message_id: str, at_ns: int, why: str, chance: float) -> Queue:
    """The queue after a message could not be delivered.

    Args:
        queue: of one target.
        message_id: which.
        at_ns: now.
        why: in words without secrets.
        chance: at random from 0 to 1, so that many senders do not come back at the same moment;
            between half of the wait and all of it.
    """
    message = queue.message
    if message is None or message.id != message_id:
        return queue
    wait_ns = min(RETRY_MAX_NS, RETRY_NS << min(message.attempts, 20))
    due_ns = at_ns + wait_ns // 2 + round(wait_ns / 2 * chance)
    again = replace(message, attempts=message.attempts + 1, due_ns=due_ns, why=why)
    return replace(queue, message=again)
