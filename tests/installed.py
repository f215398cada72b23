"""What a user gets: the wheel, built from this tree and installed into an empty environment."""

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PATIENCE = 300
"""Seconds after which a test that waits for a process gives up."""


def build(folder, *, of=ROOT, only=()):
    """Build sdist and wheel (or *only* one) of the source tree *of*; the files in *folder*."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder), *only],
        cwd=of, capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return sorted(folder.iterdir())


@dataclass
class Installed:
    """An environment that holds Trainfare and what its extras need, and nothing else."""

    folder: Path

    @property
    def python(self):
        return str(self.folder / "bin" / "python")

    def run(self, *words, home, code=0, env=None, **how):
        """What a program of the environment prints; its exit code is *code*."""
        program, *arguments = map(str, words)
        done = subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            env=self.environment(home, **(env or {})),
            capture_output=True, text=True, check=False, timeout=PATIENCE, **how,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def trainfare(self, *words, home, **how):
        """What a command prints."""
        return self.run("trainfare", *words, home=home, **how)

    def json(self, *words, home, **how):
        """What a command answers as JSON."""
        return json.loads(self.trainfare(*words, "--format", "json", home=home, **how))

    def environment(self, home, **more):
        """The variables of a user's shell: nothing of this tree, and no program but the system's."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TRAINFARE_", "PYTHON"))}
        where = os.pathsep.join([str(self.folder / "bin"), "/usr/bin", "/bin"])
        state = {"TRAINFARE_HOME": str(home), "TRAINFARE_METADATA": "off"}
        return {**kept, "PATH": where, **state, **more}


def install(folder, wheel, *extras):
    """A new environment in *folder* with the wheel and its extras, at the versions of the lock."""
    uv = str(Path(sys.executable).with_name("uv"))
    wanted = f"trainfare[{','.join(extras)}] @ {wheel.as_uri()}"
    lock = str(ROOT / "requirements" / "dev.lock")
    for words in (
        ["venv", "--python", sys.executable, str(folder)],
        ["pip", "install", "--python", str(folder), "--constraints", lock, wanted],
    ):
        done = subprocess.run(
            [uv, "--quiet", *words], capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
    return Installed(folder)
