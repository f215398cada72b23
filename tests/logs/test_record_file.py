"""TFRecord framing: CRC-32C as its standard has it, and the files of a real writer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboardX.crc32c import crc32c as other_crc32c
from tensorboardX.record_writer import RecordWriter

from trainfare.logs.record_file import RecordFile, crc32c


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_the_vectors_of_rfc_3720(data, crc):
    assert crc32c(data) == crc


@given(st.binary(max_size=200))
def test_another_implementation_agrees(data):
    assert crc32c(data) == other_crc32c(data)


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_a_real_writer_s_records_come_back(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "a.tfrecord"
    writer = RecordWriter(str(path))
    for record in records:
        writer.write(record)
    writer.close()
    read = RecordFile(path)
    assert [data for _, data in read] == records
    assert not read.is_cut_short


@given(st.integers(1, 60))
def test_a_cut_file_gives_the_whole_records_before_the_cut(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("records") / "a.tfrecord"
    writer = RecordWriter(str(path))
    for _ in range(3):
        writer.write(b"twenty bytes of data")
    writer.close()
    size = 16 + 20
    path.write_bytes(path.read_bytes()[:-cut])
    read = RecordFile(path)
    whole = (3 * size - cut) // size
    assert [data for _, data in read] == [b"twenty bytes of data"] * whole
    assert read.is_cut_short == (cut % size != 0)
