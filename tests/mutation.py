"""Whether tests notice changes: ``python tests/mutation.py core/money.py …`` (`make mutation`).

Each mutant of a file (see mutants.py) is tried in a process of its own, forked before anything of
Trainfare was loaded: its import finds the changed code, and no file is touched. The file's own
examples run first, then the tests of its room that import it, up to the first failure. A mutant
that is not noticed has survived, unless ``equivalents.toml`` says why no test can notice it.

Why not another's tool: mutmut 3.8 leaves out what is decorated, so every property, and forks beside
the threads of DuckDB; cosmic-ray starts a Python for each mutant and changes the tree itself.
"""

import argparse
import doctest
import importlib
import importlib.abc
import importlib.util
import json
import os
import re
import select
import signal
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import hypothesis  # noqa: F401 (loaded once, before the forks)
import pytest

from mutants import mutants

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "trainfare"
EQUIVALENTS = Path(__file__).with_name("equivalents.toml")
LEAST = 0.9
"""So many of a file's mutants are noticed or explained; less is a failure."""


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the module *name* from *code*, all others as always."""

    def __init__(self, name, path, code):
        self.name, self.path, self.code = name, path, code

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.code, module.__dict__)

    def get_source(self, name):
        return self.path.read_text(encoding="utf-8")


def tests_of(file):
    """The test files of the file's room that import it, the one of its name first."""
    room, name = file.parts[-2], file.stem
    own = ROOT / "tests" / room / f"test_{name}.py"
    mentioned = re.compile(
        rf"trainfare\.{room}\.{name}\b|from trainfare\.{room} import .*\b{name}\b"
    )
    if (room, name) == ("core", "money"):
        mentioned = re.compile(rf"{mentioned.pattern}|from trainfare import .*\bMoney\b")
    found = {path for path in sorted((ROOT / "tests" / room).glob("test_*.py"))
             if path == own or mentioned.search(path.read_text(encoding="utf-8"))}  # fmt: skip
    return sorted(found, key=lambda path: (path != own, path.name))


def is_noticed(name, path, code, tests, folder):
    """Whether an example or a test fails where the module *name* is *code*; runs in a child."""
    sys.meta_path.insert(0, Changed(name, path, code))
    module = importlib.import_module(name)
    if doctest.testmod(module).failed:
        return True
    words = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not long", "--hypothesis-seed=0"]
    words += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis was loaded before
    return (
        bool(tests) and pytest.main([*words, f"--basetemp={folder}/tests", *map(str, tests)]) != 0
    )


def tried(name, path, code, tests, seconds):
    """``noticed``, ``slow`` or ``survived``, as a forked child finds."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        child = os.fork()
        if child == 0:
            os.setpgrp()
            quiet = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(quiet, number)
            os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = f"{folder}/examples"
            code_of_exit = 1
            try:
                code_of_exit = int(is_noticed(name, path, code, tests, folder))
            finally:
                os._exit(code_of_exit)
        watched = os.pidfd_open(child)
        ended = select.select([watched], [], [], seconds)[0]
        os.close(watched)
        if not ended:
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if not ended:
        return "slow"
    return "survived" if status == 0 else "noticed"


def try_file(file, explained, *, every=1):
    """Try every mutant of *file*; what came of them."""
    path = SOURCE / file
    name = f"trainfare.{file.parts[0]}.{file.stem}"
    tests = tests_of(Path(file))
    begun = time.monotonic()
    clean = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    if tried(name, path, clean, tests, 600) != "survived":
        sys.exit(f"{file}: its tests fail without any change: {' '.join(map(str, tests))}")
    patience = max(30.0, 10 * (time.monotonic() - begun))
    sums = {"noticed": 0, "slow": 0, "explained": 0, "survived": 0}
    left = []
    for number, one in enumerate(mutants(path)):
        if number % every:
            continue
        came = tried(name, path, one.code, tests, patience)
        if came == "survived" and one.name in explained.get(str(file), {}):
            came = "explained"
        sums[came] += 1
        if came == "survived":
            left.append({"line": one.line, "mutant": one.name})
            print(f"  {file}:{one.line}  {one.name}", flush=True)
    return {"file": str(file), "tests": [path.name for path in tests], **sums, "survivors": left,
            "seconds": round(time.monotonic() - begun)}  # fmt: skip


def main():
    """Try the files that are named; exit code 1 where one is noticed too little."""
    ask = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    ask.add_argument("files", nargs="+", help="room/file.py under src/trainfare, or a room")
    ask.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th mutant")
    ask.add_argument("--out", type=Path, help="append each file's result here, a JSON line each")
    asked = ask.parse_args()
    os.chdir(ROOT)
    explained = (
        tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8")) if EQUIVALENTS.exists() else {}
    )
    is_enough = True
    for word in asked.files:
        found = (
            sorted((SOURCE / word).glob("*.py")) if (SOURCE / word).is_dir() else [SOURCE / word]
        )
        for path in found:
            came = try_file(path.relative_to(SOURCE), explained, every=asked.every)
            good = came["noticed"] + came["slow"] + came["explained"]
            all_of_them = good + came["survived"]
            share = good / all_of_them if all_of_them else 1.0
            is_enough &= share >= LEAST
            print(f"{came['file']}: {all_of_them} mutants, {came['noticed'] + came['slow']} noticed, "
                  f"{came['explained']} explained, {came['survived']} survived ({share:.1%}) in {came['seconds']} s",
                  flush=True)  # fmt: skip
            if asked.out:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(came) + "\n")
    sys.exit(0 if is_enough else 1)


if __name__ == "__main__":
    main()
