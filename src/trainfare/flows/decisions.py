"""The path of a decision: advice as it stands → what somebody said to it → what it saved since."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.advice.realized import Realized, realize
from trainfare.core.decision import Decision, Verdict, decide
from trainfare.core.errors import BadInput, NotFound
from trainfare.flows.advise import Advised, advise, read_said
from trainfare.flows.bill import need_analytics
from trainfare.metering.audit import add_to_audit, user_and_host

if TYPE_CHECKING:
    import sqlalchemy as sa

    from trainfare.core.recommendation import Advice


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, and what it saved since."""

    decision: Decision
    realized: Realized | None
    """None where it was not accepted."""


def decide_on(
    home: Path,
    text: str,
    verdict: Verdict,
    *,
    reason: str = "",
    until_ns: int | None = None,
    who: str | None = None,
) -> Decision:
    """Say something to the recommendation that *text* names, its id or the beginning of it.

    Raises:
        NotFound: there is none, or several ids begin so.
        BadInput: a dismissal without a reason, or a snooze that ends before now.
    """
    need_analytics("keep decisions on advice")
    from trainfare.store.decisions import put_decision

    said = read_said(home)
    if verdict is Verdict.REOPENED:
        before = said[_pick(text, said)]
        decision = _reopened(before, reason, who)
    else:
        gone = {id_: one for id_, one in said.items() if one.verdict is Verdict.DISMISSED}
        if any(text and one.startswith(text) for one in gone):
            name = _pick(text, gone)
            raise BadInput(f"{name} was dismissed; trainfare advise reopen {name} takes that back")
        decision = decide(
            find_advice(home, text),
            verdict,
            at_ns=time.time_ns(),
            who=who or user_and_host(),
            reason=reason,
            until_ns=until_ns,
        )
    _change(home, lambda connection: put_decision(connection, decision))
    add_to_audit(
        home, f"advice {verdict}", advice=decision.advice, title=decision.title, reason=reason
    )
    return decision


def find_advice(home: Path, text: str) -> Advice:
    """The recommendation that *text* names, its id or the beginning of it, decided or not.

    Raises:
        NotFound: there is none, or several ids begin so.
    """
    made = {one.recommendation.id: one for one in advise(home).all}
    return made[_pick(text, made)]


def _reopened(before: Decision, reason: str, who: str | None) -> Decision:
    return replace(
        before,
        verdict=Verdict.REOPENED,
        at_ns=time.time_ns(),
        who=who or user_and_host(),
        reason=reason,
        until_ns=None,
    )


def _pick(text: str, known: Mapping[str, Advice] | Mapping[str, Decision]) -> str:
    if text in known:
        return text
    begun = sorted(one for one in known if text and one.startswith(text))
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise NotFound(f"{len(begun)} recommendations begin with {text!r}: {', '.join(begun[:5])}")
    raise NotFound(f"there is no recommendation {text!r}; trainfare advise lists those there are")


def _change(home: Path, work: Callable[[sa.Connection], None]) -> None:
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.change() as connection:
        work(connection)


def decided(home: Path) -> list[Decided]:
    """What was decided and still counts, the newest first, with what it saved."""
    said = read_said(home)
    if not said:
        return []
    now = advise(home)
    return decided_of(now, said)


def decided_of(now: Advised, said: Mapping[str, Decision]) -> list[Decided]:
    """The decisions *said*, held against advice as it stands *now*."""
    made = {one.recommendation.id: one for one in now.all}
    found = [
        Decided(
            one,
            realize(one, made.get(one.advice), now.book, now.periods, now.balances.get(one.advice))
            if one.verdict is Verdict.ACCEPTED
            else None,
        )
        for one in said.values()
    ]
    return sorted(found, key=lambda one: -one.decision.at_ns)
