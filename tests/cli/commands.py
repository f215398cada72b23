"""The command line as a user's shell calls it: real processes, with and without a terminal."""

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

COMMAND = [sys.executable, "-m", "trainfare"]
PATIENCE = 120
"""Seconds after which a test that waits for a process gives up."""


def environment(home, **more):
    ours = ("TRAINFARE_", "SLURM_", "PYTHONUNBUFFERED", "_TRAINFARE", "COLUMNS", "LINES")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {**kept, "TRAINFARE_HOME": str(home), "TRAINFARE_METADATA": "off", **more}


def call(home, *arguments, env=None, **options):
    """Run ``trainfare ARGUMENTS`` to its end."""
    options.setdefault("capture_output", True)
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(home, **(env or {})),
        timeout=PATIENCE,
        check=False,
        **options,
    )


def start(home, *arguments, env=None, **options):
    """Start ``trainfare ARGUMENTS`` with a pipe to read its output from."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], env=environment(home, **(env or {})), **options
    )


def receipt(home, run="last"):
    """The receipt as ``trainfare receipt --format json`` prints it."""
    done = call(home, "receipt", run, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def line_with(process, word):
    """The next line of the process's output that begins with *word*."""
    for line in process.stdout:
        if line.decode().startswith(word):
            return line.decode().strip()
    raise AssertionError(f"no line with {word!r}; stderr: {process.stderr.read().decode()}")


def run_folders(home):
    folder = home / "runs"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def python(code):
    """The command that runs *code* in a fresh Python."""
    return [sys.executable, "-c", code]


class Terminal:
    """A process of its own session on a pseudo-terminal of 80 columns."""

    def __init__(self, arguments, env):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvpe(arguments[0], arguments, env)
        self.text = b""

    def wait_for(self, text):
        """Read until *text* has been shown."""
        until = time.monotonic() + PATIENCE
        while text.encode() not in self.text:
            assert time.monotonic() < until, self.text.decode(errors="replace")
            self.read(0.05)
        return self.text.decode(errors="replace")

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.text += os.read(self.master, 65536)

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """Wait for the process; its exit code, or ``-n`` where signal n ended it."""
        until = time.monotonic() + PATIENCE
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read(0.05)
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > until:
                os.kill(self.pid, signal.SIGKILL)
            self.read(0.02)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self):
        os.close(self.master)

    def close(self):
        with contextlib.suppress(OSError):
            os.close(self.master)


def state_of(pid):
    """One letter, as the kernel has it: R, S, T (stopped), Z …; None once it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def wait_until(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
