"""Sizes are remembered: a folder that did not change is not listed again, one that did is."""

import os
import time

import pytest

from trainfare.metering import sizes
from trainfare.metering.artifact import list_folder
from trainfare.metering.sizes import Size, measure, recall, remember, size_at

OLD = time.time_ns() - 3600 * 10**9


@pytest.fixture
def folder(tmp_path):
    """A dataset of three files in two folders, written an hour ago."""
    made = tmp_path / "data"
    (made / "part").mkdir(parents=True)
    for name, size in (("a", 10), ("part/b", 20), ("part/c", 30)):
        (made / name).write_bytes(b"x" * size)
    settle(made)
    return made


def settle(folder):
    for place, _ in list_folder(folder).folders:
        os.utime(place, ns=(OLD, OLD))


@pytest.fixture
def listings(monkeypatch):
    """Which folders were listed."""
    seen = []

    def listed(path):
        seen.append(path.name)
        return list_folder(path)

    monkeypatch.setattr(sizes, "list_folder", listed)
    return seen


def test_an_unchanged_folder_is_listed_once(tmp_path, folder, listings):
    for _ in range(3):
        assert measure(tmp_path, folder, is_new=False) == 60
    assert listings == ["data"]
    assert recall(tmp_path, str(folder)).objects == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "part" / "d").write_bytes(b"x" * 40),
        lambda folder: (folder / "part" / "b").unlink(),
        lambda folder: (folder / "new").mkdir(),
        lambda folder: (folder / "a").rename(folder / "z"),
    ],
)
def test_what_comes_goes_or_is_renamed_anywhere_is_seen(tmp_path, folder, listings, change):
    measure(tmp_path, folder, is_new=False)
    change(folder)
    assert measure(tmp_path, folder, is_new=False) == list_folder(folder).bytes
    assert len(listings) == 2


def test_a_folder_that_was_just_written_is_not_trusted_yet(tmp_path, folder, listings):
    (folder / "d").write_bytes(b"x")
    assert measure(tmp_path, folder, is_new=False) == 61
    assert recall(tmp_path, str(folder)) is None
    assert measure(tmp_path, folder, is_new=False) == 61
    assert len(listings) == 2


def test_what_a_run_made_is_listed_and_its_readers_need_not(tmp_path, folder, listings):
    measure(tmp_path, folder, is_new=False)
    (folder / "a").write_bytes(b"x" * 500)
    assert measure(tmp_path, folder, is_new=True) == 550
    assert measure(tmp_path, folder, is_new=False) == 550
    assert len(listings) == 2


def test_a_damaged_memory_is_no_memory(tmp_path, folder, listings):
    measure(tmp_path, folder, is_new=False)
    (file,) = (tmp_path / "sizes").iterdir()
    for text in ("{", "null", "[]", '{"uri": 3}', '{"uri": "x", "folders": [[1]]}'):
        file.write_text(text)
        assert measure(tmp_path, folder, is_new=False) == 60


def test_a_home_that_cannot_be_written_changes_no_size(tmp_path, folder):
    (tmp_path / "sizes").write_text("in the way")
    assert measure(tmp_path, folder, is_new=False) == 60


def test_files_and_what_is_not_there(tmp_path, folder):
    assert measure(tmp_path, folder / "a", is_new=False) == 10
    assert measure(tmp_path, folder / "none", is_new=False) is None
    assert measure(tmp_path, "s3://bucket/key", is_new=False) is None


def test_a_listing_tells_of_earlier_names_only_where_nothing_was_written_since(tmp_path):
    at = 10**18
    remember(tmp_path, "s3://b/x", Size(7, 1, at + 9, newest_ns=at))
    assert size_at(tmp_path, "s3://b/x", at) == 7
    assert size_at(tmp_path, "s3://b/x", at - 3600 * 10**9) is None
    remember(tmp_path, "s3://b/x@v3", Size(7, 1, at + 9, newest_ns=None, is_fixed=True))
    assert size_at(tmp_path, "s3://b/x@v3", 0) == 7
    assert size_at(tmp_path, "s3://b/never", at) is None
