"""Messages as receivers get them: their words, their order, and what is said of a failure."""

import base64
import json
import logging
import socket
import sys

import pytest

from budgets.receivers import SECRET, Receiver
from trainfare.budgets.alert import Kind, Notice, Severity, What
from trainfare.budgets.delivery import Undelivered, body_of, deliver, document_of, title_of
from trainfare.budgets.outbox import Message
from trainfare.budgets.target import Target
from trainfare.core.errors import MissingExtra
from trainfare.core.period import SECOND, parse_instant

MORNING = parse_instant("2026-11-27T08:15:30Z")
WARNING, CRITICAL = Severity
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()


def notice(number, what=What.OPENED, severity=WARNING, kind=Kind.IDLE, after=0):
    at_ns = MORNING + after * SECOND + 250_000_000
    return Notice(what, f"a-{number}", kind, f"r-{number}", f"sentence {number}", severity, at_ns)


def message(*notices):
    return Message("msg_7", MORNING + 5, notices, MORNING + 9)


MIXED = message(
    notice(1, What.RESOLVED, CRITICAL, Kind.BUDGET),
    notice(2, What.REMINDER, after=60),
    notice(3, What.OPENED, after=59),
    notice(4, What.WORSE, CRITICAL, Kind.STALLED, after=90),
)


@pytest.mark.parametrize(
    ("one", "title"),
    [
        (message(notice(3)), "Trainfare: idle r-3"),
        (message(notice(3, What.RESOLVED)), "Trainfare: resolved: idle r-3"),
        (message(notice(3), notice(4)), "Trainfare: 2 alerts (2 opened)"),
        (MIXED, "Trainfare: 4 alerts (1 opened, 1 worse, 1 reminder, 1 resolved)"),
    ],
)
def test_the_title_says_what_one_alert_is_and_counts_several(one, title):
    assert title_of(one) == title


def test_the_body_says_the_gravest_first_then_the_earliest_and_what_is_over_last():
    assert body_of(MIXED) == (
        "CRITICAL  2026-11-27T08:17:00Z  stalled r-4\n    sentence 4\n"
        "WARNING  2026-11-27T08:16:29Z  idle r-3\n    sentence 3\n"
        "WARNING  2026-11-27T08:16:30Z  idle r-2\n    sentence 2\n"
        "RESOLVED  2026-11-27T08:15:30Z  budget r-1\n    sentence 1\n"
        "\nmessage msg_7"
    )


def test_a_mail_shows_twenty_alerts_and_counts_the_others_by_kind():
    late = [notice(n, kind=kind, after=n) for n in range(20, 25) for kind in (Kind.RUN, Kind.IDLE)]
    shown = body_of(message(*(notice(n, after=n) for n in range(20))))
    cut = body_of(message(*(notice(n, after=n) for n in range(20)), *late[:-1]))
    assert "more" not in shown
    end = "and 9 more (5 run, 4 idle): trainfare alerts list\n\nmessage msg_7"
    assert cut == shown.removesuffix("\n\nmessage msg_7") + "\n" + end


def test_a_webhook_carries_fifty_alerts_and_says_how_many_there_are():
    document = document_of(message(*(notice(n, after=60 - n) for n in range(53))))
    assert document["data"]["count"] == 53
    told = document["data"]["alerts"]
    assert [one["alert"] for one in told] == [f"a-{n}" for n in range(52, 2, -1)]


def test_a_webhook_gets_the_document_signed_at_the_second_of_the_attempt(receiver):
    one = message(notice(3, kind=Kind.PRICE), notice(4, What.RESOLVED, after=-75))
    deliver(hook(receiver.url), one, MORNING + SECOND - 1)
    [document] = receiver.documents()
    assert document == {
        "type": "trainfare.alerts",
        "timestamp": "2026-11-27T08:15:30.000000005Z",
        "data": {
            "title": "Trainfare: 2 alerts (1 opened, 1 resolved)",
            "count": 2,
            "alerts": [
                {
                    "what": "opened",
                    "alert": "a-3",
                    "kind": "price",
                    "subject": "r-3",
                    "sentence": "sentence 3",
                    "severity": "warning",
                    "at": "2026-11-27T08:15:30.250Z",
                },
                {
                    "what": "resolved",
                    "alert": "a-4",
                    "kind": "idle",
                    "subject": "r-4",
                    "sentence": "sentence 4",
                    "severity": "warning",
                    "at": "2026-11-27T08:14:15.250Z",
                },
            ],
        },
    }
    [(headers, _)] = receiver.got
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "trainfare"
    assert headers["webhook-id"] == "msg_7"
    assert int(headers["webhook-timestamp"]) * SECOND == MORNING


