"""Disk: what was flushed is still there, and what changed is noticed."""

import os

import pytest

from trainfare.core.disk import file_marks, flush


def test_files_and_folders_are_flushed_and_stay_as_they_are(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"kept")
    flush(file)
    flush(tmp_path)
    assert file.read_bytes() == b"kept"
    with pytest.raises(FileNotFoundError):
        flush(tmp_path / "gone")


def test_a_changed_size_or_time_is_another_mark_and_a_lost_file_an_error(tmp_path):
    files = [tmp_path / name for name in "ba"]
    for file in files:
        file.write_bytes(b"12")
        os.utime(file, ns=(5, 5))
    marks = file_marks(files)
    assert marks == {"a": [2, 5], "b": [2, 5]}
    assert list(marks) == ["a", "b"]
    files[0].write_bytes(b"123")
    os.utime(files[0], ns=(5, 6))
    assert file_marks(files) == {"a": [2, 5], "b": [3, 6]}
    files[1].unlink()
    with pytest.raises(FileNotFoundError):
        file_marks(files)
