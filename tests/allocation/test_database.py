"""The database that allocates: its limits, its failures in our words, its files and what it spills."""

import os
import signal
import subprocess
import sys

import pytest

duckdb = pytest.importorskip("duckdb")

from trainfare.allocation import database
from trainfare.allocation.database import OutOfMemory, files_sql, open_database, spill_folder
from trainfare.core.errors import BadInput, MissingExtra, OutsideFailed

HELD = """
import sys, time
from pathlib import Path
from trainfare.allocation.database import spill_folder
with spill_folder(Path(sys.argv[1])) as folder:
    (folder / "block").write_bytes(b"x" * 100)
    print(folder, flush=True)
    time.sleep(60)
"""


def grow_old(folder):
    os.utime(folder, (1, 1))


def lowest_free_descriptor():
    number = os.dup(0)
    os.close(number)
    return number


def test_a_spill_folder_leaves_no_descriptor_open(tmp_path):
    before = lowest_free_descriptor()
    with spill_folder(tmp_path):
        assert lowest_free_descriptor() > before
    assert lowest_free_descriptor() == before


def test_a_spill_folder_is_gone_afterwards(tmp_path):
    with spill_folder(tmp_path) as folder:
        (folder / "block").write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_allocation_spilled_is_removed_by_the_next_one(tmp_path):
    held = subprocess.Popen([sys.executable, "-c", HELD, tmp_path], stdout=subprocess.PIPE)
    folder = held.stdout.readline().decode().strip()
    grow_old(folder)
    with spill_folder(tmp_path) as ours:
        assert sorted(tmp_path.iterdir()) == sorted([ours, type(ours)(folder)])  # it still works
    held.send_signal(signal.SIGKILL)
    held.communicate()
    with spill_folder(tmp_path) as ours:
        assert list(tmp_path.iterdir()) == [ours]


def test_a_folder_that_was_just_made_is_left_alone(tmp_path):
    (tmp_path / ".spill-new").mkdir()
    with spill_folder(tmp_path):
        assert (tmp_path / ".spill-new").exists()


@pytest.mark.parametrize(
    ("age", "is_left"), [(0, True), (60, True), (61, False), (-60, True), (-61, False)]
)
def test_a_folder_is_young_for_a_minute_whatever_the_clock_says(
    tmp_path, monkeypatch, age, is_left
):
    """A clock that was set back makes folders of the future."""
    left = tmp_path / ".spill-left"
    (left / "block").mkdir(parents=True)
    now = 1_000_000_000
    os.utime(left, (now - age, now - age))
    monkeypatch.setattr(database.time, "time", lambda: now)
    with spill_folder(tmp_path) as ours:
        assert ours.parent == tmp_path
        assert left.exists() == is_left
    monkeypatch.undo()


def test_other_folders_are_nobody_s_business(tmp_path):
    other = tmp_path / "spill-other"
    other.mkdir()
    grow_old(other)
    with spill_folder(tmp_path):
        assert other.exists()


def test_without_a_place_the_system_s_is_taken():
    with spill_folder(None) as ours:
        assert ours.is_dir()
    assert not ours.exists()


def setting(connection, name):
    return connection.execute(f"SELECT current_setting('{name}')").fetchone()[0]


def test_a_database_has_the_limits_that_it_is_given_and_utc(tmp_path):
    with open_database(tmp_path, "150MB", 3) as connection:
        assert setting(connection, "threads") == 3
        assert setting(connection, "temp_directory") == str(tmp_path)
        assert setting(connection, "memory_limit") == "143.0 MiB"
        assert setting(connection, "TimeZone") == "UTC"
        assert setting(connection, "preserve_insertion_order") is False
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("SELECT 1")


def test_a_database_without_a_place_does_not_spill():
    with open_database() as connection:
        assert setting(connection, "temp_directory") == ""
        assert setting(connection, "memory_limit") == "228.8 MiB"


@pytest.mark.parametrize(
    ("statement", "error", "told"),
    [
        ("SELECT 9223372036854775807 + n FROM range(2) t(n)", BadInput, "9.2 thousand million"),
        ("SELECT 'ten'::BIGINT", BadInput, "check the amounts and their unit"),
        (
            "FROM read_parquet('{folder}/none.parquet')",
            OutsideFailed,
            "cannot read or write a file",
        ),
        (
            "FROM read_parquet('{folder}/odd.parquet')",
            BadInput,
            "not files of the lake, or damaged",
        ),
        ("SELECT list(n ORDER BY -n) FROM range(9_000_000) t(n)", OutOfMemory, "raise the limit"),
    ],
)
def test_a_failure_is_said_in_one_line_with_what_to_do(tmp_path, statement, error, told):
    (tmp_path / "odd.parquet").write_bytes(b"no parquet, however long it goes on")
    asked = statement.format(folder=tmp_path)
    with pytest.raises(error, match=told) as caught, open_database(memory_limit="20MB") as inner:
        inner.execute(asked).fetchall()
    assert "\n" not in str(caught.value)


def test_a_mistake_of_ours_is_not_told_as_one_of_the_user_s():
    with pytest.raises(duckdb.ParserException), open_database() as connection:
        connection.execute("SELEC 1")


def test_a_damaged_file_is_named_in_at_most_two_hundred_letters():
    """Broken pages of a file are no kind of failure of their own in the database."""
    told = "page is short, " * 20
    with pytest.raises(OutsideFailed) as caught, open_database():
        raise duckdb.Error(f"{told}\nand a second line")
    assert str(caught.value) == f"a file is damaged ({told[:200]}); import the bill again"


def test_where_the_package_is_missing_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtra, match="analytics"), open_database():
        pass


def test_names_of_files_are_taken_as_they_are(tmp_path):
    """A star, a bracket or a quote in a name is no pattern and ends no text."""
    names = ["a*.parquet", "[ab].parquet", "what?'s.parquet"]
    decoys = ["ab.parquet", "a.parquet", "whatx's.parquet"]
    paths = [tmp_path / "month=7" / name for name in names + decoys]
    paths[0].parent.mkdir()
    with open_database() as connection:
        for number, path in enumerate(paths):
            rows = f"SELECT {number} AS n FROM range({number + 1})"
            connection.execute(f"COPY ({rows}) TO '{str(path).replace(chr(39), chr(39) * 2)}'")
        found = connection.execute(f"FROM {files_sql(paths[:3])}").fetchall()
        numbered = connection.sql(f"FROM {files_sql(paths[1:2], are_numbered=True)}")
        assert sorted(numbered.columns) == ["file_row_number", "filename", "n"]
        assert numbered.select("filename", "n").fetchall() == [(str(paths[1]), 1)] * 2
        rows = connection.sql(f"FROM {files_sql(paths[2:3], has_row_numbers=True)}")
        assert rows.columns == ["n", "file_row_number"]
        assert rows.fetchall() == [(2, 0), (2, 1), (2, 2)]
    assert sorted(found) == [(0,), (1,), (1,), (2,), (2,), (2,)]
