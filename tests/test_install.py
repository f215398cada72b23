"""A user's first minute: the wheel in an empty environment, alone and with each extra alone."""

import contextlib
import json
import os
import re
import subprocess
import sys

import pytest

from billing.stores import azure, google, served
from billing.test_remote import KEY
from flows.bills import hour, write_bill, write_claims
from installed import PATIENCE, PROJECT, build, install
from prices.servers import Reply, serving
from prices.test_refresh_aws_api import encoded
from server.served import Served, stopping
from server.teams import wait_for_runs

pytestmark = pytest.mark.long
RUN = ("run", "--name", "first", "--model", "m", "--team", "nlp", "--price", "3.6/h", "--", "true")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    [path] = build(tmp_path_factory.mktemp("dist"), only=["-t", "wheel"])
    return path


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory):
    return install(tmp_path_factory.mktemp("bare") / "env", wheel)


TRAINING = """
import sys, sysconfig
here = sysconfig.get_path("purelib")
before = set(sys.modules)
import trainfare
def foreign():
    return sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)
imported = foreign()
with trainfare.track("first", model="m", team="t", price="3.6/h") as run:
    for _ in run.epochs(range(2)):
        for _ in run.steps(range(3)):
            pass
receipt = run.receipt().to_json()
assert trainfare.__file__.startswith(here), trainfare.__file__
print(imported, foreign(), receipt["steps"], trainfare.__version__)
"""


def test_the_bare_wheel_meters_and_loads_nothing_foreign_but_psutil(bare, tmp_path):
    told = bare.run("python", "-W", "error", "-c", TRAINING, home=tmp_path, cwd=tmp_path)
    version = PROJECT["version"]
    assert told.strip() in {
        f"['trainfare'] {found} 6 {version}" for found in (["trainfare"], ["psutil", "trainfare"])
    }
    bare.trainfare(*RUN, home=tmp_path)
    runs = bare.json("runs", home=tmp_path)["runs"]
    assert [(one["name"], one["status"]) for one in runs] == [("first", "finished")] * 2
    receipt = bare.json("receipt", "last", home=tmp_path)
    assert receipt["estimated"]["total"] is not None
    assert bare.trainfare("--version", home=tmp_path) == f"trainfare {version}\n"


def test_every_command_of_the_bare_wheel_helps_or_names_the_extra(bare, tmp_path):
    listed = bare.run("python", "-c", LIST, home=tmp_path).split()
    assert len(listed) > 30
    for name in listed:
        assert bare.trainfare(name, "--help", home=tmp_path).startswith("Usage: trainfare")
    (tmp_path / "bill.csv").write_text("a\n1\n")
    for words, extra in (
        (("bill", "import", tmp_path / "bill.csv"), "analytics"), (("allocate",), "analytics"), (("verify",), "analytics"),
        (("claims", "list"), "analytics"), (("statement",), "analytics"), (("reconcile",), "analytics"),
        (("chart", "spend", "--out", tmp_path / "x.png"), "reports"), (("chart", "epochs", "--out", tmp_path / "x.svg"), "reports"),
        (("commit", "plan"), "optimize"), (("serve",), "server"), (("token", "list"), "server"), (("mcp",), "mcp"),
        (("prices", "refresh", "--feed", "aws-api", "--region", "us-east-1"), "aws"),
    ):  # fmt: skip
        said = bare.trainfare(*words, home=tmp_path / "home", code=2)
        assert said.endswith(f"install the extra: pip install 'trainfare[{extra}]'\n"), words
        assert said.count("\n") == 1


LIST = "from trainfare.cli.main import COMMANDS; print(*COMMANDS)"

USER = """
from trainfare import Budget, Money, Run, report, runs, set_budget, standings, track

def train(run: Run) -> Money | None:
    for epoch in run.epochs(range(3)):
        for batch in run.steps([0.5, 0.25]):
            reveal_type(epoch)
            reveal_type(batch)
            run.log(loss=batch / (epoch + 1))
    return run.receipt().estimate.total

with track("typed", model="m", price="3.6/h", team="nlp") as run:
    total = train(run)
halves: list[Money] = Money.parse("1").split([1, 1])
budget: Budget = set_budget("month", "100", scope="team=nlp", at=["80%"])
reveal_type(report("team").rows)
print(standings(), runs(), total, halves)
"""


