"""Completion: the shell knows commands, options and the runs of the home."""

import subprocess

import pytest

from cli.commands import COMMAND, environment
from cli.recordings import Recorder, record_training
from metering.instruments import Clock

ASK = """
eval "$(trainfare completion bash)"
complete -p trainfare >&2
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_trainfare_completion trainfare
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def complete(tmp_path, home, need):
    """What bash itself would offer after these words."""
    place = tmp_path / "bin"
    place.mkdir()
    program = place / "trainfare"
    program.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    env = environment(home)
    env["PATH"] = f"{place}:{env['PATH']}"

    def ask(*words):
        done = subprocess.run(
            [need("bash"), "--norc", "-c", ASK, "bash", *words],
            env=env,
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        assert "_trainfare_completion" in done.stderr
        return done.stdout.split("\n")[:-1]

    return ask


def test_bash_completes_commands_options_and_runs(home, complete):
    record_training(home, "r-aaa", name="train.py", epochs=1)
    clock = Clock()
    clock.advance(500)
    made = Recorder(home, "r-bbb", clock=clock, name="two words")
    made.end()
    assert complete("trainfare", "re") >= ["receipt"]
    assert complete("trainfare", "receipt", "--for") == ["--format"]
    assert complete("trainfare", "receipt", "--format", "h") == ["html"]
    # The latest first; a name of two words would need quotes, so its id stands alone.
    assert complete("trainfare", "show", "") == ["last", "r-bbb", "r-aaa", "train.py"]
    assert complete("trainfare", "compare", "r-bbb", "r-a") == ["r-aaa"]
    assert complete("trainfare", "--home", f"{home}/none", "watch", "") == [""]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(text, answer, shell):
    script = text("completion", shell)
    assert "_TRAINFARE_COMPLETE" in script
    assert answer("completion", shell) == {"shell": shell, "script": script[:-1]}


def test_an_unknown_shell_is_refused(say):
    code, out, err = say("completion", "csh")
    assert (code, out, err.count("\n")) == (2, "", 1)
