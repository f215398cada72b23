"""Loops: iterables of the training that tell the run where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


def length_of(items: Iterable[Any]) -> int | None:
    """How many *items* there are, or None where they do not say; never raises.

    >>> length_of(range(3)), length_of(iter([1]))
    (3, None)
    """
    try:
        count = len(items)  # type: ignore[arg-type]
    except Exception:  # a loader's own length may fail in any way, which is no reason to stop
        return None
    return count if 0 <= count < 2**63 else None


def last_epoch(epochs: Iterable[Any]) -> int | None:
    """One more than the number of the last epoch; a resumed run's range begins in the middle.

    >>> last_epoch(range(7, 10)), last_epoch(["a", "b"])
    (10, 2)
    """
    if isinstance(epochs, range) and epochs:
        first, last = epochs[0], epochs[-1]  # not max(): that would walk all of it
        return max(first, last) + 1 if min(first, last) >= 0 else length_of(epochs)
    return length_of(epochs)


class Loop(Generic[Item]):
    """What it wraps, telling the run where it is; each pass over it is a new one, as over a list."""

    def __init__(
        self, wrapped: Iterable[Item], walk: Callable[[Iterable[Item]], Iterator[Item]]
    ) -> None:
        self._wrapped = wrapped
        self._walk = walk

    def __iter__(self) -> Iterator[Item]:
        return self._walk(self._wrapped)

    def __len__(self) -> int:
        return len(self._wrapped)  # type: ignore[arg-type]  # a loader without length says so itself

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)
