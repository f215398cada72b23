"""The gauges of a home without a server: spools → sums → exposition text that Prometheus reads.

Source: Prometheus, "Exposition formats: text-based format".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from trainfare.core.run_sum import RunNow, RunSum
from trainfare.core.stage import Status
from trainfare.flows.gauge import RUNS_MAX, Gauge, run_gauges
from trainfare.flows.months import with_bills
from trainfare.metering.history import close_dead, read_receipts
from trainfare.metering.receipt import Receipt

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def home_gauges(home: Path) -> list[Gauge]:
    """What the runs of *home* cost at this moment, as a server with this home tells it."""
    close_dead(home)
    receipts = with_bills(home, read_receipts(home))
    now = sorted(map(_now, filter(_goes_on, receipts)), key=_dearest)
    return [one for one in run_gauges(_sums(receipts), now[:RUNS_MAX]) if one.points]


def exposition(gauges: Iterable[Gauge]) -> str:
    r"""Gauges as exposition text.

    >>> print(exposition([Gauge("a", "An a.", "1", ("b",), ((('x"y',), 0.5),))]), end="")
    # HELP a An a.
    # TYPE a gauge
    a{b="x\"y"} 0.5
    """
    lines = []
    for gauge in gauges:
        lines += [f"# HELP {gauge.name} {gauge.about}", f"# TYPE {gauge.name} gauge"]
        for labels, value in gauge.points:
            pairs = ",".join(
                f'{key}="{_escaped(word)}"' for key, word in zip(gauge.labels, labels, strict=True)
            )
            lines.append(
                f"{gauge.name}{{{pairs}}} {value!r}" if pairs else f"{gauge.name} {value!r}"
            )
    return "".join(f"{line}\n" for line in lines)


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _goes_on(receipt: Receipt) -> bool:
    return receipt.run.status is Status.RUNNING


def _dearest(one: RunNow) -> tuple[int, str]:
    return (1 if one.estimated_nano is None else -one.estimated_nano, one.run)


def _now(receipt: Receipt) -> RunNow:
    labels, total = receipt.run.labels, receipt.estimate.total
    return RunNow(
        receipt.run.id,
        labels.get("team"),
        receipt.run.name,
        labels.get("model"),
        labels.get("experiment"),
        receipt.estimate.currency,
        None if total is None else total.nano,
        receipt.duration_ns,
    )


def _sums(receipts: Sequence[Receipt]) -> list[RunSum]:
    groups: dict[tuple[str, str, str], list[Receipt]] = defaultdict(list)
    for one in receipts:
        team = one.run.labels.get("team", "")
        groups[team, one.run.status.value, one.estimate.currency].append(one)
    found = []
    for (team, status, currency), group in sorted(groups.items()):
        known = [one.estimate.total for one in group if one.estimate.total is not None]
        billed = [
            one.billed.total
            for one in group
            if one.billed is not None and one.billed.total.currency == currency
        ]
        found.append(
            RunSum(
                team, status, currency, len(group),
                sum(one.nano for one in known), len(group) - len(known),
                sum(one.nano for one in billed), len(group) - len(billed),
            )
        )  # fmt: skip
    return found
