"""Prometheus: a training that answers scrapes for what it costs.

    trainfare.integrations.prometheus.send_costs(port=9464)

The gauges are those of a server (``trainfare_run_estimated_money``, ``trainfare_run_seconds``), made at
the moment of each scrape. They end with the run. It needs the package prometheus_client.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainfare.core.money import NANO
from trainfare.core.period import SECOND
from trainfare.metering.notice import warn
from trainfare.metering.ongoing import live_run
from trainfare.metering.teller import receipt_now
from trainfare.metering.track import Run, track

LABELS = ("run", "name", "team", "model", "experiment")


def send_costs(*, port: int | None = None, host: str = "127.0.0.1", registry: Any = None) -> Run:
    """Let scrapes see what the live run costs from now on; where no run is live, one begins.

    Args:
        port: to answer scrapes at; None where the training answers them already.
        host: address to listen on.
        registry: of prometheus_client, otherwise its own one.
    """
    run = live_run() or track()
    try:
        from prometheus_client import REGISTRY, start_http_server

        where = registry or REGISTRY
        costs = Costs(run)
        where.register(costs)
        run.when_ended(lambda: where.unregister(costs))
        if port is not None:
            server, _thread = start_http_server(port, host, where)
            run.when_ended(server.shutdown)
            run.when_ended(server.server_close)
    except Exception as error:
        warn("no costs go to prometheus: %s: %s", type(error).__name__, error)
    return run


class Costs:
    """What prometheus_client collects at each scrape."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def describe(self) -> list[Any]:
        """Nothing beforehand, so that registering it looks at nothing."""
        return []

    def collect(self) -> Iterator[Any]:
        """The two gauges of a run that goes on; what is unknown has no point."""
        from prometheus_client.core import GaugeMetricFamily

        receipt = receipt_now(self._run)
        about = {**receipt.run.labels, "run": receipt.run.id, "name": receipt.run.name or ""}
        labels = [about.get(key, "") for key in LABELS]
        total = receipt.estimate.total
        if total is not None:
            money = GaugeMetricFamily(
                "trainfare_run_estimated_money",
                "Estimated so far for a run that goes on.",
                labels=(*LABELS, "currency"),
            )
            money.add_metric([*labels, total.currency], total.nano / NANO)
            yield money
        seconds = GaugeMetricFamily(
            "trainfare_run_seconds", "How long a run that goes on has lasted.", labels=LABELS
        )
        seconds.add_metric(labels, receipt.duration_ns / SECOND)
        yield seconds
