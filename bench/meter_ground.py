"""The ground that meters are measured on: fresh processes, all with one interpreter and one environment.

Trainfare is measured as it is installed: a copy of its source with compiled bytecode, so that an
edit of the source meanwhile, or ``PYTHONDONTWRITEBYTECODE``, changes nothing. The peers live in a
virtual environment of their own under ``bench/out``, made when it is first needed.
"""

from __future__ import annotations

import compileall
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.meter_tools import MODULES, PEERS

BENCH = Path(__file__).parent
REPOSITORY = BENCH.parent
OUT = BENCH / "out"
CHILD = BENCH / "meter_child.py"
INSTALL_SECONDS = 900


@dataclass
class Ground:
    """Where and how thoroughly to measure."""

    quick: bool = False
    skipped: dict[str, str] = field(default_factory=dict)
    """Peer → the sentence that says why it is not here."""

    def times(self, full: int, quick: int) -> int:
        """How often to repeat."""
        return quick if self.quick else full

    @cached_property
    def site(self) -> Path:
        """A folder with Trainfare as an installation has it: its files and their bytecode."""
        site = Path(tempfile.mkdtemp(prefix="site-", dir=_made(OUT)))
        source = REPOSITORY / "src" / "trainfare"
        shutil.copytree(source, site / "trainfare", ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(site, quiet=2)
        return site

    @cached_property
    def python(self) -> str:
        """The interpreter of every measured process: the peers', or this one where there are none."""
        folder = OUT / "peers-venv"
        python = folder / "bin" / "python"
        try:
            if not python.exists():
                subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        except (OSError, subprocess.SubprocessError) as error:
            self.skipped.update(dict.fromkeys(PEERS, f"no virtual environment for peers: {error}"))
            return sys.executable
        _install(python, self.skipped)
        return str(python)

    @cached_property
    def peers(self) -> list[str]:
        """The peers that live here from start to stop; why others do not: :attr:`skipped`."""
        _ = self.python  # installs them
        for name in PEERS:
            if name not in self.skipped:
                try:
                    self.ask("life", name, "0")
                except RuntimeError as error:
                    self.skipped[name] = f"does not run here: {str(error).splitlines()[-1]}"
                except subprocess.TimeoutExpired as error:
                    self.skipped[name] = f"does not come to its end within {error.timeout:.0f} s"
        return [name for name in PEERS if name not in self.skipped]

    @property
    def left_out(self) -> list[str]:
        """A sentence for each peer that is not measured."""
        names = [name for name in PEERS if name not in self.peers]
        return [f"{name} is not measured: {self.skipped[name]}." for name in names]

    @property
    def versions(self) -> dict[str, str]:
        """Version of each peer."""
        code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
        asked = subprocess.run(
            [self.python, "-c", code, *self.peers], capture_output=True, text=True, check=True
        )
        return dict(zip(self.peers, asked.stdout.split(), strict=True))

    def close(self) -> None:
        """Remove the copy of Trainfare."""
        if "site" in self.__dict__:
            shutil.rmtree(self.site, ignore_errors=True)

    def environment(self, folder: Path, **more: str) -> dict[str, str]:
        """The same few variables for every measured process; its files all land in *folder*."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {
            **kept,
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PYTHONPATH": str(self.site),
            "BENCH_FOLDER": str(folder),
            "TRAINFARE_HOME": str(folder / "trainfare-home"),
            "TRACKIO_DIR": str(folder / "trackio"),
            "DO_NOT_TRACK": "true",
            "HF_HUB_OFFLINE": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
            "WANDB_ERROR_REPORTING": "False",
            # ClearML asks for its newest version even when it is offline: nothing listens there.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            **more,
        }

    def command(self, *words: str) -> list[str]:
        """A fresh interpreter that runs ``meter_child.py`` in a mode."""
        return [self.python, "-P", str(CHILD), *words]

    def ask(self, *words: str, limit_s: float = 120, **more: str) -> dict[str, list[float]]:
        """Run a mode of ``meter_child.py`` to its end; its lines as name → numbers."""
        with scratch() as folder:
            done = subprocess.run(
                self.command(*words),
                env=self.environment(folder, **more),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(
                f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-800:]}"
            )
        return read_numbers(done.stdout)


def read_numbers(text: str) -> dict[str, list[float]]:
    """Lines of a name and numbers; whatever else a tool prints is passed over.

    >>> read_numbers("start 1.5 2" + chr(10) + "* Trackio project initialized")
    {'start': [1.5, 2.0]}
    """
    found = {}
    for line in text.splitlines():
        name, *words = line.split() or [""]
        with contextlib.suppress(ValueError):
            found[name] = [float(word) for word in words]
    return {name: numbers for name, numbers in found.items() if numbers}


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one measured process, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=_made(OUT)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Paused:
    """A child of ``phases`` or ``idle`` mode that waits after each phase until it is told to go on."""

    def __init__(self, ground: Ground, folder: Path, *words: str, **more: str) -> None:
        self.folder = folder
        self._errors = (folder / "stderr.txt").open("w+")
        self._process = subprocess.Popen(
            ground.command(*words),
            env=ground.environment(folder, **more),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def wait_for(self, phase: str) -> None:
        """Read on until the child says *phase*; what a tool prints besides is passed over."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == phase:
                return
        self._errors.seek(0)
        raise RuntimeError(
            f"the measured process never came to {phase!r}: {self._errors.read()[-800:]}"
        )

    def go_on(self) -> None:
        """Let the child leave its phase."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Let the child run to its end; kill it, and what it left behind, if it does not come."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._errors.close()
        if self._process.stdout is not None:
            self._process.stdout.close()


def tree(pid: int) -> list[int]:
    """Process *pid* and its living descendants."""
    parents = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


def clocked(start_ns: int) -> float:
    """Seconds since a moment of the performance counter."""
    return (time.perf_counter_ns() - start_ns) / 1e9


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _has(python: str, module: str) -> bool:
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return subprocess.run([python, "-P", "-c", code], check=False).returncode == 0


def _install(python: Path, skipped: dict[str, str]) -> None:
    """Install the peers that pyproject's group ``bench`` lists and that are not there yet."""
    wanted = _group("bench")
    for name in PEERS:
        if _has(str(python), MODULES[name]):
            continue
        if name not in wanted:
            skipped[name] = "not in the dependency group bench"
            continue
        command = [str(python), "-m", "pip", "install", "--quiet", wanted[name]]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
            problem = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        except subprocess.TimeoutExpired:
            problem = [f"pip took more than {INSTALL_SECONDS} s"]
        if problem:
            skipped[name] = f"cannot be installed: {problem[0]}"


def _group(name: str) -> Mapping[str, str]:
    """Distribution → requirement of a dependency group."""
    document = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    lines = document["dependency-groups"].get(name, [])
    return {re.split(r"[^\w-]", line, maxsplit=1)[0]: line for line in lines}
