"""What is known of commitments beside their bills: terms, ends, and what was promised."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "contract",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("per_hour_nano", sa.BigInteger),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String(256), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String(256), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rates", sa.Text, nullable=False),
        sa.Column("promised_nano", sa.BigInteger),
    )
    op.create_index("contract_of", "contract", ["id", "number"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("contract")
