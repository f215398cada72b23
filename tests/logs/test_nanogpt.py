"""nanoGPT logs: time is the sum of the timer's rising parts, and what has no time gets none."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.samples import refusal, trace, write
from trainfare.core.errors import BadInput
from trainfare.core.stage import Status
from trainfare.logs.nanogpt import read_nanogpt
from trainfare.logs.progress import read_progress
from trainfare.logs.training_log import Clock

MS = 10**6


def read(tmp_path, text):
    (log,) = read_nanogpt(write(tmp_path, text))
    return log


WARM_UP = """\
import torch
print0(f"step:{step}/{args.num_iterations} val_loss:{val_loss:.4f}")
| 0  NVIDIA H100 80GB HBM3     On | 700W |
step:0/12 val_loss:10.8258 train_time:0ms step_avg:nanms
step:1/12 train_time:960500ms step_avg:nanms
step:10/12 train_time:965000ms step_avg:nanms
step:11/12 train_time:200ms step_avg:nanms
step:12/12 train_time:450ms step_avg:225.00ms
step:12/12 val_loss:3.2785 train_time:460ms step_avg:230.00ms
peak memory consumption: 29 MiB
"""
"""The timer is set to zero after ten steps: 16 minutes of compiling vanish from train_time."""


def test_minutes_before_a_timer_was_set_to_zero_count(tmp_path):
    log = read(tmp_path, WARM_UP)
    assert log.duration_ns == (965_000 + 460) * MS
    assert (log.timer.start_ns, log.timer.end_ns) == (965_000 * MS, 965_460 * MS)
    assert log.notes[0].startswith(
        "line 7: train_time was set to zero after step 10; it leaves out"
    )
    assert log.notes[0].endswith("the 965.000 s before, which count here")


def test_every_line_of_progress_has_its_time_and_metrics(tmp_path):
    log = read(tmp_path, WARM_UP)
    assert [(e.step, e.at_ns // MS) for e in log.entries] == [
        (0, 0),
        (1, 960_500),
        (10, 965_000),
        (11, 965_200),
        (12, 965_450),
        (12, 965_460),
    ]
    assert [dict(e.metrics) for e in log.entries if e.metrics] == [
        {"val_loss": 10.8258},
        {"val_loss": 3.2785},
    ]
    assert (log.planned_steps, log.status) == (12, Status.FINISHED)


def test_a_restart_counts_both_parts_and_is_told_from_a_warm_up(tmp_path):
    text = "".join(
        f"step:{step}/100 train_loss:4.0 train_time:{ms}ms\n"
        for step, ms in [(0, 0), (10, 1000), (20, 2000), (10, 0), (20, 1100)]
    )
    log = read(tmp_path, text)
    assert log.duration_ns == 3100 * MS
    assert log.notes[0].startswith("line 4: restarted at step 10 after step 20; the 2.000 s before")
    assert (log.status, log.error) == (Status.KILLED, "the log ends at step 20 of 100")


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_time_never_goes_back_and_is_the_sum_of_the_rising_parts(tmp_path_factory, timer):
    text = "".join(f"step:{n}/99 train_time:{ms}ms\n" for n, ms in enumerate(timer))
    (log,) = read_nanogpt(write(tmp_path_factory.mktemp("log"), text))
    times = [entry.at_ns for entry in log.entries]
    assert times == sorted(times)
    peaks = [a for a, b in itertools.pairwise([*timer, -1]) if b < a]
    assert log.duration_ns == sum(peaks) * MS == times[-1]


def test_iterations_that_all_say_their_time_are_summed(tmp_path):
    text = "".join(f"iter {n}: loss 4.0, time 100.50ms, mfu 24.10%\n" for n in range(4))
    log = read(tmp_path, "step 0: train loss 4.1, val loss 4.2\n" + text)
    assert (log.clock, log.duration_ns) == (Clock.TIMER, 402 * MS)
    assert [dict(e.metrics) for e in log.entries][:2] == [
        {"train_loss": 4.1, "val_loss": 4.2},
        {"loss": 4.0},
    ]


def test_one_iteration_in_ten_says_nothing_of_the_other_nine(tmp_path):
    text = "".join(f"iter {n}: loss 4.0, time 100.00ms, mfu -100.00%\n" for n in range(0, 50, 10))
    log = read(tmp_path, text)
    assert (log.clock, log.duration_ns) == (Clock.NONE, 0)
    assert all(entry.at_ns is None for entry in log.entries)
    assert "5 of 40; how long the others took it does not say" in log.notes[0]


def test_a_log_without_times_has_none(tmp_path):
    log = read(tmp_path, "s:0 tel:10.96\ns:1 trl:10.81\n")
    assert (log.clock, log.duration_ns, log.timer, log.stages) == (Clock.NONE, 0, None, ())
    with pytest.raises(BadInput, match="does not say when its steps or epochs were made"):
        read_progress(tmp_path / "train.log")


def test_every_damaged_line_is_named(tmp_path):
    lines = WARM_UP.splitlines(keepends=True)
    lines[4] = "step:1/12 train_time:soon\n"
    lines[6] = "step:11/12 train_time:200ms loose words\n"
    with pytest.raises(BadInput) as caught:
        read(tmp_path, "".join(lines))
    assert "train.log row 5: does not read as a line of progress" in str(caught.value)
    assert "train.log row 7" in str(caught.value)


def test_a_last_line_that_was_cut_short_is_passed_over_and_said(tmp_path):
    log = read(tmp_path, "step:1/9 train_time:5ms\nstep:2/9 train_ti")
    assert [entry.step for entry in log.entries] == [1]
    assert "line 2 of train.log is cut short" in log.notes[0]


def test_text_without_progress_is_refused(tmp_path):
    with pytest.raises(BadInput, match="holds no line such as 'step:1/100"):
        read(tmp_path, "import torch\nstep by step\n")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_log_or_one_clear_refusal(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("log"), data)
    assert path.name in (refusal(read_nanogpt, path) or path.name)


@given(st.integers(0, len(WARM_UP)), st.binary(min_size=1, max_size=1))
def test_a_log_cut_anywhere_or_with_one_byte_changed_is_read_or_refused(tmp_path_factory, at, byte):
    folder, whole = tmp_path_factory.mktemp("log"), WARM_UP.encode()
    for data in (whole[:at], whole[:at] + byte + whole[at + 1 :]):
        assert "train.log" in (refusal(read_nanogpt, write(folder, data)) or "train.log")


def test_the_published_logs_read_as_they_were_written():
    timed = trace("published/nanogpt_logs/2025-08-23_SparseAttnGate.log.gz")
    progress = read_progress(timed)
    assert (progress.unit, progress.planned) == ("steps", 1695)
    assert progress.points[0] == (0.0, 0)
    assert progress.points[-1] == (1695.0, 168_938 * MS)
    (untimed,) = read_nanogpt(trace("published/nanogpt_logs/2024-06-06_AdamW.log.gz"))
    assert (untimed.clock, len(untimed.entries)) == (Clock.NONE, 9612)
    assert untimed.entries[-1].step == 9536
