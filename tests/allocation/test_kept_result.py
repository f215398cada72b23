"""A kept result is gone on from where it is as it was written and little has changed, and nowhere else."""

import json
import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from allocation.lake import NANO, charge, claim, ns, numbered, write_lake
from allocation.lake import at as moment
from trainfare.allocation.database import open_database
from trainfare.allocation.engine_duckdb import allocate
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.increment import reallocate
from trainfare.allocation.kept_result import (
    KeptResult,
    NotReusable,
    facts_of,
    find_kept_result,
    keeping,
)
from trainfare.allocation.match import parse_match
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules
from trainfare.allocation.summary import Standing
from trainfare.core.period import Interval

MACHINES = [f"i-{number}" for number in range(8)]
BILL = [charge(2 * NANO + number, resource=name) for number, name in enumerate(MACHINES)]
LIFE = Interval(ns(moment(0)), ns(moment(1)))
MATCH = 'SubAccountId = "1"'
RULES = Rules((Rule("one", parse_match(MATCH), MATCH, Outcome.LABEL, "team=nlp"),))


class Home:
    """One bill, its last result and what is kept of it."""

    def __init__(self, folder, known):
        self.folder = folder
        self.number = 0
        self.charges = [write_lake(folder / "part.parquet", numbered(BILL))]
        self.last = folder / "first.parquet"
        self.kept = {"keep": folder / "survey", "base": folder / "base"}
        self.first = allocate(self.charges, known, out=self.last, threads=1, **self.kept)

    def next(self, known, rules=NO_RULES):
        self.number += 1
        out = self.folder / f"next-{self.number}"
        done = reallocate(
            self.charges, known, rules, last=self.last, out=out, threads=1, **self.kept
        )
        self.last = out
        return done


def known(*halved, **more):
    """Run a has every machine for the hour, of the *halved* only half of it."""
    ends = {name: 0.5 if name in halved else 1 for name in MACHINES}
    return Evidence([claim("a", 0, end, resource=name) for name, end in ends.items()], **more)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path, known())


def test_a_quarter_of_the_bill_may_change_and_no_more(home):
    done = home.next(known("i-0", "i-1"))
    assert (done.touched, done.cells) == (2, 8)
    assert done.summary.outcomes[0].runs == 15 * NANO - NANO + 28 - 1
    with pytest.raises(NotReusable, match="3 of 8 resource-days changed"):
        home.next(known("i-0", "i-1", "i-2", "i-3", "i-4"))


def test_half_of_the_first_result_may_be_renewed_and_no_more(home):
    home.next(known("i-0"))
    home.next(known("i-0", "i-1"))
    with pytest.raises(NotReusable, match="much has changed since the whole bill was allocated"):
        home.next(known("i-0", "i-1", "i-2", "i-3"))
    assert [each.name for each in (home.folder / "base").iterdir()] == ["next-2"]


@pytest.mark.parametrize(
    ("evidence", "rules", "told"),
    [
        (known(), RULES, "the rules changed"),
        (known(lives=[("i-0", LIFE)]), NO_RULES, "lives changed"),
        (known(run_bytes={"a": 7}), NO_RULES, "bytes changed"),
    ],
)
def test_what_reaches_every_charge_is_said(home, evidence, rules, told):
    with pytest.raises(NotReusable, match=told):
        home.next(evidence, rules)


def test_what_is_kept_is_what_was_allocated(home):
    kept = find_kept_result(home.folder / "base", home.last)
    assert (kept.result, kept.base, kept.base_rows) == (home.last, home.last, 8)
    amounts = (16 * NANO + 28,) * 4
    assert kept.standings == (Standing("USD", None, "resource_overlap", 8, 8, amounts),)
    home.next(known("i-3"))
    again = find_kept_result(home.folder / "base", home.last)
    assert (again.result, again.base_rows) == (home.last, 8)
    assert again.base == home.last / "base.parquet"
    assert {one.remainder: (one.rows, one.amounts[1]) for one in again.standings} == {
        None: (8, 15 * NANO + 26),
        "idle": (1, NANO + 2),
    }


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda result, kept: shutil.rmtree(kept), "nothing is kept of the last one"),
        (lambda result, kept: (kept / "facts.json").write_text("{}"), "nothing is kept"),
        (lambda result, kept: (kept / "facts.json").write_text("no"), "nothing is kept"),
        (lambda result, kept: result.unlink(), "the last one is gone"),
        (lambda result, kept: os.utime(result, (7, 7)), "files of the last one were changed"),
        (lambda result, kept: (kept / "outs.parquet").unlink(), "files of the last one were changed"),
    ],
)  # fmt: skip
def test_what_was_spoilt_is_not_gone_on_from(home, spoil, told):
    spoil(home.last, home.folder / "base" / home.last.name)
    with pytest.raises(NotReusable, match=told):
        find_kept_result(home.folder / "base", home.last)


def test_facts_do_not_depend_on_claims_or_on_the_order_in_which_things_are_known():
    lives = [("i-0", LIFE), ("i-1", LIFE)]
    one = facts_of(known(lives=lives, run_bytes={"a": 1, "b": 2}), RULES, "s")
    other = Evidence(lives=lives[::-1], run_bytes={"b": 2, "a": 1})
    assert facts_of(other, RULES, "s") == one
    assert json.loads(json.dumps(one)) == one
    assert {name for name, fact in facts_of(Evidence(), NO_RULES, "t").items() if one[name] != fact} == {
        "the bill", "the rules", "lives", "bytes",
    }  # fmt: skip


def test_what_was_not_settled_goes(tmp_path):
    with pytest.raises(ValueError, match="stop"), keeping(tmp_path, tmp_path / "r", {}) as keeper:
        assert keeper.writer.partial.exists()
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_renewed_result_are_its_base_without_what_is_gone_and_what_came(tmp_path):
    for name, numbers in (("base", [3, 5, 7, 11]), ("fresh", [13, 17])):
        pq.write_table(pa.table({"n": numbers}), tmp_path / f"{name}.parquet")
    pq.write_table(pa.table({"row": pa.array([1, 3], pa.int64())}), tmp_path / "gone.parquet")

    def rows(result):
        with open_database() as database:
            asked = KeptResult(tmp_path, result, {}, (), 4).rows_sql()["kept_rows"]
            return sorted(n for (n,) in database.execute(f"FROM {asked}").fetchall())

    assert rows(tmp_path) == [3, 7, 13, 17]
    assert rows(tmp_path / "base.parquet") == [3, 5, 7, 11]
