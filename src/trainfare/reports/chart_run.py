"""Chart: one run along time: attempts, stages, what its GPUs did, and where they did nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from trainfare.core.period import Interval, hull
from trainfare.metering.receipt_view import duration_text
from trainfare.reports.chart_frame import amount_y, colour, empty, framed, layer, time_x, tooltip
from trainfare.reports.chart_text import Ticks, moment, text_width, time_ticks
from trainfare.reports.chart_theme import Look

ACTIVITY, LOW_USE = "GPU activity", "low use"
"""Names in the legend beside the stages."""

COLUMNS = 400
"""Time is drawn in at most so many columns; what is finer is averaged, or shown by its longest."""

_STAGES, _ATTEMPTS, _TOP = (108, 124), (130, 146), 146
"""Where the strips lie on the axis of activity, above its 100 %."""

NOT_RECORDED = "Nothing of this run was recorded long enough to draw."
"""Why a timeline is empty."""


@dataclass(frozen=True, slots=True)
class StageSpan:
    """A stretch of a run in one stage (and epoch, inside one)."""

    interval: Interval
    stage: str
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class AttemptSpan:
    """One uninterrupted stretch of a run, and how it ended."""

    number: int
    interval: Interval
    status: str


@dataclass(frozen=True, slots=True)
class ActivitySpan:
    """Mean GPU activity over a stretch, in thousandths; None is not measured."""

    interval: Interval
    permille: int | None


@dataclass(frozen=True, slots=True)
class RunSpans:
    """What is drawn of one run."""

    name: str
    attempts: tuple[AttemptSpan, ...]
    stages: tuple[StageSpan, ...]
    activity: tuple[ActivitySpan, ...] = ()
    """In order of time, over all GPUs of the run; empty where it held none."""
    low_use: tuple[Interval, ...] = ()
    """Stretches in which GPUs that were paid for did nothing."""
    note: str = ""
    """What is drawn, as "8 H100, $12.30, activity from NVML"."""


def run_timeline(run: RunSpans, *, title: str = "", look: Look | None = None) -> alt.LayerChart:
    """Attempts and stages as strips, below them GPU activity with low use shaded.

    The time between attempts stays empty: it is waited, not paid for. Activity that nobody
    measured is striped.

    Args:
        run: its stretches of time.
        title: what the chart answers; the run's name where it is empty.
        look: palette and width.
    """
    look = look or Look()
    title = title or f"Timeline of {run.name}"
    attempts = [one for one in run.attempts if one.interval.duration_ns]
    if not attempts:
        return empty(title, NOT_RECORDED, look)
    whole = hull([one.interval for one in attempts])
    edges = (whole.start_ns, whole.end_ns)
    x = time_x(time_ticks(*edges, look.width // 84), edges)
    column_ns = max(1, whole.duration_ns // COLUMNS)
    has_activity = bool(run.activity)
    y = _height("low", has_activity=has_activity)
    known, unknown = _activity_rows(run.activity, column_ns)
    layers = _activity(known, unknown, _low_rows(run.low_use), x, y, look)
    stages = _stage_rows(run.stages, column_ns)
    if stages:
        names = list(dict.fromkeys(row["name"] for row in stages))
        names += [ACTIVITY] * bool(known) + [LOW_USE] * bool(run.low_use)
        colours = colour("name", names, look, offset=24 if has_activity else 8)
        shown = tooltip("name:stage", "epoch", "when", "time")
        strips = layer(stages).mark_rect()
        layers.append(strips.encode(x=x, x2="end", y=y, y2="high", color=colours, tooltip=shown))
    layers += _attempts(attempts, whole, x, has_activity=has_activity, look=look)
    notes = [run.note] if run.note else []
    if unknown and not known:
        notes.append("GPU activity was not measured (striped).")
    height = 300 if has_activity else 150
    return framed(layers, title=title, notes=notes, look=look, height=height)


def _height(field: str, *, has_activity: bool) -> alt.Y:
    """Where things lie: activity from 0 to 100 %, and the strips above it."""
    if not has_activity:
        scale = alt.Scale(domain=[_STAGES[0] - 4, _TOP], nice=False)
        return alt.Y(field, type="quantitative", scale=scale, axis=None)
    ticks = Ticks((0, 25, 50, 75, 100), "datum.value+' %'")
    return amount_y(field, ticks, f"{ACTIVITY}, %", (0, _TOP))


def _span(interval: Interval, low: float, high: float) -> dict[str, Any]:
    return {
        "start": interval.start_ns / 10**6,
        "end": interval.end_ns / 10**6,
        "low": low,
        "high": high,
        "when": moment(interval.start_ns),
        "time": duration_text(interval.duration_ns),
    }


def _stage_rows(stages: Sequence[StageSpan], column_ns: int) -> list[dict[str, Any]]:
    """The strip of stages; stretches thinner than a column are drawn as the longest beside them."""
    rows: list[StageSpan] = []
    for one in sorted(stages, key=lambda span: span.interval):
        if not one.interval.duration_ns:
            continue
        last = rows[-1] if rows else None
        touches = last is not None and last.interval.end_ns >= one.interval.start_ns
        thin = min(one.interval.duration_ns, last.interval.duration_ns if last else column_ns)
        is_same = last is not None and (last.stage, last.epoch) == (one.stage, one.epoch)
        if last is None or not touches or (thin >= column_ns and not is_same):
            rows.append(one)
            continue
        longer = max(last, one, key=lambda span: span.interval.duration_ns)
        end_ns = max(last.interval.end_ns, one.interval.end_ns)
        rows[-1] = StageSpan(Interval(last.interval.start_ns, end_ns), longer.stage, longer.epoch)
    return [
        {
            **_span(one.interval, *_STAGES),
            "name": one.stage,
            "epoch": "–" if one.epoch is None else str(one.epoch),
        }
        for one in rows
    ]


def _activity_rows(
    activity: Sequence[ActivitySpan], column_ns: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was measured, and where nothing was; by columns where the windows are finer."""
    columns: dict[int, list[ActivitySpan]] = defaultdict(list)
    for one in activity:
        if one.interval.duration_ns:
            columns[one.interval.start_ns // column_ns].append(one)
    known: list[dict[str, Any]] = []
    unmeasured: list[Interval] = []
    for number in sorted(columns):
        group = columns[number]
        whole = Interval(group[0].interval.start_ns, max(one.interval.end_ns for one in group))
        measured = [one for one in group if one.permille is not None]
        time_ns = sum(one.interval.duration_ns for one in measured)
        if time_ns * 2 < sum(one.interval.duration_ns for one in group):
            touches = bool(unmeasured) and whole.start_ns - unmeasured[-1].end_ns <= column_ns
            start_ns = unmeasured.pop().start_ns if touches else whole.start_ns
            unmeasured.append(Interval(start_ns, whole.end_ns))
            continue
        weighted = sum((one.permille or 0) * one.interval.duration_ns for one in measured)
        percent = weighted / time_ns / 10
        known.append({**_span(whole, 0, percent), "name": ACTIVITY, "activity": f"{percent:.1f} %"})
    return known, [{**_span(one, 0, 100), "activity": "not measured"} for one in unmeasured]


def mean_activity(
    whole: Interval, uses: Iterable[tuple[Interval, int | None]], window_ns: int
) -> Iterator[ActivitySpan]:
    """The mean over any number of GPUs, in windows of *window_ns* from the start of *whole*.

    Args:
        whole: the time to cover.
        uses: of each GPU, its activity in thousandths over stretches of time; None is not measured.
        window_ns: how long a window is; the last one may be shorter.

    Returns:
        Windows that some stretch touches, in order; None where most of it was not measured.

    >>> two = [(Interval(0, 10), 1000), (Interval(0, 10), 0)]
    >>> [one.permille for one in mean_activity(Interval(0, 10), two, 10)]
    [500]
    """
    measured: dict[int, int] = defaultdict(int)
    weighted: dict[int, int] = defaultdict(int)
    unmeasured: dict[int, int] = defaultdict(int)
    for interval, permille in uses:
        inside = interval.clip(whole)
        if inside is None:
            continue
        first = (inside.start_ns - whole.start_ns) // window_ns
        last = (inside.end_ns - 1 - whole.start_ns) // window_ns
        for number in range(first, last + 1):
            start_ns = whole.start_ns + number * window_ns
            time_ns = inside.overlap_ns(Interval(start_ns, start_ns + window_ns))
            if permille is None:
                unmeasured[number] += time_ns
            else:
                measured[number] += time_ns
                weighted[number] += time_ns * permille
    for number in sorted(measured.keys() | unmeasured.keys()):
        start_ns = whole.start_ns + number * window_ns
        is_known = measured[number] > unmeasured[number]
        yield ActivitySpan(
            Interval(start_ns, min(start_ns + window_ns, whole.end_ns)),
            weighted[number] // measured[number] if is_known else None,
        )


def _low_rows(low_use: Sequence[Interval]) -> list[dict[str, Any]]:
    return [{**_span(one, 0, 100), "name": LOW_USE} for one in low_use if one.duration_ns]


def _activity(
    known: list[dict[str, Any]],
    unknown: list[dict[str, Any]],
    low: list[dict[str, Any]],
    x: alt.X,
    y: alt.Y,
    look: Look,
) -> list[alt.Chart]:
    at = {"x": x, "x2": "end", "y": y, "y2": "high"}
    shade, sky = look.colours([LOW_USE, ACTIVITY])
    shown = tooltip("activity:GPU activity", "when", "time")
    layers = []
    if low:
        marks = layer(low).mark_rect(fill=shade, fillOpacity=0.3, stroke=shade)
        layers.append(marks.encode(**at, tooltip=tooltip("name", "when", "time")))
    if unknown:
        marks = layer(unknown).mark_rect(fill=look.theme.hatch())
        layers.append(marks.encode(**at, tooltip=shown))
    if known:
        # The stroke closes the seams that rounding to pixels would leave between columns.
        marks = layer(known).mark_rect(fill=sky, stroke=sky, strokeWidth=0.7)
        layers.append(marks.encode(**at, tooltip=shown))
    return layers


def _attempts(
    attempts: Sequence[AttemptSpan], whole: Interval, x: alt.X, *, has_activity: bool, look: Look
) -> list[alt.Chart]:
    """The strip of attempts, each with as many words as it has room for."""
    low, high = _ATTEMPTS
    rows, words = [], []
    for one in attempts:
        middle = (low + high) / 2
        attempt = f"attempt {one.number}: {one.status}"
        row = {**_span(one.interval, low, high), "middle": middle, "attempt": attempt}
        rows.append(row)
        room = one.interval.duration_ns / whole.duration_ns * (look.width - 80) - 8
        fitting = (text for text in (attempt, str(one.number)) if text_width(text, 10) < room)
        label = next(fitting, None)
        if label:
            words.append({**row, "label": label})
    shown = tooltip("attempt", "when", "time")
    strip = layer(rows).mark_rect(fill=look.theme.grid, stroke=look.theme.muted, strokeWidth=0.5)
    strip = strip.encode(
        x=x, x2="end", y=_height("low", has_activity=has_activity), y2="high", tooltip=shown
    )
    if not words:
        return [strip]
    text = layer(words).mark_text(align="left", baseline="middle", dx=4, fontSize=10)
    y = _height("middle", has_activity=has_activity)
    return [strip, text.encode(x=x, y=y, text="label:N", tooltip=shown)]
