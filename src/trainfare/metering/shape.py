"""Shapes: what the events of a spool must look like before anything is computed from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.period import HOUR
from trainfare.core.price import Price
from trainfare.core.stage import Status
from trainfare.metering import event as ev
from trainfare.metering.event_value import (
    PLAN_FIELDS,
    log_from_json,
    machine_from_json,
    price_from_json,
)

WALL_MAX_NS = 253_402_300_799 * 10**9 // 2
"""Half way to the end of the year 9999, the last that a date can name."""
DURATION_MAX_NS = 100 * 365 * 24 * HOUR
"""A hundred years; nothing trained longer."""
TEXT_MAX = 100_000
"""Characters in one text; numbers written as text have at most 40."""

Fits = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= TEXT_MAX and bool(value.encode() or True)


def _whole(least: int, most: int) -> Fits:
    return lambda value: type(value) is int and least <= value <= most


def _or_null(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _words(value: Any) -> bool:
    scalars = (str, int, float)
    return all(isinstance(v, scalars) and _text(str(v)) and _text(k) for k, v in value.items())


def _fraction(value: Any) -> Fraction:
    if len(str(value)) > 40 or "e" in str(value).lower():
        raise BadInput("too long a number")
    return Fraction(value)


def _share(value: Any) -> bool:
    return isinstance(value, str) and 0 < _fraction(value) <= 1


def _carbon(value: Any) -> bool:
    return not value or (math.isfinite(float(value)) and _fraction(value) >= 0)


def _count(value: Any) -> bool:
    return isinstance(value, str) and _fraction(value) > 0


def _machine(value: Any) -> bool:
    one = machine_from_json(value)
    texts = (one.provider, one.region, one.zone, one.instance_type, one.purchase_option)
    counts = (one.cpu_count, one.memory_bytes)
    return (
        _text(one.resource_id)
        and _text(one.hostname)
        and all(map(_or_null(_text), (*texts, one.account, one.cpu_model)))
        and all(map(_or_null(_whole(0, 2**63)), counts))
        and all(_text(a.id) and _text(a.name) for a in one.accelerators)
        and all(_text(fact) for fact in one.facts.values())
    )


def _price(value: Any) -> bool:
    one = price_from_json(value)
    if not isinstance(one, Price):
        return _text(one.sku) and _text(one.why)
    money = len(str(one.amount)) <= 40 and -30 < one.amount.adjusted() < 15
    return money and _text(one.sku) and _text(one.source) and bool(one.describe())


def _interfaces(value: Any) -> bool:
    counter = _whole(-(2**63), 2**64)
    return all(len(pair) == 2 and all(map(counter, pair)) for pair in value.values())


def _log(value: Any) -> bool:
    one = log_from_json(value)
    whole = _whole(0, DURATION_MAX_NS)
    return (
        all(map(_text, (one.kind, one.file, one.sha256)))
        and _whole(0, 2**63)(one.bytes)
        and _or_null(_text)(one.timer_name)
        and whole(one.timer_start_ns)
        and whole(one.timer_end_ns)
    )


def _uri(value: Any) -> bool:
    return _text(value) and "\0" not in value


_WALL, _TIME, _NAME = _whole(0, WALL_MAX_NS), _whole(0, DURATION_MAX_NS), _or_null(_text)
_COUNT = _whole(0, 2**63)
_HELD: Mapping[str, Fits] = {"w": _WALL, "role": _text, "uri": _uri}

REQUIRED: Mapping[str, Mapping[str, Fits]] = {
    ev.START: {"run": _text, "segment": _text, "w": _WALL, "machine": _machine},
    ev.MACHINE: {"machine": _machine},
    ev.PRICE: {"price": _price},
    ev.STAGE: {"stage": _text},
    ev.ARTIFACT: _HELD,
    ev.GONE: _HELD,
    ev.NETWORK: {"interfaces": _interfaces},
    ev.NOTE: {"text": _text},
    ev.RESUME: {"step": _COUNT, "steps": _COUNT},
    ev.TELEMETRY: {"said": lambda value: isinstance(value, dict) and _words(value)},
    ev.TRACKER: {"system": _text, "run": _text},
    ev.FLOPS: {"per": _text, "count": _count, "dtype": _text},
    ev.END: {"status": lambda value: value in {one.value for one in Status}},
}
"""What an event of each kind must carry."""

OPTIONAL: Mapping[str, Mapping[str, Fits]] = {
    ev.START: {
        "pid": _whole(0, 2**32),
        "rank": _whole(0, 2**32),
        "interval_ns": _whole(0, 10**6 * 10**9),
        "mono": _whole(0, WALL_MAX_NS),
        "name": _NAME,
        "command": _NAME,
        "labels": _words,
        "network_class": _NAME,
        "carbon": _carbon,
        "carbon_source": _NAME,
        "pue": lambda value: not value or (isinstance(value, str) and _fraction(value) >= 1),
        "parents": _texts,
        "log": _or_null(_log),
    },
    ev.MACHINE: {"share": _share, "held": _texts},
    ev.STAGE: {"epoch": _or_null(_whole(-(2**63), 2**63)), "steps": _COUNT},
    ev.ARTIFACT: {
        "price": lambda value: not value or _price(value),
        "steps": _COUNT,
        "of": lambda value: isinstance(value, list) and all(map(_uri, value)),
    },
    ev.TRACKER: {"place": _NAME, "url": _NAME},
    ev.PLAN: {name: _or_null(_COUNT) for name in PLAN_FIELDS},
    ev.END: {
        "exit_code": _or_null(_whole(-(2**32), 2**32)),
        "error": _NAME,
        "steps": _whole(0, 2**64),
        "samples": _or_null(_COUNT),
        "tokens": _or_null(_COUNT),
    },
}
"""What it may carry besides."""

FAULTS = (
    BadInput,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading a damaged record can raise."""


def check_events(events: Iterable[dict[str, Any]]) -> None:
    """Refuse events that nothing can be computed from.

    Raises:
        BadInput: with the kind, field and value of the first that does not fit.
    """
    for event in events:
        kind = event["k"]
        if not isinstance(kind, str):
            raise BadInput(f"an event is of the kind {str(kind)[:40]!r}")
        _check(event, kind, "t", _TIME)
        for name, fits in REQUIRED.get(kind, {}).items():
            _check(event, kind, name, fits)
        for name, fits in OPTIONAL.get(kind, {}).items():
            if name in event:
                _check(event, kind, name, fits)


def _check(event: Mapping[str, Any], kind: str, name: str, fits: Fits) -> None:
    if name not in event:
        raise BadInput(f"the event {kind} has no {name}")
    try:
        is_fit = fits(event[name])
    except FAULTS:
        is_fit = False
    if not is_fit:
        raise BadInput(f"the {name} of the event {kind} is {repr(event[name])[:60]}")
