"""A kept survey is used while it holds, and never when the bill or the rules' columns changed."""

import os
import shutil

import pyarrow.parquet as pq
import pytest

from allocation.lake import NANO, charge, claim, write_lake
from trainfare.allocation import kept_survey
from trainfare.allocation.engine_duckdb import allocate, survey
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.kept_survey import (
    SurveyWriter,
    file_of,
    find_survey,
    former_survey,
    is_whole,
    link,
    survey_name,
)
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules

EVIDENCE = Evidence(claims=[claim("a", 0, 0.5)])


@pytest.fixture
def bill(tmp_path):
    """Allocate a bill of one charge and say what runs got."""

    def run(nano=10 * NANO, rules=NO_RULES):
        path = tmp_path / "part.parquet"
        write_lake(path, [charge(nano, RegionId="eu", x_Operation="Train")])
        os.utime(path, ns=(nano, nano))
        done = allocate(
            [path], EVIDENCE, rules, out=tmp_path / "out.parquet", keep=tmp_path / "keep"
        )
        return done.outcomes[0].runs

    return run


def surveys(tmp_path):
    return sorted(each.name for each in (tmp_path / "keep").iterdir())


def test_the_same_bill_is_surveyed_once(bill, tmp_path):
    assert bill() == 5 * NANO
    [name] = surveys(tmp_path)
    (tmp_path / "keep" / name / "mark").touch()
    assert bill() == 5 * NANO
    assert (tmp_path / "keep" / name / "mark").exists()


def test_a_bill_surveyed_before_is_allocated_from_there(bill, tmp_path):
    bill()
    before = surveys(tmp_path)
    shutil.rmtree(tmp_path / "keep")
    survey([tmp_path / "part.parquet"], keep=tmp_path / "keep")
    assert surveys(tmp_path) == before
    assert bill() == 5 * NANO


def test_another_bill_is_surveyed_anew_and_takes_the_place(bill, tmp_path):
    bill()
    before = surveys(tmp_path)
    assert bill(4 * NANO) == 2 * NANO
    after = surveys(tmp_path)
    assert len(after) == 1
    assert after != before


def test_rules_that_look_at_more_need_another_survey(bill, tmp_path):
    bill()
    before = surveys(tmp_path)
    match = 'x_Operation = "Train"'
    rule = Rule("r", parse_match(match), match, Outcome.RUN, "run-r", 50)
    assert bill(rules=Rules((rule,))) == 10 * NANO
    assert surveys(tmp_path) != before


def test_a_survey_that_was_cut_off_is_not_found(tmp_path):
    path = write_lake(tmp_path / "part.parquet", [charge()])
    name = survey_name([path], ["ResourceId"])
    writer = SurveyWriter(tmp_path / "keep", name)
    assert find_survey(tmp_path / "keep", name) is None
    writer.settle()
    assert find_survey(tmp_path / "keep", name) is not None


def test_two_writers_of_one_survey_leave_one(tmp_path):
    path = write_lake(tmp_path / "part.parquet", [charge()])
    name = survey_name([path], ["ResourceId"])
    first, second = SurveyWriter(tmp_path / "keep", name), SurveyWriter(tmp_path / "keep", name)
    assert second.settle() == first.settle()
    assert surveys(tmp_path) == [name]


def test_what_a_crash_left_behind_goes_after_a_day(tmp_path):
    path = write_lake(tmp_path / "part.parquet", [charge()])
    crashed = SurveyWriter(tmp_path / "keep", "other")
    os.utime(crashed.partial, (0, 0))
    name = survey_name([path], ["ResourceId"])
    SurveyWriter(tmp_path / "keep", name).settle()
    assert surveys(tmp_path) == [name]


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_damaged_survey_is_made_anew(bill, tmp_path, is_cut):
    bill()
    [name] = surveys(tmp_path)
    for file in sorted((tmp_path / "keep" / name).glob("*.parquet")):
        if is_cut:
            file.write_bytes(file.read_bytes()[:100])
        else:
            file.unlink()
        assert bill() == 5 * NANO
        assert surveys(tmp_path) == [name]
        assert pq.read_metadata(file).num_columns


