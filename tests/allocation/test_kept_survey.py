"""A kept survey is used while it holds, and never when the bill or the rules' columns changed."""

import os
import shutil

import pyarrow.parquet as pq
import pytest

from allocation.lake import NANO, charge, claim, write_lake
from trainfare.allocation.engine_duckdb import allocate, survey
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.kept_survey import SurveyWriter, find_survey, survey_name
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
