"""Delivery: one message to one target, by Apprise or as a signed webhook.

Webhooks follow Standard Webhooks (https://www.standardwebhooks.com): ``webhook-id`` is the
message's id and the same at every attempt, ``webhook-timestamp`` the second of the attempt, and
``webhook-signature`` is ``v1,`` and the HMAC-SHA256 of ``id.timestamp.body`` in base64.

A webhook leads to public addresses, or to inner ones where its target says ``private = true``;
redirects are not followed, so that no receiver can send a message on to another place.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import logging
import warnings
from collections import Counter
from typing import Any

from trainfare.budgets.address import Forbidden, post
from trainfare.budgets.alert import Notice, What
from trainfare.budgets.alert_shelf import notice_json
from trainfare.budgets.outbox import Message
from trainfare.budgets.target import Target
from trainfare.core.errors import MissingExtra, OutsideFailed
from trainfare.core.period import SECOND, format_instant
from trainfare.core.plain import plain

SHOWN = 20
"""So many alerts stand in a mail …"""
CARRIED = 50
"""… and in a webhook's body, the gravest first; their count says how many there were."""

TIMEOUT_SECONDS = 10


class Undelivered(OutsideFailed):
    """A receiver did not take a message; it is tried again."""


def deliver(target: Target, message: Message, at_ns: int) -> None:
    """Send *message*; coming back means that the receiver took it.

    Raises:
        Undelivered: it did not; the sentence holds no address and no secret.
        MissingExtra: Apprise is not installed.
    """
    if target.webhook is not None:
        _post(target, message, at_ns)
    else:
        _notify(target, message)


def title_of(message: Message) -> str:
    """What a message is about, in one line."""
    told = _gravest(message.notices)
    first = told[0]
    if len(told) == 1:
        over = "resolved: " if first.what is What.RESOLVED else ""
        return plain(f"Trainfare: {over}{first.kind} {first.subject}")
    counts = Counter(one.what for one in told)
    said = [f"{counts[what]:,} {what}" for what in What if counts[what]]
    return f"Trainfare: {len(told):,} alerts ({', '.join(said)})"


def body_of(message: Message) -> str:
    """A message in words: the gravest first, at most :data:`SHOWN`, the rest counted by kind."""
    told = _gravest(message.notices)
    lines = [
        f"{one.severity.word.upper() if one.what is not What.RESOLVED else 'RESOLVED'}  "
        f"{format_instant(one.at_ns // SECOND * SECOND)}  {one.kind} {plain(one.subject)}\n"
        f"    {plain(one.sentence)}"
        for one in told[:SHOWN]
    ]
    rest = Counter(one.kind for one in told[SHOWN:])
    if rest:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in rest.most_common())
        lines.append(f"and {rest.total():,} more ({kinds}): trainfare alerts list")
    return "\n".join([*lines, "", f"message {message.id}"])


def document_of(message: Message) -> dict[str, Any]:
    """A message as a webhook carries it; the same at every attempt."""
    told = _gravest(message.notices)
    return {
        "type": "trainfare.alerts",
        "timestamp": format_instant(message.made_ns),
        "data": {
            "title": title_of(message),
            "count": len(told),
            "alerts": [notice_json(one) for one in told[:CARRIED]],
        },
    }


def sign(secret: bytes, message_id: str, seconds: int, body: bytes) -> str:
    """The ``webhook-signature`` of *body*."""
    text = f"{message_id}.{seconds}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()}"


def _gravest(notices: tuple[Notice, ...]) -> list[Notice]:
    return sorted(notices, key=lambda one: (one.what is What.RESOLVED, -one.severity, one.at_ns))


def _post(target: Target, message: Message, at_ns: int) -> None:
    assert target.webhook is not None
    assert target.secret is not None
    body = json.dumps(document_of(message), ensure_ascii=False).encode()
    seconds = at_ns // SECOND
    headers = {
        "content-type": "application/json",
        "user-agent": "trainfare",
        "webhook-id": message.id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": sign(target.secret, message.id, seconds, body),
    }
    try:
        status = post(
            target.webhook, body, headers, is_private=target.is_private, timeout_s=TIMEOUT_SECONDS
        )
    except Forbidden as error:
        raise Undelivered(f"target {target.name} {error}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Undelivered(f"target {target.name} cannot be reached: {why}") from None
    if not 200 <= status < 300:
        raise Undelivered(f"target {target.name} answered {status}")


def _notify(target: Target, message: Message) -> None:
    assert target.url is not None
    # What the library logs and warns of may hold the address, so none of it is let through.
    logging.getLogger("apprise").disabled = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import apprise
        except ImportError:
            raise MissingExtra("notify", "send mail and chat messages") from None
        # One address after the other: warnings are kept quiet in this thread alone.
        asset = apprise.AppriseAsset(app_id="Trainfare", app_desc="Trainfare", async_mode=False)
        sender = apprise.Apprise(asset=asset)
        if not sender.add(target.url):
            raise Undelivered(f"target {target.name}: its url is none that Apprise knows")
        is_sent = sender.notify(
            title=title_of(message), body=body_of(message), body_format=apprise.NotifyFormat.TEXT
        )
    if not is_sent:
        raise Undelivered(f"target {target.name} did not take the message")
