"""The whole bill path gives the same answers, to the nano, on SQLite and on PostgreSQL."""

import pytest

pytest.importorskip("duckdb")

from flows.bills import hour, trainfare, write_bill, write_claims
from trainfare import track

LONG = "n" * 300


def answers(home, tmp_path):
    """What every command says after bills, claims, tags, a restatement and a run of its own."""
    with track(name=LONG, run_id="metered-1", price="3.6/h", labels={"note": "é 🚀 " + "x" * 200}):
        pass
    first = write_bill(
        tmp_path / "first.csv",
        hour("i-1", 8, "8.00"),
        hour("i-2", 8, "1.000000001", tags='{"run_id": "tagged-1", "team": "ünit"}'),
        hour("i-3", 9, "0.333333333"),
    )
    later = write_bill(tmp_path / "later.csv", hour("i-1", 8, "9.00"), hour("i-2", 8, "1.5"))
    claims = write_claims(
        tmp_path / "claims.csv", ("a", "i-1", 8, 8.5, "1"), ("b", "i-1", 8.5, 9, "0.333333333")
    )
    said = [
        trainfare(home, "bill", "import", first),
        trainfare(home, "claims", "import", claims),
        trainfare(home, "allocate"),
        trainfare(home, "claims", "import", claims),
        trainfare(home, "report", "--by", "run,team"),
        trainfare(home, "bill", "import", later),
        trainfare(home, "verify"),
        trainfare(home, "allocate"),
        trainfare(home, "verify"),
        trainfare(home, "report", "--by", "run,component,day,method"),
        trainfare(home, "reconcile"),
        trainfare(home, "explain", "a"),
        trainfare(home, "bill", "list"),
        trainfare(home, "claims", "list"),
        trainfare(home, "utilization"),
    ]
    return [timeless(one) for one in said]


def timeless(document):
    """A document without what differs from one try to the next: instants and what ran just now."""
    if isinstance(document, dict):
        return {
            key: timeless(value)
            for key, value in document.items()
            if not key.endswith("_at") and key not in ("as_of", "since", "until")
        }
    if isinstance(document, list):
        return [
            timeless(one)
            for one in document
            if not (isinstance(one, dict) and one.get("run") == "metered-1")
        ]
    return document


def test_every_answer_is_the_same_on_both(tmp_path, postgres, monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    found = []
    for name, url in (("sqlite", None), ("postgresql", postgres.new_database())):
        home = tmp_path / name
        monkeypatch.setenv("TRAINFARE_HOME", str(home))
        if url:
            monkeypatch.setenv("TRAINFARE_DATABASE", url)
        found.append(answers(home, tmp_path))
        assert (home / "ledger.db").exists() is (url is None)
    for on_sqlite, on_postgresql in zip(*found, strict=True):
        assert on_sqlite == on_postgresql


@pytest.mark.parametrize(("resource", "said"), [("r" * 600, "longer than 512"), ("i-\0x", "NUL")])
def test_what_a_database_cannot_hold_is_refused_alike_before_it_is_asked(
    tmp_path, new_database, monkeypatch, resource, said
):
    from trainfare.core.claim import Claim
    from trainfare.core.errors import BadInput
    from trainfare.core.period import Interval
    from trainfare.store.claims import put_claims
    from trainfare.store.ledger import open_ledger

    with open_ledger(tmp_path, new_database()) as ledger, pytest.raises(BadInput, match=said):
        with ledger.change() as connection:
            put_claims(connection, [Claim("a", 1, resource, Interval(0, 1))], {}, "csv")


def test_a_name_that_no_column_holds_is_cut_and_keeps_no_run_from_its_list(
    tmp_path, new_database, monkeypatch
):
    from trainfare.flows.sights import Sights
    from trainfare.metering.shelf import run_ids
    from trainfare.store.ledger import open_ledger

    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path))
    for run, name in (("long", LONG), ("plain", "plain")):
        with track(name=name, run_id=run, price="3.6/h"):
            pass
    assert sorted(run_ids(tmp_path)) == ["long", "plain"]
    with open_ledger(tmp_path, new_database()) as ledger:
        Sights(tmp_path, ledger).settle()
        with ledger.look() as connection:
            rows = connection.exec_driver_sql("SELECT run, name FROM run_sight ORDER BY run").all()
    assert [(row.run, row.name) for row in rows] == [("long", LONG[:256]), ("plain", "plain")]
