"""The ledger: one small database that says what is current. SQLite by default, PostgreSQL for teams.

``TRAINFARE_DATABASE`` names another database (``postgresql+psycopg://…``). Migrations run when a
ledger is opened; a ledger made by a later Trainfare is refused.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from trainfare.core.errors import BadInput, OutsideFailed

MIGRATIONS = Path(__file__).parent / "migrations"


class Ledger:
    """An open ledger; :meth:`change` is one transaction, :meth:`look` reads one state."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self._engine = _engine(url)
            self._changing = self._engine.execution_options(is_change=True)
            _upgrade(self._engine, self._changing)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise OutsideFailed(f"cannot open the ledger {_shown(url)}: {_reason(error)}") from None

    @contextlib.contextmanager
    def change(self) -> Iterator[sa.Connection]:
        """A transaction: all of the block's writes become true together, or none."""
        try:
            with self._changing.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise OutsideFailed(
                f"the ledger {_shown(self.url)} refused a change: {_reason(error)}; nothing was changed"
            ) from None

    @contextlib.contextmanager
    def look(self) -> Iterator[sa.Connection]:
        """A connection to read with."""
        try:
            with self._engine.connect() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise OutsideFailed(
                f"the ledger {_shown(self.url)} cannot be read: {_reason(error)}"
            ) from None

    def ping(self) -> None:
        """Pass where the database answers.

        Raises:
            OutsideFailed: it does not.
        """
        with self.look() as connection:
            connection.execute(sa.text("SELECT 1"))

    def close(self) -> None:
        """Let the connections go."""
        self._engine.dispose()


@contextlib.contextmanager
def open_ledger(home: Path, url: str | None = None) -> Iterator[Ledger]:
    """The ledger of *home*, or the one that ``TRAINFARE_DATABASE`` names, brought up to date."""
    chosen = url or os.environ.get("TRAINFARE_DATABASE")
    if not chosen:
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutsideFailed(f"cannot make {home}: {error.strerror}") from None
        chosen = f"sqlite:///{home / 'ledger.db'}"
    ledger = Ledger(chosen)
    try:
        yield ledger
    finally:
        ledger.close()


def _engine(url: str) -> sa.Engine:
    try:
        engine = sa.create_engine(url)
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise BadInput(
            f"TRAINFARE_DATABASE {_shown(url)!r} cannot be used ({error}); "
            "write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _make_durable)
        # pysqlite's own implicit transactions would let reads see half of a change.
        sa.event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: sa.Connection) -> None:
    """Start a transaction; one that changes waits its turn now, for SQLite would not later."""
    is_change = connection.get_execution_options().get("is_change")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_change else "BEGIN")


def _make_durable(connection: Any, _record: object) -> None:
    """What is committed survives a power cut; readers never wait for a writer."""
    connection.isolation_level = None
    for pragma in ("busy_timeout=60000", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    _keep_ahead(connection)


def _keep_ahead(connection: Any) -> None:
    """Have changes written ahead; SQLite does not wait for others who open a new ledger too."""
    tries = 200
    for left in reversed(range(tries)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or not left:
                raise
            time.sleep(0.05)
        else:
            return


def _upgrade(looking: sa.Engine, changing: sa.Engine) -> None:
    """Bring the schema to the newest version, in one transaction; a newest one is only looked at."""
    script = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    head = script.get_current_head()
    assert head is not None
    with looking.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == head:
            return
    with changing.begin() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found == head:  # another process was faster
            return
        if found is not None and found not in {one.revision for one in script.walk_revisions()}:
            raise BadInput(
                f"the ledger {_shown(str(changing.url))} has schema {found}, this Trainfare knows up "
                f"to {head}; upgrade with pip install -U trainfare"
            )
        with EnvironmentContext(
            Config(),
            script,
            fn=lambda revision, _context: script._upgrade_revs(head, revision),  # noqa: SLF001 (as alembic's own command does)
        ) as environment:
            environment.configure(connection=connection)
            environment.run_migrations()


def _shown(url: str) -> str:
    """The URL without its password."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return "(unreadable)"


def _reason(error: Exception) -> str:
    """The database's own sentence, without SQLAlchemy's hints."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
