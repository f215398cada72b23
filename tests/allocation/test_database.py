"""What an allocation spills lies in a folder of its own, and nobody's is left behind."""

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("duckdb")

from trainfare.allocation.database import spill_folder

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
