"""Loops: iterables of the training that tell the run where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


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
