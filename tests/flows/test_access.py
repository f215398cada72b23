"""The access path on both databases: what opens, for how long, and what is written down."""

import threading
import time

import pytest

from trainfare.core.caller import Caller, NotAllowed
from trainfare.core.errors import NotFound
from trainfare.flows.access import (
    OPERATOR,
    Actor,
    caller_of,
    create_token,
    list_tokens,
    read_audit,
    renew_token,
    sign_in_person,
    sign_in_with_token,
    sign_out,
    withdraw_token,
)
from trainfare.store.ledger import open_ledger

ADMIN = Actor(OPERATOR, "::1")
READ = frozenset({"read"})


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request, tmp_path):
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    with open_ledger(tmp_path, url) as one:
        yield one


def test_a_token_opens_until_it_is_rotated_or_revoked(ledger):
    secret, token = create_token(ledger, ADMIN, "ci", READ, team="nlp")
    assert caller_of(ledger, secret) == Caller("ci", READ, "nlp", token.id)
    newer, _ = renew_token(ledger, ADMIN, token.id)
    assert caller_of(ledger, secret) is None
    assert caller_of(ledger, newer).id == token.id
    withdraw_token(ledger, ADMIN, token.id)
    assert caller_of(ledger, newer) is None


def test_that_a_token_is_used_is_noted_once_in_a_while(ledger):
    secret, _ = create_token(ledger, ADMIN, "ci", READ)
    assert list_tokens(ledger, OPERATOR)[0].used_ns is None
    begun = time.time_ns()
    caller_of(ledger, secret)
    first = list_tokens(ledger, OPERATOR)[0].used_ns
    assert begun <= first <= time.time_ns()
    caller_of(ledger, secret)
    assert list_tokens(ledger, OPERATOR)[0].used_ns == first


def test_a_session_has_what_its_token_has_and_ends_with_it(ledger):
    secret, token = create_token(ledger, ADMIN, "lead", READ, team="nlp")
    session = sign_in_with_token(ledger, secret, "10.0.0.1")
    assert caller_of(ledger, session) == caller_of(ledger, secret)
    assert sign_in_with_token(ledger, session, None) is None  # a session opens no other
    withdraw_token(ledger, ADMIN, token.id)
    assert caller_of(ledger, session) is None


def test_a_person_s_session_ends_when_they_sign_out(ledger):
    person = Actor(Caller("Anne", READ, "nlp", "anne-7"), "10.0.0.1")
    session = sign_in_person(ledger, person, "https://id.example.com")
    assert caller_of(ledger, session) == person.caller
    sign_out(ledger, session, "10.0.0.1")
    sign_out(ledger, session, "10.0.0.1")
    assert caller_of(ledger, session) is None
    assert [one.action for one in read_audit(ledger, OPERATOR)] == ["logout", "login"]


def test_no_session_outlives_the_revocation_of_its_token_however_they_race(ledger):
    for _ in range(10):
        secret, token = create_token(ledger, ADMIN, "ci", READ)
        found = []
        thread = threading.Thread(
            target=lambda found=found, secret=secret: found.append(
                sign_in_with_token(ledger, secret, None)
            )
        )
        thread.start()
        withdraw_token(ledger, ADMIN, token.id)
        thread.join()
        assert found[0] is None or caller_of(ledger, found[0]) is None


def test_nobody_gives_more_than_they_have(ledger):
    lead = Actor(Caller("lead", frozenset({"admin"}), "nlp", "t1"))
    for team in ("vision", None):
        with pytest.raises(NotAllowed, match="bound to 'nlp'"):
            create_token(ledger, lead, "x", READ, team=team)
    _, other = create_token(ledger, ADMIN, "x", READ, team="vision")
    for change in (renew_token, withdraw_token):
        with pytest.raises(NotFound, match="there is no token"):
            change(ledger, lead, other.id)
        with pytest.raises(NotAllowed, match="'admin'"):
            change(ledger, Actor(Caller("r", READ)), other.id)
    with pytest.raises(NotAllowed, match="all teams"):
        read_audit(ledger, lead.caller)
    assert [one.action for one in read_audit(ledger, OPERATOR)] == ["token.create"]


def test_every_change_is_written_down_with_who_and_from_where(ledger):
    _, token = create_token(ledger, ADMIN, "ci", READ, team="nlp")
    renew_token(ledger, ADMIN, token.id)
    withdraw_token(ledger, ADMIN, token.id)
    withdraw_token(ledger, ADMIN, token.id)  # a second time changes nothing
    lines = read_audit(ledger, OPERATOR)
    assert [one.action for one in lines] == ["token.revoke", "token.rotate", "token.create"]
    assert {(one.who, one.address) for one in lines} == {("trainfare token", "::1")}
    assert {one.what for one in lines} == {f"{token.id} ci: read for nlp"}
    assert read_audit(ledger, OPERATOR, before=lines[0].id, limit=1) == lines[1:2]
