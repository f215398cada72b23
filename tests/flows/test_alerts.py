"""The alert path against receivers that are really there: a webhook and a mail server on loopback."""

import json

import pytest

from budgets.receivers import SECRET, Receiver
from cli.recordings import record_training
from trainfare.core.budget import Budget
from trainfare.core.money import Money
from trainfare.flows.alerts import check_alerts
from trainfare.flows.budget import set_budget


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def hooked(tmp_path, receiver, monkeypatch):
    """A home with one webhook, whose secret stands in the environment."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    (tmp_path / "notify.toml").write_text(
        f'[[target]]\nname = "hook"\nwebhook = "{receiver.url}"\nsecret = "env:HOOK_SECRET"\n'
    )
    return tmp_path


def test_a_reached_threshold_is_told_once_and_signed(hooked, receiver):
    record_training(hooked, "r-1", labels={"team": "nlp"})
    set_budget(hooked, Budget("nlp", Money.parse("0.08")))
    first, again = check_alerts(hooked), check_alerts(hooked)
    assert (first.sent, again.sent, again.notices) == (("hook",), (), ())
    [document] = receiver.documents()
    [told] = document["data"]["alerts"]
    assert (told["kind"], told["subject"], told["what"]) == ("budget", "nlp", "opened")
    assert told["severity"] == "critical"
    assert "$0.08" in told["sentence"]
    assert json.loads((hooked / "alerts.json").read_text())["queues"]["hook"]["message"] is None
