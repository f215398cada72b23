"""Laws of readings: all or nothing, every skip counted, large sources read again instead of held."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.clusters.record import ClaimRecord, clean_labels, make_reading
from trainfare.core.period import Interval
from trainfare.core.tally import BadRecords


def record(n):
    return ClaimRecord("r", 1, f"i-{n}", Interval(0, n), Fraction(1), {}, "csv", n)


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_source_above_the_limit_gives_the_same_records_every_time(count, kept):
    def parse(tally):
        for n in range(count):
            tally.skip("odd") if n % 2 else None
            yield record(n)

    reading = make_reading("csv", "f", parse, kept=kept)
    expected = [record(n) for n in range(count)]
    assert list(reading.records) == list(reading.records) == expected
    assert reading.count == count
    assert reading.skipped.get("odd", 0) == count // 2


def test_one_problem_refuses_the_file_and_all_problems_are_told():
    def parse(tally):
        for n in range(30):
            tally.refuse("is wrong; mend it", n, "share", n)
            yield record(n)

    with pytest.raises(BadRecords) as caught:
        make_reading("csv", "june.csv", parse)
    text = str(caught.value)
    assert text.startswith("30 problems; nothing was imported")
    assert "june.csv row 3, column share: '3' is wrong; mend it" in text
    assert "and 10 more problems" in text
    assert len(caught.value.problems) == caught.value.total == 30


def test_a_source_that_breaks_between_two_readings_says_so():
    passes = []

    def parse(tally):
        passes.append(1)
        yield record(1)
        if len(passes) > 1:
            tally.refuse("changed")

    reading = make_reading("csv", "f", parse, kept=0)
    with pytest.raises(BadRecords, match="changed"):
        list(reading.records)


@pytest.mark.parametrize("interval", [Interval(-5, 3), Interval(3, 2**63)])
def test_times_that_the_ledger_cannot_hold_are_refused(interval):
    def parse(tally):
        yield replace(record(1), interval=interval)

    with pytest.raises(BadRecords, match="row 1: is a claim on i-1 outside the years 1970 to 2262"):
        make_reading("csv", "f", parse)


@given(st.dictionaries(st.text(max_size=80), st.text(max_size=400) | st.none() | st.integers()))
def test_any_foreign_words_become_valid_labels(pairs):
    labels = clean_labels(pairs)
    assert clean_labels(labels) == labels


def test_a_record_carries_its_claim():
    claim = record(3).claim()
    assert (claim.run, claim.attempt, claim.resource_id, claim.share) == ("r", 1, "i-3", 1)
