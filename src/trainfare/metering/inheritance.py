"""Inheritance: how a run id and a price pass down to child processes, by the environment."""

from __future__ import annotations

import os
import threading

from trainfare.core.errors import BadInput
from trainfare.core.price import Price, parse_hourly
from trainfare.metering.notice import warn

RUN_ID_VARIABLE = "TRAINFARE_RUN_ID"
PRICE_VARIABLE = "TRAINFARE_PRICE"

_passed_down: dict[str, str] = {}
"""What this process itself put into its environment for its children, so not inherited by it."""

_lock = threading.RLock()


def price_words(price: Price) -> str:
    """A stated price as ``TRAINFARE_PRICE`` carries it.

    >>> from decimal import Decimal
    >>> price_words(Price("stated", Decimal("3.6"), "h", "EUR"))
    '3.6EUR/h'
    """
    return f"{price.amount}{price.currency}/h"


def parent_environment() -> dict[str, str]:
    """The environment without what this process itself put into it for its children."""
    with _lock:
        return {name: v for name, v in os.environ.items() if _passed_down.get(name) != v}


def stated_price_of(price: str | Price | None) -> Price | None:
    """The price that code states, else the one that a parent passed down.

    Raises:
        BadInput: it is no price.
    """
    if isinstance(price, Price):
        return price
    if price is None:
        inherited = parent_environment().get(PRICE_VARIABLE)
        try:
            return parse_hourly(inherited) if inherited else None
        except BadInput as error:
            warn("%s is passed over: %s", PRICE_VARIABLE, error)
            return None
    if not isinstance(price, str):
        raise BadInput(f'price={price!r} is not text; write price="{price}/h" (floats lose digits)')
    return parse_hourly(price)


def pass_down(run_id: str, stated_price: Price | None) -> None:
    """Let child processes continue this run at this price; what a parent said stands."""
    words = {RUN_ID_VARIABLE: run_id}
    if stated_price is not None:
        words[PRICE_VARIABLE] = price_words(stated_price)
    with _lock:
        inherited = parent_environment()
        for variable, value in words.items():
            if variable not in inherited:
                _passed_down[variable] = value
                os.environ[variable] = value


def take_back(run_id: str) -> None:
    """Children to come are in this run no more."""
    with _lock:
        if _passed_down.get(RUN_ID_VARIABLE) != run_id:
            return
        for variable, value in _passed_down.items():
            if os.environ.get(variable) == value:
                del os.environ[variable]
        _passed_down.clear()


def begin_as_child() -> None:
    """After a fork: what the parent passed down is inherited now, and its lock is nobody's."""
    global _lock
    _lock = threading.RLock()
    _passed_down.clear()
