"""Counters: what the training loop adds to, and how much work it says that it took in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainfare.metering.notice import warn
from trainfare.metering.saying import COUNT_MAX, whole_count

Amount = int | Callable[[Any], int] | None
"""How much a step takes in: the same each time, or a function of the loader's item."""


@dataclass(slots=True)
class Counters:
    """Plain attributes, so that a step costs nanoseconds."""

    steps: int = 0
    epoch: int = -1
    input_wait_ns: int = 0
    samples: int | None = None
    """What the training says it took in so far; None until it says so, which is not 0."""
    tokens: int | None = None

    stop: str | None = None
    """Why a budget wants the loop to end at its next step."""
    is_checkpoint_due: bool = False

    def take(self, samples: object, tokens: object) -> None:
        """Add what one step took in; None adds nothing, and what is no count is left out."""
        if samples is not None and (count := whole_count("samples", samples)) is not None:
            self.samples = min((self.samples or 0) + count, COUNT_MAX)
        if tokens is not None and (count := whole_count("tokens", tokens)) is not None:
            self.tokens = min((self.tokens or 0) + count, COUNT_MAX)


def amount_in(item: object, amount: Amount) -> object:
    """How much *item* holds; a function that fails says so once per kind and counts nothing."""
    if not callable(amount):
        return amount
    try:
        return amount(item)
    except Exception as error:
        warn("a step's size is not counted: %s: %s", type(error).__name__, error)
        return None
