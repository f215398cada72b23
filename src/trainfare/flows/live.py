"""The live path: a command is started, metered while it rides, and handed its receipt.

trainfare run → child process → meter beside it → spool → estimate → receipt
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.core.labels import check_run_id
from trainfare.core.lineage import check_parents
from trainfare.core.price import Price
from trainfare.core.stage import Status
from trainfare.metering import ship
from trainfare.metering.brake import Halt
from trainfare.metering.history import read_receipt
from trainfare.metering.hold import own_budgets
from trainfare.metering.home import home_folder, make_run_id
from trainfare.metering.inheritance import PRICE_VARIABLE, RUN_ID_VARIABLE, price_words
from trainfare.metering.place import Stated, make_instruments, start_facts
from trainfare.metering.track import Run, start_run

log = logging.getLogger("trainfare")

NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit codes of a command that could not be started, as shells have them."""

FORWARDED = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
"""Signals that a scheduler or a user sends to the command and means for the training."""

_FROM_KERNEL = 0x80
"""``si_code`` of a signal that the kernel sent, as it does for a key at the terminal (SI_KERNEL)."""


@dataclass(frozen=True, slots=True)
class Ride:
    """How a metered command ended."""

    run_id: str
    run: Run | None
    """The run with its receipt, or None where even starting the meter failed."""
    exit_code: int
    """The command's own; ``-n`` where signal n ended it."""


def ride(
    command: Sequence[str],
    labels: Mapping[str, str],
    *,
    name: str | None = None,
    run_id: str | None = None,
    parents: Sequence[str] = (),
    stated: Stated,
    stated_price: Price | None = None,
    stage: str | None = None,
    budget: str | None = None,
    datasets: Sequence[str] = (),
    outputs: Sequence[str] = (),
) -> Ride:
    """Run *command* under a meter; its standard streams, signals and exit code pass through.

    It reads *datasets*; *outputs* are what it has made once it ends well.

    Raises:
        BadInput: the environment says something that makes no sense, or the command cannot be
            started; nothing was recorded. In the second case ``exit_code`` is 127 or 126, as a
            shell's would be.
    """
    # What the user or a scheduler set wrongly is said before anything starts.
    facts = start_facts(os.environ, stated)
    chosen = check_run_id(run_id or facts.run_id or make_run_id())
    check_parents(chosen, parents)
    budgets = own_budgets(budget, stated_price)
    environment = {**os.environ, RUN_ID_VARIABLE: chosen}
    if stated_price is not None:
        environment[PRICE_VARIABLE] = price_words(stated_price)
    with _signals_held() as restore:
        child = _start(command, environment, restore)
        run = None
        try:
            run = start_run(
                name,
                labels,
                make_instruments(home_folder(), stated, pid=child.pid),
                stated=stated,
                stated_price=stated_price,
                stage=stage,
                run_id=chosen,
                parents=parents,
                is_wrapper=True,
                pid=child.pid,
                command=_short_name(command),
                budgets=budgets,
                halt=_halt(child, chosen),
            )
            for uri in datasets:
                run.dataset(uri)
        except Exception as error:
            log.warning("this run is not metered: %s: %s", type(error).__name__, error)
        exit_code = _wait(child)
        # The child is a zombie until it is reaped, so that the last sample still finds it.
        try:
            if run is not None and exit_code == 0:
                for uri in outputs:
                    run.output(uri)
            _finish(run, exit_code)
        except Exception as error:
            log.warning("the record lacks its end: %s: %s", type(error).__name__, error)
        child.wait()
        _drop_late_signals()
    return Ride(chosen, run, exit_code)


def _halt(child: subprocess.Popen[bytes], run_id: str) -> Halt:
    """How a budget ends the command: its loop first where it has one, then SIGTERM, then SIGKILL."""

    def is_stepping() -> bool:
        segments = read_receipt(
            home_folder(), run_id, with_makers=False, is_recent=True
        ).run.segments
        return any(
            not one.is_wrapper and one.status is Status.RUNNING and one.steps for one in segments
        )

    def force() -> None:
        import psutil

        descendants = []
        with contextlib.suppress(psutil.Error):
            descendants = psutil.Process(child.pid).children(recursive=True)
        send(signal.SIGKILL)  # first the command itself, which could outlive its own child
        for each in descendants:
            with contextlib.suppress(psutil.Error):
                each.kill()

    def send(number: signal.Signals) -> None:
        # Not by Popen, which would reap the child that the wrapper waits for.
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)

    return Halt(lambda: send(signal.SIGTERM), force, is_stepping)


