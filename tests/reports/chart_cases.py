"""One readable case for every chart, and short ways to look into what is drawn."""

from __future__ import annotations

import itertools
import json
import os
import re
import struct
import zlib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from trainfare.core.money import Money
from trainfare.core.period import HOUR, Interval, parse_instant
from trainfare.reports.chart_budget import BudgetCourse, ForecastAt, SpentAt, budget_course
from trainfare.reports.chart_epochs import EpochSpend, spend_per_epoch
from trainfare.reports.chart_file import spec_of
from trainfare.reports.chart_frontier import FrontierPoint, frontier
from trainfare.reports.chart_groups import GroupSpend, spend_by_group
from trainfare.reports.chart_idle import IdleHour, idle_heat_map
from trainfare.reports.chart_run import (
    ActivitySpan,
    AttemptSpan,
    RunSpans,
    StageSpan,
    run_timeline,
)
from trainfare.reports.chart_spend import Spend, spend_over_time
from trainfare.reports.chart_text import DAY
from trainfare.reports.chart_waterfall import Bridge, waterfall

GOLDEN = Path(__file__).parent / "charts"
START = parse_instant("2026-10-01T00:00:00Z")
MINUTE = HOUR // 60


def usd(text):
    return Money.parse(text)


def between(start, end, unit=DAY):
    return Interval(START + start * unit, START + end * unit)


def day(number):
    return between(number, number + 1)


SPENDS = [
    Spend(day(0), "compute", usd("120.5")),
    Spend(day(0), "storage", usd("3.000000001")),
    Spend(day(1), "compute", usd("98")),
    Spend(day(1), "other", usd("-20")),
    Spend(day(2), "network", None),
    Spend(day(3), "compute", usd("0")),
]
GROUPS = [
    GroupSpend("vision", "compute", usd("1200")),
    GroupSpend("vision", "storage", usd("34.56")),
    GroupSpend("speech", "compute", usd("700")),
    GroupSpend("speech", "network", None),
    GroupSpend("a team whose name is longer than any label could ever be", "compute", usd("5")),
    GroupSpend("credits", "other", usd("-40")),
]
RUN = RunSpans(
    "bert-base",
    (
        AttemptSpan(1, between(0, 20, MINUTE), "killed"),
        AttemptSpan(2, between(30, 60, MINUTE), "finished"),
    ),
    (
        StageSpan(between(0, 5, MINUTE), "setup"),
        StageSpan(between(5, 20, MINUTE), "train", 0),
        StageSpan(between(30, 50, MINUTE), "train", 1),
        StageSpan(between(50, 60, MINUTE), "eval", 1),
    ),
    (
        ActivitySpan(between(0, 10, MINUTE), 12),
        ActivitySpan(between(10, 20, MINUTE), 940),
        ActivitySpan(between(30, 40, MINUTE), None),
        ActivitySpan(between(40, 60, MINUTE), 871),
    ),
    (between(0, 10, MINUTE),),
    "1 H100, $1.20 estimated, activity from NVML",
)

EPOCHS = [
    EpochSpend(0, Fraction(300), usd("2.5")),
    EpochSpend(1, Fraction(250), usd("1.25")),
    EpochSpend(2, Fraction(250), None),
    EpochSpend(3, Fraction(249), usd("1.200000001")),
]
POINTS = [
    FrontierPoint("fast", 40 * MINUTE, usd("90"), is_best=True, detail="8 H100"),
    FrontierPoint("cheap", 900 * MINUTE, usd("4"), is_best=True, detail="1 L4"),
    FrontierPoint("neither", 1000 * MINUTE, usd("100"), is_best=False),
    FrontierPoint("no price", 10 * MINUTE, None, is_best=False),
]
BRIDGE = Bridge(
    usd("180"),
    (
        ("price", usd("20")),
        ("duration", usd("13.5")),
        ("quantity", usd("0")),
        ("commitment", usd("-41")),
        ("credit", usd("-10")),
        ("unmetered", usd("7.25")),
        ("rounding", usd("0.000000003")),
    ),
    usd("169.750000003"),
)
HOURS = [
    *(
        IdleHour(START + n * HOUR, "p5.48xlarge", Fraction(16), Fraction(n % 24, 3))
        for n in range(48)
    ),
    IdleHour(START + 48 * HOUR, "p5.48xlarge", Fraction(16), None),
    IdleHour(START, "a group of machines with a name that is too long", Fraction(8), Fraction(8)),
]
COURSE = BudgetCourse(
    between(0, 31),
    usd("1000"),
    tuple(SpentAt(START + n * DAY, usd(str(40 * n))) for n in range(15)),
    (
        ForecastAt(START + 14 * DAY, usd("560"), usd("560"), usd("560")),
        ForecastAt(START + 31 * DAY, usd("900"), usd("1080"), usd("1300")),
    ),
    "80 % of outcomes",
)

