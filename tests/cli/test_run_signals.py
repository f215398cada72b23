"""``trainfare run``: signals and keys reach the command once, and its death is passed on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands import (
    COMMAND,
    Terminal,
    call,
    environment,
    line_with,
    python,
    receipt,
    run_folders,
    start,
    state_of,
    wait_until,
)

COUNTING = """
import os, signal, sys, time
counts = {}
def say(text):          # print is not made for signal handlers
    os.write(1, f"{text}\\n".encode())
def count(number, frame):
    counts[number] = counts.get(number, 0) + 1
    SAID or say(f"got {signal.Signals(number).name}")
for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
    signal.signal(getattr(signal, name), count)
say(f"ready {os.getpid()}")
while signal.SIGUSR2 not in counts and len(counts) < LIMIT:
    time.sleep(0.01)
time.sleep(0.3)          # a second copy of a signal would come now
if SAID:
    open(SAID, "w").write(str(sorted(counts.items())))
else:
    say(f"counts {sorted(counts.values())}")
sys.exit(5)
"""


def counting(limit, said=None):
    """A child that counts its signals until *limit* kinds came, and says so or writes it down."""
    return python(COUNTING.replace("LIMIT", str(limit)).replace("SAID", repr(said and str(said))))


@pytest.mark.parametrize("name", ["TERM", "INT", "KILL", "SEGV", "USR1", "RTMIN+1"])
def test_death_by_a_signal_is_passed_on(tmp_path, name):
    number = signal.SIGRTMIN + 1 if name == "RTMIN+1" else getattr(signal, f"SIG{name}")
    done = call(tmp_path, "run", "--quiet", "--", "sh", "-c", f"kill -{number:d} $$")
    assert done.returncode == -number
    assert receipt(tmp_path)["status"] == "killed"


def test_each_signal_to_the_wrapper_reaches_the_child_exactly_once(tmp_path):
    with start(tmp_path, "run", "--quiet", "--", *counting(9)) as wrapper:
        line_with(wrapper, "ready")
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
            wrapper.send_signal(getattr(signal, name))
            assert line_with(wrapper, "got") == f"got {name}"
        assert line_with(wrapper, "counts") == "counts [1, 1, 1, 1, 1, 1]"
        assert wrapper.wait(20) == 5


def test_a_child_that_signals_its_own_group_gets_the_signal_once(tmp_path):
    code = """
import os, signal, time
counts = []
signal.signal(signal.SIGTERM, lambda *_: counts.append(1))
os.killpg(0, signal.SIGTERM)
time.sleep(0.3)
print(len(counts))
"""
    done = call(tmp_path, "run", "--quiet", "--", *python(code), start_new_session=True)
    assert (done.returncode, done.stdout) == (0, b"1\n")


def test_ctrl_c_at_the_terminal_reaches_the_child_once(tmp_path):
    terminal = Terminal([*COMMAND, "run", "--quiet", "--", *counting(1)], environment(tmp_path))
    terminal.wait_for("ready")
    terminal.type("\x03")
    assert "counts [1]" in terminal.wait_for("counts [")
    assert terminal.end() == 5
    terminal.close()


def test_ctrl_c_ends_a_child_that_does_not_mind_and_the_wrapper_with_it(tmp_path):
    terminal = Terminal([*COMMAND, "run", "--", "sleep", "30"], environment(tmp_path))
    wait_until(lambda: any(f.glob("*/events.jsonl") for f in run_folders(tmp_path)))
    terminal.type("\x03")
    assert terminal.end() == -signal.SIGINT
    terminal.close()
    assert receipt(tmp_path)["status"] == "killed"


def test_a_terminal_that_goes_away_reaches_the_child_once(tmp_path):
    """The kernel tells only the leader of the session, which here is the wrapper."""
    said = tmp_path / "said"
    terminal = Terminal(
        [*COMMAND, "run", "--quiet", "--", *counting(1, said)], environment(tmp_path / "home")
    )
    terminal.wait_for("ready")
    terminal.hang_up()
    os.waitpid(terminal.pid, 0)
    assert said.read_text() == str([(int(signal.SIGHUP), 1)])


def test_ctrl_z_stops_both_and_fg_lets_both_go_on(tmp_path, need):
    code = """
import os, time
print("ready", os.getpid(), flush=True)
for _ in range(1000):
    time.sleep(0.02)
    if os.path.exists(FLAG):
        print("went on", flush=True)
        raise SystemExit(3)
"""
    flag = tmp_path / "flag"
    script = tmp_path / "loop.py"
    script.write_text(code.replace("FLAG", repr(str(flag))))
    shell = Terminal(
        [need("bash"), "--norc", "--noprofile", "-i"], environment(tmp_path / "home", PS1="$ ")
    )
    shell.type(f"{' '.join(COMMAND)} run --quiet -- {sys.executable} {script}\n")
    text = shell.wait_for("ready ")
    wait_until(lambda: (shell.read(0.02), b"ready" in shell.text and shell.text.endswith(b"\n"))[1])
    child = int(shell.text.decode().rpartition("ready ")[2].split()[0])
    wrapper = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
    shell.type("\x1a")
    wait_until(lambda: state_of(child) == "T" and state_of(wrapper) == "T")
    shell.wait_for("Stopped")
    flag.touch()
    shell.type("fg\n")
    shell.wait_for("went on")
    shell.type("echo code $?\n")
    assert "code 3" in shell.wait_for("code 3"), text
    shell.type("exit\n")
    shell.end()
    shell.close()


def test_a_child_that_ignores_sigterm_is_waited_for(tmp_path):
    code = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", os.getpid(), flush=True)
time.sleep(30)
"""
    with start(tmp_path, "run", "--quiet", "--", *python(code)) as wrapper:
        child = int(line_with(wrapper, "ready").split()[1])
        wrapper.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            wrapper.wait(0.3)
        os.kill(child, signal.SIGKILL)
        assert wrapper.wait(20) == -signal.SIGKILL


def test_a_parent_that_ignores_its_children_does_not_hide_ours(tmp_path):
    """An ignored SIGCHLD is inherited, and the kernel then reaps children before we can ask."""
    code = "import signal; print(signal.getsignal(signal.SIGCHLD)); raise SystemExit(9)"
    done = call(
        tmp_path,
        "run",
        "--quiet",
        "--",
        *python(code),
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    )
    assert (done.returncode, done.stdout) == (9, b"1\n")
