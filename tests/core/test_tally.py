"""What a reader counts: every problem is counted, the first are told, and nothing twice."""

from trainfare.core.tally import BadRecords, Tally


def test_skips_are_counted_by_reason_and_notes_are_said_once():
    tally = Tally("jobs.txt")
    tally.skip("not ended")
    tally.skip("not ended", 2)
    tally.skip("no node")
    for _ in range(2):
        tally.note("times are taken for UTC")
    assert dict(tally.skipped) == {"not ended": 3, "no node": 1}
    assert list(tally.notes) == ["times are taken for UTC"]


def test_a_problem_has_its_place_and_value_as_text():
    tally = Tally("jobs.txt")
    tally.refuse("is no number; write digits", 7, "Share", 0.5)
    tally.refuse("is empty")
    first, second = tally.problems
    assert (first.file, first.row, first.column, first.value) == ("jobs.txt", 7, "Share", "0.5")
    assert (second.row, second.column, second.value) == (None, None, None)


def test_all_problems_are_counted_and_a_thousand_remembered():
    tally = Tally("jobs.txt")
    for row in range(1003):
        tally.refuse("is wrong", row)
    assert (tally.problem_count, len(tally.problems)) == (1003, 1000)
    assert tally.problems[-1].row == 999


def test_a_refusal_shows_twenty_and_says_how_many_more():
    tally = Tally("jobs.txt")
    for row in range(25):
        tally.refuse("is wrong", row)
    told = str(BadRecords(tuple(tally.problems), 1025)).splitlines()
    assert told[0] == "1,025 problems; nothing was imported"
    assert len(told) == 22
    assert told[-1] == "  and 1,005 more problems"
    assert "jobs.txt" in told[1]
    assert "row 19" in told[20]


def test_one_problem_is_one():
    tally = Tally("jobs.txt")
    tally.refuse("is wrong", 3)
    error = BadRecords(tuple(tally.problems), 1)
    assert str(error).splitlines()[0] == "1 problem; nothing was imported"
    assert len(str(error).splitlines()) == 2
    assert (error.total, error.problems) == (1, tuple(tally.problems))
