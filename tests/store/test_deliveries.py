"""Which delivery is current: append-only, askable as of any past instant, idempotent."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainfare.core.errors import BadInput, NotFound, OutsideFailed
from trainfare.store.deliveries import (
    StoredDelivery,
    all_deliveries,
    current_deliveries,
    find_current,
    get_deliveries,
    put_deliveries,
)
from trainfare.store.ledger import open_ledger


def delivery(id, source="aws", period="2026-10", effective=10**20):
    totals = {"USD": {"billed": 5, "effective": effective}}
    return StoredDelivery(
        id, source, period, "focus-1.2", f"{source}/{period}/{id}", 3, 1, ("a.csv",), totals, 7
    )


@pytest.fixture
def ledger(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as opened:
        yield opened


def put(ledger, at, *deliveries):
    with ledger.change() as connection:
        return put_deliveries(connection, deliveries, at)


def current(ledger, **more):
    with ledger.look() as connection:
        return [d.id for d in current_deliveries(connection, **more)]


def test_a_delivery_is_kept_whole_even_beyond_64_bits(ledger):
    put(ledger, 1, delivery("a"))
    with ledger.look() as connection:
        (found,) = current_deliveries(connection)
    assert found == delivery("a")


def test_a_later_delivery_replaces_and_the_earlier_one_stays_askable(ledger):
    put(ledger, 10, delivery("a"))
    (replaced,) = put(ledger, 20, delivery("b"))
    assert replaced.id == "a"
    assert current(ledger) == ["b"]
    assert current(ledger, as_of_ns=19) == ["a"]
    assert current(ledger, as_of_ns=9) == []


def test_the_same_delivery_twice_changes_nothing(ledger):
    put(ledger, 10, delivery("a"))
    assert put(ledger, 20, delivery("a")) == [None]
    with ledger.look() as connection:
        assert len(all_deliveries(connection)) == 1
    assert current(ledger, as_of_ns=15) == ["a"]


def test_instants_of_the_ledger_never_go_back(ledger):
    put(ledger, 20, delivery("a"))
    put(ledger, 10, delivery("b"))
    assert current(ledger) == ["b"]
    assert current(ledger, as_of_ns=20) == ["a"]


def test_a_delivery_that_comes_back_is_current_again(ledger):
    for at, id in ((10, "a"), (20, "b"), (30, "a")):
        put(ledger, at, delivery(id))
    assert current(ledger) == ["a"]
    assert current(ledger, as_of_ns=25) == ["b"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["aws", "gcp"]),
            st.sampled_from(["2026-09", "2026-10"]),
        ),
        max_size=12,
    )
)
@settings(max_examples=25, deadline=None)
def test_the_newest_of_each_source_and_period_is_current(tmp_path_factory, new_database, imports):
    expected = {}
    with open_ledger(tmp_path_factory.mktemp("home"), new_database()) as ledger:
        for at, (id, source, period) in enumerate(imports):
            put(ledger, at, delivery(f"{id}{source}{period}", source, period))
            expected[source, period] = f"{id}{source}{period}"
        assert sorted(current(ledger)) == sorted(expected.values())
        with ledger.look() as connection:
            for (source, period), id in expected.items():
                assert find_current(connection, source, period).id == id


def test_a_change_that_fails_changes_nothing(ledger):
    put(ledger, 1, delivery("a"))
    with pytest.raises(ZeroDivisionError):
        with ledger.change() as connection:
            put_deliveries(connection, [delivery("b")], 2)
            1 / 0
    assert current(ledger) == ["a"]


def test_a_delivery_is_found_by_the_beginning_of_its_id(ledger):
    put(ledger, 1, delivery("abc"), delivery("abd", period="2026-09"))
    with ledger.look() as connection:
        assert get_deliveries(connection, "abc")[0].id == "abc"
        with pytest.raises(NotFound, match="2 deliveries begin with 'ab'"):
            get_deliveries(connection, "ab")
        with pytest.raises(NotFound, match="bill list"):
            get_deliveries(connection, "x")


def test_a_ledger_of_a_later_trainfare_is_refused_with_the_remedy(tmp_path, new_database):
    url = new_database()
    with open_ledger(tmp_path, url) as ledger, ledger.change() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(BadInput, match=r"schema 9999.*pip install -U trainfare"):
        with open_ledger(tmp_path, url):
            pass


def test_a_file_that_is_no_database_is_one_sentence(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"not a database" * 100)
    with pytest.raises(OutsideFailed, match="cannot open the ledger"):
        with open_ledger(tmp_path):
            pass


def test_a_database_url_nobody_understands_is_refused_without_its_password(tmp_path):
    with pytest.raises(BadInput) as refused:
        with open_ledger(tmp_path, "nosuch://me:secret@host/db"):
            pass
    assert "secret" not in str(refused.value)