def types_of(bare, folder, text):
    """What ``mypy --strict`` says of a user's file that imports the installed package."""
    (folder / "user.py").write_text(text)
    asked = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={folder}/.mypy",
    ]
    done = subprocess.run(
        [*asked, "--python-executable", bare.python, "user.py"],
        cwd=folder, env=bare.environment(folder), capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_users_own_file_is_checked_against_our_types(bare, tmp_path):
    said = types_of(bare, tmp_path, USER)
    shown = re.findall(r'Revealed type is "([^"]+)"', said)
    assert [one.replace("builtins.", "") for one in shown[:2]] == ["int", "float"]
    assert shown[2].startswith(("tuple[", "builtins.tuple[")), said
    assert "Success: no issues found" in said
    wrong = USER.replace('price="3.6/h"', "price=3.6j").replace('"100"', "100.0")
    said = types_of(bare, tmp_path, wrong)
    assert "Found 2 errors" in said, said


# --- Each extra alone -------------------------------------------------------------------------


GIVEN = {"r-1": "2.500000000"}
"""What the run of :func:`follow_the_bill` gets of it."""


def follow_the_bill(one, home, *allocating, place=None, env=None):
    """Import a bill, allocate and prove it; what runs got of it."""
    home.mkdir()
    bill = place or write_bill(home / "bill.csv", hour("i-1", 8, "2.5"), hour("i-2", 9, "1"))
    claims = write_claims(home / "claims.csv", ("r-1", "i-1", 8, 9, 1))
    one.trainfare("bill", "import", bill, home=home, env=env)
    one.trainfare("claims", "import", claims, home=home, env=env)
    one.trainfare("allocate", *allocating, home=home, env=env)
    assert "Conserved to the nano" in one.trainfare("verify", home=home, env=env)
    rows = one.json("report", "--by", "run", home=home, env=env)["rows"]
    return {row["run"]: row["allocated"] for row in rows}


@contextlib.contextmanager
def serving_from(one, home):
    """``trainfare serve`` of the environment, which finds no Node and none of this tree."""
    process = subprocess.Popen(
        [one.folder / "bin" / "trainfare", "serve", "--port", "0", "--format", "json"],
        env=one.environment(home, PATH=str(one.folder / "bin")), cwd=home,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with stopping(process):
        line = process.stdout.readline()
        assert line, process.stderr.read()
        told = json.loads(line)
        yield Served(told["url"], told["first_token"], process, home)


def use_analytics(one, tmp_path, request):
    assert follow_the_bill(one, tmp_path / "home") == GIVEN
    one.trainfare(
        "report", "--format", "parquet", "--out", tmp_path / "r.parquet", home=tmp_path / "home"
    )
    assert (tmp_path / "r.parquet").read_bytes()[:4] == b"PAR1"


def use_reports(one, tmp_path, request):
    one.trainfare(*RUN, home=tmp_path)
    for form, begin in (("html", b"<!doctype html>"), ("pdf", b"%PDF-")):
        out = tmp_path / f"report.{form}"
        one.trainfare("report", "--format", form, "--out", out, home=tmp_path)
        assert out.read_bytes().startswith(begin)
    one.trainfare(
        "chart", "timeline", "--run", "last", "--out", tmp_path / "run.png", home=tmp_path
    )
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def use_notify(one, tmp_path, request):
    with serving(lambda _call: Reply(b"")) as receiver:
        (tmp_path / "notify.toml").write_text(
            f'[[target]]\nname = "chat"\nurl = "{receiver.url.replace("http", "json")}"\n'
        )
        one.trainfare("alerts", "test", home=tmp_path)
    assert "Trainfare" in json.loads(receiver.calls[0].body)["title"]


def use_aws(one, tmp_path, request):
    prices = {"PriceList": [encoded("p5.48xlarge", "A", "55.5")]}
    env = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    asked = ("prices", "refresh", "--feed", "aws-api", "--region", "us-east-1")
    with serving(lambda _call: Reply(prices)) as service:
        one.trainfare(*asked, "--url", service.url, home=tmp_path, env=env)
    known = one.trainfare("prices", "find", "p5.48xlarge", home=tmp_path)
    assert "55.5" in known


def use_s3(one, tmp_path, request):
    bills = hour("i-1", 8, "2.5")
    request.getfixturevalue("bucket")(
        "october.csv", write_bill(tmp_path / "b.csv", bills).read_bytes()
    )
    env = {name: os.environ[name] for name in os.environ if name.startswith("AWS_")}
    assert follow_the_bill(one, tmp_path / "home", place="s3://bills/october.csv", env=env) == GIVEN


def use_gcs(one, tmp_path, request):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "2.5")).read_bytes()
    with served(google({"bills/b.csv": bill})) as address:
        env = {"STORAGE_EMULATOR_HOST": address}
        assert follow_the_bill(one, tmp_path / "home", place="gs://bills/b.csv", env=env) == GIVEN


