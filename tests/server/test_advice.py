"""Advice of a server: read, decided on by who may, and seen at once by everybody."""

import time
from urllib.parse import urlencode

import pytest

from flows.bills import trainfare
from flows.rides import charge, ride, write_charges
from server.served import serving

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A machine at $10 an hour that is paid for twelve hours; a run holds the first four."""
    home = tmp_path_factory.mktemp("advice") / "home"
    ride(home, "r-1", 0, 4)
    bill = write_charges(home / "bill.csv", *(charge(at=at) for at in range(12)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards
        trainfare(home, "bill", "import", bill)
        trainfare(home, "allocate")
    with serving(home) as running:
        yield running


def part(server, name, query=""):
    """A part of a page, as soon as it is worked out."""
    until = time.monotonic() + 120
    while True:
        status, _, body = server.ask(f"/parts/{name}{query}")
        text = body.decode()
        if "Being worked out" not in text or time.monotonic() > until:
            assert status == 200
            return text
        time.sleep(0.2)


def decide(server, advice, **said):
    path = f"/api/v1/advice/{advice}/decision"
    return server.ask(path, method="POST", body=said)


def test_advice_is_read_decided_on_and_measured(server):
    [one] = server.json("/api/v1/advice?kind=idle")["recommendations"]
    assert (one["rule"], one["saving"]) == ("left_on", "77.500000000")
    assert server.json(f"/api/v1/advice/{one['id'][:9]}")["id"] == one["id"]
    assert server.json("/api/v1/advice?kind=storage")["recommendations"] == []
    text = part(server, "advice")
    assert "Stop p4d.24xlarge machines after their last run" in text
    assert "$77.50" in text
    assert decide(server, one["id"], verdict="dismissed")[0] == 400
    assert decide(server, one["id"], verdict="snoozed")[0] == 400
    assert decide(server, one["id"], verdict="accepted", days=3)[0] == 400
    status, _, _ = decide(server, one["id"], verdict="accepted", reason="the script stops it")
    assert status == 200
    assert server.json("/api/v1/advice?kind=idle")["recommendations"] == []
    [said] = server.json("/api/v1/advice/decided")["decided"]
    assert (said["verdict"], said["promised"]) == ("accepted", "77.500000000")
    assert "after 2026" in said["realized"]["why"]
    assert "the script stops it" in part(server, "decided")
    assert decide(server, one["id"], verdict="reopened")[0] == 200
    assert server.json("/api/v1/advice/decided")["decided"] == []


def test_the_page_decides_by_its_buttons(server):
    [one] = server.json("/api/v1/advice?kind=idle")["recommendations"]
    path = f"/advice/{one['id']}/decide"

    def press(**words):
        return server.ask(path, method="POST", body=urlencode(words).encode(), headers=FORM)

    status, _, body = press(say="dismiss")
    assert status == 400
    assert "say why it is dismissed" in body.decode()
    assert press(say="burn")[0] == 400
    press(say="snooze")
    [said] = server.json("/api/v1/advice/decided")["decided"]
    assert said["verdict"] == "snoozed"
    assert said["until"] > said["at"]
    press(say="reopen")
    assert len(server.json("/api/v1/advice?kind=idle")["recommendations"]) == 1


def test_advice_is_asked_by_the_command_line_of_elsewhere(server):
    for words, what in [
        (["advise", "--kind", "idle", "--format", "json"], 0),
        (["advise", "decided", "--format", "json"], 0),
        (["advise", "dismiss", "none", "--reason", "x"], 2),
    ]:
        answer = server.json("/api/v1/console", method="POST", body={"arguments": words})
        assert answer["exit_code"] == what
    body = {"name": "reader", "scopes": ["read"], "team": None}
    secret = server.json("/api/v1/tokens", method="POST", body=body)["secret"]
    words = {"arguments": ["advise", "--kind", "idle", "accept", "none"]}
    status, _, _ = server.ask("/api/v1/console", method="POST", body=words, token=secret)
    assert status == 403
