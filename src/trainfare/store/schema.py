"""The ledger's tables: small, transactional, the same on SQLite and PostgreSQL.

Money is BIGINT nano-units, or text where a sum may outgrow 64 bits; instants are BIGINT nanoseconds
since the epoch. Which delivery and which allocation is current is the newest row of an
append-only table, so that a swap is one insert and every earlier state can be asked for.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

DELIVERY = sa.Table(
    "delivery",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True, comment="digest of the files' content"),
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("period", sa.String(7), primary_key=True, comment="billing period, YYYY-MM"),
    sa.Column("format", sa.String(64), nullable=False),
    sa.Column("folder", sa.Text, nullable=False, comment="path within the lake"),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("repairs", sa.BigInteger, nullable=False),
    sa.Column("files", sa.Text, nullable=False, comment="JSON list of names"),
    sa.Column("accounts", sa.Text, nullable=False, comment="JSON list of provider/account"),
    sa.Column("totals", sa.Text, nullable=False, comment="JSON: currency → view → nano as text"),
    sa.Column("imported_ns", sa.BigInteger, nullable=False),
)

CURRENT_DELIVERY = sa.Table(
    "current_delivery",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("period", sa.String(7), nullable=False),
    sa.Column("delivery", sa.String(64), nullable=False),
    sa.Column("since_ns", sa.BigInteger, nullable=False),
    sa.Index("current_delivery_of", "source", "period", "since_ns"),
)

CLAIM = sa.Table(
    "claim",
    METADATA,
    sa.Column("run", sa.String(63), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("resource", sa.String(512), primary_key=True),
    sa.Column("start_ns", sa.BigInteger, primary_key=True),
    sa.Column("end_ns", sa.BigInteger, nullable=False),
    sa.Column("share_ppb", sa.BigInteger, nullable=False, comment="share in 10^-9 of the resource"),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Index("claim_on", "resource", "start_ns"),
)

RUN_LABEL = sa.Table(
    "run_label",
    METADATA,
    sa.Column("run", sa.String(63), primary_key=True),
    sa.Column("key", sa.String(63), primary_key=True),
    sa.Column("value", sa.String(256), nullable=False),
    sa.Column("source", sa.String(64), nullable=False),
)

ALLOCATION = sa.Table(
    "allocation",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("period", sa.String(7), nullable=False),
    sa.Column("inputs", sa.String(64), nullable=False, comment="digest of bill, claims and rules"),
    sa.Column("folder", sa.Text, nullable=False, comment="path within the home"),
    sa.Column("summary", sa.Text, nullable=False, comment="JSON"),
    sa.Column("since_ns", sa.BigInteger, nullable=False),
    sa.Index("allocation_of", "period", "since_ns"),
)

DEVICE_USE = sa.Table(
    "device_use",
    METADATA,
    sa.Column("run", sa.String(63), primary_key=True),
    sa.Column("resource", sa.String(512), primary_key=True),
    sa.Column("device", sa.String(256), primary_key=True),
    sa.Column("start_ns", sa.BigInteger, primary_key=True),
    sa.Column("end_ns", sa.BigInteger, nullable=False),
    sa.Column("activity_permille", sa.Integer, comment="mean over the stretch; null is unknown"),
    sa.Column("memory_mib", sa.BigInteger),
    sa.Column("energy_mj", sa.BigInteger),
    sa.Column("source", sa.String(64), nullable=False, comment="the metric"),
    sa.Index("device_use_at", "start_ns", "end_ns"),
)
