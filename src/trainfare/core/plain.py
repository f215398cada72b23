"""Plain text: what others wrote, made safe to print on a terminal."""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str) -> str:
    r"""*text* in one line in which no character moves the cursor, sets a colour or hides another.

    White space becomes a space, what cannot be printed becomes U+FFFD.

    >>> plain("a" + chr(27) + "[2Jb" + chr(10) + "c") == "a" + chr(0xFFFD) + "[2Jb c"
    True
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def sound(text: str) -> str:
    """*text* as any encoding takes it: half a character, which JSON and file names may have, is U+FFFD.

    >>> sound("caf" + chr(0xE9) + chr(0xD800)) == "caf" + chr(0xE9) + chr(0xFFFD)
    True
    """
    return text if text.isprintable() else _HALF.sub("\ufffd", text)


def shorten(text: str, limit: int) -> str:
    """*text*, made plain, cut to *limit* columns with an ellipsis.

    >>> shorten("a long label", 7)
    'a long…'
    """
    text = plain(text)
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"


def plural(count: int, noun: str) -> str:
    """*count* and *noun*, with an s unless it is one.

    >>> plural(1, "row"), plural(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def visible_len(text: str) -> int:
    """Columns that *text* takes on a terminal, colour codes not counted."""
    return len(_ESCAPES.sub("", text))
