"""No line that a command shows is wider than its terminal; what was cut still tells rows apart."""

import json
import re
import shlex
import sys

import click
import pytest
from bench.month import ask

from cli.commands import Terminal, environment
from trainfare.cli.answer import complain
from trainfare.core.charge import Problem
from trainfare.flows.simulated_month import Size, simulate_month

pytest.importorskip("duckdb")

SIZE = Size(runs=40, days=2, teams=3, period="2026-09")

SHOWN = """
runs
runs --limit 100
show {run}
receipt {run}
compare {run} {other}
estimate --instance p5.48xlarge --hours 1
estimate --instance p5.48xlarge --hours 1 --region us-east-1 --spot
plan --gpu-hours 100 --gpu H100
plan --gpu-hours 100 --gpu H100 --deadline 36h --budget 500
budget list
budget check
alerts check
alerts list
prices find H100
prices show p5.48xlarge
prices show aws/us-east-1/p5.48xlarge/on_demand
prices set --gpu H100 --price 2.10 --note "what the contract with the provider of our GPUs says of them"
prices list
bill list
bill show {delivery}
bill import {bill}
claims list
allocate
verify
report --by team
report --by resource,service,account
utilization
utilization --by team,model,resource
advise
advise show {advice}
advise show {idle}
commit status
commit status --runs
reconcile
reconcile --run {run}
statement 2026-09
statement --period 2026-09 --kind chargeback --team {team}
datasets
explain {run}
explain --charge {charge}
explain no-such-run
frontier
jobs list
token list
tags --for slurm
doctor
"""
"""Every command that shows something of a home."""

MANY = """
import json, sys
from trainfare.cli.main import main
for words in json.loads(sys.argv[1]):
    print("$", words[0], flush=True)
    try:
        main(words)
    except SystemExit as ended:
        print("exit", ended.code, flush=True)
print("all is shown", flush=True)
"""


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    """A simulated month, brought in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINFARE_METADATA", "off")
        patch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards
        made = simulate_month(tmp_path_factory.mktemp("width") / "m", SIZE)
        for words in made.steps:
            ask(made.home, *words)
        yield made


@pytest.fixture(scope="module")
def shown(month):
    """What each command shows on a terminal of 80 columns: command → (exit code, lines)."""
    commands = [shlex.split(line) for line in SHOWN.format(**names_in(month)).strip().splitlines()]
    code = [sys.executable, "-c", MANY, json.dumps(commands)]
    terminal = Terminal(code, environment(month.home, TERM="xterm"))
    terminal.resize(80, 24)
    try:
        terminal.wait_for("all is shown")
    finally:
        terminal.end()
        terminal.close()
    text = click.unstyle(terminal.text.decode()).replace("\r\n", "\n")
    parts = re.split(r"^\$ \S+\n", text, flags=re.MULTILINE)[1:]
    assert len(parts) == len(commands)
    found = {}
    for words, part in zip(commands, parts, strict=True):
        lines, _, ended = part.rpartition("exit ")
        found[" ".join(words)] = (int(ended.split()[0]), lines.splitlines())
    return found


def names_in(month):
    """Names of the things that commands ask for."""
    home = month.home
    advised = ask(home, "advise")["recommendations"]
    runs = ask(home, "runs", "--limit", "1000")["runs"]
    run, other = [one["run"] for one in runs if one["billed"] and one["estimated"]["total"]][:2]
    return {
        "run": run,
        "other": other,
        "delivery": ask(home, "bill", "list")["deliveries"][0]["id"],
        "bill": next((month.folder / "bills").glob("*-aws-*/*")),
        "team": ask(home, "report", "--by", "team")["rows"][0]["team"],
        "idle": next(one["id"] for one in advised if one["kind"] == "idle"),
        "advice": advised[0]["id"],
        "charge": ask(home, "explain", run)["parts"][0]["charge"],
    }


def test_no_line_is_wider_than_the_terminal(shown):
    wide = [
        (command, line) for command, (_, lines) in shown.items() for line in lines if len(line) > 80
    ]
    assert wide == []


def test_every_command_answers(shown):
    """A complaint is short, too: without this a home that lacks everything would pass."""
    refused = {command for command, (code, _) in shown.items() if code > 1}
    assert refused == {"prices show p5.48xlarge", "explain no-such-run"}


def test_commands_that_are_to_be_copied_are_whole(shown):
    """They go on below a backslash, as shells read it, and their words are not cut."""
    lines = next(lines for command, (_, lines) in shown.items() if command.startswith("explain "))
    start = lines.index("How one was divided:") + 1
    words = shlex.split("\n".join(lines[start:]))
    assert words[:3] == ["trainfare", "explain", "--charge"]
    assert "…" not in words[3]


def test_problems_of_a_file_are_told_a_line_each(monkeypatch, capsys):
    for name, value in (("FORCE_COLOR", "1"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)
    wide = Problem("a.csv", 3, "BilledCost", "9" * 200, "is not a number; state it in digits alone")
    short = Problem("a.csv", 4, None, None, "looks cut off")
    complain(f"trainfare: 2 problems; nothing was stored\n  {wide}\n  {short}")
    lines = click.unstyle(capsys.readouterr().err).splitlines()
    assert lines[0] == "trainfare: 2 problems; nothing was stored"
    assert lines[1].startswith("  a.csv row 3, column BilledCost: '999")
    assert lines[-2].startswith("    ")  # goes on with the line above
    assert lines[-1] == "  a.csv row 4: looks cut off"
    assert max(map(len, lines)) <= 80
