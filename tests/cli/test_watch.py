"""``trainfare watch``: a live view that leaves the terminal as it found it."""

import json
import os
import signal
import sys
import termios
import time

import pytest

from cli.commands import COMMAND, Terminal, call, environment, start, wait_until
from cli.recordings import Recorder, record_training
from metering.instruments import Clock

ENTER, LEAVE, CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


def live(home, run="r-live", **more):
    """A run of this process that is going on now."""
    clock = Clock()
    clock.wall = time.time_ns() - 20 * 10**9
    made = Recorder(home, run, clock=clock, name="train.py", is_alive=True, **more)
    made.stage("train", 0)
    made.ride(20, steps=40)
    return made


def test_once_prints_one_frame_without_control_codes(home, text):
    live(home)
    found = text("watch", "--once")
    assert "● running" in found
    assert "\x1b" not in found
    assert max(map(len, found.splitlines())) <= 80


def test_an_output_that_is_no_terminal_gets_one_frame(home):
    live(home)
    done = call(home, "watch")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"running" in done.stdout
    assert b"\x1b" not in done.stdout


def test_a_frame_as_json_has_stable_keys_and_exact_amounts(home, answer):
    made = live(home, gpus=2)
    found = answer("watch", "--once")
    assert found.keys() == {
        *("at", "run", "name", "labels", "status", "started_at", "duration_seconds", "currency"),
        *("estimated", "price_per_hour", "stage", "epoch", "epochs", "steps", "steps_per_second"),
        *("input_wait", "cpu_cores", "cpu_count", "memory_bytes", "devices", "alerts"),
        "forecast",
    }
    assert found["estimated"]["total"] == "0.020000000"
    assert (found["price_per_hour"], found["stage"], found["epoch"]) == ("3.600000000", "train", 0)
    assert (found["steps"], found["steps_per_second"], found["cpu_cores"]) == (40, 2.0, 1.0)
    assert [one["gpu_activity"] for one in found["devices"]] == [0.9, 0.9]
    made.end()


def test_json_lines_follow_the_run_to_its_end(home):
    made = live(home)
    with start(home, "watch", "--format", "json") as watcher:
        first = json.loads(watcher.stdout.readline())
        made.ride(5)
        made.end()
        rest = [json.loads(line) for line in watcher.stdout]
        assert watcher.wait(20) == 0
    assert first["status"] == "running"
    assert (rest[-1]["status"], rest[-1]["duration_seconds"]) == ("finished", 25.0)
    assert rest[-1]["price_per_hour"] is None


def test_without_a_run_the_latest_running_one_is_watched(home, answer):
    record_training(home, "r-done", epochs=1)
    live(home, "r-first")
    second = live(home, "r-second")
    second.clock.wall += 5
    assert answer("watch", "--once")["run"] in {"r-first", "r-second"}
    second.end()
    assert answer("watch", "--once")["run"] == "r-first"


def test_nothing_to_watch_is_one_sentence_that_says_what_to_do(home, say):
    code, out, err = say("watch")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no run is running; start one: trainfare run" in err
    record_training(home, "r-done", epochs=1)
    assert "for the latest: trainfare receipt r-done" in say("watch")[2]


def test_the_terminal_shows_frames_in_place_and_ctrl_c_leaves_it_as_it_was(home):
    live(home)
    screen = Terminal([*COMMAND, "watch"], environment(home, TERM="xterm"))
    before = termios.tcgetattr(screen.master)[3]
    text = screen.wait_for("Ctrl-C stops watching")
    assert text.startswith(ENTER)
    assert not termios.tcgetattr(screen.master)[3] & termios.ECHO
    screen.type("typed meanwhile")
    screen.type("\x03")
    assert screen.end() == 0
    text = screen.text.decode()
    assert "typed meanwhile" not in text
    _, _, after = text.rpartition(LEAVE)
    assert text.index(CURSOR) < text.index(LEAVE)
    assert "r-live goes on ($0.0200 so far)" in after
    assert "\x1b" not in after
    assert "Traceback" not in text
    assert termios.tcgetattr(screen.master)[3] == before
    screen.close()


