"""Plain text: what others wrote, made safe to print on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

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


def shorten_middle(text: str, limit: int) -> str:
    """*text* cut to *limit* columns in its middle, for names that differ at their ends.

    >>> shorten_middle("arn:aws:ec2:volume/vol-42", 13)
    'arn:aw…vol-42'
    """
    if len(text) <= limit:
        return text
    tail = limit // 2
    return text[: limit - tail - 1] + "…" + text[len(text) - tail :]


def cut_apart(texts: Iterable[str], limit: int) -> dict[str, str]:
    """Each text → itself cut to *limit* columns, so that no two read the same; ends are kept.

    Where texts would, the cuts show the place at which they begin to differ, and are longer than
    *limit* if that takes it.

    >>> list(cut_apart(["arn:us-west-1:7:disk/d-42", "arn:us-west-2:7:disk/d-42"], 16).values())
    ['…us-west-1…/d-42', '…us-west-2…/d-42']
    """
    whole = list(dict.fromkeys(texts))
    longest = max(map(len, whole), default=0)
    for size in range(max(3, limit), longest):
        cuts = _cuts(whole, size)
        if len(set(cuts.values())) == len(whole):
            return cuts
    return {text: text for text in whole}


def _cuts(texts: list[str], size: int) -> dict[str, str]:
    """Each text cut in its middle; those that come out alike, around what differs in them."""
    cuts = {text: shorten_middle(text, size) for text in texts}
    alike: dict[str, list[str]] = {}
    for text, cut in cuts.items():
        alike.setdefault(cut, []).append(text)
    for group in alike.values():
        if len(group) > 1:
            pairs = enumerate(zip(*group, strict=False))
            start = next(at for at, found in pairs if len(set(found)) > 1)
            cuts |= {text: _window(text, start, size) for text in group}
    return cuts


def _window(text: str, start: int, size: int) -> str:
    """What stands at *start*, from the beginning of its word where there is room, and the end."""
    tail = size // 3
    middle = size - tail - 2
    word = max(text.rfind(mark, 0, start) for mark in ":/ ") + 1
    begin = word if start - word < middle else start
    if begin + middle >= len(text) - tail:
        return "…" + text[len(text) - size + 1 :]
    return f"{'…' if begin else ''}{text[begin : begin + middle]}…{text[len(text) - tail :]}"


def percent(share: float | Fraction | Decimal, places: int = 1) -> str:
    """A share as people read it, with a space before the sign.

    >>> percent(0.1294), percent(Fraction(1, 2), 0), percent(-0.02)
    ('12.9 %', '50 %', '-2.0 %')
    """
    return f"{float(share) * 100:,.{places}f} %"


def plural(count: int, noun: str) -> str:
    """*count* and *noun*, with an s unless it is one.

    >>> plural(1, "row"), plural(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def visible_len(text: str) -> int:
    """Columns that *text* takes on a terminal, colour codes not counted."""
    return len(_ESCAPES.sub("", text))
