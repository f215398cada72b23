"""Plain text: what others wrote, made safe to print on a terminal."""

from __future__ import annotations


def plain(text: str) -> str:
    r"""*text* in one line in which no character moves the cursor, sets a colour or hides another.

    White space becomes a space, what cannot be printed becomes U+FFFD.

    >>> plain("a" + chr(27) + "[2Jb" + chr(10) + "c") == "a" + chr(0xFFFD) + "[2Jb c"
    True
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)
