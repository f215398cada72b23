"""A ledger of any earlier Trainfare is brought up to date, and nothing of it is lost."""

import itertools

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from trainfare.store.ledger import MIGRATIONS, open_ledger
from trainfare.store.schema import METADATA

SCRIPT = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
VERSIONS = [one.revision for one in reversed(list(SCRIPT.walk_revisions()))]
EARLIER = VERSIONS[:-1]


def make(url, version):
    """A ledger as the Trainfare left it whose newest schema was *version*."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            for each in VERSIONS[: VERSIONS.index(version) + 1]:
                SCRIPT.get_revision(each).module.upgrade()
        context.stamp(SCRIPT, version)
    return engine


def fill(engine, rows=3):
    """Put invented rows into every table there is; table → its rows as they are read back."""
    numbers = itertools.count(1)
    tables = tables_of(engine)
    with engine.begin() as connection:
        for table in tables.values():
            for _ in range(rows):
                connection.execute(table.insert().values(invented(table, next(numbers))))
    return {name: read(engine, table) for name, table in tables.items()}


def tables_of(engine):
    found = sa.MetaData()
    found.reflect(engine)
    return {t.name: t for t in found.sorted_tables if t.name != "alembic_version"}


def invented(table, number):
    row = {}
    for column in table.columns:
        if column.autoincrement is True or (
            column.primary_key
            and len(table.primary_key) == 1
            and isinstance(column.type, sa.Integer)
            and not isinstance(column.type, sa.BigInteger)
        ):
            continue  # the database numbers these
        if isinstance(column.type, sa.LargeBinary):
            row[column.name] = bytes([0, number, 255])
        elif isinstance(column.type, sa.BigInteger):
            row[column.name] = 2**62 + number
        elif isinstance(column.type, sa.Integer):
            row[column.name] = number
        else:
            length = getattr(column.type, "length", None) or 300
            row[column.name] = f"é{number}".ljust(length, "x")
    return row


def read(engine, table):
    with engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(table))]
    for row in rows:
        for name, value in row.items():
            row[name] = bytes(value) if isinstance(value, memoryview) else value
    return sorted(rows, key=repr)


@pytest.mark.parametrize("version", EARLIER)
def test_an_earlier_ledger_keeps_all_its_rows(tmp_path, new_database, version):
    url = new_database()
    engine = make(url, version)
    before = fill(engine)
    engine.dispose()
    with open_ledger(tmp_path, url):
        pass
    engine = sa.create_engine(url)
    after = {name: read(engine, table) for name, table in tables_of(engine).items()}
    for name, rows in before.items():
        kept = [{key: row[key] for key in rows[0]} for row in after[name]]
        assert sorted(kept, key=repr) == rows, name
    begun = {"folded"}  # the one new table that begins with a row
    assert {name for name in after if after[name]} | begun == set(before) | begun
    engine.dispose()


@pytest.mark.parametrize("version", [None, *EARLIER])
def test_migrations_lead_to_the_schema_that_the_code_knows(tmp_path, new_database, version):
    from alembic.autogenerate import compare_metadata

    url = new_database()
    if version is not None:
        make(url, version).dispose()
    with open_ledger(tmp_path, url):
        pass
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, METADATA)
    # Comments are for readers of the code; the database's own copy is not kept up to date.
    flat = [one for each in found for one in (each if isinstance(each, list) else [each])]
    found = [one for one in flat if one[0] != "modify_comment"]
    if engine.dialect.name != "sqlite":  # what only SQLite is given is not missed elsewhere
        found = [one for one in found if getattr(one[1], "name", "") != "run_sight_list"]
    assert found == []
    engine.dispose()


def test_versions_stand_in_one_row_and_each_can_be_undone(new_database):
    engine = make(new_database(), VERSIONS[-1])
    assert [SCRIPT.get_revision(one).down_revision for one in VERSIONS] == [None, *VERSIONS[:-1]]
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        for version in reversed(VERSIONS):
            SCRIPT.get_revision(version).module.downgrade()
    assert tables_of(engine) == {}
    engine.dispose()
