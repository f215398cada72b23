"""Slurm host lists: ``gpu[001-003,007],login1`` written out name by name."""

from __future__ import annotations

import re
from itertools import product

from trainfare.core.errors import BadInput

HOSTS_MAX = 100_000
"""More hosts than the largest cluster has; a list that expands to more is a mistake."""

NO_HOSTS = frozenset({"", "none assigned", "none", "(null)", "(unknown)", "n/a", "unknown"})
"""What sacct writes where a job has no nodes, in lower case."""

_PIECE = re.compile(r"\[([^\[\]]*)\]|([^\[\],]+)|(,)")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def expand_hostlist(text: str) -> list[str]:
    """The host names of a Slurm host list, in its order.

    Ranges keep their zero padding; a name may have several brackets, the last varies fastest.

    Raises:
        BadInput: a bracket is open, a range runs backwards, or there are over 100 000 hosts.

    >>> expand_hostlist("gpu[08-10,3],rack[0-1]n[0-1],login")
    ['gpu08', 'gpu09', 'gpu10', 'gpu3', 'rack0n0', 'rack0n1', 'rack1n0', 'rack1n1', 'login']
    """
    hosts: list[str] = []
    parts: list[list[str]] = []
    at = 0
    while at < len(text):
        match = _PIECE.match(text, at)
        if not match:
            raise BadInput(f"host list {text[:80]!r} has an unpaired bracket at character {at + 1}")
        bracket, literal, comma = match.groups()
        if comma:
            _add(hosts, parts, text)
            parts = []
        else:
            parts.append([literal.strip()] if literal else _ranges(bracket, text))
        at = match.end()
    _add(hosts, parts, text)
    return hosts


def _add(hosts: list[str], parts: list[list[str]], text: str) -> None:
    """Append the names that *parts* multiply out to."""
    count = 1
    for part in parts:
        count *= len(part)
    if len(hosts) + count > HOSTS_MAX:
        raise BadInput(f"host list {text[:80]!r} names more than {HOSTS_MAX} hosts")
    names = ["".join(combination) for combination in product(*parts)] if parts else [""]
    if "" in names:
        raise BadInput(f"host list {text[:80]!r} has an empty name")
    hosts.extend(names)


def _ranges(bracket: str, text: str) -> list[str]:
    """The numbers inside one pair of brackets, as text with their padding."""
    numbers: list[str] = []
    for piece in bracket.split(","):
        match = _RANGE.fullmatch(piece.strip())
        if not match:
            raise BadInput(f"host list {text[:80]!r}: {piece[:20]!r} is not a number or a range")
        low, high = match[1], match[2] or match[1]
        if int(high) < int(low):
            raise BadInput(f"host list {text[:80]!r}: the range {piece!r} runs backwards")
        if int(high) - int(low) + len(numbers) >= HOSTS_MAX:
            raise BadInput(f"host list {text[:80]!r} names more than {HOSTS_MAX} hosts")
        width = len(low)
        numbers.extend(str(n).zfill(width) for n in range(int(low), int(high) + 1))
    return numbers
