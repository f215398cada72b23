"""The command line called inside the test's own process, and golden texts."""

import json
import os
from pathlib import Path

import click
import pytest

from cli.recordings import NOW
from trainfare.cli.main import main

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "home"


@pytest.fixture
def frozen(monkeypatch):
    """What the present is for everything that reads a record."""
    monkeypatch.setattr("time.time_ns", lambda: NOW)
    return NOW


@pytest.fixture
def say(home, capsys):
    """Run one command; its exit code, output and error text, without colours."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return ended.value.code, click.unstyle(out), click.unstyle(err)

    return run


@pytest.fixture
def text(say):
    """Run one command that must succeed; its output."""

    def run(*words):
        code, out, err = say(*words)
        assert (code, err) == (0, "")
        return out

    return run


@pytest.fixture
def answer(text):
    """Run one command that must succeed for its JSON."""
    return lambda *words: json.loads(text(*words, "--format", "json"))


@pytest.fixture
def golden():
    """Compare with ``golden/NAME.txt``; TRAINFARE_UPDATE_GOLDEN=1 writes it anew for review."""

    def check(name, found):
        file = GOLDEN / f"{name}.txt"
        if os.environ.get("TRAINFARE_UPDATE_GOLDEN") == "1":
            file.parent.mkdir(exist_ok=True)
            file.write_text(found, encoding="utf-8")
        assert found == file.read_text(encoding="utf-8")

    return check
