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

STREAM = sa.Table(
    "stream",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run", sa.String(63), nullable=False),
    sa.Column("segment", sa.String(128), nullable=False),
    sa.Column("file", sa.String(16), nullable=False, comment="of the spool"),
    sa.Column("length", sa.BigInteger, nullable=False, comment="bytes from 0 on, as far as folded"),
    sa.Column("team", sa.String(256), comment="whose run it is, from the token that opened it"),
    sa.Column("changed_ns", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("run", "segment", "file"),
    sa.Index("stream_changed", "changed_ns"),
)

CHUNK = sa.Table(
    "chunk",
    METADATA,
    sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="from 1 on without a gap, in order of commit",
    ),
    sa.Column("stream", sa.Integer, nullable=False),
    sa.Column("start", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

FOLDED = sa.Table(
    "folded",
    METADATA,
    sa.Column("chunk", sa.BigInteger, nullable=False, comment="up to here streams tell lengths"),
)

CLIENT = sa.Table(
    "client",
    METADATA,
    sa.Column("name", sa.String(256), primary_key=True),
    sa.Column("team", sa.String(256), primary_key=True, comment="empty is every team"),
    sa.Column("skew_ns", sa.BigInteger, nullable=False, comment="its clock less the server's"),
    sa.Column("seen_ns", sa.BigInteger, nullable=False),
)

RUN_SIGHT = sa.Table(
    "run_sight",
    METADATA,
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
    sa.Column("estimated_nano", sa.BigInteger, comment="null is not priced"),
    sa.Column("billed_nano", sa.BigInteger, comment="null is not yet billed"),
    sa.Column("labels", sa.Text, nullable=False, comment="key=value, a line each and around all"),
    sa.Column("words", sa.Text, nullable=False, comment="what a search looks in, lower case"),
    sa.Column("uris", sa.Text, comment="JSON list of its artifacts; null is none"),
    sa.Column("summary", sa.Text, nullable=False, comment="JSON, as `trainfare runs` prints it"),
    sa.Column("basis", sa.String(64), nullable=False, comment="digest of what it was made from"),
    sa.Column("until_ns", sa.BigInteger, comment="true no longer than this; null is for good"),
    sa.Column("changed_ns", sa.BigInteger, nullable=False),
    sa.Index("run_sight_started", "started_ns", "run"),
    sa.Index("run_sight_team", "team", "started_ns"),
    sa.Index("run_sight_status", "status", "started_ns"),
    sa.Index("run_sight_changed", "changed_ns"),
    sa.Index(
        "run_sight_list",
        *("started_ns", "run", "team", "status", "model", "experiment", "name"),
        *("duration_ns", "estimated_nano", "billed_nano", "labels", "words"),
    ).ddl_if(dialect="sqlite"),
)

RUN_BRIEF = sa.Table(
    "run_brief",
    METADATA,
    sa.Column("run", sa.String(63), primary_key=True),
    sa.Column("sign", sa.String(64), nullable=False, comment="digest of what it was made from"),
    sa.Column("text", sa.Text, nullable=False, comment="JSON, what reports need of its receipt"),
)

TOKEN = sa.Table(
    "token",
    METADATA,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(256), nullable=False),
    sa.Column(
        "digest", sa.String(64), nullable=False, unique=True, comment="SHA-256 of the secret"
    ),
    sa.Column("scopes", sa.String(64), nullable=False, comment="words, a space between"),
    sa.Column("team", sa.String(256), comment="null is every team"),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.String(256), nullable=False),
    sa.Column("expires_ns", sa.BigInteger),
    sa.Column("revoked_ns", sa.BigInteger),
    sa.Column("used_ns", sa.BigInteger),
)

SESSION = sa.Table(
    "session",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True, comment="SHA-256 of the cookie"),
    sa.Column("subject", sa.String(256), nullable=False, comment="token's id, or the provider's"),
    sa.Column("token", sa.String(16), comment="it ends with this token; null is a person's own"),
    sa.Column("name", sa.String(256), nullable=False),
    sa.Column("scopes", sa.String(64), nullable=False),
    sa.Column("team", sa.String(256)),
    sa.Column("created_ns", sa.BigInteger, nullable=False),
    sa.Column("expires_ns", sa.BigInteger, nullable=False),
)

AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(256), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("address", sa.String(64)),
    sa.Index("audit_at", "at_ns"),
)

JOB_RESULT = sa.Table(
    "job_result",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("job", sa.String(64), nullable=False),
    sa.Column("started_ns", sa.BigInteger, nullable=False),
    sa.Column("ended_ns", sa.BigInteger),
    sa.Column("state", sa.String(16), nullable=False, comment="asked, running, done or failed"),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("asked_by", sa.String(256), comment="null is the clock"),
    sa.Column("holder", sa.String(128), comment="the server that runs it"),
    sa.Column("until_ns", sa.BigInteger, comment="until when it counts as alive"),
    sa.Index("job_result_of", "job", "started_ns"),
)

LEASE = sa.Table(
    "lease",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("holder", sa.String(128), nullable=False),
    sa.Column("until_ns", sa.BigInteger, nullable=False),
)

ADVICE_DECISION = sa.Table(
    "advice_decision",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("advice", sa.String(64), nullable=False, comment="the recommendation's id"),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(256), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("until_ns", sa.BigInteger, comment="when one that is snoozed is told again"),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("rule", sa.String(64), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("saving_nano", sa.BigInteger, nullable=False, comment="promised, per month"),
    sa.Column("saving_low_nano", sa.BigInteger, nullable=False),
    sa.Column("saving_high_nano", sa.BigInteger, nullable=False),
    sa.Column("granted_nano", sa.BigInteger, nullable=False, comment="of the history it is from"),
    sa.Column("base_nano", sa.BigInteger, nullable=False, comment="what its scope cost in that"),
    sa.Column("months", sa.Integer, nullable=False, comment="of that history"),
    sa.Index("advice_decision_of", "advice", "id"),
)

CONTRACT = sa.Table(
    "contract",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(512), nullable=False, comment="of the commitment, as bills have it"),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("provider", sa.String(64), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("per_hour_nano", sa.BigInteger, comment="null where nobody says"),
    sa.Column("start_ns", sa.BigInteger, nullable=False),
    sa.Column("end_ns", sa.BigInteger, nullable=False),
    sa.Column("source", sa.String(256), nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(256), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("rates", sa.Text, nullable=False, comment="JSON: SKU → nano-units an hour"),
    sa.Column("promised_nano", sa.BigInteger, comment="saving a month, as it was expected"),
    sa.Index("contract_of", "id", "number"),
)
