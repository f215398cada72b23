"""The service: what lives while a server runs, and every route may reach."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.core.caller import Caller
from trainfare.flows import access
from trainfare.flows.mirror import Mirror, recorded_teams
from trainfare.flows.sights import Sights, news_of
from trainfare.server.answer import Answers
from trainfare.server.policy import Policy, load_policy
from trainfare.server.scheduler import Scheduler
from trainfare.server.settling import Settling
from trainfare.store.intake import Busy, Intake, Parcel
from trainfare.store.ledger import Ledger

REMEMBERED_NS = 10 * 10**9
"""For so long a token that opened once opens again without a look at the ledger: a revoked one
holds on for at most so long on another replica."""

REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is told when it starts."""

    home: Path
    database: str | None = None
    host: str = "127.0.0.1"
    port: int = 8642


class Service:
    """The open ledger of a home, and what is remembered between requests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.home
        self.policy: Policy = load_policy(settings.home, os.environ)
        self.ledger: Ledger = access.open_office(settings.home, settings.database)
        self.scheduler = Scheduler(settings.home, settings.database, self.ledger)
        self.sights = Sights(self.home, self.ledger)
        self.answers = Answers()
        self._settling = Settling(self.sights)
        self._known: dict[str, tuple[int, Caller]] = {}
        self._lock = threading.Lock()
        self.mirror = Mirror(settings.home, self.ledger, self.sights.note)
        self._intake: Intake | None = None

    def start(self) -> None:
        """Begin to take in what machines ship, and to do jobs; called in the loop that serves."""
        loop = asyncio.get_running_loop()

        def decided(group: Sequence[Parcel]) -> None:
            loop.call_soon_threadsafe(_wake, group)

        recorded = functools.partial(recorded_teams, self.home)
        self._intake = Intake(self.ledger, decided, self.mirror.take, recorded)
        self.mirror.start()
        self.scheduler.start()
        self._settling.start()

    def answer(self, caller: Caller, question: Hashable, work: Callable[[], Any]) -> Any:
        """What *work* makes, kept while nothing that answers are made from changes.

        Raises:
            BeingWorkedOut: it takes longer than a request may wait.
            TrainfareError: what *work* ended with.
        """
        news = news_of(self.home, self.ledger)
        return self.answers.get((caller.team, question), news, work)

    def take_in(self, parcel: Parcel) -> None:
        """Have *parcel* stored; its mark, a future, is done once that is decided.

        Raises:
            Busy: too much waits already.
        """
        if self._intake is None:
            raise Busy("the server is not ready; send it again later")
        self._intake.put(parcel)

    def remembered_caller(self, secret: str) -> Caller | None:
        """Whose *secret* it is, from memory only."""
        until_ns, caller = self._known.get(secret, (0, None))
        return caller if time.monotonic_ns() < until_ns else None

    def find_caller(self, secret: str) -> Caller | None:
        """Whose *secret* it is, or None; asks the ledger."""
        caller = access.caller_of(self.ledger, secret)
        if caller is not None:
            with self._lock:
                if len(self._known) >= REMEMBERED_MAX:
                    self._known.clear()
                self._known[secret] = (time.monotonic_ns() + REMEMBERED_NS, caller)
        return caller

    def forget_callers(self) -> None:
        """Ask the ledger again about everybody: a token was revoked or changed."""
        with self._lock:
            self._known.clear()

    def close(self) -> None:
        """Let everything go, what was taken in last."""
        self.scheduler.stop()
        self._settling.stop()
        self.answers.close()
        if self._intake is not None:
            self._intake.close()
            self.mirror.close()
        self.ledger.close()


def _wake(group: Sequence[Parcel]) -> None:
    """Tell the requests that wait; one that has gone away waits no more."""
    for parcel in group:
        if not parcel.mark.done():
            parcel.mark.set_result(None)
