"""A home that the first Trainfare with a ledger made is opened by this one, and nothing of it is lost.

earliest_home.tar.gz was written by that version: a metered run, a bill of two charges, a claim on
one of them, the allocation, and a price of the user's own.
"""

import sqlite3
import tarfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from flows.bills import hour, trainfare, write_bill, write_claims
from store.test_migrations import VERSIONS, make
from trainfare.store.ledger import open_ledger

FIRST, METERED = "0001", "r-1k8fflqnttvca4"


@pytest.fixture
def home(tmp_path, new_database, monkeypatch):
    """The home, its ledger on SQLite as it was or carried over to PostgreSQL in its own schema."""
    folder = tmp_path / "home"
    with tarfile.open(Path(__file__).with_name("earliest_home.tar.gz")) as archive:
        archive.extractall(folder, filter="data")
    with sqlite3.connect(folder / "ledger.db") as ledger:
        assert list(ledger.execute("SELECT version_num FROM alembic_version")) == [(FIRST,)]
    url = new_database()
    if url.startswith("postgresql"):
        move(folder / "ledger.db", url)
        monkeypatch.setenv("TRAINFARE_DATABASE", url)
    return folder


def move(file, url):
    """Carry every row of the SQLite ledger *file* to the database of *url*, in the first schema."""
    engine = make(url, FIRST)
    there = sa.MetaData()
    there.reflect(engine)
    with sqlite3.connect(file) as ledger, engine.begin() as connection:
        ledger.row_factory = sqlite3.Row
        for table in there.sorted_tables:
            if table.name == "alembic_version":
                continue
            rows = [dict(row) for row in ledger.execute(f"SELECT * FROM {table.name}")]
            assert rows, table.name
            connection.execute(table.insert(), rows)
            if "id" in table.columns and isinstance(table.columns["id"].type, sa.Integer):
                counter = (
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {len(rows)})"
                )
                connection.execute(sa.text(counter))
    engine.dispose()
    file.unlink()


def owners(home):
    rows = trainfare(home, "report", "--by", "run")["rows"]
    return {row["run"]: row["allocated"] for row in rows}


def test_everything_in_it_is_there_as_it_was(home):
    kept = {path: path.read_bytes() for path in home.rglob("*.parquet")}
    assert len(kept) == 2
    [run] = trainfare(home, "runs")["runs"]
    assert (run["run"], run["name"], run["status"]) == (METERED, "first", "finished")
    receipt = trainfare(home, "receipt", "first")
    assert receipt["estimated"]["total"] == "0.001201029"
    assert receipt["labels"].items() >= {"model": "m", "team": "nlp", "experiment": "e"}.items()
    [bill] = trainfare(home, "bill", "list")["deliveries"]
    assert (bill["period"], bill["source"], bill["rows"]) == ("2026-10", "aws-acct-1", 2)
    claims = trainfare(home, "claims", "list")["claims"]
    assert {(one["run"], one["resource"]) for one in claims} >= {("r-1", "i-1")}
    assert {one["run"] for one in claims} == {"r-1", METERED}
    assert owners(home) == {"r-1": "2.500000000"}
    trainfare(home, "verify")
    [price] = trainfare(home, "prices", "list")["overrides"]
    assert "2.1" in str(price)
    assert {path: path.read_bytes() for path in home.rglob("*.parquet")} == kept
    with open_ledger(home) as ledger, ledger.look() as connection:
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    assert found == VERSIONS[-1]


def test_work_goes_on_in_it(home, tmp_path):
    claims = write_claims(tmp_path / "claims.csv", ("r-2", "i-2", 9, 9.5, 1))
    trainfare(home, "claims", "import", claims)
    trainfare(home, "allocate")
    assert owners(home) == {"r-1": "2.500000000", "r-2": "0.500000000"}
    restated = write_bill(tmp_path / "bill.csv", hour("i-1", 8, "3"), hour("i-2", 9, "1"))
    trainfare(home, "bill", "import", restated)
    trainfare(home, "allocate")
    assert owners(home) == {"r-1": "3.000000000", "r-2": "0.500000000"}
    trainfare(home, "verify")
    assert len(trainfare(home, "bill", "list")["deliveries"]) == 2
