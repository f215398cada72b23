"""What monitoring systems are told: Prometheus scrapes it, and a collector gets it by OTLP."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client.parser import text_string_to_metric_families

from server.served import serving
from server.two_teams import FOREIGN, OWN, fill
from trainfare.core.errors import OutsideFailed
from trainfare.flows.jobs import do_job
from trainfare.metering.history import read_receipts


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("metrics") / "home"
    fill(home)
    with serving(home) as one:
        one.json("/api/v1/me")
        yield one


def scrape(server, token=None):
    """(name, labels) → value."""
    status, headers, body = server.ask("/metrics", token=token)
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def settled(server):
    """The scrape once every run of the home has its line."""
    for _ in range(200):
        found = scrape(server)
        counted = sum(value for (name, _), value in found.items() if name == "trainfare_runs")
        if counted == len(read_receipts(server.home)):
            return found
        threading.Event().wait(0.1)
    raise AssertionError(found)


def test_what_is_scraped_is_what_the_receipts_say(server):
    found = settled(server)
    expected = {}
    for receipt in read_receipts(server.home):
        total = receipt.estimate.total
        if total is not None:
            key = (("currency", total.currency), ("team", receipt.run.labels.get("team", "")))
            expected[key] = expected.get(key, 0) + total.nano
    assert expected
    for key, nano in expected.items():
        assert found["trainfare_estimated_money", key] == pytest.approx(nano / 10**9, abs=1e-12)
    assert ("process_cpu_seconds_total", ()) in found


def test_a_team_scrapes_itself_alone(server):
    settled(server)
    body = {"name": "scraper", "scopes": ["read"], "team": OWN}
    secret = server.json("/api/v1/tokens", method="POST", body=body)["secret"]
    found = scrape(server, secret)
    teams = {dict(labels)["team"] for _, labels in found if "team" in dict(labels)}
    assert teams == {OWN}
    assert FOREIGN not in str(found)
    assert not any(name.startswith(("process_", "trainfare_job")) for name, _ in found)


@pytest.fixture
def collector():
    """A collector on loopback, and what it was sent."""
    bodies = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words):
            pass

    listener = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}", bodies
    listener.shutdown()
    listener.server_close()
    thread.join()


def test_a_collector_is_sent_the_same_numbers(server, collector, monkeypatch):
    url, bodies = collector
    found = settled(server)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    done = do_job(server.home, "metrics")
    [(path, body)] = bodies
    assert path == "/v1/metrics"
    [resource] = ExportMetricsServiceRequest.FromString(body).resource_metrics
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert named["service.name"] == "trainfare"
    sent = {
        (metric.name, tuple(sorted((a.key, a.value.string_value) for a in point.attributes))):
        point.as_double
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.gauge.data_points
    }  # fmt: skip
    assert done.message == f"sent {len(sent)} points"
    money = {key: value for key, value in found.items() if key[0] == "trainfare_estimated_money"}
    assert money
    assert {key: sent[key] for key in money} == money


def test_a_collector_that_is_not_there_is_one_sentence(server, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("trainfare.flows.telemetry.TIMEOUT_SECONDS", 1)
    with pytest.raises(OutsideFailed, match=r"http://127\.0\.0\.1:9 did not take the metrics"):
        do_job(server.home, "metrics")


def test_without_a_collector_there_is_nothing_to_do(server):
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in do_job(server.home, "metrics").message