def test_a_run_that_ends_leaves_its_receipt_on_the_terminal(home):
    made = live(home)
    screen = Terminal([*COMMAND, "watch", "train.py"], environment(home, TERM="xterm"))
    screen.wait_for("Ctrl-C stops watching")
    made.end()
    assert screen.end() == 0
    after = screen.text.decode().rpartition(LEAVE)[2]
    assert "finished" in after
    assert "estimated" in after
    screen.close()


def test_an_ended_run_shows_its_receipt_at_once(home):
    record_training(home, "r-done", epochs=1)
    screen = Terminal([*COMMAND, "watch", "r-done"], environment(home, TERM="xterm"))
    assert screen.end() == 0
    text = screen.text.decode()
    assert ENTER not in text
    assert "estimated" in text
    screen.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_ended_from_outside_leaves_the_terminal_as_it_was(home, number):
    live(home)
    screen = Terminal([*COMMAND, "watch"], environment(home, TERM="xterm"))
    screen.wait_for("Ctrl-C stops watching")
    os.kill(screen.pid, number)
    assert screen.end() == 128 + number
    assert screen.text.decode().endswith(LEAVE)
    assert termios.tcgetattr(screen.master)[3] & termios.ECHO
    screen.close()


def test_ctrl_z_hands_the_terminal_back_and_fg_takes_it_again(home, need):
    live(home)
    shell = Terminal(
        [need("bash"), "--norc", "--noprofile", "-i"], environment(home, PS1="$ ", TERM="xterm")
    )
    shell.type(f"{' '.join(COMMAND)} watch\n")
    shell.wait_for("Ctrl-C stops watching")
    shell.type("\x1a")
    shell.wait_for("Stopped")
    assert shell.text.decode().count(LEAVE) == 1
    shell.text = b""
    shell.type("fg\n")
    assert ENTER in shell.wait_for("Ctrl-C stops watching")
    shell.text = b""
    shell.type("\x03")
    shell.wait_for("r-live goes on")
    shell.wait_for("$ ")
    shell.type("exit\n")
    shell.end()
    shell.close()


def test_a_changed_size_is_drawn_at_once(home):
    live(home)
    screen = Terminal([*COMMAND, "watch"], environment(home, TERM="xterm"))
    screen.resize(80, 24)
    screen.wait_for("Ctrl-C stops watching")
    screen.text = b""
    screen.resize(120, 40)
    screen.wait_for("waits for data")
    screen.type("\x03")
    assert screen.end() == 0
    screen.close()


def test_no_colour_is_drawn_where_the_user_wants_none(home):
    live(home)
    screen = Terminal([*COMMAND, "watch"], environment(home, TERM="xterm", NO_COLOR="1"))
    text = screen.wait_for("Ctrl-C stops watching")
    screen.type("\x03")
    screen.end()
    screen.close()
    assert "\x1b[36m" not in text
    assert "\x1b[2m" not in text


def test_a_dumb_terminal_gets_one_plain_frame(home):
    live(home)
    screen = Terminal([*COMMAND, "watch"], environment(home, TERM="dumb"))
    assert screen.end() == 0
    screen.close()
    assert ENTER not in screen.text.decode()
    assert "running" in screen.text.decode()


def test_a_real_run_can_be_watched_while_it_runs(home):
    code = "import time; print('ready', flush=True); time.sleep(60)"
    with start(home, "run", "--price", "3.6", "--", sys.executable, "-c", code) as run:
        run.stdout.readline()
        wait_until(lambda: b"running" in call(home, "watch", "--once").stdout)
        run.send_signal(signal.SIGTERM)
        assert run.wait(20) == -signal.SIGTERM
