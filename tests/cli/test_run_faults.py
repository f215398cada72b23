"""``trainfare run``: whoever is killed and whatever is full, the record closes and nothing else changes."""

import json
import os
import resource
import signal
import time
from decimal import Decimal

import pytest

from cli.commands import (
    call,
    line_with,
    python,
    receipt,
    run_folders,
    start,
    state_of,
    wait_until,
)


def test_a_child_that_goes_to_the_background_is_not_waited_for(tmp_path):
    code = """
import os, time
pid = os.fork()
if pid:
    print(pid)
else:
    os.setsid()
    for n in (0, 1, 2):
        os.close(n)
    time.sleep(30)
    os._exit(0)
"""
    done = call(tmp_path, "run", "--quiet", "--", *python(code))
    daemon = int(done.stdout)
    assert done.returncode == 0
    assert state_of(daemon) == "S"
    os.kill(daemon, signal.SIGKILL)
    assert receipt(tmp_path)["status"] == "finished"


@pytest.mark.parametrize(
    ("phase", "code"),
    [
        ("before its first sample", "import os; os.kill(os.getpid(), 9)"),
        (
            "in mid-run",
            """
import os, trainfare
with trainfare.track() as run:
    for _ in run.steps(range(10)):
        if run._counters.steps == 5:
            os.kill(os.getpid(), 9)
""",
        ),
        (
            "while it writes a checkpoint",
            """
import os, trainfare
with trainfare.track() as run:
    for epoch in run.epochs(range(3)):
        for _ in run.steps(range(2)):
            pass
        with run.stage("checkpoint"):
            if epoch == 1:
                os.kill(os.getpid(), 9)
""",
        ),
    ],
)
def test_kill_9_of_the_child_leaves_a_closed_run(tmp_path, phase, code):
    file = tmp_path / "receipt.json"
    done = call(
        tmp_path, "run", "--quiet", "--price", "3.6", "--receipt", file, "--", *python(code)
    )
    assert done.returncode == -9, phase
    found = json.loads(file.read_text())
    assert found["status"] == "killed"
    assert Decimal(found["estimated"]["total"]) > 0
    if "checkpoint" in phase:
        assert {"train", "checkpoint"} <= {stage["stage"] for stage in found["stages"]}
        assert [epoch["epoch"] for epoch in found["epochs"]] == [0, 1]
    again = receipt(tmp_path)
    assert (again["status"], again["duration_seconds"]) == ("killed", found["duration_seconds"])


def test_kill_9_of_the_wrapper_is_closed_by_the_next_command(tmp_path):
    code = "import os, time; print('ready', os.getpid(), flush=True); time.sleep(30)"
    with start(tmp_path, "run", "--quiet", "--price", "3.6", "--", *python(code)) as wrapper:
        child = int(line_with(wrapper, "ready").split()[1])
        folder = next(iter(run_folders(tmp_path)[0].iterdir()))
        samples = folder / "samples.bin"
        wait_until(lambda: samples.exists() and samples.stat().st_size >= 2 * 96)
        time.sleep(0.4)
        killed_ns = time.time_ns()
        wrapper.kill()
        wrapper.wait(20)
        os.kill(child, signal.SIGKILL)
    found = receipt(tmp_path)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    truth = (killed_ns - events[0]["w"]) / 10**9
    assert found["status"] == "killed"
    # One interval is a second; half a second more is for a machine that is busy with other tests.
    assert 0 < truth - found["duration_seconds"] < 1.5
    assert [e["status"] for e in events if e["k"] == "end"] == ["killed"]


def test_kill_9_of_the_wrapper_leaves_the_training_in_charge_of_its_run(tmp_path):
    code = """
import os, time, trainfare
with trainfare.track() as run:
    print("ready", os.getpid(), flush=True)
    while not os.path.exists(FLAG):
        time.sleep(0.01)
"""
    flag = tmp_path / "flag"
    code = code.replace("FLAG", repr(str(flag)))
    with start(tmp_path, "run", "--quiet", "--price", "3.6", "--", *python(code)) as wrapper:
        child = int(line_with(wrapper, "ready").split()[1])
        wrapper.kill()
        wrapper.wait(20)
        assert receipt(tmp_path)["status"] == "running"
        flag.touch()
        wait_until(lambda: state_of(child) in (None, "Z"))
    assert receipt(tmp_path)["status"] == "finished"


def test_a_home_that_cannot_be_written_changes_nothing(tmp_path):
    file = tmp_path / "receipt.json"
    done = call(
        "/dev/null/home",
        *("run", "--quiet", "--price", "3.6", "--receipt", file),
        *("--", "sh", "-c", "echo out; exit 7"),
    )
    assert (done.returncode, done.stdout) == (7, b"out\n")
    assert done.stderr.count(b"\n") == 1, done.stderr
    assert b"training goes on" in done.stderr
    assert json.loads(file.read_text())["status"] == "failed"


@pytest.mark.parametrize("room", [0, 100, 2000])
def test_a_disk_without_room_changes_nothing(tmp_path, room):
    """No file may grow beyond *room* bytes, as on a disk that fills up during the run."""
    done = call(
        tmp_path / "home",
        *("run", "--price", "3.6", "--", "sh", "-c", "echo out; echo err >&2; exit 7"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert (done.returncode, done.stdout) == (7, b"out\n")
    text = done.stderr.decode()
    assert "err\n" in text
    assert "training goes on" in text or room == 2000
    assert "estimated" in text


def test_a_receipt_that_cannot_be_written_keeps_the_exit_code(tmp_path):
    done = call(tmp_path, "run", "--quiet", "--receipt", "/dev/full", "--", "sh", "-c", "exit 7")
    assert done.returncode == 7
    assert b"No space left on device" in done.stderr
