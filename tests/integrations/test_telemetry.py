"""A training answers scrapes and sends by OTLP what it costs, in the words that others know."""

import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.semconv._incubating.attributes import (
    cloud_attributes,
    host_attributes,
    hw_attributes,
)
from opentelemetry.semconv._incubating.metrics import hw_metrics
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

import trainfare
from prometheus import job, prometheus
from trainfare.core.machine import Accelerator, Machine
from trainfare.integrations.opentelemetry import resource_of
from trainfare.integrations.opentelemetry import send_costs as observe_costs
from trainfare.integrations.prometheus import send_costs as scrape_costs
from trainfare.metering import event as ev
from trainfare.metering.history import read_receipt
from trainfare.metering.sample import DeviceSample, pack_devices

from .tracking import free_port


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    for name in ("TRAINFARE_RUN_ID", "TRAINFARE_PRICE", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return folder


def scraped(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    return {
        sample.name: (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_training_answers_scrapes_as_long_as_it_lasts(home):
    port, registry = free_port(), CollectorRegistry()
    with trainfare.track("one", team="nlp", price="3600/h") as run:
        assert scrape_costs(port=port, registry=registry) is run
        first, then = scraped(port), scraped(port)
        assert set(first) == {"trainfare_run_estimated_money", "trainfare_run_seconds"}
        labels, money = first["trainfare_run_estimated_money"]
        assert labels == {
            "run": run.id, "name": "one", "team": "nlp", "model": "", "experiment": "",
            "currency": "USD",
        }  # fmt: skip
        assert 0 < money <= then["trainfare_run_estimated_money"][1]
    assert list(registry.collect()) == []
    with pytest.raises(OSError):
        scraped(port)


def test_a_real_prometheus_scrapes_a_training(need, tmp_path):
    port = free_port()
    with trainfare.track("one", price="3600/h") as run:
        scrape_costs(port=port, registry=CollectorRegistry())
        jobs = [job("training", f"127.0.0.1:{port}")]
        with prometheus(need("prometheus"), tmp_path / "prometheus", jobs) as server:
            server.until("count_over_time(trainfare_run_seconds[1m]) > 2")
            [(labels, per_second)] = server.query("deriv(trainfare_run_estimated_money[1m])")
    assert (labels["run"], per_second) == (run.id, pytest.approx(1, rel=0.2))


def test_a_port_that_is_taken_harms_no_training(home, caplog):
    with trainfare.track() as run, HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        scrape_costs(port=other.server_port, registry=CollectorRegistry())
        run.step()
    assert "no costs go to prometheus" in caplog.text
    assert read_receipt(home, run.id).run.status.value == "finished"


@pytest.fixture
def collector(monkeypatch):
    """A real OTLP receiver on loopback: what was sent to it."""
    sent = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            request = ExportMetricsServiceRequest()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            request.ParseFromString(body)
            sent.append(request)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield sent
        server.shutdown()
        thread.join()


def words_of(attributes):
    return {one.key: one.value.string_value for one in attributes}


def last(sent):
    """The resource, and name → (unit, value, attributes) of each point, of the last export."""
    [resource] = sent[-1].resource_metrics
    points = {
        metric.name: (metric.unit, point.as_double or point.as_int, words_of(point.attributes))
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.gauge.data_points
    }
    return words_of(resource.resource.attributes), points


GPU = Accelerator(0, "GPU-1", "NVIDIA H100", memory_bytes=80 << 30)


def hold_gpu(run):
    """Let the run's record have an accelerator and a window of it, as the meter writes them."""
    machine = Machine("i-0abc", "gpu01", accelerators=(GPU,))
    run._meter.add_event(ev.MACHINE, machine=ev.machine_to_json(machine), share="1", held=["GPU-1"])
    run._spool.add_sample(
        pack_devices([DeviceSample(0, 10 * 10**9, 0, 750, None, 1024, 7_000_000)])
    )
    run._spool.drain()


def test_a_collector_gets_cost_and_hardware_by_otlp(collector, home):
    with trainfare.track("one", model="bert", price="3600/h") as run:
        assert observe_costs(every_seconds=3600) is run
        while run._meter.place is None:
            threading.Event().wait(0.01)
        hold_gpu(run)
    resource, points = last(collector)
    total = read_receipt(home, run.id).estimate.total
    unit, money, words = points["trainfare_run_estimated_money"]
    assert (unit, words) == (
        "1",
        {"run": run.id, "name": "one", "model": "bert", "currency": "USD"},
    )
    assert money == total.nano / 1e9
    gpu = {"hw.id": "GPU-1", "hw.name": "NVIDIA H100", "hw.type": "gpu", "run": run.id}
    assert points["hw.gpu.utilization"] == ("1", 0.75, gpu)
    assert points["hw.gpu.memory.usage"] == ("By", 1024.0 * 2**20, gpu)
    assert points["hw.power"] == ("W", 700.0, gpu)
    assert resource["host.name"]


def test_names_of_hardware_host_and_cloud_are_those_of_the_conventions():
    machine = Machine(
        "i-0abc", "n1", provider="aws", region="us-east-1", zone="us-east-1a",
        instance_type="p5.48xlarge", account="123",
    )  # fmt: skip
    attributes = {
        value
        for module in (cloud_attributes, host_attributes)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    assert set(resource_of(machine)) <= attributes
    assert len(resource_of(machine)) == 7
    assert {"hw.gpu.utilization", "hw.gpu.memory.usage", "hw.power"} == {
        hw_metrics.HW_GPU_UTILIZATION,
        hw_metrics.HW_GPU_MEMORY_USAGE,
        hw_metrics.HW_POWER,
    }
    assert (hw_attributes.HW_ID, hw_attributes.HW_NAME, hw_attributes.HW_TYPE) == (
        "hw.id",
        "hw.name",
        "hw.type",
    )


def test_a_provider_of_the_training_is_used(home):
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    with trainfare.track(price="3600/h"):
        observe_costs(provider)
        document = reader.get_metrics_data()
    names = {
        metric.name
        for resource in document.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.data.data_points
    }
    assert names == {"trainfare_run_estimated_money", "trainfare_run_seconds"}
    provider.shutdown()
