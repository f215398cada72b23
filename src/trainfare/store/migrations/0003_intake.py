"""What runs on other machines ship to a server, and one line per run for its lists."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_streams()
    _make_sights()


def _make_streams() -> None:
    op.create_table(
        "stream",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", sa.String(63), nullable=False),
        sa.Column("segment", sa.String(128), nullable=False),
        sa.Column("file", sa.String(16), nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("team", sa.String(256)),
        sa.Column("changed_ns", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("run", "segment", "file"),
    )
    op.create_index("stream_changed", "stream", ["changed_ns"])
    op.create_table(
        "chunk",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("stream", sa.Integer, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table("folded", sa.Column("chunk", sa.BigInteger, nullable=False))
    op.execute("INSERT INTO folded (chunk) VALUES (0)")
    op.create_table(
        "client",
        sa.Column("name", sa.String(256), primary_key=True),
        sa.Column("team", sa.String(256), primary_key=True),
        sa.Column("skew_ns", sa.BigInteger, nullable=False),
        sa.Column("seen_ns", sa.BigInteger, nullable=False),
    )


def _make_sights() -> None:
    op.create_table(
        "run_sight",
        sa.Column("run", sa.String(63), primary_key=True),
        sa.Column("team", sa.String(256)),
        sa.Column("name", sa.String(256)),
        sa.Column("model", sa.String(256)),
        sa.Column("experiment", sa.String(256)),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("ended_ns", sa.BigInteger),
        sa.Column("duration_ns", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(8), nullable=False),
        sa.Column("estimated_nano", sa.BigInteger),
        sa.Column("billed_nano", sa.BigInteger),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("uris", sa.Text),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("basis", sa.String(64), nullable=False),
        sa.Column("until_ns", sa.BigInteger),
        sa.Column("changed_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("run_sight_started", "run_sight", ["started_ns", "run"])
    op.create_index("run_sight_team", "run_sight", ["team", "started_ns"])
    op.create_index("run_sight_status", "run_sight", ["status", "started_ns"])
    op.create_index("run_sight_changed", "run_sight", ["changed_ns"])
    if op.get_bind().dialect.name == "sqlite":
        # Everything that lists filter and sort by, so that a look at all runs reads 20 MB rather
        # than every summary; PostgreSQL, whose index rows are short, reads its heap as fast.
        op.create_index(
            "run_sight_list",
            "run_sight",
            [
                *("started_ns", "run", "team", "status", "model", "experiment", "name"),
                *("duration_ns", "estimated_nano", "billed_nano", "labels", "words"),
            ],
        )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("run_sight", "client", "folded", "chunk", "stream"):
        op.drop_table(name)
