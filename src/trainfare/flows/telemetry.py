"""The telemetry path: a server's gauges, sent once by OTLP to the collector that the user named.

The OpenTelemetry SDK reads its own variables (``OTEL_EXPORTER_OTLP_ENDPOINT``,
``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_RESOURCE_ATTRIBUTES`` …), so that Amazon CloudWatch's agent,
Google's Ops Agent or any other collector takes live money without another word of configuration.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainfare.core.errors import MissingExtra, OutsideFailed
from trainfare.flows.gauge import Gauge

ENDPOINTS = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

TIMEOUT_SECONDS = 20


def has_collector(env: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names a collector."""
    return any(env.get(name) for name in ENDPOINTS)


def send_gauges(home: Path) -> int:
    """Send every gauge of *home* once; how many points that were.

    Raises:
        MissingExtra: the OpenTelemetry SDK is not installed.
        OutsideFailed: the collector did not take them.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.metrics import CallbackOptions, Observation
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource

        from trainfare.flows.gauges import read_gauges
        from trainfare.store.ledger import open_ledger
    except ModuleNotFoundError as error:
        raise MissingExtra("otel", "send metrics to a collector") from error
    with open_ledger(home) as ledger:
        gauges = read_gauges(ledger)
    reader = InMemoryMetricReader()
    resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME") or "trainfare"})
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    meter = provider.get_meter("trainfare")

    def told(gauge: Gauge) -> Any:
        def observe(_options: CallbackOptions) -> Sequence[Observation]:
            return [
                Observation(value, dict(zip(gauge.labels, labels, strict=True)))
                for labels, value in gauge.points
            ]

        return observe

    for gauge in gauges:
        meter.create_observable_gauge(gauge.name, [told(gauge)], gauge.unit, gauge.about)
    exporter = OTLPMetricExporter(timeout=TIMEOUT_SECONDS)
    try:
        document = reader.get_metrics_data()
        if document is None:
            return 0
        result = exporter.export(document)
    finally:
        exporter.shutdown()
        provider.shutdown()
    if result is not MetricExportResult.SUCCESS:
        where = next(os.environ[name] for name in ENDPOINTS if os.environ.get(name))
        raise OutsideFailed(f"the collector at {where} did not take the metrics; is it running?")
    return sum(len(gauge.points) for gauge in gauges)
