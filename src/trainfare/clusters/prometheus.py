"""Prometheus samples: exposition text (one scrape or many) and the answers of its HTTP API.

Text of a scrape has no times. Lines may carry their own (milliseconds since 1970), as federation
and ``promtool tsdb dump`` write them; or scrapes are appended under a comment ``# at <RFC 3339>``:

    while sleep 30; do date -u '+# at %Y-%m-%dT%H:%M:%SZ'; curl -s HOST:9400/metrics; done >> gpu.prom

Source: Prometheus, "Exposition formats" and "HTTP API: Range queries".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND, parse_instant
from trainfare.core.source_file import json_items, text_lines
from trainfare.core.tally import Tally

_LINE = re.compile(
    r"([A-Za-z_:][\w:]*)?\s*(?:\{((?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*)\})?\s+(\S+)(?:\s+(-?\d+))?\s*"
)
_LABEL = re.compile(r'([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?\s*')
_ESCAPED = re.compile(r"\\(.)")
_MILLISECOND = 10**6


class Sample(NamedTuple):
    """One value of one series."""

    metric: str
    labels: Mapping[str, str]
    instant_ns: int | None
    """None where the text has no time."""
    value: float
    """NaN where the text says so."""
    row: int


def is_prometheus_json(item: object) -> bool:
    """Whether *item* is one series of an API answer."""
    if not isinstance(item, dict) or not isinstance(item.get("metric"), dict):
        return False
    return isinstance(item.get("values", item.get("value")), list)


def text_samples(
    path: Path, tally: Tally, *, at_ns: int | None, wanted: Callable[[str], bool]
) -> Iterator[Sample]:
    """Samples of exposition text.

    Args:
        path: of the text.
        tally: takes lines that are no samples as problems.
        at_ns: when a scrape without any time was taken.
        wanted: whether a metric is to be kept, by name.
    """
    # Every scrape repeats the same labels; they are read once and shared.
    blocks: dict[str, Mapping[str, str] | None] = {}
    for row, line in enumerate(text_lines(path), start=1):
        text = line.strip()
        if text.startswith("# at "):
            try:
                at_ns = parse_instant(text[5:])
            except BadInput as error:
                tally.refuse(str(error), row)
            continue
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        value = _number(match[3]) if match else None
        block = (match[2] or "") if match else ""
        if block not in blocks:
            blocks[block] = _labels(block)
        labels = blocks[block]
        if match is None or value is None or labels is None:
            tally.refuse('is not Prometheus text such as name{key="value"} 1', row, None, text)
            continue
        metric = match[1] or labels.get("__name__", "")
        if wanted(metric):
            instant_ns = int(match[4]) * _MILLISECOND if match[4] else at_ns
            yield Sample(metric, labels, instant_ns, value, row)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _labels(block: str) -> Mapping[str, str] | None:
    """The labels between braces, or None if they are malformed."""
    labels = {}
    at = 0
    text = block.strip()
    while at < len(text):
        match = _LABEL.match(text, at)
        if not match:
            return None
        labels[match[1]] = _ESCAPED.sub(_unescape, match[2])
        at = match.end()
    return labels


def _unescape(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


def json_samples(path: Path, tally: Tally, *, wanted: Callable[[str], bool]) -> Iterator[Sample]:
    """Samples of the HTTP API's answers (matrix or vector), series by series."""
    for row, series in json_items(path, {"data", "result"}):
        if not is_prometheus_json(series):
            status = series.get("error") if isinstance(series, dict) else None
            tally.refuse(f"is not a series of a range query{f' ({status})' if status else ''}", row)
            continue
        labels = {str(key): str(value) for key, value in series["metric"].items()}
        metric = labels.get("__name__", "")
        if not metric:
            tally.refuse("has no metric name; query the metrics by name, without functions", row)
            continue
        if not wanted(metric):
            continue
        points = series["values"] if "values" in series else [series["value"]]
        for point in points:
            try:
                instant, text = point
                instant_ns = int(Decimal(instant) * SECOND)
                value = float(text)
            except (TypeError, ValueError, ArithmeticError):
                tally.refuse("has a point that is not [time, value]", row, None, str(point))
                break
            yield Sample(metric, labels, instant_ns, value, row)


def known(value: float, limit: float) -> bool:
    """Whether *value* is a measurement: a number from 0 to *limit*.

    >>> known(0.5, 1.0), known(math.nan, 1.0), known(9223372036854775794.0, 100.0)
    (True, False, False)
    """
    return math.isfinite(value) and 0 <= value <= limit
