"""The live path: whatever goes wrong with the metering, the command does not notice."""

import signal
import subprocess
import sys

import pytest

from trainfare.core.errors import BadInput
from trainfare.core.stage import Status
from trainfare.flows import live
from trainfare.metering.place import NOTHING_STATED
from trainfare.metering.track import Run


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.delenv("TRAINFARE_RUN_ID", raising=False)
    return tmp_path / "home"


def ride(*command, **more):
    return live.ride(command, {}, stated=NOTHING_STATED, **more)


def test_a_ride_tells_the_run_and_how_the_command_ended():
    done = ride("sh", "-c", "exit 3", run_id="r-told")
    assert (done.run_id, done.exit_code) == ("r-told", 3)
    receipt = done.run.receipt()
    assert receipt.run.status is Status.FAILED
    assert receipt.run.segments[0].exit_code == 3
    assert receipt.run.segments[0].error == "exit code 3"


def test_a_meter_that_cannot_start_leaves_the_command_alone(monkeypatch, caplog):
    def fail(*_args, **_more):
        raise RuntimeError("no meter today")

    monkeypatch.setattr(live, "start_run", fail)
    done = ride("sh", "-c", "exit 3")
    assert (done.run, done.exit_code) == (None, 3)
    assert "this run is not metered: RuntimeError: no meter today" in caplog.text


def test_a_record_that_cannot_be_ended_leaves_the_exit_code_alone(monkeypatch, caplog):
    def fail(*_args, **_more):
        raise RuntimeError("no end")

    monkeypatch.setattr(Run, "finish", fail)
    done = ride("sh", "-c", "exit 4")
    done.run.end()  # else the next run of this process would join it
    assert done.exit_code == 4
    assert "the record lacks its end: RuntimeError: no end" in caplog.text


def test_the_last_sample_still_sees_the_command():
    """It is read while the child is a zombie: a command of half a second has its CPU time."""
    code = "import time\nuntil = time.process_time() + 0.2\nwhile time.process_time() < until: pass"
    done = ride(sys.executable, "-c", code)
    cpu_ns = done.run.receipt().run.segments[0].totals.cpu_ns
    assert cpu_ns >= 190_000_000


def test_signals_and_their_handlers_are_as_before():
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    on_child = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert ride("sh", "-c", "exit 5").exit_code == 5
        assert signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCHLD, on_child)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mask


LATE = """
import os, signal
from trainfare.flows import live
from trainfare.metering.place import NOTHING_STATED
from trainfare.metering.track import Run
finish = Run.finish
def late(self, *args, **more):
    os.kill(os.getpid(), signal.SIGTERM)
    finish(self, *args, **more)
Run.finish = late
done = live.ride(["sh", "-c", "exit 6"], {}, stated=NOTHING_STATED)
print(done.exit_code, done.run.receipt().run.status)
"""


def test_a_signal_that_comes_when_the_command_has_ended_is_not_ours():
    """A scheduler signals all processes of a step; the wrapper still has the record to close."""
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout) == (0, "6 failed\n"), done.stderr


def test_environment_that_makes_no_sense_is_refused_before_the_start(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_CARBON_G_PER_KWH", "lots")
    mark = tmp_path / "mark"
    with pytest.raises(BadInput, match="TRAINFARE_CARBON_G_PER_KWH"):
        ride("touch", str(mark))
    assert not mark.exists()


def test_a_file_that_is_no_program_cannot_be_executed(tmp_path):
    script = tmp_path / "script"
    script.write_text("echo no first line\n")
    script.chmod(0o755)
    with pytest.raises(BadInput, match="give it a #! line") as refused:
        ride(str(script))
    assert refused.value.exit_code == live.NOT_EXECUTABLE


@pytest.mark.parametrize("code", [0, 1, 255])
def test_ending_like_the_command_returns_its_code(code):
    with pytest.raises(SystemExit) as ended:
        live.end_like(code)
    assert ended.value.code == code
