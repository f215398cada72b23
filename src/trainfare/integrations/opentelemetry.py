"""OpenTelemetry: what a run costs as instruments, beside those of the hardware that it costs money for.

    trainfare.integrations.opentelemetry.send_costs()

Hardware, host and cloud bear the names of the semantic conventions; cost has none there, so it bears
those of Trainfare's server. Source: OpenTelemetry semantic conventions, "Hardware: GPU" and "common",
"Resource: host" and "cloud" (opentelemetry-semantic-conventions 0.66b2).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from trainfare.core.machine import Machine
from trainfare.core.money import NANO
from trainfare.core.period import SECOND
from trainfare.metering.notice import warn
from trainfare.metering.ongoing import live_run
from trainfare.metering.pulse import read_pulse
from trainfare.metering.receipt import Receipt
from trainfare.metering.teller import EVERY_SECONDS, receipt_now
from trainfare.metering.track import Run, track

PLACE_SECONDS = 1.0
"""So long it is waited for the machine to be known, whose words the resource bears."""
LAST_MS = 10_000
"""The end of a run waits at most so long for a collector to take the last word."""

Observed = Iterator[tuple[float, dict[str, str]]]
LABELS = ("name", "team", "model", "experiment")

INSTRUMENTS = (
    ("trainfare_run_estimated_money", "1", "Estimated so far."),
    ("trainfare_run_seconds", "s", "How long the run has lasted."),
    ("hw.gpu.utilization", "1", "Share of time in which a kernel ran."),
    ("hw.gpu.memory.usage", "By", "Memory in use."),
    ("hw.power", "W", "Mean power of the last window."),
)
"""Name, unit and meaning of each."""


def send_costs(provider: Any = None, *, every_seconds: float = EVERY_SECONDS) -> Run:
    """Observe what the live run costs from now on; where no run is live, one begins.

    Args:
        provider: a MeterProvider; otherwise the process' own, or where none was set one that sends
            by OTLP to ``OTEL_EXPORTER_OTLP_ENDPOINT``.
        every_seconds: between two exports of a provider that is made here.
    """
    run = live_run() or track()
    try:
        from opentelemetry.metrics import get_meter_provider

        known: Any = provider or get_meter_provider()
        # Where nobody set one, the API's instruments lead nowhere.
        own = None if hasattr(known, "force_flush") else _provider(run, every_seconds)
        Instruments(run, own or known)
        run.when_ended(lambda: own.shutdown(LAST_MS) if own else known.force_flush(LAST_MS))
    except Exception as error:
        warn("no costs go to opentelemetry: %s: %s", type(error).__name__, error)
    return run


def _provider(run: Run, every_seconds: float) -> Any:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    until = time.monotonic() + PLACE_SECONDS
    while run._meter.place is None and time.monotonic() < until:  # noqa: SLF001 (the same room)
        time.sleep(0.01)
    machine = receipt_now(run).run.segments[-1].machine
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(), every_seconds * 1000)
    resource = Resource.create(resource_of(machine))
    return MeterProvider([reader], resource, shutdown_on_exit=False)


def resource_of(machine: Machine) -> dict[str, str]:
    """A machine in the words of the semantic conventions; what is unknown is left out."""
    words = {
        "host.id": machine.resource_id,
        "host.name": machine.hostname,
        "host.type": machine.instance_type,
        "cloud.provider": machine.provider,
        "cloud.region": machine.region,
        "cloud.availability_zone": machine.zone,
        "cloud.account.id": machine.account,
    }
    return {key: word for key, word in words.items() if word}


class Instruments:
    """The instruments of one run; each is observed when the provider collects."""

    def __init__(self, run: Run, provider: Any) -> None:
        self._run = run
        meter = provider.get_meter("trainfare")
        observers: tuple[Callable[[], Observed], ...] = (
            self._money,
            self._seconds,
            partial(self._devices, _activity),
            partial(self._devices, _memory),
            partial(self._devices, _power),
        )
        for (name, unit, about), observe in zip(INSTRUMENTS, observers, strict=True):
            meter.create_observable_gauge(name, [self._told(observe)], unit, about)

    def _told(self, observe: Callable[[], Observed]) -> Any:
        from opentelemetry.metrics import Observation

        return lambda _options: [Observation(value, words) for value, words in observe()]

    def _words(self, receipt: Receipt) -> dict[str, str]:
        about = {**receipt.run.labels, "name": receipt.run.name}
        return {"run": receipt.run.id, **{k: str(about[k]) for k in LABELS if about.get(k)}}

    def _money(self) -> Observed:
        receipt = receipt_now(self._run)
        total = receipt.estimate.total
        if total is not None:
            yield total.nano / NANO, {**self._words(receipt), "currency": total.currency}

    def _seconds(self) -> Observed:
        receipt = receipt_now(self._run)
        yield receipt.duration_ns / SECOND, self._words(receipt)

    def _devices(self, value_of: Callable[[Any], float | None]) -> Observed:
        """The latest window of each accelerator that this process reads; unknown is no point."""
        own = self._run._spool.folder.name  # noqa: SLF001 (the same room)
        segments = receipt_now(self._run).run.segments
        machine = next(one.machine for one in segments if one.id == own)
        pulse = read_pulse(self._run.home, self._run.id, own)
        for position, device in enumerate(machine.accelerators):
            value = next(map(value_of, reversed(pulse.device(position))), None)
            if value is not None:
                words = {"hw.id": device.id, "hw.name": device.name, "hw.type": "gpu"}
                yield value, {**words, "run": self._run.id}


def _activity(window: Any) -> float | None:
    return None if window.activity_permille is None else window.activity_permille / 1000


def _memory(window: Any) -> float | None:
    return None if window.memory_mib is None else float(window.memory_mib << 20)


def _power(window: Any) -> float | None:
    lasted_ns = window.mono_ns - window.start_ns
    return None if window.energy_mj is None else window.energy_mj * 10**6 / max(1, lasted_ns)
