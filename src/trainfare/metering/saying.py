"""Sayings: what training code hands over as names, sizes and errors, made fit for the record."""

from __future__ import annotations

import operator

from trainfare.core.errors import BudgetExceeded
from trainfare.core.stage import Status
from trainfare.metering.notice import warn


def whole_count(what: str, value: object) -> int | None:
    """A stated count as a whole number of at least 0; anything else is unknown, with a warning."""
    try:
        count = operator.index(value)  # type: ignore[arg-type]  # refuses floats, takes NumPy's integers
    except TypeError:
        count = -1
    if not 0 <= count < 2**63:
        warn("%s=%.60r is not a whole number; it stays unknown", what, value)
        return None
    return count


def plain_words(text: object) -> str:
    """*text* in one printable line."""
    words = text if isinstance(text, str) else str(text)
    return "".join(c if c.isprintable() else "�" for c in words)[:1000] or "unnamed"


def ending_of(
    kind: type[BaseException] | None, error: BaseException | None
) -> tuple[Status, str | None]:
    """How a run stands that an exception left, or that nothing left, and what is said of it."""
    if kind is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return Status.FINISHED, None
    if issubclass(kind, BudgetExceeded):
        return Status.STOPPED_BY_BUDGET, words_of(kind, error)
    if issubclass(kind, KeyboardInterrupt):
        return Status.KILLED, "interrupted from the keyboard"
    return Status.FAILED, words_of(kind, error)


def words_of(kind: type[BaseException], error: object) -> str:
    """What an exception says; one that cannot say anything keeps at least its name."""
    try:
        return f"{kind.__name__}: {error}"[:500]
    except Exception:
        return kind.__name__
