"""``trainfare metrics``: a home's live costs for Prometheus, without a server."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.commands import call
from flows.rides import ride


@pytest.fixture
def home(tmp_path):
    for run, price in (("a", "10"), ("b", None)):
        ride(tmp_path / "home", run, 8, 9, price=price, resource=f"i-{run}")
    return tmp_path / "home"


def samples(text):
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_it_is_text_that_prometheus_reads_and_what_is_unknown_is_no_point(home):
    done = call(home, "metrics", text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert samples(done.stdout) == {
        ("trainfare_runs", ("", "finished")): 2.0,
        ("trainfare_unpriced_runs", ("",)): 1.0,
        ("trainfare_estimated_money", ("", "USD")): 10.0,
    }


def test_as_json_its_numbers_are_text(home):
    document = json.loads(call(home, "metrics", "--format", "json").stdout)
    [money] = [one for one in document["gauges"] if one["name"] == "trainfare_estimated_money"]
    assert money["points"] == [{"labels": {"team": "", "currency": "USD"}, "value": "10.0"}]


def test_an_empty_home_tells_nothing_and_a_scrape_is_no_json(tmp_path):
    done = call(tmp_path / "none", "metrics", text=True)
    assert (done.returncode, done.stdout) == (0, "")
    done = call(tmp_path / "none", "metrics", "--port", "0", "--format", "json", text=True)
    assert done.returncode == 2
    assert "leave --format or --port out" in done.stderr


def test_many_scrapes_at_once_are_all_answered(home):
    with serving(home) as port, ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: scrape(port), range(200)))
    assert len(set(answers)) == 1
    assert samples(answers[0])["trainfare_estimated_money", ("", "USD")] == 10.0


@contextmanager
def serving(home):
    words = [sys.executable, "-m", "trainfare", "--home", home, "metrics", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield int(server.stdout.readline().split("/metrics")[0].rpartition(":")[2])
        finally:
            server.terminate()


def scrape(port):
    with urlopen(f"http://127.0.0.1:{port}/metrics?x=1", timeout=120) as answer:
        return answer.read().decode()
