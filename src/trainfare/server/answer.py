"""Answers: what takes long is worked out in a thread and kept until what it was made from changes.

A page asks without waiting: it gets the answer, the one before it, or None while the first is being
worked out. The API waits for it, for a while.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from typing import Any

from trainfare.core.errors import OutsideFailed
from trainfare.flows.sights import News

WORKERS = 2
"""So many questions are worked on at once; more only make each other slower."""

KEPT_MAX = 500
"""So many answers are remembered, the latest asked for."""

WAITING_MAX = 100
"""So many questions may wait to be worked on."""

REST = 10
"""What grows all the time is asked again after so many times as long as the answer took."""

REST_MIN_SECONDS = 2.0

ERROR_SECONDS = 5.0
"""What failed is tried again after so long: a disk or a database may be well again."""


class BeingWorkedOut(OutsideFailed):
    """The answer is not there yet; ask again in a moment."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question was answered with."""

    value: Any
    age_seconds: float
    """Since it was asked for."""
    is_current: bool
    """Nothing that it was made from changed since."""


@dataclass(slots=True)
class _Entry:
    news: News | None = None
    value: Any = None
    error: Exception | None = None
    asked: float = 0.0
    took: float = 0.0
    work: Future[None] | None = None

    def is_current(self, news: News) -> bool:
        """Whether it says what would be said now, or nearly."""
        if self.news is None or self.news.books != news.books:
            return False
        if self.error is not None:
            return time.monotonic() - self.asked < self.took + ERROR_SECONDS
        rest = max(REST_MIN_SECONDS, REST * self.took)
        return self.news.runs == news.runs or time.monotonic() - self.asked < rest


class Answers:
    """The answers of one server, worked out by its threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._pool = ThreadPoolExecutor(WORKERS, "answer")
        self._lock = threading.Lock()
        self._waiting = 0

    def peek(self, question: Hashable, news: News, work: Callable[[], Any]) -> Answer | None:
        """The answer to *question* as far as it is known, without waiting; None while it is not.

        Args:
            question: all that makes the answer another one: what, with which parameters, for which
                team.
            news: what it is made from, as it stands.
            work: makes the answer.

        Raises:
            TrainfareError: what *work* ended with.
        """
        with self._lock:
            entry = self._entry(question, news, work)
            if entry.news is None:
                return None
            if entry.error is not None:
                raise entry.error
            age = time.monotonic() - entry.asked
            return Answer(entry.value, age, entry.is_current(news))

    def get(
        self, question: Hashable, news: News, work: Callable[[], Any], *, timeout: float = 30.0
    ) -> Any:
        """The answer to *question* as things stand, waited for.

        Raises:
            BeingWorkedOut: it takes longer than *timeout* seconds; it goes on meanwhile.
            TrainfareError: what *work* ended with.
        """
        until = time.monotonic() + timeout
        while True:
            with self._lock:
                entry = self._entry(question, news, work)
                going = entry.work
                if entry.is_current(news):
                    if entry.error is not None:
                        raise entry.error
                    return entry.value
            if going is not None:
                try:
                    going.result(max(0.0, until - time.monotonic()))
                except TookTooLong:
                    raise BeingWorkedOut(
                        f"this takes longer than {timeout:.0f} s and goes on; ask again in a moment"
                    ) from None

    def forget(self) -> None:
        """Drop what is known, after a deed whose outcome whoever did it looks at next.

        What is being worked out goes on and is given to those that wait for it alone.
        """
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _entry(self, question: Hashable, news: News, work: Callable[[], Any]) -> _Entry:
        """The entry of *question*, being worked on where it is not current."""
        entry = self._kept.setdefault(question, _Entry())
        self._kept.move_to_end(question)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        if entry.work is None and not entry.is_current(news):
            if self._waiting >= WAITING_MAX:
                raise BeingWorkedOut("too many questions wait already; ask again in a moment")
            self._waiting += 1
            entry.work = self._pool.submit(self._work, entry, news, work)
        return entry

    def _work(self, entry: _Entry, news: News, work: Callable[[], Any]) -> None:
        began, value, error = time.monotonic(), None, None
        try:
            value = work()
        except Exception as caught:
            error = caught
        with self._lock:
            entry.news, entry.value, entry.error = news, value, error
            entry.asked, entry.took = began, time.monotonic() - began
            entry.work = None
            self._waiting -= 1
