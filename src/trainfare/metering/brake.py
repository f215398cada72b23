"""The brake: does what a budget asks of a running run, and sees to it that it happens.

    notify       a line in the record and in the audit trail, and a warning
    checkpoint   likewise, and ``run.should_checkpoint`` is true until the next checkpoint
    stop         likewise, and the loop raises BudgetExceeded at its next step. What has not ended
                 when the grace is over gets SIGTERM, and after another grace SIGKILL. A command
                 that counts no steps gets SIGTERM at once.
    cancel       the user's command is run, again and again until the run ends; when two graces are
                 over the run is stopped as above

Everything stands in the home's audit trail, before it is done and after it was seen to be done.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.core.budget import Action, Budget
from trainfare.core.errors import TrainfareError
from trainfare.core.money import Money
from trainfare.core.period import SECOND
from trainfare.metering.audit import add_to_audit
from trainfare.metering.counters import Counters
from trainfare.metering.guard import SLACK_SECONDS, Guard, Verdict
from trainfare.metering.notice import warn

COMMAND_SECONDS = 60
"""A cancelling command that takes longer is killed and counts as failed."""

_RETRY_SECONDS = (1, 2, 4, 8, 16, 30)

_JOB_VARIABLES = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "K8S_JOB_NAME")
"""Where schedulers say which job this is."""


@dataclass(frozen=True, slots=True)
class Halt:
    """How a run is made to end from outside its loop."""

    ask: Callable[[], None]
    force: Callable[[], None]
    is_stepping: Callable[[], bool]
    """Whether a loop in the run counts steps and so will end by itself."""


def halt_self() -> Halt:
    """End this very process, once its loop had its grace."""
    pid = os.getpid()
    return Halt(
        ask=lambda: os.kill(pid, signal.SIGTERM),
        force=lambda: os.kill(pid, signal.SIGKILL),
        is_stepping=lambda: True,
    )


def overshoot_bound(
    rate: Fraction,
    currency: str,
    budget: Budget,
    *,
    sampling_ns: int,
    step_ns: int = 0,
    lag_ns: int = 0,
) -> Money:
    """The most that a run spends beyond its limit before it is stopped.

    price × (sampling + lag + min(the step in hand, two graces) + slack), rounded up.

    Args:
        rate: nano-units per nanosecond.
        currency: of the rate.
        budget: whose grace counts.
        sampling_ns: between two looks at the budget.
        step_ns: the longest step; two graces end a longer one, and count where it is not known.
        lag_ns: how far back spending has to be in order to count.
    """
    graces_ns = 2 * budget.grace_seconds * SECOND
    waited_ns = min(step_ns, graces_ns) if step_ns else graces_ns
    exact = rate * (sampling_ns + lag_ns + waited_ns + SLACK_SECONDS * SECOND)
    return Money(-(-exact.numerator // exact.denominator), currency)


class Brake:
    """Belongs to one meter; :meth:`tick` is called at every sample."""

    def __init__(
        self,
        home: Path,
        run: str,
        guard: Guard,
        counters: Counters,
        halt: Halt,
        note: Callable[[str], None],
        *,
        sampling_ns: int = SECOND,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._home, self._run, self._guard = home, run, guard
        self._counters, self._halt, self._note = counters, halt, note
        self._sampling_ns, self._mono_ns = sampling_ns, mono_ns
        self._stop: Verdict | None = None
        self._stop_at_ns = 0
        self._asked_at_ns: int | None = None
        self._is_forced = False
        self._told: set[str] = set()
        self._cancel: _Cancelling | None = None

    def tick(self) -> None:
        """Look at the budgets, and go on with what was begun."""
        for verdict in self._guard.look():
            self._act(verdict)
        self._tell_trouble()
        now_ns = self._mono_ns()
        if self._cancel is not None and self._stop is None:
            self._cancel.tick(now_ns)
            if now_ns - self._cancel.since_ns >= 2 * self._grace_ns(self._cancel.verdict):
                self._say("cancel failed", self._cancel.verdict, then="the run is stopped instead")
                self._begin_stop(self._cancel.verdict)
        if self._stop is not None:
            self._press(self._stop, now_ns)

    def _tell_trouble(self) -> None:
        """Say once what keeps budgets from holding the run."""
        sentences = dict(self._guard.powerless)
        if self._guard.trouble is not None:
            trouble = self._guard.trouble
            sentences["the file"] = f"only budgets known before hold this run: {trouble}"
        for subject, sentence in sentences.items():
            if subject not in self._told:
                self._told.add(subject)
                warn("%s", sentence)
                self._note(sentence)

    def _act(self, verdict: Verdict) -> None:
        action = verdict.threshold.action
        bound = overshoot_bound(
            verdict.rate,
            verdict.standing.limit.currency,
            verdict.budget,
            sampling_ns=self._sampling_ns,
            lag_ns=verdict.lag_ns,
        )
        kind = f"would {action}" if verdict.is_dry else action.value
        self._say(kind, verdict, overshoot_bound=bound.text())
        self._note(f"{verdict.words}: {kind}")
        warn("%s: %s", verdict.words, kind)
        if verdict.is_dry:
            return
        if action is Action.CHECKPOINT:
            self._counters.is_checkpoint_due = True
        elif action is Action.STOP and self._stop is None:
            self._begin_stop(verdict)
        elif action is Action.CANCEL and self._cancel is None:
            words = [part.format_map(_Names(self._run)) for part in verdict.budget.cancel_command]
            self._cancel = _Cancelling(verdict, words, self._mono_ns(), self._say)

    def _begin_stop(self, verdict: Verdict) -> None:
        self._stop, self._stop_at_ns = verdict, self._mono_ns()
        self._counters.stop = verdict.words

    def _press(self, verdict: Verdict, now_ns: int) -> None:
        """Ask when the loop had its time, force when asking had its time."""
        grace_ns = self._grace_ns(verdict)
        if self._asked_at_ns is None:
            if now_ns - self._stop_at_ns >= grace_ns or not self._halt.is_stepping():
                self._asked_at_ns = now_ns
                self._say("sent SIGTERM", verdict)
                self._halt.ask()
        elif not self._is_forced and now_ns - self._asked_at_ns >= grace_ns:
            self._is_forced = True
            self._say("sent SIGKILL", verdict)
            self._halt.force()

    def settle(self, spent: Money | None) -> None:
        """Say that the run has ended, and how far beyond the limit it got."""
        if self._cancel is not None:
            self._cancel.close()
        verdict = self._stop or (self._cancel.verdict if self._cancel else None)
        if verdict is None:
            return
        more = {} if spent is None else {"spent_by_run": spent.text()}
        if spent is not None and verdict.budget.period.value == "run":
            more["overshoot"] = (spent - verdict.standing.limit).text()
        self._say("stopped", verdict, **more)

    def _grace_ns(self, verdict: Verdict) -> int:
        return verdict.budget.grace_seconds * SECOND

    def _say(self, action: str, verdict: Verdict, **words: Any) -> None:
        standing = verdict.standing
        try:
            add_to_audit(
                self._home,
                f"budget {action}",
                budget=verdict.budget.id,
                run=self._run,
                threshold=str(verdict.threshold),
                spent=None if standing.spent is None else standing.spent.text(),
                limit=standing.limit.text(),
                currency=standing.limit.currency,
                **words,
            )
        except TrainfareError as error:  # the budget holds, trail or not
            warn("the audit trail lacks a line: %s", error)


class _Names(dict[str, str]):
    """What a cancelling command may name; an unknown name stays as it is written."""

    def __init__(self, run: str) -> None:
        jobs = [os.environ[name] for name in _JOB_VARIABLES if os.environ.get(name)]
        super().__init__(run=run, job=jobs[0] if jobs else run)

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


class _Cancelling:
    """The user's command, run until it works and the run is gone."""

    def __init__(
        self,
        verdict: Verdict,
        words: Sequence[str],
        since_ns: int,
        say: Callable[..., None],
    ) -> None:
        self.verdict, self.since_ns = verdict, since_ns
        self._words, self._say = list(words), say
        self._tries = 0
        self._next_ns = since_ns
        self._child: subprocess.Popen[bytes] | None = None
        self._until_ns = 0

    def tick(self, now_ns: int) -> None:
        """Start the command when it is its time, and look how it ended."""
        if self._child is None:
            if now_ns >= self._next_ns:
                self._start(now_ns)
            return
        code = self._child.poll()
        if code is None and now_ns >= self._until_ns:
            self._child.kill()
            self._child.wait()
            code = -signal.SIGKILL
        if code is not None:
            self._child = None
            self._say("cancel command", self.verdict, command=self._words, exit_code=code)

    def close(self) -> None:
        """Give the command a last moment; it may outlive the run, which is what it is for."""
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=1)

    def _start(self, now_ns: int) -> None:
        wait = _RETRY_SECONDS[min(self._tries, len(_RETRY_SECONDS) - 1)]
        self._tries += 1
        self._next_ns = now_ns + wait * SECOND
        self._until_ns = now_ns + COMMAND_SECONDS * SECOND
        try:
            self._child = subprocess.Popen(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            self._say(
                "cancel command",
                self.verdict,
                command=self._words,
                error=error.strerror or str(error),
            )
