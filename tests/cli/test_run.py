"""``trainfare run``: whatever is metered behaves as if nobody looked."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from cli.commands import (
    COMMAND,
    Terminal,
    call,
    environment,
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


def line_with(process, word):
    """The next line of the process's output that begins with *word*."""
    for line in process.stdout:
        if line.decode().startswith(word):
            return line.decode().strip()
    raise AssertionError(f"no line with {word!r}; stderr: {process.stderr.read().decode()}")


@pytest.mark.parametrize("code", [0, 1, 7, 126, 127, 255])
def test_the_exit_code_passes_through(tmp_path, code):
    done = call(tmp_path, "run", "--quiet", "--", "sh", "-c", f"exit {code}")
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


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


def test_bytes_pass_through_untouched(tmp_path):
    code = """
import sys
data = sys.stdin.buffer.read()
sys.stdout.buffer.write(data)
sys.stderr.buffer.write(data[::-1])
"""
    data = bytes(range(256)) * 500
    done = call(tmp_path, "run", "--quiet", "--", *python(code), input=data)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, data[::-1])


def test_the_child_writes_to_the_very_same_pipe(tmp_path):
    """Nothing is copied between, so no amount of output is slowed."""
    read_end, write_end = os.pipe()
    code = "import os; s = os.fstat(1); os.write(1, f'{s.st_dev} {s.st_ino}'.encode())"
    done = call(
        tmp_path, "run", "--quiet", "--", *python(code), capture_output=False, stdout=write_end
    )
    ours = os.fstat(read_end)
    assert done.returncode == 0
    assert os.read(read_end, 100).decode() == f"{ours.st_dev} {ours.st_ino}"
    os.close(read_end)
    os.close(write_end)


def test_the_child_has_the_terminal(tmp_path):
    code = "import os; print('tty', [os.isatty(n) for n in (0, 1, 2)])"
    terminal = Terminal([*COMMAND, "run", "--", *python(code)], environment(tmp_path))
    text = terminal.wait_for("tty [")
    assert terminal.end() == 0
    terminal.close()
    assert "tty [True, True, True]" in text


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


def test_the_child_learns_the_run_and_its_price(tmp_path):
    code = "import os; print(os.environ['TRAINFARE_RUN_ID'], os.environ['TRAINFARE_PRICE'])"
    done = call(
        tmp_path,
        "run",
        "--quiet",
        "--price",
        "3.60 EUR/h",
        "--run-id",
        "r-seen",
        "--",
        *python(code),
    )
    assert done.stdout == b"r-seen 3.60EUR/h\n"
    assert receipt(tmp_path)["run"] == "r-seen"


