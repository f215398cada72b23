"""What accelerators did while runs held them, from other systems' records."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "device_use",
        sa.Column("run", sa.String(63), primary_key=True),
        sa.Column("resource", sa.String(512), primary_key=True),
        sa.Column("device", sa.String(256), primary_key=True),
        sa.Column("start_ns", sa.BigInteger, primary_key=True),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("activity_permille", sa.Integer),
        sa.Column("memory_mib", sa.BigInteger),
        sa.Column("energy_mj", sa.BigInteger),
        sa.Column("source", sa.String(64), nullable=False),
    )
    op.create_index("device_use_at", "device_use", ["start_ns", "end_ns"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("device_use")