def test_a_webhook_gets_words_of_any_language_as_they_are(receiver):
    told = Notice(What.OPENED, "a-1", Kind.BUDGET, "größe", "預算", WARNING, MORNING)
    deliver(hook(receiver.url), message(told), MORNING)
    [(_, body)] = receiver.got
    assert '"subject": "größe", "sentence": "預算"'.encode() in body


def hook(url, *, is_private=True):
    return Target("hook", webhook=url, secret=KEY, is_private=is_private)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_webhook_that_answers_yes_has_taken_the_message(receiver, status):
    receiver.answers = [status]
    deliver(hook(receiver.url), message(notice(1)), MORNING)
    assert receiver.ids == ["msg_7"]


@pytest.mark.parametrize("status", [199, 300, 307, 404, 503])
def test_any_other_answer_is_no_delivery(receiver, status):
    receiver.answers = [status]
    with pytest.raises(Undelivered, match=rf"^target hook answered {status}$"):
        deliver(hook(receiver.url), message(notice(1)), MORNING)


def test_a_webhook_that_leads_inside_is_not_asked(receiver):
    with pytest.raises(Undelivered, match=r"^target hook leads to an address that is not public; "):
        deliver(hook(receiver.url, is_private=False), message(notice(1)), MORNING)
    assert receiver.got == []


@pytest.fixture
def closed_port():
    """A port at which nobody listens, and nobody can."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


def test_a_webhook_that_cannot_be_reached_is_named_and_its_address_is_not(closed_port):
    with pytest.raises(Undelivered) as failure:
        deliver(hook(f"http://127.0.0.1:{closed_port}/x"), message(notice(1)), MORNING)
    assert str(failure.value) == "target hook cannot be reached: Connection refused"


def test_a_failure_without_words_of_its_own_is_named_by_its_kind():
    with pytest.raises(Undelivered, match=r"^target hook cannot be reached: ValueError$"):
        deliver(hook("http://127.0.0.1:99999/x"), message(notice(1)), MORNING)


def by_apprise(*receivers):
    urls = ", ".join(one.url.replace("http://", "json://") for one in receivers)
    return Target("ops", url=urls)


def test_apprise_gets_the_title_and_the_body(receiver):
    deliver(by_apprise(receiver), MIXED, MORNING)
    [(headers, body)] = receiver.got
    told = json.loads(body)
    assert (told["title"], told["message"]) == (title_of(MIXED), body_of(MIXED))
    assert headers["user-agent"] == "Trainfare"


def test_several_addresses_in_one_url_are_told_one_after_the_other(receiver):
    other = Receiver()
    try:
        receiver.answers = [lambda: 500 if other.arrived.acquire(timeout=0.2) else 200]
        deliver(by_apprise(receiver, other), MIXED, MORNING)
        assert len(receiver.got) == len(other.got) == 1
    finally:
        other.close()


def test_a_receiver_of_apprise_that_refuses_has_not_taken_the_message(
    receiver, caplog, monkeypatch
):
    monkeypatch.setattr(logging.getLogger("apprise"), "disabled", False)
    receiver.answers = [500]
    with caplog.at_level(0), pytest.raises(Undelivered) as failure:
        deliver(by_apprise(receiver), MIXED, MORNING)
    assert str(failure.value) == "target ops did not take the message"
    assert not [one for one in caplog.records if one.name.startswith("apprise")]


def test_a_url_that_apprise_does_not_know_is_said_without_its_text():
    with pytest.raises(Undelivered) as failure:
        deliver(Target("ops", url="nosuch://hidden"), MIXED, MORNING)
    assert str(failure.value) == "target ops: its url is none that Apprise knows"


def test_without_apprise_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtra, match=r"trainfare\[notify\]"):
        deliver(Target("ops", url="json://127.0.0.1"), MIXED, MORNING)
