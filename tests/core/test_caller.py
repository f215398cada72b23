"""Who may do what: scopes imply others, a team is a wall, and nobody gives more than they have."""

import pytest

from trainfare.core.caller import SCOPES, Caller, NotAllowed, read_scopes
from trainfare.core.errors import BadInput


def caller(*scopes, team=None, **more):
    return Caller("ci", frozenset(scopes), team, **more)


@pytest.mark.parametrize(
    ("own", "may"),
    [
        ("ingest", {"ingest"}),
        ("read", {"read"}),
        ("budget", {"budget", "read"}),
        ("admin", set(SCOPES)),
    ],
)
def test_a_scope_lets_do_what_it_implies_and_no_more(own, may):
    assert {scope for scope in SCOPES if caller(own).may(scope)} == may


def test_who_may_not_is_told_what_is_needed():
    assert caller("budget").need("read") is None
    with pytest.raises(NotAllowed, match="this needs the scope 'admin' and 'ci' has budget read;"):
        caller("budget", "read").need("admin")
    assert NotAllowed.exit_code == 2
    with pytest.raises(NotAllowed, match="'ci' has none; ask an admin for another token"):
        caller().need("read")


def test_what_concerns_all_teams_is_for_nobody_of_one():
    assert caller("read").need_all_teams("read") is None
    with pytest.raises(NotAllowed, match="concerns all teams and 'ci' is bound to 'nlp'"):
        caller("read", team="nlp").need_all_teams("read")
    with pytest.raises(NotAllowed, match="needs the scope"):
        caller("ingest").need_all_teams("read")


def test_nobody_gives_more_than_they_have():
    admin = caller("admin", team="nlp")
    assert admin.need_to_grant(frozenset({"read", "ingest"}), "nlp") is None
    for team in (None, "vision"):
        with pytest.raises(NotAllowed, match="can give tokens to that team only"):
            admin.need_to_grant(frozenset({"read"}), team)
    with pytest.raises(NotAllowed, match="needs the scope 'admin'"):
        caller("budget").need_to_grant(frozenset({"read", "admin"}), None)
    assert caller("admin").need_to_grant(frozenset(SCOPES), "vision") is None


def test_a_team_sees_its_own_alone():
    assert [caller(team="nlp").sees(team) for team in ("nlp", "vision", None)] == [
        True,
        False,
        False,
    ]
    assert caller().sees(None)
    assert caller().sees("nlp")


def test_the_audit_log_names_a_token_by_its_id_too():
    assert caller(id="3f2a").signature == "ci (3f2a)"
    assert caller().signature == "ci"


def test_scopes_are_read_from_words():
    assert read_scopes("read,ingest  admin") == {"read", "ingest", "admin"}
    assert read_scopes("") == frozenset()
    with pytest.raises(
        BadInput, match="there is no scope 'write'; choose from ingest, read, budget, admin"
    ):
        read_scopes("read write")
