"""The API says what the command line says, key by key, to whom it concerns."""

import csv
import io
import json

import pytest

from server.served import serving
from server.teams import make_home, trainfare, wait_for_runs


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    make_home(home)
    with serving(home) as one:
        wait_for_runs(one)
        yield one


@pytest.fixture(scope="module")
def nlp(server):
    """A token of the team nlp that may set budgets."""
    body = {"name": "nlp", "scopes": ["budget"], "team": "nlp"}
    return server.json("/api/v1/tokens", method="POST", body=body)["secret"]


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/runs/run-a/receipt", "receipt run-a"),
        ("/runs/run-a/explain", "explain run-a"),
        ("/compare?first=run-a&second=run-v", "compare run-a run-v"),
        ("/report?by=model,team", "report --by model,team"),
        (
            "/report?by=run&where=team%3Dnlp&period=2026-10",
            "report --by run --where team=nlp --period 2026-10",
        ),
        ("/reconcile", "reconcile"),
        ("/verify", "verify"),
        ("/bills", "bill list"),
        ("/statement", "statement"),
        ("/statement?team=nlp", "statement --team nlp"),
        ("/budgets", "budget list"),
        ("/budgets/nlp-all", "budget show nlp-all"),
        ("/alerts", "alerts list"),
        ("/prices?q=p4d&limit=3", "prices find p4d --limit 3"),
        (
            "/prices/show?sku=p4d.24xlarge&region=us-east-1",
            "prices show p4d.24xlarge --region us-east-1",
        ),
        ("/estimate?instance=p4d.24xlarge&hours=2", "estimate --instance p4d.24xlarge --hours 2"),
    ],
)
def test_an_answer_has_the_keys_and_values_of_the_command(server, path, command):
    code, said, _ = trainfare(server.home, *command.split(), "--format", "json")
    assert code == 0
    assert server.json(f"/api/v1{path}") == json.loads(said)


def test_a_list_of_runs_is_that_of_the_command_in_pages(server):
    _, said, _ = trainfare(server.home, "runs", "--format", "json")
    page = server.json("/api/v1/runs?limit=2")
    status, headers, _ = server.ask("/api/v1/runs?limit=2")
    assert (status, page["total"]) == (200, 3)
    path = headers["Link"].split(">")[0].lstrip("<")
    rest = server.json(path)
    assert rest["next"] is None
    assert {r["run"]: r for r in page["runs"] + rest["runs"]} == {
        r["run"]: r for r in json.loads(said)["runs"]
    }


@pytest.mark.parametrize("path", ["/runs", "/runs/last", "/report", "/bills", "/me"])
def test_what_is_still_so_is_not_sent_again(server, path):
    _, headers, body = server.ask(f"/api/v1{path}")
    etag = headers["ETag"]
    assert etag.startswith('"')
    for tag in (etag, f'"other", W/{etag}', "*"):
        status, again, nothing = server.ask(f"/api/v1{path}", headers={"If-None-Match": tag})
        assert (status, nothing, again["ETag"]) == (304, b"", etag)
    status, _, same = server.ask(f"/api/v1{path}", headers={"If-None-Match": '"other"'})
    assert (status, same) == (200, body)


@pytest.mark.parametrize(
    "path",
    ["/runs", "/report", "/reconcile", "/verify", "/bills", "/budgets", "/frontier", "/statement"],
)
def test_every_table_comes_as_csv_and_parquet(server, path):
    import pyarrow.parquet as pq

    status, headers, body = server.ask(f"/api/v1{path}?format=csv")
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    status, _, body = server.ask(f"/api/v1{path}?format=parquet")
    assert status == 200
    assert pq.read_table(io.BytesIO(body)).num_rows == len(rows) > 0


def test_a_budget_is_set_and_removed(server, nlp):
    body = {"limit": "50USD", "scope": "team=nlp and model=x", "at": ["80%"]}
    made = server.json("/api/v1/budgets/small", method="PUT", body=body, token=nlp)
    assert (made["budget"]["limit"], made["before"]) == ("50.000000000", None)
    assert server.json("/api/v1/budgets/check?name=small", token=nlp)["ok"] is True
    gone = server.json("/api/v1/budgets/small", method="DELETE", token=nlp)
    assert gone["deleted"]["id"] == "small"


