"""Which files are logs, and which belong to one run."""

import json

import pytest

from logs.samples import BENCHMARK, write
from trainfare.core.errors import BadInput, NotFound
from trainfare.logs.files import find_groups

STATE = json.dumps({"log_history": [{"step": 1}]})


def groups(*places, kind=None):
    found, left_out = find_groups(places, kind)
    return {one.name: [path.name for path in one.paths] for one in found}, left_out


def test_every_text_log_is_a_run_and_what_is_no_log_is_counted(tmp_path):
    write(tmp_path, BENCHMARK, "a/result_0.txt")
    write(tmp_path, "epoch,loss\n1,2\n", "b/log.csv")
    write(tmp_path, "name,price\nx,2\n", "b/prices.csv")
    write(tmp_path, "", "b/empty.log")
    write(tmp_path, BENCHMARK, "b/model.bin")
    assert groups(tmp_path) == ({"result_0": ["result_0.txt"], "log": ["log.csv"]}, 3)
    assert groups(tmp_path, kind="csv") == ({"log": ["log.csv"]}, 4)


def test_event_files_of_one_folder_are_one_run_also_where_they_are_named(tmp_path):
    first = write(tmp_path, b"", "lr-1/events.out.tfevents.1.host")
    second = write(tmp_path, b"", "lr-1/events.out.tfevents.2.host")
    other = write(tmp_path, b"", "lr-2/events.out.tfevents.1.host")
    both = {"lr-1": [first.name, second.name], "lr-2": [other.name]}
    assert groups(tmp_path)[0] == both
    assert groups(first, second, other)[0] == both
    assert groups(first, tmp_path)[0] == both


@pytest.mark.parametrize(
    ("folders", "kept"),
    [
        (["checkpoint-5", "checkpoint-10"], "checkpoint-10"),
        (["checkpoint-5", "."], "."),
        (["."], "."),
    ],
)
def test_of_a_trainer_s_states_the_latest_stands_for_the_run(tmp_path, folders, kept):
    for folder in folders:
        write(tmp_path, STATE, f"out/{folder}/trainer_state.json")
    ((group,), _) = find_groups([tmp_path])
    assert group.name == "out"
    assert group.paths == ((tmp_path / "out" / kept / "trainer_state.json"),)


def test_a_place_without_a_log_says_so(tmp_path):
    with pytest.raises(BadInput, match="holds no training log"):
        find_groups([tmp_path])
    with pytest.raises(NotFound, match="there is no file or folder"):
        find_groups([tmp_path / "gone"])
