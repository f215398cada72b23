"""The live screen: every frame fits its terminal and keeps to one grid."""

from datetime import date
from decimal import Decimal

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.recordings import Recorder
from metering.instruments import Clock
from trainfare.core.price import NoPrice, Price
from trainfare.flows.frame_view import bar, frame_lines, sparkline
from trainfare.flows.watch import take_frame
from trainfare.metering import event as ev

STALE = Price(
    "aws/us-east-1/p5.48xlarge/on_demand",
    Decimal("55.04"),
    "h",
    source="invented",
    as_of=date(2026, 1, 3),
    origin="shipped",
    quality="stale",
)
LABELS = {"model": "llama-7b", "experiment": "scaling-law", "team": "foundation"}


def frame_of(home, *, gpus=0, epochs=20, **more):
    """A training of twenty minutes that goes on; a quarter of its GPUs do nothing."""
    clock = Clock()
    made = Recorder(
        home,
        "r-live",
        clock=clock,
        name="pretrain-7b",
        labels=LABELS,
        gpus=gpus,
        is_alive=True,
        **more,
    )
    made.stage("setup")
    made.ride(20)
    made.stage("data")
    made.ride(60, cores=7.5)
    for number in range(0, gpus, 4):
        made.activity[number] = 0.5
    for epoch in range(epochs):
        made.stage("train", epoch)
        made.ride(50, steps=210, cores=5.2)
        made.stage("checkpoint", epoch)
        made.ride(5, cores=1.1)
        made.keep("checkpoint", "s3://invented/last.pt", 14 * 2**30)
    if epochs:
        made.meter.add_event(ev.PLAN, epochs=epochs + 10)
        made.stage("train", epochs)
    made.ride(17, steps=71, cores=5.2)
    made.host.reading["net_tx_bytes"] = 320_000
    made.ride(1)
    return take_frame(home, "r-live", clock.wall + 5 * 10**8)


def shown(frame, width, height=None):
    return "\n".join(click.unstyle(line) for line in frame_lines(frame, width, height)) + "\n"


@pytest.mark.parametrize(
    ("name", "width", "height", "gpus"),
    [
        ("watch-80x24-cpu", 80, 24, 0),
        ("watch-80x24-gpu", 80, 24, 1),
        ("watch-80x24-8-gpus", 80, 24, 8),
        ("watch-120x40-8-gpus", 120, 40, 8),
    ],
)
def test_a_frame_reads_as_agreed(tmp_path, golden, name, width, height, gpus):
    price = STALE if gpus else NoPrice("invented/machine", "nobody sells it")
    golden(name, shown(frame_of(tmp_path, gpus=gpus, price=price), width, height))


def test_a_run_that_has_just_begun_has_a_frame(tmp_path, golden):
    made = Recorder(tmp_path, "r-new", is_alive=True)
    golden("watch-first-moment", shown(take_frame(tmp_path, "r-new", made.clock.wall), 80, 24))


class Frames(list):
    def __repr__(self):
        return "frames"


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    kinds = (0, 0, STALE), (1, 3, STALE), (70, 20, NoPrice("x", "why " * 50))
    return Frames(
        frame_of(tmp_path_factory.mktemp("home"), gpus=gpus, epochs=epochs, price=price)
        for gpus, epochs, price in kinds
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2), st.integers(40, 200), st.integers(3, 80))
def test_every_frame_fits_its_terminal(frames, which, width, height):
    lines = [click.unstyle(line) for line in frame_lines(frames[which], width, height)]
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_what_matters_most_survives_in_a_small_window(frames):
    text = shown(frames[1], 60, 12)
    for word in ("running", "so far", "per hour", "compute", "GPU"):
        assert word in text


def test_many_devices_show_the_least_busy_first(frames):
    lines = shown(frames[2], 80, 24).splitlines()
    cells = [line for line in lines if " % " in line and "GiB" in line and "▁" in line]
    assert cells
    assert any("70 × NVIDIA H100" in line and "mean activity" in line for line in lines)


@given(st.floats(0, 1), st.integers(1, 200))
def test_a_bar_is_as_long_as_its_share_to_an_eighth(share, width):
    drawn = bar(share, width)
    assert len(drawn) <= width
    eighths = sum(8 if sign == "█" else " ▏▎▍▌▋▊▉".index(sign) for sign in drawn)
    assert abs(eighths - share * width * 8) <= (1 if share else 0)


@given(st.lists(st.none() | st.floats(0, 5)), st.integers(1, 100))
def test_a_sparkline_has_a_sign_per_value_and_the_newest_at_the_right(values, width):
    drawn = sparkline(values, width)
    assert len(drawn) == width
    latest = values[-width:]
    assert drawn.strip() == drawn[width - len(latest) :]
    assert [sign == "·" for sign in drawn.lstrip()] == [value is None for value in latest]
