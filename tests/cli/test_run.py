"""``trainfare run``: whatever is metered behaves as if nobody looked."""

import json
import os
import shutil
import sys
from decimal import Decimal

import pytest

from cli.commands import (
    COMMAND,
    Terminal,
    call,
    environment,
    python,
    receipt,
    run_folders,
)


@pytest.mark.parametrize("code", [0, 1, 7, 126, 127, 255])
def test_the_exit_code_passes_through(tmp_path, code):
    done = call(tmp_path, "run", "--quiet", "--", "sh", "-c", f"exit {code}")
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


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


def test_a_run_names_what_it_began_from(tmp_path):
    words = ["run", "--quiet", "--run-id", "r-tuned", "--parent", "r-a", "--parent", "r-b"]
    assert call(tmp_path, *words, "--", "true").returncode == 0
    assert receipt(tmp_path, "r-tuned")["parents"] == ["r-a", "r-b"]
    refused = call(tmp_path, "run", "--run-id", "r-x", "--parent", "r-x", "--", "touch", "made")
    assert refused.returncode == 2
    assert b"names itself as its parent" in refused.stderr
    assert not (tmp_path / "made").exists()


def test_run_inside_run_is_one_run(tmp_path):
    inner = [*COMMAND, "run", "--quiet", "--", "true"]
    done = call(tmp_path, "run", "--quiet", "--price", "3.6", "--", *inner)
    assert done.returncode == 0
    assert len(run_folders(tmp_path)) == 1
    assert "machine time" not in {one["meter"] for one in receipt(tmp_path)["unpriced"]}


def test_a_requeued_job_continues_its_run_as_a_new_attempt(tmp_path):
    job = {"SLURM_JOB_ID": "7", "SLURM_CLUSTER_NAME": "hpc", "ENVIRONMENT": "BATCH"}
    for code in (1, 0):
        done = call(tmp_path, "run", "--quiet", "--", "sh", "-c", f"exit {code}", env=job)
        assert done.returncode == code
    found = receipt(tmp_path)
    assert [attempt["status"] for attempt in found["attempts"]] == ["failed", "finished"]
    assert found["status"] == "finished"


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
        (["--team", "a", "--label", "team=b"], {}, "label team is said twice: a and b"),
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


@pytest.mark.parametrize(
    "options", [["--label", "team=nlp"], ["--team", "nlp", "--label", "team=nlp"]]
)
def test_a_label_that_has_an_option_may_be_said_as_any_other(tmp_path, options):
    done = call(tmp_path, "run", *options, "--format", "json", "--", "true")
    assert json.loads(done.stderr)["labels"]["team"] == "nlp"


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
