"""The terminal while it is watched: frames drawn in place, and everything put back at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any, Self

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
"""The second screen (what was on the terminal comes back later), no cursor, no wrapped lines."""
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME, _CLEAR_LINE, _CLEAR_REST = "\x1b[H", "\x1b[K", "\x1b[J"


def is_terminal() -> bool:
    """Whether standard output is a terminal that understands control codes."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Screen:
    """A ``with`` block during which this process owns the terminal.

    Keys are not echoed; Ctrl-Z hands the terminal back as it was and takes it again after ``fg``; a
    SIGTERM or a closed terminal leaves by the same door as an exception.
    """

    def __init__(self) -> None:
        self._echo: list[Any] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._end),
            signal.SIGHUP: signal.signal(signal.SIGHUP, self._end),
            signal.SIGTSTP: signal.signal(signal.SIGTSTP, self._pause),
        }
        self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._give()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def draw(self, lines: Sequence[str]) -> None:
        """Put *lines* on the screen in one write, over what was there."""
        body = f"{_CLEAR_LINE}\r\n".join(lines)
        _write(f"{_HOME}{body}{_CLEAR_LINE}{_CLEAR_REST}")

    def rest(self, seconds: float, draw: Callable[[], None]) -> None:
        """Wait so long; *draw* again at once when the terminal changes its size."""
        size = self.size()
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(0.1, left))
            if self.size() != size:
                size = self.size()
                draw()

    @staticmethod
    def size() -> tuple[int, int]:
        """Columns and rows of the terminal itself; 80 × 24 where it does not know."""
        with contextlib.suppress(OSError):
            columns, rows = os.get_terminal_size(sys.stdout.fileno())
            if columns and rows:
                return columns, rows
        return 80, 24

    def _take(self) -> None:
        self._echo = _switch_echo_off()
        _write(_ENTER)

    def _give(self) -> None:
        _write(_LEAVE)
        if self._echo is not None:
            _restore(self._echo)

    def _end(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (signal's form)
        raise SystemExit(128 + number)

    def _pause(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._give()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._pause)
        self._take()


def _write(text: str) -> None:
    """Write at once and past Python's buffer, which a signal handler must not enter twice."""
    data = text.encode(sys.stdout.encoding, "replace")
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


def _switch_echo_off() -> list[Any] | None:
    """Let typed keys leave no mark on the screen; returns how the terminal was."""
    if not sys.stdin.isatty():
        return None
    import termios

    with contextlib.suppress(termios.error):
        before = termios.tcgetattr(sys.stdin)
        quiet = [*before]
        quiet[3] &= ~termios.ECHO
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, quiet)
        return before
    return None


def _restore(before: list[Any]) -> None:
    import termios

    with contextlib.suppress(termios.error):
        # Keys typed meanwhile were not meant for the shell.
        termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, before)
