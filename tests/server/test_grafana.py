"""The Grafana dashboard asks only for what a server really tells, and a real Prometheus answers it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.commands import environment
from flows.rides import charge, ride, write_charges
from prometheus import job, prometheus
from server.served import serving

DASHBOARD = json.loads(
    (Path(__file__).parents[2] / "examples" / "grafana-dashboard.json").read_text()
)
TEAM = "okapi"
METRIC = re.compile(r"\btrainfare_\w+")


def targets():
    return [
        pytest.param(target["expr"], id=panel["title"])
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    ]


@pytest.fixture(scope="module")
def watched(tmp_path_factory, need):
    """A server that a real Prometheus scrapes, as does ``trainfare metrics`` on the same home."""
    program = need("prometheus")
    folder = tmp_path_factory.mktemp("grafana")
    home = folder / "home"
    ride(home, "r-billed", 8, 9)
    bill = write_charges(folder / "bill.csv", charge(effective="12"))
    for words in (
        ("bill", "import", bill),
        ("allocate",),
        ("run", "--run-id", "r-unpriced", "--team", TEAM, "--quiet", "--", "true"),
    ):
        subprocess.run(
            [sys.executable, "-m", "trainfare", *map(str, words)],
            env=environment(home),
            check=True,
            capture_output=True,
            timeout=300,
        )
    words = ["--run-id", "r-live", "--name", "live", "--team", TEAM, "--price", "3.6/h", "--quiet"]
    live = subprocess.Popen(
        [sys.executable, "-m", "trainfare", "run", *words, "--", "sleep", "600"],
        env=environment(home),
    )
    alone = subprocess.Popen(
        [sys.executable, "-m", "trainfare", "metrics", "--port", "0"],
        env=environment(home, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = re.search(r"http://\S+?(?=/metrics)", alone.stdout.readline())[0]
        with serving(home) as server:
            token = folder / "token"
            token.write_text(server.token)
            server.json("/api/v1/jobs/alerts/run", method="POST")
            told = job("trainfare", server.url, authorization={"credentials_file": str(token)})
            jobs = [told, job("alone", address)]
            with prometheus(program, folder / "prometheus", jobs) as one:
                one.until('count_over_time(trainfare_run_seconds{job="trainfare"}[1m]) > 2')
                one.until('count_over_time(trainfare_run_seconds{job="alone"}[1m]) > 2')
                one.until("trainfare_job_is_good")
                yield server, one
    finally:
        for process in (live, alone):
            process.terminate()
            process.wait(60)
        alone.stdout.close()


def test_there_is_one_panel_for_each_place_and_every_one_is_explained():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) >= 10
    assert all(panel["title"] and panel["description"] for panel in panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize("expression", targets())
def test_a_query_names_what_the_server_tells_and_prometheus_answers_it(expression, watched):
    server, one = watched
    _, _, body = server.ask("/metrics")
    told = {family.name for family in text_string_to_metric_families(body.decode())}
    names = set(METRIC.findall(expression))
    assert names
    assert names <= told
    found = one.query(expression.replace("$team", ".*"))
    if "== 0" not in expression:  # which is true of no job here
        assert found


def test_the_variable_lists_the_teams(watched):
    _, one = watched
    [variable] = [v for v in DASHBOARD["templating"]["list"] if v["name"] == "team"]
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
    teams = one.ask(f"/api/v1/label/{label}/values", **{"match[]": metric})
    assert TEAM in teams


def test_money_per_hour_is_the_price_of_the_machine(watched):
    _, one = watched
    money = 'sum(trainfare_run_estimated_money{run="r-live",job="alone"})'
    seconds = 'sum(trainfare_run_seconds{run="r-live",job="alone"} > 1)'
    [(_, value)] = one.until(f"3600 * {money} / {seconds}")
    assert value == pytest.approx(3.6, rel=1e-3)


def test_a_home_alone_tells_what_its_server_tells_of_runs(watched):
    _, one = watched
    for name in ("trainfare_runs", "trainfare_estimated_money", "trainfare_run_seconds"):
        theirs, ours = (
            {
                tuple(sorted((k, v) for k, v in labels.items() if k not in ("job", "instance")))
                for labels, _ in one.query(f'{name}{{job="{source}"}}')
            }
            for source in ("trainfare", "alone")
        )
        assert ours == theirs
    for name in ("trainfare_runs", "trainfare_billed_money"):
        theirs, ours = (
            one.query(f'sum({name}{{job="{source}"}})')[0][1] for source in ("trainfare", "alone")
        )
        assert ours == theirs