def settled(folder, name):
    """A kept survey of one file."""
    writer = SurveyWriter(folder, name)
    file_of(writer.partial, "census").write_bytes(b"seven")
    return writer.settle()


def test_the_survey_before_is_the_latest_whole_one_of_another_name(tmp_path):
    keep = tmp_path / "keep"
    keep.mkdir()
    for name, seconds in (("b", 200), ("a", 300), ("c", 100), ("cut", 400)):
        shutil.move(settled(tmp_path / "made", name), keep / name)
        os.utime(keep / name, (seconds, seconds))
    file_of(keep / "cut", "census").write_bytes(b"cut")
    os.utime(keep / "cut", (400, 400))
    shutil.copytree(keep / "a", keep / ".partial-x")
    assert former_survey(keep, "none") == keep / "a"
    assert former_survey(keep, "a") == keep / "b"
    assert former_survey(keep / "a", "a") is None


@pytest.mark.parametrize("seal", ["no JSON", "7", '{"census.parquet": [5, 7]}', '{"gone": [5, 7]}'])
def test_a_folder_with_another_seal_is_not_whole(tmp_path, seal):
    kept = settled(tmp_path, "a")
    assert is_whole(kept)
    (kept / "seal.json").write_text(seal)
    assert is_whole(kept) is False
    assert find_survey(tmp_path, "a") is None
    assert is_whole(tmp_path / "none") is False


def test_settling_makes_room_but_not_of_what_is_being_written(tmp_path):
    young, old = SurveyWriter(tmp_path, "other"), SurveyWriter(tmp_path, "other")
    os.utime(old.partial, (0, 0))
    settled(tmp_path, "a")
    shutil.copytree(tmp_path / "a", tmp_path / "damaged")
    assert settled(tmp_path, "b") == tmp_path / "b"
    assert {each.name for each in tmp_path.iterdir()} == {"b", young.partial.name}
    young.drop()
    young.drop()
    assert surveys_in(tmp_path) == ["b"]


def surveys_in(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize(("age", "stays"), [(86_399, True), (86_400, False)])
def test_what_is_being_written_may_take_a_day(tmp_path, monkeypatch, age, stays):
    writer = SurveyWriter(tmp_path, "other")
    written = 1_000_000_000
    os.utime(writer.partial, (written, written))
    monkeypatch.setattr(kept_survey.time, "time", lambda: written + age)
    settled(tmp_path, "a")
    monkeypatch.undo()
    assert writer.partial.exists() is stays


def test_a_damaged_survey_of_the_name_is_replaced_and_a_whole_one_stays(tmp_path):
    kept = settled(tmp_path, "a")
    (kept / "mark").touch()
    settled(tmp_path, "a")
    assert (kept / "mark").exists(), "it was whole"
    file_of(kept, "census").write_bytes(b"cut")
    settled(tmp_path, "a")
    assert not (kept / "mark").exists()
    assert is_whole(kept)
    assert surveys_in(tmp_path) == ["a"]


def test_names_of_surveys_tell_files_their_order_and_columns_apart(tmp_path):
    paths = [tmp_path / name for name in ("one", "two")]
    for path in paths:
        path.write_bytes(b"seven")
        os.utime(path, (7, 7))
    one = survey_name(paths, ["a", "b"])
    assert survey_name(paths, ("a", "b")) == one
    others = {
        survey_name(paths[::-1], ["a", "b"]),
        survey_name(paths, ["a"]),
        survey_name([], ["a", "b"]),
    }
    os.utime(paths[1], (8, 7))
    assert survey_name(paths, ["a", "b"]) == one
    os.utime(paths[1], (7, 8))
    others.add(survey_name(paths, ["a", "b"]))
    assert len(others | {one}) == 5
    assert {len(name) for name in others} == {24}


def test_a_file_gets_one_more_name_or_where_that_cannot_be_a_copy(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"seven")
    link(file, tmp_path / "linked")
    assert (tmp_path / "linked").samefile(file)

    def refuse(*names):
        raise OSError("this disk knows one name only")

    monkeypatch.setattr(os, "link", refuse)
    link(file, tmp_path / "copied")
    assert (tmp_path / "copied").read_bytes() == b"seven"
    assert not (tmp_path / "copied").samefile(file)
