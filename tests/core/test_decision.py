"""A decision keeps what was promised; who dismisses says why."""

from dataclasses import replace
from fractions import Fraction

import pytest

from trainfare.core.decision import Verdict, decide
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.recommendation import Kind, Recommendation, Stake, run_slot, settle

SLOT = run_slot("a", "2026-10")


@pytest.fixture
def advice():
    made = Recommendation(
        Kind.IDLE, "rule", "x", "Stop it", "do", method="m", stakes=(Stake(SLOT, Money(30)),)
    )
    made = replace(made, low=Fraction(1, 3), high=Fraction(2))
    [one] = settle([made], {SLOT: Money(100)}, 2)
    return one


def test_a_decision_keeps_what_was_promised(advice):
    said = decide(advice, Verdict.ACCEPTED, at_ns=5, who="ada", reason="  done  ")
    made = advice.recommendation
    assert (said.advice, said.kind, said.rule) == (made.id, Kind.IDLE, "rule")
    assert (said.subject, said.title) == ("x", "Stop it")
    per_month = (said.saving_low, said.saving, said.saving_high)
    assert per_month == (Money(5), Money(15), Money(30))
    assert (said.granted, said.base, said.months) == (Money(30), Money(100), 2)
    assert (said.verdict, said.at_ns, said.who) == (Verdict.ACCEPTED, 5, "ada")
    assert (said.reason, said.until_ns) == ("done", None)


def test_what_is_decided_is_hidden_and_what_is_snoozed_only_until_its_end(advice):
    accepted = decide(advice, Verdict.ACCEPTED, at_ns=5, who="ada")
    snoozed = decide(advice, Verdict.SNOOZED, at_ns=5, who="ada", until_ns=9)
    reopened = decide(advice, Verdict.REOPENED, at_ns=5, who="ada")
    assert [one.is_hidden(8) for one in (accepted, snoozed, reopened)] == [True, True, False]
    assert not snoozed.is_hidden(9)
    assert replace(snoozed, until_ns=None).is_hidden(2**62)
    assert decide(advice, Verdict.DISMISSED, at_ns=5, who="ada", reason="demo").is_hidden(5)


@pytest.mark.parametrize(
    ("verdict", "words", "complaint"),
    [
        (Verdict.DISMISSED, {}, "say why"),
        (Verdict.DISMISSED, {"reason": "  "}, "say why"),
        (Verdict.ACCEPTED, {"reason": "x" * 1001}, "at most 1,000 signs"),
        (Verdict.SNOOZED, {}, "has an end"),
        (Verdict.ACCEPTED, {"until_ns": 9}, "has an end"),
        (Verdict.SNOOZED, {"until_ns": 5}, "passed"),
        (Verdict.SNOOZED, {"until_ns": 2**63}, "passed"),
    ],
)
def test_senseless_decisions_are_refused(advice, verdict, words, complaint):
    with pytest.raises(BadInput, match=complaint):
        decide(advice, verdict, at_ns=5, who="ada", **words)


def test_a_decision_at_its_limits_is_taken(advice):
    longest = decide(advice, Verdict.DISMISSED, at_ns=5, who="ada", reason="x" * 1000)
    assert len(longest.reason) == 1000
    for until_ns in (6, 2**63 - 1):
        said = decide(advice, Verdict.SNOOZED, at_ns=5, who="ada", until_ns=until_ns)
        assert said.until_ns == until_ns
