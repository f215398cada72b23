"""A decision keeps what was promised; who dismisses says why."""

import pytest

from trainfare.core.decision import REASON_MAX, Verdict, decide
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.recommendation import Kind, Recommendation, Stake, run_slot, settle

SLOT = run_slot("a", "2026-10")


@pytest.fixture
def advice():
    made = Recommendation(
        Kind.IDLE, "rule", "x", "Stop it", "do", method="m", stakes=(Stake(SLOT, Money(30)),)
    )
    [one] = settle([made], {SLOT: Money(100)}, 1)
    return one


def test_a_decision_keeps_what_was_promised(advice):
    said = decide(advice, Verdict.ACCEPTED, at_ns=5, who="ada", reason="  done  ")
    assert (said.advice, said.saving, said.base) == (
        advice.recommendation.id,
        Money(30),
        Money(100),
    )
    assert (said.granted, said.reason) == (Money(30), "done")


def test_what_is_decided_is_hidden_and_what_is_snoozed_only_until_its_end(advice):
    accepted = decide(advice, Verdict.ACCEPTED, at_ns=5, who="ada")
    snoozed = decide(advice, Verdict.SNOOZED, at_ns=5, who="ada", until_ns=9)
    reopened = decide(advice, Verdict.REOPENED, at_ns=5, who="ada")
    assert [one.is_hidden(8) for one in (accepted, snoozed, reopened)] == [True, True, False]
    assert not snoozed.is_hidden(9)


@pytest.mark.parametrize(
    ("verdict", "words", "complaint"),
    [
        (Verdict.DISMISSED, {}, "say why"),
        (Verdict.DISMISSED, {"reason": "  "}, "say why"),
        (Verdict.ACCEPTED, {"reason": "x" * (REASON_MAX + 1)}, "at most"),
        (Verdict.SNOOZED, {}, "has an end"),
        (Verdict.ACCEPTED, {"until_ns": 9}, "has an end"),
        (Verdict.SNOOZED, {"until_ns": 5}, "passed"),
        (Verdict.SNOOZED, {"until_ns": 2**63}, "passed"),
    ],
)
def test_senseless_decisions_are_refused(advice, verdict, words, complaint):
    with pytest.raises(BadInput, match=complaint):
        decide(advice, verdict, at_ns=5, who="ada", **words)