def _finish(run: Run | None, exit_code: int) -> None:
    if run is None:
        return
    if run.should_stop:
        run.finish(Status.STOPPED_BY_BUDGET, exit_code=exit_code, error=run.stopped_by)
    elif exit_code == 0:
        run.finish(exit_code=0)
    elif exit_code > 0:
        run.finish(Status.FAILED, exit_code=exit_code, error=f"exit code {exit_code}")
    else:
        ended_by = f"ended by {_signal_name(-exit_code)}"
        run.finish(Status.KILLED, exit_code=exit_code, error=ended_by)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _short_name(command: Sequence[str]) -> str:
    """The script or module that a command runs, else the command."""
    script = next((word for word in command if word.endswith((".py", ".sh", ".ipynb"))), None)
    if script is None and "-m" in command[:-1]:
        return command[command.index("-m") + 1]
    return Path(script or command[0]).name


class _Restore:
    """What the child gets back between fork and exec: the signal mask and SIGCHLD as they were."""

    def __init__(self) -> None:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, [*FORWARDED, signal.SIGCHLD])
        # A parent that ignores SIGCHLD hands that down; the kernel would then reap our child.
        self._on_child = signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def __call__(self) -> None:
        if self._on_child is not None:
            signal.signal(signal.SIGCHLD, self._on_child)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


@contextlib.contextmanager
def _signals_held() -> Iterator[_Restore]:
    """Hold the forwarded signals back so that they can be waited for, and set them free after."""
    restore = _Restore()
    try:
        yield restore
    finally:
        restore()


def _drop_late_signals() -> None:
    """Forget signals that came when the command, for which they were meant, had already ended."""
    while late := signal.sigpending() & set(FORWARDED):
        signal.sigwait(late)


def _start(
    command: Sequence[str], environment: Mapping[str, str], restore: _Restore
) -> subprocess.Popen[bytes]:
    try:
        # No thread runs yet, so that restoring signals between fork and exec is safe.
        return subprocess.Popen(list(command), env=dict(environment), preexec_fn=restore)  # noqa: PLW1509
    except FileNotFoundError:
        found = shutil.which(command[0])
        error = BadInput(
            f"there is no command {command[0]!r}; check its spelling and PATH"
            if found is None
            else f"{found} names an interpreter that is not there; check its first line"
        )
        error.exit_code = NOT_FOUND
    except PermissionError:
        error = BadInput(f"{command[0]!r} is not executable; chmod +x it or name its interpreter")
        error.exit_code = NOT_EXECUTABLE
    except BlockingIOError as refused:
        raise OutsideFailed(
            f"cannot start {command[0]!r}: {refused.strerror}; end other processes or ask for more"
        ) from None
    except OSError as refused:
        error = BadInput(
            f"cannot start {command[0]!r}: {refused.strerror}; if it is a script, give it a #! line"
        )
        error.exit_code = NOT_EXECUTABLE
    raise error from None


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Pass signals on until the child has ended; its exit code, or ``-n`` where signal n ended it."""
    waited_for = [*FORWARDED, signal.SIGCHLD]
    while (exit_code := _exit_code(child)) is None:
        received, has_child = _next_signal(waited_for, child.pid)
        if received in FORWARDED and not has_child:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(received)
    return exit_code


def _exit_code(child: subprocess.Popen[bytes]) -> int | None:
    """The exit code of a child that has ended, which is not reaped yet where that is possible."""
    if not hasattr(os, "waitid"):
        return child.poll()
    ended = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _next_signal(waited_for: Sequence[signal.Signals], child: int) -> tuple[int, bool]:
    """The next signal (0: none within a second), and whether *child* got it too."""
    if sys.platform == "linux":
        info = signal.sigtimedwait(waited_for, 1.0)
        return (0, False) if info is None else (info.si_signo, _went_to_both(info, child))
    pending = signal.sigpending() & set(waited_for)
    if not pending:
        time.sleep(0.05)
        return 0, False
    received = signal.sigwait(pending)
    return received, received == signal.SIGINT and sys.stdin.isatty()


def _went_to_both(info: signal.struct_siginfo, child: int) -> bool:
    """Whether a signal reached the child without us, so that passing it on would double it.

    A key at the terminal signals the whole foreground group; a terminal that goes away signals the
    leader of its session alone. A child that signals its own group means us no less than itself.
    """
    if info.si_code != _FROM_KERNEL:
        return info.si_pid == child
    if info.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid():
        return False
    return os.getpgid(child) == os.getpgrp()


def end_like(exit_code: int) -> None:
    """End this process as the command ended: with its exit code, or by the same signal."""
    ship.finish()
    if exit_code >= 0:
        sys.exit(exit_code)
    number = -exit_code
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    sys.exit(128 + number)
