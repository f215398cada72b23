"""SQL: the engine's statements, which stand as text in the ``.sql`` files of this room.

A file holds statements, each ended by ``;`` at the end of a line. ``{{name}}`` is a place for a
piece of SQL that the caller makes; a user's words only ever get there as quoted literals.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import takewhile
from pathlib import Path

_COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def statements(name: str, **pieces: object) -> list[str]:
    """The statements of ``name.sql`` in order, with *pieces* in their places.

    Raises:
        KeyError: the file has a place that no piece is for.
    """
    return [_PLACE.sub(lambda place: str(pieces[place[1]]), each) for each in _read(name)]


def heading(name: str, **pieces: object) -> str:
    """The comment that ``name.sql`` begins with, with *pieces* in their places."""
    text = (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
    lines = list(takewhile(lambda line: line.startswith("--"), text.split("\n")))
    return _PLACE.sub(lambda place: str(pieces[place[1]]), "\n".join(lines))


@cache
def _read(name: str) -> tuple[str, ...]:
    text = (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
    code = _COMMENT.sub("", text)
    return tuple(each.strip() for each in code.split(";\n") if each.strip())
