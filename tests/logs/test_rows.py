"""Rows: JSON lines and tables become stretches; what their columns mean is known or said."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.samples import SECOND, ZERO, refusal, write
from trainfare.core.errors import BadInput
from trainfare.logs.detect import find_kind, read_log
from trainfare.logs.keys import Keys, parse_zone
from trainfare.logs.rows import read_rows, read_table
from trainfare.logs.training_log import Clock

START = ZERO // SECOND


def lines(*documents):
    return "".join(json.dumps(one) + "\n" for one in documents)


def read(tmp_path, *documents, keys=None):
    return read_rows(write(tmp_path, lines(*documents), "log.jsonl"), keys or Keys())


def table(tmp_path, text, keys=None):
    return read_table(write(tmp_path, text, "log.csv"), keys or Keys())


def test_rows_that_say_when_are_held_from_the_first_to_the_last(tmp_path):
    (log,) = read(
        tmp_path,
        {"step": 10, "timestamp": START, "loss": 2.5, "lr": 1e-3},
        {"step": 20, "timestamp": START + 60, "loss": math.nan, "note": "text"},
    )
    assert (log.clock, log.start_ns, log.duration_ns) == (Clock.WALL, ZERO, 60 * SECOND)
    assert [(e.step, e.at_ns) for e in log.entries] == [(10, ZERO), (20, ZERO + 60 * SECOND)]
    assert log.entries[0].metrics == {"loss": 2.5, "lr": 1e-3}
    assert math.isnan(log.entries[1].metrics["loss"])


@pytest.mark.parametrize(
    "when",
    [
        START,
        float(START),
        START * 1000,
        START * 10**6,
        START * 10**9,
        str(START),
        "2026-10-01T08:00:00Z",
        "2026-10-01T10:00:00+02:00",
        "2026-10-01 08:00:00.000+00:00",
    ],
)
def test_every_way_to_write_an_instant_is_the_same_instant(tmp_path, when):
    (log,) = read(tmp_path, {"step": 1, "time": when}, {"step": 2, "time": START + 1})
    assert (log.start_ns, log.duration_ns) == (ZERO, SECOND)


def test_a_time_without_a_zone_is_refused_until_the_zone_is_said(tmp_path):
    rows = [{"step": n, "time": f"2026-10-01 10:00:0{n}"} for n in range(2)]
    with pytest.raises(BadInput) as caught:
        read(tmp_path, *rows)
    assert "log.jsonl row 1, column time: '2026-10-01 10:00:00' names no time zone" in str(
        caught.value
    )
    (log,) = read(tmp_path, *rows, keys=Keys(zone=parse_zone("Europe/Berlin")))
    assert (log.start_ns, log.duration_ns) == (ZERO, SECOND)


def test_a_small_number_is_no_instant_and_the_message_says_what_to_do(tmp_path):
    with pytest.raises(BadInput, match=r"counts no time since 1970.*--key seconds=time"):
        read(tmp_path, {"step": 1, "time": 12.5})
    (log,) = read(
        tmp_path,
        {"step": 1, "time": 12.5},
        {"step": 2, "time": 30},
        keys=Keys({"seconds": "time"}),
    )
    assert (log.clock, log.duration_ns) == (Clock.TIMER, 30 * SECOND)


@pytest.mark.parametrize(
    ("meaning", "value"),
    [("hours", 0.5), ("minutes", 30), ("seconds", 1800), ("milliseconds", "1800000")],
)
def test_timers_have_units(tmp_path, meaning, value):
    (log,) = read(tmp_path, {"epoch": 1, "t": value}, keys=Keys({meaning: "t"}))
    assert log.duration_ns == 1800 * SECOND
    assert log.timer.name == "t"


def test_an_epoch_s_row_tells_of_the_time_before_it(tmp_path):
    (log,) = table(tmp_path, "epoch,hours,acc\n1,0.5,50\n2,1.5,80\n3,2,90\n")
    assert [(m.at_ns // SECOND, m.epoch) for m in log.stages] == [(0, 1), (1800, 2), (5400, 3)]
    assert [e.metrics["acc"] for e in log.entries] == [50.0, 80.0, 90.0]


def test_a_timer_that_goes_back_is_a_restart_and_both_parts_count(tmp_path):
    (log,) = read(
        tmp_path,
        *({"_step": s, "_runtime": t} for s, t in [(0, 0), (10, 100), (5, 20), (15, 140)]),
    )
    assert log.duration_ns == 240 * SECOND
    assert log.notes[0].startswith("line 3: restarted at step 5 after step 10; the 100.000 s")


def test_steps_that_go_back_after_a_long_pause_are_a_new_attempt(tmp_path):
    def row(step, at):
        return {"step": step, "timestamp": START + at}

    first = [row(n, 10 * n) for n in range(10)]
    second = [row(n, 5000 + 10 * (n - 5)) for n in range(5, 12)]
    before, after = read(tmp_path, *first, *second)
    assert (before.duration_ns, after.duration_ns) == (90 * SECOND, 60 * SECOND)
    assert after.start_ns == ZERO + 5000 * SECOND
    assert before.notes[0] == (
        "row 11 of log.jsonl: started again; the 4,910 s between do not stand in the log and are "
        "not counted"
    )


def test_two_counters_that_take_turns_are_one_training(tmp_path):
    """Steps that fall at every other row are no restarts: all the time was held."""
    rows = [{"step": n if n % 2 else n // 10, "timestamp": START + 10 * n} for n in range(40)]
    (log,) = read(tmp_path, *rows)
    assert log.duration_ns == 390 * SECOND


def test_rows_without_time_step_or_epoch_are_no_progress(tmp_path):
    (log,) = read(tmp_path, {"config": {"lr": 1}}, {"step": 1, "loss": 1}, {"event": "saved"})
    assert len(log.entries) == 1
    assert log.clock is Clock.NONE
    with pytest.raises(BadInput, match="holds no row with a time, step or epoch; say which"):
        read(tmp_path, {"config": 1})


def test_every_wrong_row_is_named_and_only_a_torn_last_line_forgiven(tmp_path):
    text = '{"step": 1}\n{"step": 1.5}\nnot json\n{"epoch": -1}\n{"step": 2}\n{"st'
    with pytest.raises(BadInput) as caught:
        read_rows(write(tmp_path, text, "log.jsonl"), Keys())
    found = str(caught.value)
    assert found.startswith("3 problems; nothing was imported")
    assert "log.jsonl row 2, column step: '1.5' is no step" in found
    assert "log.jsonl row 3: is no JSON object" in found
    assert "log.jsonl row 4, column epoch: '-1' is no epoch" in found
    (log,) = read_rows(write(tmp_path, '{"step": 1}\n{"st', "log.jsonl"), Keys())
    assert log.notes == ("line 2 of log.jsonl is cut short; the log is read up to it",)


def test_a_table_s_row_of_another_width_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"log.csv row 2: has 1 fields, the header 2"):
        table(tmp_path, "epoch,loss\n1,2\n2\n")


def test_tabs_and_commas_and_a_byte_order_mark_are_all_tables(tmp_path):
    comma = table(tmp_path, "epoch,hours\n1,0.5\n2,1\n")
    tabs = table(tmp_path, "\ufeffepoch\thours\n1\t0.5\n2\t1\n")
    assert comma == tabs


@pytest.mark.parametrize(
    "value", ["1e999999999", "1e-999999999", "-1", "nan", "inf", "9" * 400, True, [1], {"a": 1}]
)
def test_absurd_times_are_refused_or_nothing_without_taking_memory(tmp_path, value):
    keys = Keys({"seconds": "t"})
    path = write(tmp_path, lines({"step": 1, "t": value}, {"step": 2, "t": 5}), "log.jsonl")
    words = refusal(read_rows, path, keys)
    assert words is None or "column t" in words


@given(st.binary(max_size=300))
def test_any_bytes_are_a_log_or_one_clear_refusal(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("rows")
    path = write(folder, data, "log.jsonl")
    assert "log.jsonl" in (refusal(read_rows, path, Keys()) or "log.jsonl")
    assert "log.jsonl" in (refusal(read_table, path, Keys()) or "log.jsonl")
    assert "log.jsonl" in (refusal(read_log, path) or "log.jsonl")


documents = st.dictionaries(
    st.sampled_from(["step", "epoch", "time", "_runtime", "hours", "loss"]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.lists(st.integers()),
    max_size=5,
)


@given(st.lists(documents, max_size=6))
def test_any_json_lines_are_a_log_or_one_clear_refusal(tmp_path_factory, rows):
    path = write(tmp_path_factory.mktemp("rows"), lines(*rows), "log.jsonl")
    assert "log.jsonl" in (refusal(read_rows, path, Keys()) or "log.jsonl")


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=2, max_size=20))
def test_held_time_never_exceeds_first_to_last_and_order_of_rows_does_not_matter(
    tmp_path_factory, rows
):
    folder = tmp_path_factory.mktemp("rows")
    unique = dict(rows)
    made = [{"step": step, "timestamp": START + at} for at, step in unique.items()]
    forward = read(folder, *made)
    backward = read(folder, *reversed(made))
    assert [(log.start_ns, log.duration_ns) for log in forward] == [
        (log.start_ns, log.duration_ns) for log in backward
    ]
    held = sum(log.duration_ns for log in forward)
    assert held <= (max(unique) - min(unique)) * SECOND


def test_kinds_are_recognised_by_content(tmp_path):
    for text, kind in [
        ('{"step": 1, "loss": 2}\n', "jsonl"),
        ('{"log_history": []}', "jsonl"),
        ("epoch,loss\n1,2\n", "csv"),
        ("step:1/9 loss:2\n", "nanogpt"),
        ("x\n:::MLLOG {}\n", "mllog"),
        ("nothing of the kind\n", None),
        ('{"jobs": []}\n', None),
    ]:
        assert find_kind(write(tmp_path, text, "a.txt")) == kind
    with pytest.raises(BadInput, match="is none of mllog, tensorboard, jsonl, csv, nanogpt"):
        read_log(write(tmp_path, "nothing\n", "a.txt"))
