"""Statement policy: the user's word on what teams are charged of the money that no run owns.

    # statement.toml in the home
    [distribute]
    idle = ["owner", "proportional"]   # what tags name a team for goes there, the rest by use
    tax = "proportional"               # a method: it goes before its remainder
    unused_commitment = "even"
    unallocated = "kept"

- ``owner``: to the team that the charge's tags or a label rule name;
- ``proportional``: to all teams by what they have of their own (never less than 0);
- ``even``: to all teams that have anything of their own, in equal parts;
- ``kept``: to nobody; it stands as kept. What the file does not name is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from trainfare.core.charge import Remainder
from trainfare.core.errors import BadInput
from trainfare.core.toml_table import read_toml

FILE = "statement.toml"


class Way(StrEnum):
    """How money that no run owns is distributed."""

    OWNER = "owner"
    PROPORTIONAL = "proportional"
    EVEN = "even"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Policy:
    """What happens to each remainder, or to one method of it."""

    ways: Mapping[str, tuple[Way, ...]] = field(default_factory=dict)
    """Remainder or method → what is tried, in order; the last one takes the rest."""

    def ways_of(self, remainder: Remainder, method: str) -> tuple[Way, ...]:
        """What is tried for one kind of money; the method's own word goes first.

        >>> Policy({"tax": (Way.EVEN,)}).ways_of(Remainder.UNALLOCATED, "tax")
        (<Way.EVEN: 'even'>,)
        """
        return self.ways.get(method, self.ways.get(remainder.value, (Way.KEPT,)))


KEEP_ALL = Policy()
"""Nothing is distributed: what a showback says."""


def load_policy(path: Path) -> Policy:
    """The policy in a file; everything is kept where there is none.

    Raises:
        BadInput: the file cannot be read, or says what is not understood.
    """
    document = read_toml(path)
    if document is None:
        return KEEP_ALL
    for key in document:
        if key != "distribute":
            raise BadInput(f"{path.name}, {key}: is not known; write [distribute]")
    table = document.get("distribute", {})
    if not isinstance(table, dict):
        raise BadInput(f"{path.name}, distribute: is not a table; write [distribute]")
    return Policy({name: _ways(path.name, name, value) for name, value in table.items()})


def _ways(file: str, name: str, value: Any) -> tuple[Way, ...]:
    texts = value if isinstance(value, list) else [value]
    known = ", ".join(Way)
    if not texts or not all(isinstance(text, str) and text in list(Way) for text in texts):
        raise BadInput(f"{file}, {name}: {value!r} is not one of {known}, or a list of them")
    ways = tuple(Way(text) for text in texts)
    if any(way is not Way.OWNER for way in ways[:-1]) or ways[1:2] == (Way.OWNER,):
        raise BadInput(f'{file}, {name}: only "owner" stands before another way, and once')
    return ways
