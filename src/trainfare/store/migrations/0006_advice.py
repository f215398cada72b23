"""What was said to advice, and what it promised then."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "advice_decision",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("advice", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String(256), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until_ns", sa.BigInteger),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("saving_nano", sa.BigInteger, nullable=False),
        sa.Column("saving_low_nano", sa.BigInteger, nullable=False),
        sa.Column("saving_high_nano", sa.BigInteger, nullable=False),
        sa.Column("granted_nano", sa.BigInteger, nullable=False),
        sa.Column("base_nano", sa.BigInteger, nullable=False),
        sa.Column("months", sa.Integer, nullable=False),
    )
    op.create_index("advice_decision_of", "advice_decision", ["advice", "id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("advice_decision")
