"""The cost of data from the command line: plain scripts prepare, trainings read, a report carries."""

import json
import os
import subprocess
import sys
from pathlib import Path

from cli.commands import call, python


def prepare(home, run, made, *, reads=(), size=1000, price="3.6"):
    code = f"open({str(made)!r}, 'wb').write(b'x' * {size})"
    done = call(
        home,
        *("run", "--quiet", "--run-id", run, "--stage", "data", "--price", price),
        *(word for uri in reads for word in ("--dataset", uri)),
        *("--output", made, "--", *python(code)),
    )
    assert done.returncode == 0, done.stderr


def train(home, run, reads, *, read=None):
    code = (
        "import trainfare\n"
        f"with trainfare.track(run_id={run!r}, model={run!r}, price='7.2') as run:\n"
        f"    run.dataset({str(reads)!r}, read={read})\n"
        "    for _ in run.steps(range(3)): pass\n"
    )
    done = call(home, "run", "--quiet", "--run-id", run, "--", *python(code))
    assert done.returncode == 0, done.stderr


def answer(home, *arguments):
    done = call(home, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def nano(text):
    return int(text.replace(".", ""))


def test_what_scripts_prepared_reaches_the_trainings_through_every_hop(tmp_path):
    home, raw, clean = tmp_path / "home", tmp_path / "raw.bin", tmp_path / "clean.bin"
    prepare(home, "raw", raw, size=5000)
    prepare(home, "clean", clean, reads=[raw])
    prepare(home, "unused", tmp_path / "rest.bin")
    train(home, "some", clean, read=250)
    train(home, "all", clean, read=750)
    plain = answer(home, "report", "--by", "run")
    report = answer(home, "report", "--by", "run", "--carry", "bytes")
    own = {row["run"]: nano(row["estimated"]) for row in plain["rows"]}
    rows = {row["run"]: row for row in report["rows"]}
    assert {run: nano(row["estimated"]) for run, row in rows.items()} == own
    carried = {run: nano(row["estimated_carried_data"]) for run, row in rows.items()}
    assert sum(carried.values()) == 0
    assert carried["raw"] == -own["raw"]
    assert carried["clean"] == -own["clean"]
    assert carried["unused"] == 0
    whole = own["raw"] + own["clean"]
    assert carried["some"] + carried["all"] == whole
    assert abs(carried["all"] - whole * 3 / 4) <= 1
    total = report["total_row"]
    assert total["estimated_with_data"] == total["estimated"] == plain["total_row"]["estimated"]
    assert [one["why"] for one in report["carried"]["USD"]["estimated"]["kept"]] == [
        "no run read it"
    ]

    shown = call(home, "explain", "all", "--carry", "bytes", text=True)
    assert "750 of 1,000" in shown.stdout
    (told,) = answer(home, "explain", "clean", "--carry", "bytes")["explained"]
    links = [(s["from"], s["to"]) for s in told["carried"]["estimated"]["shares"]]
    assert links == [("raw", "clean"), ("clean", "all"), ("clean", "some")]
    makers = answer(home, "receipt", "all")["prepared_by"]
    assert [(one["run"], one["readers"]) for one in makers] == [("clean", 2)]


def test_what_cannot_be_divided_is_unknown_with_its_reason_wherever_it_is_shown(tmp_path):
    home, place = tmp_path / "home", "s3://lake/clean@v3"
    words = ("run", "--quiet", "--price", "36")
    for more in (("--stage", "data", "--output"), ("--model", "bert", "--dataset")):
        done = call(home, *words, *more, place, "--", *python("pass"))
        assert done.returncode == 0, done.stderr
    report = ("report", "--by", "model", "--carry", "bytes")
    bert, prep = answer(home, *report)["rows"]
    if bert["model"] != "bert":
        bert, prep = prep, bert
    assert bert["estimated_carried_data"] == prep["estimated"]
    done = call(home, *words, "--model", "gpt", "--dataset", place, "--", *python("pass"))
    assert done.returncode == 0, done.stderr
    rows = answer(home, *report)["rows"]
    assert [row["estimated_carried_data"] for row in rows] == [None] * 3
    explain = call(home, "explain", "last", "--carry", "bytes", text=True).stdout
    table, lines = (
        call(home, *report, "--format", form, text=True).stdout for form in ("table", "csv")
    )
    for shown in (explain, table, lines):
        assert "it is not known what" in " ".join(shown.split())
    assert "carried data" in table
    assert "$0.00 " not in table
    assert lines.splitlines()[0].endswith(",view,why")
    assert "unknown" in explain


def test_a_script_that_fails_has_made_nothing(tmp_path):
    done = call(
        tmp_path / "home",
        *("run", "--quiet", "--run-id", "prep", "--stage", "data", "--price", "1"),
        *("--output", tmp_path / "x", "--", *python("raise SystemExit(3)")),
    )
    assert done.returncode == 3
    assert answer(tmp_path / "home", "receipt", "prep")["artifacts"] == []


def test_wrong_uses_are_refused_in_a_sentence(tmp_path):
    home = tmp_path / "home"
    prepare(home, "prep", tmp_path / "x")
    done = call(home, "report", "--by", "run,stage", "--carry", "even", text=True)
    assert done.returncode == 2
    assert "between whole runs, and stage cuts them" in done.stderr
    done = call(home, "explain", "--charge", "d/f:1", "--carry", "even", text=True)
    assert (done.returncode, "explains a RUN" in done.stderr) == (2, True)
    done = call(home, "explain", "nothing", "--carry", "even", text=True)
    assert (done.returncode, "is not in this report" in done.stderr) == (2, True)


def test_the_example_runs_and_its_columns_sum(tmp_path):
    script = Path(__file__).parents[2] / "examples" / "carry_data.py"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, script], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "data carried by bytes" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("l", "s"))]
