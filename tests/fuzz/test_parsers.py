"""Bytes from outside are read or refused in one sentence, whatever they are.

Honest bytes, broken in ways that break parsers; and, among the long tests, a hunt that watches
which branches it reaches.
"""

import os
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from fuzz.parsers import PARSERS, try_one

TRIES = 60
RUNS = 20_000
WORDS = [
    b"", b"\0", b"\n", b"\r", b'"', b"'", b",", b"{", b"}", b"[", b"]", b":", b"=", b"\\", b"-",
    b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 400, b"0x1", b"null", b"true", b"\xff\xfe",
    b"\xed\xa0\x80", "²".encode(), "\u202e".encode(), b"[" * 3000, b'{"a":' * 2000, b"9999-12-31",
    b"2026-02-30T00:00:00Z", b"\x1b[2J", b"../../etc", b"a" * 70_000,
]  # fmt: skip


def broken(seed, dice):
    """*seed* with one to four things wrong."""
    data = bytearray(seed)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.choice([1, 4, 40, 400]))
        match dice.randrange(5):
            case 0 if data:
                data[min(at, len(data) - 1)] ^= 1 << dice.randrange(8)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end] * dice.choice([1, 2, 50])
            case 3:
                data[at:end] = dice.choice(WORDS)
            case _:
                data[at:at] = dice.choice(WORDS)
    return bytes(data)


@pytest.mark.parametrize("name", PARSERS)
def test_honest_bytes_are_read(name):
    for seed in PARSERS[name].seeds():
        try_one(PARSERS[name], seed)


@pytest.mark.parametrize("name", PARSERS)
def test_broken_bytes_are_read_or_refused(name):
    parser, dice = PARSERS[name], random.Random(name)
    seeds = parser.seeds()
    for _ in range(TRIES):
        data = broken(dice.choice(seeds), dice)
        try:
            try_one(parser, data)
        except BaseException as error:
            error.add_note(f"bytes: {data[:2000]!r}")
            raise


@pytest.mark.long
@pytest.mark.parametrize("name", PARSERS)
def test_a_hunt_finds_no_bytes_that_break_a_parser(name, tmp_path):
    if find_spec("atheris") is None:
        pytest.skip("atheris is not installed; it has no build for this Python or system")
    source = Path(__file__).parents[2]
    paths = [str(source / "src"), str(source / "tests"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.hunt", name, str(tmp_path), f"-runs={RUNS}",
         "-max_total_time=120", "-timeout=20", "-rss_limit_mb=2048", "-seed=1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, check=False, errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
