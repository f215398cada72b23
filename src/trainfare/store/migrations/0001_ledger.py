"""The first ledger: deliveries, claims, labels and allocations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("period", sa.String(7), primary_key=True),
        sa.Column("format", sa.String(64), nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("repairs", sa.BigInteger, nullable=False),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("accounts", sa.Text, nullable=False),
        sa.Column("totals", sa.Text, nullable=False),
        sa.Column("imported_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "current_delivery",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("delivery", sa.String(64), nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("current_delivery_of", "current_delivery", ["source", "period", "since_ns"])
    op.create_table(
        "claim",
        sa.Column("run", sa.String(63), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("resource", sa.String(512), primary_key=True),
        sa.Column("start_ns", sa.BigInteger, primary_key=True),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("share_ppb", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
    )
    op.create_index("claim_on", "claim", ["resource", "start_ns"])
    op.create_table(
        "run_label",
        sa.Column("run", sa.String(63), primary_key=True),
        sa.Column("key", sa.String(63), primary_key=True),
        sa.Column("value", sa.String(256), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
    )
    op.create_table(
        "allocation",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("inputs", sa.String(64), nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("allocation_of", "allocation", ["period", "since_ns"])


def downgrade() -> None:
    """Drop the tables."""
    for table in ("allocation", "run_label", "claim", "current_delivery", "delivery"):
        op.drop_table(table)
