"""The timeline of a run: its stretches are drawn where and as long as they were."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reports.chart_cases import MINUTE, RUN, between, rows_of
from trainfare.core.period import HOUR
from trainfare.reports.chart_file import spec_of
from trainfare.reports.chart_run import ActivitySpan, AttemptSpan, RunSpans, StageSpan, run_timeline


def test_stages_attempts_activity_and_low_use_are_drawn_over_their_time():
    chart = run_timeline(RUN)
    stages = rows_of(chart, "epoch")
    assert [(r["name"], r["epoch"], r["time"]) for r in stages] == [
        ("setup", "–", "5 min 0 s"),
        ("train", "0", "15 min 0 s"),
        ("train", "1", "20 min 0 s"),
        ("eval", "1", "10 min 0 s"),
    ]
    assert [r["attempt"] for r in rows_of(chart, "attempt")][:2] == [
        "attempt 1: killed",
        "attempt 2: finished",
    ]
    activity = [(r["activity"], r["high"]) for r in rows_of(chart, "activity")]
    assert activity == [
        ("not measured", 100),
        ("1.2 %", 1.2),
        ("94.0 %", 94),
        ("87.1 %", 87.1),
    ]
    (low,) = [r for r in rows_of(chart, "name") if r["name"] == "low use"]
    assert low["end"] - low["start"] == 10 * 60_000


def test_the_time_between_attempts_stays_empty():
    waiting = between(20, 30, MINUTE)
    for row in rows_of(run_timeline(RUN), "start", "end"):
        start_ns, end_ns = row["start"] * 10**6, row["end"] * 10**6
        assert end_ns <= waiting.start_ns or start_ns >= waiting.end_ns


def test_activity_that_nobody_measured_is_said_and_never_a_zero():
    unmeasured = tuple(ActivitySpan(one.interval, None) for one in RUN.activity)
    chart = run_timeline(replace(RUN, activity=unmeasured, low_use=()))
    assert "GPU activity was not measured (striped)." in spec_of(chart)["description"]
    assert {row["activity"] for row in rows_of(chart, "activity")} == {"not measured"}


@settings(max_examples=15)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=3000))
def test_averaging_fine_windows_keeps_the_mean(permilles):
    window = HOUR // 360
    spans = tuple(
        ActivitySpan(between(n, n + 1, window), permille) for n, permille in enumerate(permilles)
    )
    whole = between(0, len(permilles), window)
    run = RunSpans("r", (AttemptSpan(1, whole, "finished"),), (), spans)
    rows = rows_of(run_timeline(run), "activity")
    weighted = sum(row["high"] * (row["end"] - row["start"]) for row in rows)
    mean = weighted / sum(row["end"] - row["start"] for row in rows)
    assert abs(mean - sum(permilles) / len(permilles) / 10) < 0.01
    assert len(rows) <= 402


def test_thousands_of_short_stages_become_a_strip_that_can_be_drawn():
    spans = tuple(
        StageSpan(between(n, n + 1, HOUR // 3600), ("train", "eval")[n % 2], n // 2)
        for n in range(20_000)
    )
    run = RunSpans("r", (AttemptSpan(1, between(0, 20_000, HOUR // 3600), "running"),), spans)
    rows = rows_of(run_timeline(run), "epoch")
    assert len(rows) <= 402
    assert rows[0]["start"] == spans[0].interval.start_ns / 10**6
    assert rows[-1]["end"] == spans[-1].interval.end_ns / 10**6
