"""The ledger: one small database that says what is current. SQLite by default, PostgreSQL for teams.

``TRAINFARE_DATABASE`` names another database (``postgresql+psycopg://…``). Migrations run when a
ledger is opened; a ledger made by a later Trainfare is refused.

The laws are the same on both: one change after the other, so that a change finds what it read
until it ends and the ids of rows follow the order of changes; a look sees one state; whoever waits
for a minute is told so.
"""

from __future__ import annotations

import contextlib
import hashlib
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

BOOKS = "books"
"""The queue of changes to who held, who paid and what is current: everything but a server's own."""

_PATIENCE_MS = 60_000

_POSTGRESQL = {
    # A connection that died with its server is noticed before it is used, not by its user.
    "pool_pre_ping": True,
    "max_overflow": 20,
    "connect_args": {
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "options": f"-c lock_timeout={_PATIENCE_MS}",
    },
}


class Ledger:
    """An open ledger; :meth:`change` is one transaction, :meth:`look` reads one state."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _engine(url)
        self._changing = self._engine.execution_options(queue=BOOKS)
        self._looking = _looking(self._engine)
        try:
            _upgrade(self._looking, self._changing)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            self.close()
            raise OutsideFailed(f"cannot open the ledger {_shown(url)}: {_reason(error)}") from None
        except BadInput:
            self.close()
            raise

    @contextlib.contextmanager
    def change(self, queue: str = BOOKS) -> Iterator[sa.Connection]:
        """A transaction: all of the block's writes become true together, or none.

        Args:
            queue: changes of one queue wait for one another. On PostgreSQL those of another go on
                meanwhile, so they touch other tables; SQLite has one writer, whatever the queue.
        """
        changing = self._changing.execution_options(queue=queue)
        try:
            with changing.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise OutsideFailed(
                f"the ledger {_shown(self.url)} refused a change: {_reason(error)}; nothing was changed"
            ) from None

    @contextlib.contextmanager
    def look(self) -> Iterator[sa.Connection]:
        """A connection to read with."""
        try:
            with self._looking.connect() as connection:
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
    is_postgresql = url.startswith("postgresql")
    try:
        engine = sa.create_engine(url, **(_POSTGRESQL if is_postgresql else {}))
    except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
        raise BadInput(
            f"TRAINFARE_DATABASE {_shown(url)!r} cannot be used ({error}); "
            "write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
        ) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _make_durable)
        # pysqlite's own implicit transactions would let reads see half of a change.
        sa.event.listen(engine, "begin", _begin)
    else:
        sa.event.listen(engine, "begin", _take_turn)
    return engine


def _looking(engine: sa.Engine) -> sa.Engine:
    """*engine* for those who only read: all of their queries see one state."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _begin(connection: sa.Connection) -> None:
    """Start a transaction; one that changes waits its turn now, for SQLite would not later."""
    is_change = connection.get_execution_options().get("queue")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_change else "BEGIN")


def _take_turn(connection: sa.Connection) -> None:
    """Wait for the changes of one's queue that came before, as every change on SQLite does."""
    queue = connection.get_execution_options().get("queue")
    if queue:
        number = int.from_bytes(hashlib.sha256(f"trainfare {queue}".encode()).digest()[:7])
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({number})")


def _make_durable(connection: Any, _record: object) -> None:
    """What is committed survives a power cut; readers never wait for a writer."""
    connection.isolation_level = None
    for pragma in (f"busy_timeout={_PATIENCE_MS}", "synchronous=FULL", "foreign_keys=ON"):
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
