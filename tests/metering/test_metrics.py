"""Metrics: summed up in order of time, over every segment of a run."""

import json
import math

from metering.instruments import start_event
from trainfare.metering.metrics import read_metrics
from trainfare.metering.spool import Spool


def write(home, segment, began, lines):
    spool = Spool(home / "runs" / "r-1" / segment)
    spool.add_event({"k": "start", "v": 1, "t": 0, "w": began, **start_event("r-1", segment)})
    for line in lines:
        spool.add_metric(line)
    spool.close()
    return spool.folder / "metrics.jsonl"


def test_the_last_value_is_the_latest_by_the_clock_whatever_the_segment_is_called(tmp_path):
    write(tmp_path, "a-restarted-later", 100, [{"t": 5, "step": 9, "m": {"loss": 0.1}}])
    write(tmp_path, "b-began-first", 0, [{"t": 9, "step": 3, "m": {"loss": 2.0, "lr": 1e-3}}])
    found = read_metrics(tmp_path, "r-1")
    assert list(found) == ["loss", "lr"]
    loss = found["loss"]
    assert (loss.first, loss.last, loss.last_step) == (2.0, 0.1, 9)
    assert (loss.least, loss.most, loss.count) == (0.1, 2.0, 2)


def test_a_loss_that_ran_away_is_last_and_not_least(tmp_path):
    values = [1.0, math.inf, math.nan]
    write(tmp_path, "s", 0, [{"t": i, "step": i, "m": {"loss": v}} for i, v in enumerate(values)])
    loss = read_metrics(tmp_path, "r-1")["loss"]
    assert (loss.least, loss.most) == (1.0, 1.0)
    document = loss.to_json()
    assert document["last"] == "nan"
    json.dumps(document, allow_nan=False)


def test_a_line_that_a_crash_cut_short_is_passed_over(tmp_path):
    file = write(tmp_path, "s", 0, [{"t": 1, "step": 1, "m": {"loss": 1.0}}])
    with file.open("ab") as end:
        end.write(b'{"t":2,"step":2,"m":{"lo')
    assert read_metrics(tmp_path, "r-1")["loss"].count == 1


def test_a_run_without_metrics_has_none(tmp_path):
    write(tmp_path, "s", 0, [])
    assert read_metrics(tmp_path, "r-1") == {}
    assert read_metrics(tmp_path, "r-unknown") == {}
