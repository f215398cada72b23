"""Metrics: every gauge that a server, a home, and a training answers scrapes with."""

from __future__ import annotations

from docs.press.page import code, page, table

from trainfare.flows.gauge import RUNS_MAX, run_gauges
from trainfare.flows.gauges import server_gauges
from trainfare.integrations.opentelemetry import INSTRUMENTS

INTRO = f"""
`/metrics` of a server tells all of these, `trainfare metrics` those of runs without a server, and `trainfare.integrations.prometheus` the two of the run that goes on; see [monitor the server](../how-to/monitor-the-server.md) and [scrape live costs](../how-to/scrape-live-costs.md).
They are floating-point numbers, for charts and alarms; the books are in `trainfare report`.
What is unknown has no point, so a run without a price is counted and never drawn as 0.
At most {RUNS_MAX:,} running runs have series of their own, the dearest first.
"""

OTHERS = """
A server also tells of its own process, in Prometheus' own names: `process_cpu_seconds_total`, `process_resident_memory_bytes` and their sisters.
A job of the server sends the same gauges by OTLP where a collector is named.
"""


def make() -> str:
    """The page."""
    of_runs = [one.name for one in run_gauges([], [])]
    rows = [
        (code(one.name), ", ".join(one.labels), one.unit,
         "server, home" if one.name in of_runs else "server", one.about)
        for one in server_gauges([], [], [], 0)
    ]  # fmt: skip
    instruments = [(code(name), unit, about) for name, unit, about in INSTRUMENTS]
    return page(
        "Metrics",
        INTRO,
        "## Gauges",
        table(("gauge", "labels", "unit", "told by", "is"), rows),
        OTHERS,
        "## OpenTelemetry\n\n`trainfare.integrations.opentelemetry.send_costs()` observes of a run:",
        table(("instrument", "unit", "is"), instruments),
    )
