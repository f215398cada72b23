"""Sayings: what training code hands over as names, sizes and errors, made fit for the record."""

from __future__ import annotations

import operator

from trainfare.metering.notice import warn


def whole_bytes(size: object) -> int | None:
    """A stated size as a whole number of at least 0; anything else is unknown, with a warning."""
    try:
        count = operator.index(size)  # type: ignore[arg-type]  # refuses floats, takes NumPy's integers
    except TypeError:
        count = -1
    if count < 0:
        warn("bytes=%.60r is not a whole number of bytes; the size stays unknown", size)
        return None
    return count


def plain_words(text: object) -> str:
    """*text* in one printable line."""
    words = text if isinstance(text, str) else str(text)
    return "".join(c if c.isprintable() else "�" for c in words)[:1000] or "unnamed"


def words_of(kind: type[BaseException], error: object) -> str:
    """What an exception says; one that cannot say anything keeps at least its name."""
    try:
        return f"{kind.__name__}: {error}"[:500]
    except Exception:
        return kind.__name__