def use_azure(one, tmp_path, request):
    bill = write_bill(tmp_path / "b.csv", hour("i-1", 8, "2.5")).read_bytes()
    with served(azure({"bills/b.csv": bill})) as address:
        text = (
            f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY};"
            f"BlobEndpoint={address}/devstoreaccount1;"
        )
        env = {"AZURE_STORAGE_CONNECTION_STRING": text}
        assert follow_the_bill(one, tmp_path / "home", place="az://bills/b.csv", env=env) == GIVEN


def use_server(one, tmp_path, request):
    one.trainfare(*RUN, home=tmp_path)
    with serving_from(one, tmp_path) as server:
        status, headers, page = server.ask("/")
        assert (status, headers.get_content_type()) == (200, "text/html")
        files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.decode())
        assert {path.rpartition(".")[2].partition("?")[0] for path in files} >= {"js", "css", "svg"}
        for path in files:
            status, _, body = server.ask(path)
            assert (status, bool(body)) == (200, True), path
        assert [run["name"] for run in server.json("/api/v1/runs")["runs"]] == ["first"]


def use_postgres(one, tmp_path, request):
    url = request.getfixturevalue("postgres").new_database()
    env = {"TRAINFARE_DATABASE": url}
    assert follow_the_bill(one, tmp_path / "home", env=env) == GIVEN
    assert not (tmp_path / "home" / "ledger.db").exists()


def use_otel(one, tmp_path, request):
    one.trainfare(*RUN, home=tmp_path)
    with serving_from(one, tmp_path) as server:
        wait_for_runs(server, 1)
    with serving(lambda _call: Reply(b"")) as collector:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        one.trainfare("jobs", "run", "metrics", home=tmp_path, env=env)
    assert [call.path for call in collector.calls] == ["/v1/metrics"]
    assert b"trainfare_estimated_money" in collector.calls[0].body


def use_mcp(one, tmp_path, request):
    one.trainfare(*RUN, home=tmp_path)
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    asked = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "runs", "arguments": {}}},
    ]
    with subprocess.Popen(
        [one.folder / "bin" / "trainfare", "mcp"], env=one.environment(tmp_path),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        for each in asked:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **each}) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline()) if "id" in each else None
        process.stdin.close()
        process.wait(PATIENCE)
    assert answer["id"] == 2
    assert '"first"' in answer["result"]["content"][0]["text"]


def use_spark(one, tmp_path, request):
    request.getfixturevalue("need")("java")
    env = {"SPARK_LOCAL_IP": "127.0.0.1"}
    words = ("--engine", "spark", "--master", "local[1]")
    assert follow_the_bill(one, tmp_path / "home", *words, env=env) == GIVEN


def use_optimize(one, tmp_path, request):
    (tmp_path / "rates.csv").write_text("sku,kind,term,rate\nm,aws_compute_savings_plan,1m,1.00\n")
    hours = [
        f"2026-{1 + i // 672:02d}-{1 + i // 24 % 28:02d}T{i % 24:02d}:00:00Z,m,4,2.00"
        for i in range(672)
    ]
    (tmp_path / "demand.csv").write_text(
        "\n".join(["hour,sku,quantity,on_demand_price", *hours, ""])
    )
    files = ("--demand", tmp_path / "demand.csv", "--rates", tmp_path / "rates.csv")
    assert "aws compute savings plan" in one.trainfare("commit", "plan", *files, home=tmp_path)


USES = {
    name.removeprefix("use_"): use for name, use in globals().items() if name.startswith("use_")
}


@pytest.mark.parametrize("extra", PROJECT["optional-dependencies"])
def test_an_extra_alone_does_what_it_is_for(extra, wheel, tmp_path, request):
    one = install(tmp_path / "env", wheel, extra)
    work = tmp_path / "work"
    work.mkdir()
    USES[extra](one, work, request)
