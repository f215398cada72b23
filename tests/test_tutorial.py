"""The tutorial, done as it is written: its commands run, and print what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from test_pages import skeleton

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs" / "tutorial"
BLOCK = re.compile(r"^```(sh|python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PARTS = "~~ next block ~~"


@pytest.fixture
def desk(tmp_path):
    """A folder and an environment in which ``trainfare`` and ``python`` are these here."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, words in (("python", ""), ("trainfare", " -m trainfare")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}"{words} "$@"\n')
        tool.chmod(0o755)
    own = {"TRAINFARE_HOME": str(tmp_path / "home"), "TRAINFARE_METADATA": "off"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TRAINFARE_")}
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    folder = tmp_path / "desk"
    folder.mkdir()
    return folder, {**kept, **own, "PATH": path, "COLUMNS": "80"}


def do(page, desk):
    """(what ran, what it printed, what the page shows or None), block by block in one shell."""
    blocks = BLOCK.findall((TUTORIAL / page).read_text(encoding="utf-8"))
    script, shown = ["set -u", "exec 2>&1"], []
    for language, text in blocks:
        if language == "text":
            shown[-1] = (shown[-1][0], text)
            continue
        lines = [line for line in text.splitlines() if not line.startswith("pip install")]
        if language == "python":  # to be saved under the name that it begins with, and run below
            (desk[0] / text.split()[1]).write_text(text)
            lines = []
        guarded = "\n".join(lines) or ":"
        script += [guarded, f'echo "$? {PARTS}"']
        shown.append((guarded, None))
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=desk[0], env=desk[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    printed = re.split(rf"^(\d+) {PARTS}\n", done.stdout, flags=re.MULTILINE)
    assert len(printed) == 2 * len(shown) + 1, done.stderr
    codes = [int(code) for code in printed[1::2]]
    failed = [ran for code, (ran, _) in zip(codes, shown, strict=True) if code]
    assert failed == [], done.stderr
    return [(ran, out, told) for (ran, told), out in zip(shown, printed[::2], strict=False)]


def test_the_first_receipt_is_got_as_it_is_told(desk):
    ran = do("first-receipt.md", desk)
    shown = [(skeleton(out), skeleton(told)) for _, out, told in ran if told is not None]
    assert len(shown) == 2
    for out, told in shown:
        assert out == told
    assert "first" in ran[-2][1]
    assert "second" in ran[-2][1]


def test_the_bill_and_the_budget_say_what_the_page_shows(desk):
    ran = do("bill-and-budget.md", desk)
    shown = [(out, told) for _, out, told in ran if told is not None]
    assert len(shown) == 5
    for out, told in shown[:-1]:
        assert out == told
    assert measured(shown[-1][0]) == measured(shown[-1][1])


def measured(text):
    """What is told of a budget, without what depends on the machine: how quick it is, and paths."""
    text = re.sub(r'File ".*/([\w.]+)", line \d+', r'File "\1"', text)
    text = re.sub(r"^budget mine: .* is spent: stop\n|^[ ~^]+\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=mine: )\$\d+\.\d\d|\$\d+\.\d\d +–|█+|\d+ %", "", text)
    return re.sub(r"\s+", " ", text).strip()