@pytest.mark.parametrize(
    "scope", ["", "team=vision", "team=nlp or team=vision", "not (run=x and team=nlp and run=y)",
              'name!="a and team=nlp and b"', "team!=nlp", "(team=nlp)"],
)  # fmt: skip
def test_a_team_sets_no_budget_on_others(server, nlp, scope):
    status, _, body = server.ask(
        "/api/v1/budgets/sly", method="PUT", body={"limit": "5", "scope": scope}, token=nlp
    )
    assert status == 403, body


def test_a_team_sees_its_own_alone(server, nlp):
    runs = server.json("/api/v1/runs", token=nlp)
    assert {row["run"] for row in runs["runs"]} == {"run-a", "run-b"}
    assert [b["id"] for b in server.json("/api/v1/budgets", token=nlp)["budgets"]] == ["nlp-all"]
    report = server.json("/api/v1/report?by=run", token=nlp)
    assert {row["run"] for row in report["rows"]} == {"run-a", "run-b"}
    assert report["remainders"] is report["total"] is report["untagged"] is None
    rows = server.json("/api/v1/reconcile", token=nlp)["rows"]
    assert {row["run"] for row in rows} == {"run-a", "run-b"}
    [book] = server.json("/api/v1/statement", token=nlp)["books"]
    assert [one["team"] for one in book["statements"]] == ["nlp"]
    for path in ("/runs/run-v", "/runs/run-v/receipt", "/runs/run-v/frame", "/runs/run-v/explain",
                 "/compare?first=run-a&second=run-v", "/budgets/vision-all", "/runs/run-v/live",
                 "/reconcile?run=run-v", "/charts/timeline?run=run-v"):  # fmt: skip
        assert server.ask(f"/api/v1{path}", token=nlp)[0] == 404, path
    for path in ("/bills", "/verify", "/utilization", "/charts/spend", "/report?where=team%3Dvision",
                 "/statement?team=vision", "/explain?charge=x/y:1"):  # fmt: skip
        assert server.ask(f"/api/v1{path}", token=nlp)[0] == 403, path


def test_a_bill_comes_by_upload_and_changes_every_answer(server):
    bill = (server.home / "bill.csv").read_bytes().replace(b"10.5", b"20.5")
    before = server.json("/api/v1/report")["total"]
    done = server.json("/api/v1/bills?name=new.csv", method="POST", body=bill)
    assert done["deliveries"][0]["replaces"]
    assert server.json("/api/v1/allocate", method="POST")["periods"][0]["period"] == "2026-10"
    assert server.json("/api/v1/report")["total"] != before
    assert server.json("/api/v1/verify")["conserved"] is True


@pytest.mark.parametrize("name", ["../x.csv", "", "a/b.csv", "..", "a%00.csv"])
def test_an_upload_has_a_plain_name(server, name):
    assert server.ask(f"/api/v1/bills?name={name}", method="POST", body=b"x")[0] == 400


def test_a_broken_bill_is_refused_with_row_and_column(server):
    bill = (server.home / "bill.csv").read_bytes().replace(b"11.5", b"much")
    status, _, body = server.ask("/api/v1/bills?name=bad.csv", method="POST", body=bill)
    assert status == 400
    said = json.loads(body)["error"]["message"]
    assert "bad.csv" in said
    assert "much" in said


@pytest.mark.parametrize(
    "path", ["/runs?limit=0", "/runs?cursor=x", "/runs?order=colour", "/runs?label=x", "/report?by=",
             "/runs?since=never", "/report?view=other", "/charts/none", "/estimate?instance=x&hours=q"],
)  # fmt: skip
def test_wrong_questions_are_refused_in_one_shape(server, path):
    status, _, body = server.ask(f"/api/v1{path}")
    assert status in (400, 404)
    assert json.loads(body)["error"]["message"]


def test_charts_are_drawn(server):
    status, headers, body = server.ask("/api/v1/charts/timeline?run=run-a")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "image/svg+xml")
    assert b"<svg" in body[:200]
