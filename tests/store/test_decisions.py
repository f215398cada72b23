"""What was said to advice is kept, and the newest word counts; the same on both databases."""

from dataclasses import replace

import pytest

from trainfare.core.decision import Decision, Verdict
from trainfare.core.money import Money
from trainfare.core.recommendation import Kind
from trainfare.store.decisions import current_decisions, put_decision, read_decisions
from trainfare.store.ledger import open_ledger

SAID = Decision(
    advice="idle-381a99f605",
    verdict=Verdict.ACCEPTED,
    at_ns=2**62,
    who="ada@lab",
    reason="the autoscaler does it — seit heute",
    until_ns=None,
    kind=Kind.IDLE,
    rule="left_on",
    subject="p5.48xlarge",
    title="Stop p5.48xlarge machines",
    saving=Money(2**62, "EUR"),
    saving_low=Money(-5, "EUR"),
    saving_high=Money(2**62 + 1, "EUR"),
    granted=Money(7, "EUR"),
    base=Money(9, "EUR"),
    months=3,
)


@pytest.fixture
def ledger(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as opened:
        yield opened


def say(ledger, *decisions):
    with ledger.change() as connection:
        for one in decisions:
            put_decision(connection, one)


def current(ledger):
    with ledger.look() as connection:
        return current_decisions(connection)


def test_a_decision_comes_back_as_it_was(ledger):
    other = replace(SAID, advice="spot-1", kind=Kind.SPOT, verdict=Verdict.SNOOZED, until_ns=2**62)
    say(ledger, SAID, other)
    assert current(ledger) == {SAID.advice: SAID, "spot-1": other}


def test_the_newest_word_counts_and_all_are_kept(ledger):
    dismissed = replace(SAID, verdict=Verdict.DISMISSED, at_ns=1, reason="no")
    say(ledger, SAID, dismissed)
    assert current(ledger) == {SAID.advice: dismissed}
    with ledger.look() as connection:
        assert read_decisions(connection, SAID.advice) == [SAID, dismissed]


def test_what_was_opened_again_is_undecided(ledger):
    say(ledger, SAID, replace(SAID, verdict=Verdict.REOPENED))
    assert current(ledger) == {}
