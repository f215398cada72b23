"""The live path: a command is started, metered while it rides, and handed its receipt.

trainfare run → child process → meter beside it → spool → estimate → receipt
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.labels import check_run_id
from trainfare.core.price import Price
from trainfare.core.run import Status
from trainfare.metering.home import home_folder, make_run_id
from trainfare.metering.place import Stated, make_instruments
from trainfare.metering.track import PRICE_VARIABLE, RUN_ID_VARIABLE, start_run

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
"""``si_code`` of a signal that the terminal sent: the whole foreground group has it already."""


@dataclass(frozen=True, slots=True)
class Ride:
    """How a metered command ended."""

    run: str
    exit_code: int
    """The command's own; ``-n`` where signal n ended it."""


def ride(
    command: Sequence[str],
    labels: Mapping[str, str],
    *,
    name: str | None = None,
    run_id: str | None = None,
    stated: Stated,
    stated_price: Price | None = None,
    stage: str | None = None,
) -> Ride:
    """Run *command* under a meter; its standard streams, signals and exit code pass through.

    Raises:
        BadInput: the command cannot be started; nothing was recorded. Its ``exit_code`` is 127 or
            126, as a shell's would be.
    """
    inherited = os.environ.get(RUN_ID_VARIABLE)
    chosen = check_run_id(run_id or inherited or make_run_id())
    environment = {**os.environ, RUN_ID_VARIABLE: chosen}
    if stated_price is not None:
        environment[PRICE_VARIABLE] = f"{stated_price.amount}{stated_price.currency}/h"
    with _signals_held() as before:
        child = _start(command, environment, before)
        instruments = make_instruments(home_folder(), stated, pid=child.pid)
        run = start_run(
            name or _short_name(command),
            labels,
            instruments,
            stated=stated,
            stated_price=stated_price,
            stage=stage,
            run_id=chosen,
            is_wrapper=True,
            pid=child.pid,
        )
        exit_code = _wait(child)
    if exit_code == 0:
        run.finish(exit_code=0)
    elif exit_code > 0:
        run.finish(Status.FAILED, exit_code=exit_code, error=f"exit code {exit_code}")
    else:
        error = f"ended by {signal.Signals(-exit_code).name}"
        run.finish(Status.KILLED, exit_code=exit_code, error=error)
    return Ride(chosen, exit_code)


def _short_name(command: Sequence[str]) -> str:
    """The script that a command runs, else the command."""
    script = next((word for word in command if word.endswith((".py", ".sh", ".ipynb"))), command[0])
    return Path(script).name


@contextlib.contextmanager
def _signals_held() -> Iterator[set[int]]:
    """Hold the forwarded signals back so that they can be waited for, and set them free after."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [*FORWARDED, signal.SIGCHLD])
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(
    command: Sequence[str], environment: Mapping[str, str], mask: set[int]
) -> subprocess.Popen[bytes]:
    def restore() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    try:
        # No thread runs yet, so that restoring the mask between fork and exec is safe.
        return subprocess.Popen(list(command), env=dict(environment), preexec_fn=restore)  # noqa: PLW1509
    except FileNotFoundError:
        error = BadInput(f"there is no command {command[0]!r}; check its spelling and PATH")
        error.exit_code = NOT_FOUND
    except PermissionError:
        error = BadInput(f"{command[0]!r} is not executable; chmod +x it or name its interpreter")
        error.exit_code = NOT_EXECUTABLE
    raise error from None


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Pass signals on until the child has ended."""
    waited_for = [*FORWARDED, signal.SIGCHLD]
    while child.poll() is None:
        received, came_from_terminal = _next_signal(waited_for)
        if received is not None and received != signal.SIGCHLD and not came_from_terminal:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(received)
    assert child.returncode is not None
    return child.returncode


def _next_signal(waited_for: Sequence[signal.Signals]) -> tuple[int | None, bool]:
    """The next signal, at most a second later, and whether the terminal sent it to everybody."""
    if sys.platform == "linux":
        info = signal.sigtimedwait(waited_for, 1.0)
        return (None, False) if info is None else (info.si_signo, info.si_code == _FROM_KERNEL)
    pending = signal.sigpending() & set(waited_for)
    if not pending:
        time.sleep(0.05)
        return None, False
    received = signal.sigwait(waited_for)
    return received, received == signal.SIGINT and sys.stdin.isatty()


def end_like(exit_code: int) -> None:
    """End this process as the command ended: with its exit code, or by the same signal."""
    if exit_code >= 0:
        sys.exit(exit_code)
    sys.stdout.flush()
    sys.stderr.flush()
    number = -exit_code
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)
