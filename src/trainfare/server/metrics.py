"""Metrics: the gauges of the service as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from litestar import Response, get
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from trainfare.core.caller import Caller
from trainfare.flows.gauge import Gauge
from trainfare.flows.gauges import read_gauges
from trainfare.server.service import Service


@get("/metrics", sync_to_thread=True, tags=["telemetry"])
def metrics(service: Service, caller: Caller) -> Response[bytes]:
    """Runs, money, jobs and bills as gauges; a caller bound to a team scrapes that team alone.

    Send the token as Prometheus does with `authorization: {credentials_file: …}`.
    """
    caller.need("read")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gauges(read_gauges(service.ledger, caller.team)))
    if caller.team is None:
        ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Gauges:
    """What the registry collects."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.about, labels=gauge.labels)
            for labels, value in gauge.points:
                family.add_metric(labels, value)
            yield family
