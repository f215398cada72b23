"""Loading: what is imported late is imported while nobody may fork.

A fork copies the locks of half-imported modules, and nobody in the child would ever let them go.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

FORK_WAITS_SECONDS = 0.5
"""At most; should the thread that imports wait for a module that the forking code is importing."""

_importing = threading.RLock()
"""Held while a thread imports; a fork waits for it."""

_fork_holds: list[bool] = []


def import_alone(load: Callable[[], None]) -> None:
    """Do *load*, which imports, while nobody may fork."""
    with _importing:
        load()


def _before_fork() -> None:
    _fork_holds.append(_importing.acquire(timeout=FORK_WAITS_SECONDS))


def _after_fork_in_parent() -> None:
    if _fork_holds.pop():
        _importing.release()


def _after_fork_in_child() -> None:
    """Whoever held the lock is not here to let it go."""
    global _importing
    _importing = threading.RLock()
    _fork_holds.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
