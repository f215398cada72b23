"""TensorBoard event files as a real writer leaves them: scalars, steps, times, restarts, damage."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboardX import SummaryWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.proto.tensor_pb2 import TensorProto

from logs.samples import SECOND, ZERO, refusal, write
from trainfare.core.errors import BadInput
from trainfare.logs.record_file import HELD_MAX, RecordFile, masked_crc
from trainfare.logs.tensorboard import is_event_file, read_event_file

START = ZERO // SECOND


def train(folder, steps, *, at=0, suffix="", epoch_steps=None):
    """A training that writes a loss every 10 s, and its epoch where asked; the file it wrote."""
    writer = SummaryWriter(str(folder), filename_suffix=suffix)
    for number, step in enumerate(steps):
        wall = START + at + 10 * number
        writer.add_scalar("loss", 1 / (step + 1), step, walltime=wall)
        if epoch_steps:
            writer.add_scalar("epoch", step // epoch_steps, step, walltime=wall)
    writer.close()
    (path,) = [p for p in folder.iterdir() if p.name.endswith(suffix or p.name)]
    return path


def framed(*records):
    """Records framed as TFRecord frames them."""
    data = b""
    for record in records:
        head = struct.pack("<Q", len(record))
        data += head + struct.pack("<I", masked_crc(head))
        data += record + struct.pack("<I", masked_crc(record))
    return data


def event(seconds, step=0, *values):
    return Event(
        wall_time=START + seconds, step=step, summary=Summary(value=list(values))
    ).SerializeToString()


def scalar(tag, value):
    return Summary.Value(tag=tag, simple_value=value)


def read(tmp_path, *records):
    (log,) = read_event_file(write(tmp_path, framed(*records), "events.out.tfevents.1.node-7"))
    return log


def test_scalars_come_out_with_their_steps_and_times(tmp_path):
    path = train(tmp_path, range(0, 100, 10))
    (log,) = read_event_file(path)
    assert log.start_ns == ZERO
    assert log.duration_ns == 90 * SECOND
    assert [(e.step, (e.at_ns - ZERO) // SECOND) for e in log.entries] == [
        (step, step) for step in range(0, 100, 10)
    ]
    assert log.entries[3].metrics["loss"] == pytest.approx(1 / 31)
    assert is_event_file(path)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**40), st.floats(width=32), st.integers(0, 10**6), st.text(min_size=1)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_a_writer_writes_is_what_is_read(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("events")
    records = [event(at, step, scalar(tag, value)) for step, value, at, tag in rows]
    log = read(folder, *records)
    found = [(t, v) for e in log.entries for t, v in e.metrics.items()]
    wrote = [(t, v) for _, v, _, t in sorted(rows, key=lambda row: row[2])]
    assert len(found) == len(wrote)
    for (tag, value), (name, expected) in zip(found, wrote, strict=True):
        assert tag == name
        assert value == expected or (math.isnan(value) and math.isnan(expected))


def test_an_epoch_lasts_from_the_last_line_of_the_one_before_it(tmp_path):
    (log,) = read_event_file(train(tmp_path, range(0, 60, 10), epoch_steps=20))
    marks = [(m.at_ns // SECOND, m.stage, m.epoch) for m in log.stages]
    assert marks == [(0, "train", 0), (10, "train", 1), (30, "train", 2)]


def test_from_the_file_s_making_to_the_first_scalar_is_setup(tmp_path):
    made = Event(wall_time=START, file_version="brain.Event:2").SerializeToString()
    log = read(tmp_path, made, event(30, 1, scalar("loss", 2.0)), event(50, 2, scalar("loss", 1.0)))
    assert (log.start_ns, log.duration_ns) == (ZERO, 50 * SECOND)
    assert [(m.at_ns // SECOND, m.stage) for m in log.stages] == [(0, "setup"), (30, "train")]


@pytest.mark.parametrize(
    "tensor",
    [
        TensorProto(dtype="DT_FLOAT", float_val=[0.25]),
        TensorProto(dtype="DT_DOUBLE", double_val=[0.25]),
        TensorProto(dtype="DT_FLOAT", tensor_content=struct.pack("<f", 0.25)),
        TensorProto(dtype="DT_DOUBLE", tensor_content=struct.pack("<d", 0.25)),
    ],
)
def test_tensors_of_one_number_are_scalars(tmp_path, tensor):
    """TensorFlow 2 writes every scalar so."""
    log = read(tmp_path, event(0, 5, Summary.Value(tag="loss", tensor=tensor)))
    assert dict(log.entries[0].metrics) == {"loss": 0.25}


@pytest.mark.parametrize("number", [3, -4])
def test_whole_tensors_keep_their_sign(tmp_path, number):
    for form, kind in (("DT_INT32", "int_val"), ("DT_INT64", "int64_val")):
        tensor = TensorProto(dtype=form, **{kind: [number]})
        log = read(tmp_path, event(0, 1, Summary.Value(tag="n", tensor=tensor)))
        assert dict(log.entries[0].metrics) == {"n": float(number)}


def test_histograms_images_and_texts_are_passed_over(tmp_path):
    writer = SummaryWriter(str(tmp_path))
    writer.add_histogram("weights", np.arange(9), 1, walltime=START)
    picture = Summary.Image(height=1, width=1, colorspace=3, encoded_image_string=b"png")
    image = Summary(value=[Summary.Value(tag="sample", image=picture)])
    writer.file_writer.add_summary(image, 1, walltime=START)
    writer.add_text("config", "lr: 0.1", 1, walltime=START)
    writer.close()
    (path,) = tmp_path.iterdir()
    assert read_event_file(path) == []


def test_a_record_too_large_for_a_scalar_is_not_held(tmp_path):
    large = Event(wall_time=START, graph_def=b"x" * (HELD_MAX + 1)).SerializeToString()
    path = write(tmp_path, framed(large, event(5, 1, scalar("loss", 1.0))), "tfevents")
    records = RecordFile(path)
    assert [number for number, _ in records] == [2]
    assert records.passed_over == 1
    assert len(read_event_file(path)) == 1


def test_a_file_whose_writer_was_killed_is_read_up_to_the_torn_record(tmp_path):
    path = train(tmp_path, range(5))
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    (log,) = read_event_file(path)
    assert [e.step for e in log.entries] == [0, 1, 2, 3]
    assert "the last record of" in log.notes[0]


@pytest.mark.parametrize("place", ["length", "content"])
def test_a_wrong_checksum_names_the_record(tmp_path, place):
    data = bytearray(framed(event(0, 1, scalar("a", 1.0)), event(1, 2, scalar("a", 2.0))))
    second = len(framed(event(0, 1, scalar("a", 1.0))))
    data[second + (0 if place == "length" else 14)] ^= 1
    path = write(tmp_path, bytes(data), "x.tfevents.1.h")
    with pytest.raises(BadInput, match=f"record 2: the checksum of its {place} is wrong"):
        read_event_file(path)


def test_a_length_of_exabytes_takes_no_memory(tmp_path):
    """The length's own checksum is right: only the file's size tells that it lies."""
    head = struct.pack("<Q", 2**62)
    path = write(tmp_path, head + struct.pack("<I", masked_crc(head)) + b"xyz", "tfevents")
    records = RecordFile(path)
    assert list(records) == []
    assert records.is_cut_short


@given(st.binary(max_size=300))
def test_any_bytes_are_a_log_or_one_clear_refusal(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("events"), data, "events.tfevents")
    assert "events.tfevents" in (refusal(read_event_file, path) or "events.tfevents")


@given(st.binary(max_size=80))
def test_any_bytes_with_right_checksums_are_events_or_one_clear_refusal(tmp_path_factory, data):
    """Past the checksums the wire format stands alone."""
    path = write(tmp_path_factory.mktemp("events"), framed(data), "events.tfevents")
    assert "events.tfevents" in (refusal(read_event_file, path) or "events.tfevents")


@given(st.data())
def test_a_file_cut_or_changed_anywhere_is_read_or_refused(tmp_path_factory, data):
    whole = framed(*(event(n, n, scalar("loss", 1.0), scalar("epoch", n)) for n in range(4)))
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=1))
    folder = tmp_path_factory.mktemp("events")
    for bad in (whole[:at], whole[:at] + byte + whole[at + 1 :]):
        path = write(folder, bad, "events.tfevents")
        assert "events.tfevents" in (refusal(read_event_file, path) or "events.tfevents")
