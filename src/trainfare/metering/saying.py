"""Sayings: what training code hands over as names, sizes and errors, made fit for the record."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from fractions import Fraction

from trainfare.core.errors import BudgetExceeded
from trainfare.core.stage import Status
from trainfare.metering.notice import warn

COUNT_MAX = 2**63 - 1
"""The largest count that a record holds."""


def whole_count(what: str, value: object) -> int | None:
    """A stated count as a whole number of at least 0; anything else is unknown, with a warning."""
    try:
        count = operator.index(value)  # type: ignore[arg-type]  # refuses floats, takes NumPy's integers
    except TypeError:
        count = -1
    if not 0 <= count <= COUNT_MAX:
        warn("%s=%.60r is not a whole number; it stays unknown", what, value)
        return None
    return count


_DTYPES = {
    "bfloat16": "bf16",
    "float16": "fp16",
    "half": "fp16",
    "float32": "fp32",
    "float": "fp32",
    "float8": "fp8",
}
"""What frameworks call number formats."""


def flops_said(
    dtype: object,
    *,
    parameters: object = None,
    per_step: object = None,
    per_sample: object = None,
    per_token: object = None,
) -> dict[str, str] | None:
    """What a training says its work takes, for the record; None, with a warning, if it makes no sense.

    *parameters* is short for 6 operations per parameter and token: 2 forward, 4 backward.
    """
    stated = {"step": per_step, "sample": per_sample, "token": per_token, "parameters": parameters}
    given = [(per, value) for per, value in stated.items() if value is not None]
    try:
        [(per, value)] = given
        count = Fraction(str(value)) * (6 if per == "parameters" else 1)
    except (ValueError, ZeroDivisionError):
        count = Fraction(0)
    if not 0 < count < 10**30:
        warn("flops(%s) is not one number of operations; say per_step=, per_token= or parameters=",
             ", ".join(f"{per}={value!r:.40}" for per, value in given))  # fmt: skip
        return None
    name = str(dtype).rpartition(".")[2].partition("_")[0].lower()
    unit = "token" if per == "parameters" else per
    return {"per": unit, "count": str(int(count)), "dtype": plain_words(_DTYPES.get(name, name))}


def numbers_of(metrics: Mapping[str, object]) -> dict[str, float]:
    """Those of *metrics* that are numbers; the others are left out, with a warning."""
    values = {}
    for name, value in metrics.items():
        try:
            values[name] = float(value)  # type: ignore[arg-type]  # may be any object
        except Exception:  # a metric is the user's object, and may raise what it likes
            warn("metric %s=%.60r is not a number; it is left out", name, value)
    return values


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