CASES = {
    "spend-over-time": lambda look=None: spend_over_time(
        SPENDS, note="Effective cost of 2026-10", look=look
    ),
    "spend-by-group": lambda look=None: spend_by_group(GROUPS, by="team", look=look),
    "run-timeline": lambda look=None: run_timeline(RUN, look=look),
    "spend-per-epoch": lambda look=None: spend_per_epoch(
        EPOCHS, note="Train stage of bert-base", look=look
    ),
    "frontier": lambda look=None: frontier(POINTS, note="To 94 % on CIFAR10", look=look),
    "waterfall": lambda look=None: waterfall(BRIDGE, note="12 runs of 2026-10", look=look),
    "idle-heat-map": lambda look=None: idle_heat_map(HOURS, note="2026-10", look=look),
    "budget-course": lambda look=None: budget_course(COURSE, note="Team vision", look=look),
}
EMPTY = {
    "spend-over-time": lambda look=None: spend_over_time([], look=look),
    "spend-by-group": lambda look=None: spend_by_group([], by="team", look=look),
    "run-timeline": lambda look=None: run_timeline(RunSpans("r-1", (), ()), look=look),
    "spend-per-epoch": lambda look=None: spend_per_epoch([], look=look),
    "frontier": lambda look=None: frontier([], look=look),
    "waterfall": lambda look=None: waterfall(None, look=look),
    "idle-heat-map": lambda look=None: idle_heat_map([], look=look),
    "budget-course": lambda look=None: budget_course(
        BudgetCourse(between(0, 31), None, ()), look=look
    ),
}


def check_golden(name, spec):
    """*spec* is what ``charts/NAME.json`` says; TRAINFARE_UPDATE=1 writes it, to be reviewed."""
    path = GOLDEN / f"{name}.json"
    if os.environ.get("TRAINFARE_UPDATE") == "1":
        path.write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert spec == json.loads(path.read_text("utf-8"))


def rows_of(chart, *keys):
    """The drawn rows that have all of *keys*, of all layers, each set of rows once."""
    spec = spec_of(chart)
    sets = [part["data"]["values"] for part in [spec, *spec.get("layer", [])] if "data" in part]
    unique = {json.dumps(rows): rows for rows in sets}
    return [row for rows in unique.values() for row in rows if set(keys) <= row.keys()]


def exact(text):
    """The amount that an exact text of a tooltip says."""
    return Money.parse(str(Decimal(re.sub(r"[^0-9.−]", "", text).replace("−", "-"))))


def values_of(spec):
    """Every value of the data of a specification."""
    if isinstance(spec, dict):
        for key, part in spec.items():
            if key == "values" and isinstance(part, list):
                yield from itertools.chain.from_iterable(
                    row.values() if isinstance(row, dict) else [row] for row in part
                )
            else:
                yield from values_of(part)
    elif isinstance(spec, list):
        for part in spec:
            yield from values_of(part)


def measured(png):
    """Width and height of a PNG that decodes whole, and how many different lines it has.

    Source: Portable Network Graphics Specification (ISO/IEC 15948), chapters 5 and 11.
    """
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, head = 8, b"", ()
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        (check,) = struct.unpack(">I", png[at + 8 + size : at + 12 + size])
        assert check == zlib.crc32(kind + body)
        head = struct.unpack(">IIBBBBB", body) if kind == b"IHDR" else head
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    width, height, depth, kind, *_ = head
    stride = width * {0: 1, 2: 3, 4: 2, 6: 4}[kind] * depth // 8 + 1
    pixels = zlib.decompress(packed)
    assert len(pixels) == height * stride
    return width, height, len({pixels[n * stride : (n + 1) * stride] for n in range(height)})
