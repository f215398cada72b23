"""Claims arrive in any order, twice, growing; the ledger ends up the same."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from trainfare.core.claim import Claim
from trainfare.core.period import Interval
from trainfare.store.claims import put_claims, read_claims, read_labels
from trainfare.store.ledger import open_ledger


def claim(run="r", start=0, end=10, share="1", resource="i-0", attempt=1):
    return Claim(run, attempt, resource, Interval(start, end), Fraction(share))


def put(ledger, claims, labels=None, source="sacct"):
    with ledger.change() as connection:
        return put_claims(connection, claims, labels or {}, source)


def read(ledger, interval=None):
    with ledger.look() as connection:
        return read_claims(connection, interval)


claims = st.builds(
    claim,
    st.sampled_from("ab"),
    st.integers(0, 3),
    st.integers(4, 9),
    st.sampled_from(["1/2", "1/4", "1"]),
    st.sampled_from(["i-0", "i-1"]),
)


@given(st.lists(claims, max_size=12), st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_order_and_repetition_of_imports_do_not_matter(
    tmp_path_factory, new_database, found, random
):
    shuffled = found + found[: len(found) // 2]
    random.shuffle(shuffled)
    ledgers = []
    for order in (found, shuffled):
        with open_ledger(tmp_path_factory.mktemp("home"), new_database()) as ledger:
            for one in order:
                put(ledger, [one])
            ledgers.append(read(ledger))
    assert ledgers[0] == ledgers[1]


def test_the_same_records_twice_change_nothing(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as ledger:
        first = put(ledger, [claim(), claim(resource="i-1")])
        again = put(ledger, [claim(), claim(resource="i-1")])
    assert (first.added, first.changed, first.unchanged) == (2, 0, 0)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 2)


def test_a_job_that_ran_on_grows_and_never_shrinks(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as ledger:
        put(ledger, [claim(end=5)])
        assert put(ledger, [claim(end=9)]).changed == 1
        assert put(ledger, [claim(end=7)]).unchanged == 1
        assert read(ledger) == [claim(end=9)]


def test_only_claims_that_touch_the_interval_are_read(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as ledger:
        put(ledger, [claim("before", 0, 10), claim("in", 10, 20), claim("after", 20, 30)])
        assert [c.run for c in read(ledger, Interval(10, 20))] == ["in"]


def test_shares_keep_nine_places(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as ledger:
        put(ledger, [claim(share="1/3")])
        (found,) = read(ledger)
    assert found.share == Fraction(333_333_333, 10**9)


def test_labels_of_two_sources_settle_the_same_in_either_order(tmp_path_factory, new_database):
    results = []
    for order in (("a", "b"), ("b", "a")):
        with open_ledger(tmp_path_factory.mktemp("home"), new_database()) as ledger:
            for source in order:
                put(ledger, [claim()], {"r": {"team": f"from-{source}"}}, source)
            with ledger.look() as connection:
                results.append(read_labels(connection))
    assert results[0] == results[1] == {"r": {"team": "from-a"}}
