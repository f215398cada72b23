"""Who asks: a person or a program, what it may do, and for which team.

Scopes are the words ``ingest`` (ship records of runs), ``read`` (see money), ``budget`` (set
budgets, acknowledge alerts) and ``admin`` (everything else). A caller bound to a team sees and
changes only what is that team's.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainfare.core.errors import BadInput, TrainfareError

SCOPES = ("ingest", "read", "budget", "admin")
"""Every scope, in the order in which they are listed."""

_IMPLIED = {"admin": ("ingest", "read", "budget"), "budget": ("read",)}


class NotAllowed(TrainfareError):
    """The caller may not do this; another token might."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request.

    >>> Caller("ci", frozenset({"budget"}), "nlp").may("read")
    True
    """

    name: str
    scopes: frozenset[str]
    team: str | None = None
    """The only team it sees; None is all of them."""
    id: str = ""
    """What tells it from others of its name: a token's id, or a person's at the provider."""

    @property
    def signature(self) -> str:
        """How the audit log names it.

        >>> Caller("ci", frozenset({"read"}), None, "3f2a").signature
        'ci (3f2a)'
        """
        return f"{self.name} ({self.id})" if self.id else self.name

    def may(self, scope: str) -> bool:
        """Whether *scope* is among its scopes, or implied by one of them."""
        return any(scope == own or scope in _IMPLIED.get(own, ()) for own in self.scopes)

    def need(self, scope: str) -> None:
        """Pass, or refuse.

        Raises:
            NotAllowed: it may not.
        """
        if not self.may(scope):
            have = " ".join(sorted(self.scopes)) or "none"
            raise NotAllowed(
                f"this needs the scope {scope!r} and {self.name!r} has {have}; "
                "ask an admin for another token"
            )

    def need_all_teams(self, scope: str) -> None:
        """Pass, or refuse: *scope* for every team, for what belongs to no single one.

        Raises:
            NotAllowed: it may not, or is bound to a team.
        """
        self.need(scope)
        if self.team is not None:
            raise NotAllowed(
                f"this concerns all teams and {self.name!r} is bound to {self.team!r}; "
                "ask an admin for a token without a team"
            )

    def need_to_grant(self, scopes: frozenset[str], team: str | None) -> None:
        """Pass, or refuse: nobody hands out what it does not have itself.

        Raises:
            NotAllowed: a scope or the team goes beyond its own.
        """
        for scope in sorted(scopes):
            self.need(scope)
        if not self.sees(team):
            raise NotAllowed(
                f"{self.name!r} is bound to {self.team!r} and can give tokens to that team only; "
                "ask an admin of all teams"
            )

    def sees(self, team: str | None) -> bool:
        """Whether what belongs to *team* is its to see."""
        return self.team is None or self.team == team


def read_scopes(text: str) -> frozenset[str]:
    """The scopes that *text* lists, a space or comma between.

    Raises:
        BadInput: a word is none of them.

    >>> sorted(read_scopes("read, ingest"))
    ['ingest', 'read']
    """
    words = text.replace(",", " ").split()
    for word in words:
        if word not in SCOPES:
            raise BadInput(f"there is no scope {word!r}; choose from {', '.join(SCOPES)}")
    return frozenset(words)