def test_track_inside_run_is_the_same_run_and_costs_once(tmp_path):
    code = """
import time, trainfare
with trainfare.track("inner", model="bert") as run:
    for epoch in run.epochs(range(2)):
        for _ in run.steps(range(3)):
            time.sleep(0.05)
"""
    file = tmp_path / "receipt.json"
    done = call(
        tmp_path,
        *("run", "--quiet", "--price", "3.6", "--team", "nlp", "--receipt", file),
        "--",
        *python(code),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert len(run_folders(tmp_path)) == 1
    assert len(list(run_folders(tmp_path)[0].iterdir())) == 2
    assert found["labels"] == {"model": "bert", "team": "nlp"}
    assert (found["steps"], [one["epoch"] for one in found["epochs"]]) == (6, [0, 1])
    assert len(found["attempts"]) == 1
    assert found["attempts"][0]["resources"][0]["share"] == "1"
    # $3.6 an hour is $0.001 a second; the duration is rounded to a microsecond.
    exact = Decimal(str(found["duration_seconds"])) / 1000
    assert abs(Decimal(found["estimated"]["total"]) - exact) <= Decimal("0.000000002")


def test_run_inside_run_is_one_run(tmp_path):
    inner = [*COMMAND, "run", "--quiet", "--", "true"]
    done = call(tmp_path, "run", "--quiet", "--price", "3.6", "--", *inner)
    assert done.returncode == 0
    assert len(run_folders(tmp_path)) == 1
    assert receipt(tmp_path)["unpriced"] == []


def test_a_requeued_job_continues_its_run_as_a_new_attempt(tmp_path):
    job = {"SLURM_JOB_ID": "7", "SLURM_CLUSTER_NAME": "hpc", "ENVIRONMENT": "BATCH"}
    for code in (1, 0):
        done = call(tmp_path, "run", "--quiet", "--", "sh", "-c", f"exit {code}", env=job)
        assert done.returncode == code
    found = receipt(tmp_path)
    assert [attempt["status"] for attempt in found["attempts"]] == ["failed", "finished"]
    assert found["status"] == "finished"


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


def test_the_receipt_file_has_the_promised_keys(tmp_path):
    file = tmp_path / "receipt.json"
    done = call(
        tmp_path,
        *("run", "--quiet", "--name", "first", "--model", "m", "--experiment", "e", "--team", "t"),
        *("--label", "seed=3", "--price", "3.6", "--receipt", file, "--", "true"),
    )
    assert done.returncode == 0
    found = json.loads(file.read_text())
    assert found.keys() >= {
        *("run", "name", "labels", "status", "started_at", "ended_at", "duration_seconds"),
        *("attempts", "currency", "estimated", "billed", "epochs", "steps", "estimated_per_step"),
        *("prices", "unpriced", "energy_kwh"),
    }
    assert found["estimated"].keys() == {"total", "components", "idle", "low_use"}
    assert found["estimated"]["components"].keys() == {
        *("compute", "storage", "data", "network", "other")
    }
    attempt = found["attempts"][0]
    assert attempt.keys() >= {"started_at", "ended_at", "resources"}
    assert attempt["resources"][0].keys() == {"id", "share"}
    assert found["prices"][0].keys() >= {"sku", "amount", "unit", "source", "as_of"}
    assert found["labels"] == {"model": "m", "experiment": "e", "team": "t", "seed": "3"}
    assert (found["name"], found["status"], found["billed"]) == ("first", "finished", None)
    assert isinstance(found["estimated"]["total"], str)


@pytest.mark.parametrize(
    ("price", "amount", "currency"),
    [("3.6", "3.6", "USD"), ("2/h", "2", "USD"), ("1.50EUR/h", "1.50", "EUR"), ("0", "0", "USD")],
)
def test_the_price_may_be_written_in_several_forms(tmp_path, price, amount, currency):
    done = call(tmp_path, "run", "--format", "json", "--price", price, "--", "true")
    found = json.loads(done.stderr)
    assert (found["prices"][0]["amount"], found["currency"]) == (amount, currency)


@pytest.mark.parametrize(
    ("options", "env", "said"),
    [
        (["--price", "cheap"], {}, "'cheap' is not an amount per hour"),
        (["--price", "-1"], {}, "below 0"),
        (["--price", "nan"], {}, "not an amount"),
        (["--label", "seed"], {}, "not key=value"),
        (["--label", "9=x"], {}, "label key '9'"),
        (["--team", " "], {}, "label team="),
        (["--run-id", "Bad_Id"], {}, "run id 'Bad_Id'"),
        (["--receipt", "no/such/folder/r.json"], {}, "make it first"),
        ([], {"TRAINFARE_PRICE": "many"}, "'many'"),
        ([], {"TRAINFARE_NETWORK_CLASS": "moon"}, "TRAINFARE_NETWORK_CLASS='moon'"),
        (["--colour"], {}, "no such option"),
    ],
)
def test_wrong_words_are_refused_before_anything_starts(tmp_path, options, env, said):
    mark = tmp_path / "started"
    done = call(tmp_path / "home", "run", *options, "--", "touch", mark, env=env)
    assert (done.returncode, done.stdout) == (2, b"")
    text = done.stderr.decode()
    assert said in text.lower() or said in text
    assert text.count("\n") == 1
    assert not mark.exists()
    assert run_folders(tmp_path / "home") == []


def test_a_command_that_cannot_start_ends_as_in_a_shell(tmp_path):
    plain, orphan = tmp_path / "plain", tmp_path / "orphan"
    plain.write_text("not executable")
    orphan.write_text("#!/no/such/interpreter\n")
    orphan.chmod(0o755)
    for command, code, said in (
        ("no-such-command", 127, b"there is no command"),
        (str(plain), 126, b"is not executable"),
        (str(orphan), 127, b"an interpreter that is not there"),
    ):
        done = call(tmp_path / "home", "run", "--", command)
        assert (done.returncode, done.stderr.count(b"\n")) == (code, 1)
        assert said in done.stderr
    assert run_folders(tmp_path / "home") == []


def test_the_receipt_goes_to_standard_error(tmp_path):
    done = call(tmp_path, "run", "--price", "3.6", "--", "echo", "out")
    assert done.stdout == b"out\n"
    assert "estimated" in done.stderr.decode()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["sh", "a/train.sh", "--x"], "train.sh"),
        (["python", "-m", "json.tool", "--help"], "json.tool"),
    ],
)
def test_a_run_is_named_by_what_it_runs(tmp_path, command, name):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "train.sh").touch()
    program = sys.executable if command[0] == "python" else shutil.which(command[0])
    done = call(tmp_path / "home", "run", "--quiet", "--", program, *command[1:], cwd=tmp_path)
    assert done.returncode == 0
    assert receipt(tmp_path / "home")["name"] == name
