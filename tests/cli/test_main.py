"""The front door: every failure is one sentence and an exit code, never a traceback."""

import os
import signal
import subprocess
import sys

import click
import pytest

from cli.commands import call, environment
from cli.recordings import record_training
from trainfare.cli import main as door
from trainfare.core import errors
from trainfare.metering import history


def test_help_lists_every_command_without_loading_one(home):
    code = (
        "import sys; from trainfare.cli.main import main, COMMANDS\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith('trainfare.cli.')])\n"
        "print(list(COMMANDS))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    *shown, loaded, commands = done.stdout.splitlines()
    assert loaded == "['trainfare.cli.main']"
    for name in eval(commands):
        assert any(line.split()[:1] == [name] for line in shown)


SILENT = {"mcp", "agent"}
"""Commands that answer a program or nobody, never a person."""


@pytest.mark.parametrize("name", [name for name in door.COMMANDS if name not in SILENT])
def test_every_command_takes_format_json_and_home(name):
    command = door.cli.get_command(click.Context(door.cli), name)

    def leaves(one):
        if isinstance(one, click.Group):
            for inner in one.commands.values():
                yield from leaves(inner)
        else:
            yield one

    for leaf in leaves(command):
        options = {word: option for option in leaf.params for word in option.opts}
        assert "json" in options["--format"].type.choices, leaf.name
        assert "--home" in options, leaf.name
        assert leaf.get_short_help_str(), leaf.name


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("recipt", "there is no command 'recipt'; did you mean 'receipt'?"),
        ("runz", "there is no command 'runz'; did you mean 'run"),
        ("zzz", "there is no command 'zzz' (see: trainfare --help)"),
    ],
)
def test_an_unknown_command_gets_the_nearest_one(say, word, said):
    code, out, err = say(word)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_nothing_asked_shows_the_commands_and_is_wrong_use(say):
    code, out, err = say()
    assert (code, out) == (2, "")
    assert "Usage: trainfare" in err
    assert "trainfare: " not in err


def test_version(text):
    assert text("--version") == "trainfare 0.1.0\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (errors.BadInput("the price is odd"), 2, "trainfare: the price is odd\n"),
        (errors.NotFound("no run"), 2, "trainfare: no run\n"),
        (errors.NotConserved("1 is not 2"), 1, "trainfare: 1 is not 2\n"),
        (errors.OutsideFailed("the disk"), 3, "trainfare: the disk\n"),
        (OSError(13, "Permission denied", "/x"), 3, "trainfare: Permission denied: /x\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(home, say, monkeypatch, error, code, said):
    def fail(*_args, **_more):
        raise error

    say("runs")  # whatever it loads keeps the real function, not the one that fails
    monkeypatch.setattr(history, "close_dead", fail)
    assert say("runs") == (code, "", said)


def test_what_nobody_expected_is_one_sentence_that_says_how_to_see_more(home, say, monkeypatch):
    def fail(*_args):
        raise ZeroDivisionError("division by zero")

    say("runs")
    monkeypatch.setattr(history, "close_dead", fail)
    monkeypatch.delenv("TRAINFARE_DEBUG", raising=False)
    code, out, err = say("runs")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "unexpected ZeroDivisionError: division by zero; run again with TRAINFARE_DEBUG=1" in err
    monkeypatch.setenv("TRAINFARE_DEBUG", "1")
    assert "Traceback" in say("runs")[2]


def test_home_may_stand_before_or_after_the_command(home, answer):
    record_training(home, "r-here", epochs=1)
    elsewhere = home.with_name("elsewhere")
    assert answer("--home", elsewhere, "runs")["total"] == 0
    assert answer("runs", "--home", home)["total"] == 1


def test_a_reader_that_goes_away_is_no_failure(home, frozen):
    """As in ``trainfare runs | head -1``, with ``set -o pipefail``."""
    record_training(home, "r-one", epochs=1)
    for words in (["runs"], ["--help"], ["receipt", "--format", "html"]):
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = call(home, *words, capture_output=False, stdout=write_end, stderr=subprocess.PIPE)
        os.close(write_end)
        assert (done.returncode, done.stderr) == (0, b""), words


def test_an_output_that_takes_nothing_is_one_sentence(home, frozen):
    record_training(home, "r-one", epochs=1)
    with open("/dev/full", "w") as full:
        done = call(home, "runs", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (3, b"trainfare: No space left on device\n")


def test_a_closed_output_is_no_failure(home):
    done = call(home, "runs", preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_without_unicode_gets_question_marks(home, frozen):
    record_training(home, "r-one", epochs=1)
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = call(home, "receipt", env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"estimated" in done.stdout


def test_ctrl_c_while_waiting_is_130_without_a_word(home):
    record_training(home, "r-live", epochs=1)
    code = (
        "import time, signal, trainfare.metering.history as h\n"
        "def wait(*_): print('waiting', flush=True); time.sleep(20)\n"
        "h.close_dead = wait\n"
        "from trainfare.cli.main import main; main(['runs'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == b""
