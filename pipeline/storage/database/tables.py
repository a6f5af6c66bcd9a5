"""The tables as this version of the code knows them; how they came about stands in the migrations.

Columns that end in ``_at_us`` are points in time, in microseconds since 1970, UTC: SQLite has no type for these and
returns dates without their zone.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "alarm_actions",
    "alarm_limits",
    "alarms",
    "live_beats",
    "live_deliveries",
    "live_drifts",
    "live_gaps",
    "live_partitions",
    "live_patients",
    "live_stays",
    "metadata",
    "model_versions",
    "runs",
]

# Constraints have names, so that a later migration can change them in either database.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("state", String(20), nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("finished_at_us", BigInteger),
    Column("command", Text, nullable=False),
    Column("model", String(64)),
    Column("facts", JSON, nullable=False),
    Column("figures", JSON, nullable=False),
    Column("message", Text, nullable=False),
    CheckConstraint("state IN ('running', 'completed', 'failed', 'cancelled', 'crashed')", name="state"),
    Index(None, "started_at_us"),
)

alarms = Table(
    "alarms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("kind", String(100), nullable=False),
    Column("priority", String(10), nullable=False),
    Column("physiological", Boolean, nullable=False),
    Column("onset_us", BigInteger, nullable=False),
    Column("raised_us", BigInteger, nullable=False),
    Column("first_beat", BigInteger, nullable=False),
    Column("last_beat", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("ended_us", BigInteger),
    Column("longest", Integer, nullable=False),
    Column("rate_bpm", Float(53)),
    Column("started_at_us", BigInteger),
    Column("noted_at_us", BigInteger, nullable=False),
    Column("run", String(200), ForeignKey("runs.id", ondelete="SET NULL")),
    Column("acknowledged_by", String(200)),
    Column("acknowledged_at_us", BigInteger),
    # A row is an episode, in the last state of it that is known.
    UniqueConstraint("origin", "record", "key"),
    CheckConstraint("(acknowledged_by IS NULL) = (acknowledged_at_us IS NULL)", name="acknowledged"),
    Index(None, "run"),
    Index(None, "acknowledged_at_us"),
)

# What somebody did about an alarm; it stays when the alarm goes.
alarm_actions = Table(
    "alarm_actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alarm", Integer, ForeignKey("alarms.id", ondelete="SET NULL")),
    Column("record", Text, nullable=False),
    Column("kind", String(100), nullable=False),
    Column("priority", String(10), nullable=False),
    Column("action", String(20), nullable=False),
    Column("by", String(200), nullable=False),
    Column("done_at_us", BigInteger, nullable=False),
    Index(None, "alarm"),
    Index(None, "done_at_us"),
)

# Limits of alarms that somebody has set for one patient. The last line of a name holds; without a value, the usual one.
alarm_limits = Table(
    "alarm_limits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("patient", Text, nullable=False),
    Column("name", String(40), nullable=False),
    Column("value", Float(53)),
    Column("by", String(200), nullable=False),
    Column("set_at_us", BigInteger, nullable=False),
    Index(None, "patient"),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("checksum", String(64), primary_key=True),
    Column("key", Text, nullable=False),
    Column("figures", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("published_at_us", BigInteger, nullable=False),
    CheckConstraint("state IN ('published', 'archived')", name="state"),
)
# The database itself sees to it that no two models are current.
Index(
    "uq_model_versions_published",
    model_versions.c.state,
    unique=True,
    sqlite_where=model_versions.c.state == "published",
    postgresql_where=model_versions.c.state == "published",
)

# Live monitoring. A patient's stay under one monitor is told from others by when it began; times count from there.

live_partitions = Table(
    "live_partitions",
    metadata,
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("of", Integer, nullable=False),
    Column("owner", String(200)),
    Column("until_us", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("log", String(40), nullable=False),
)

live_patients = Table(
    "live_patients",
    metadata,
    Column("patient", Text, primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("log", String(40), nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("stored_at_us", BigInteger, nullable=False),
    Index(None, "partition"),
)


def _of_a_stay(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("patient", Text, primary_key=True),
        Column("began_at_us", BigInteger, primary_key=True, autoincrement=False),
        *columns,
    )


live_stays = _of_a_stay(
    "live_stays",
    Column("session", String(100), nullable=False),
    Column("fs", Float(53), nullable=False),
    Column("leads", JSON, nullable=False),
)

live_beats = _of_a_stay(
    "live_beats",
    Column("beat", BigInteger, primary_key=True, autoincrement=False),
    Column("r_peak", BigInteger, nullable=False),
    Column("rr_s", Float(53)),
    Column("score", Float(53)),
    Column("threshold", Float(53)),
    Column("p_value", Float(53)),
    Column("is_anomaly", Boolean, nullable=False),
    Column("drift", Boolean, nullable=False),
    Column("quality", Float(53), nullable=False),
    Column("learning", Boolean, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("shape", Float(53)),
    Column("rhythm", Float(53)),
    Column("state", String(20)),
)

live_drifts = _of_a_stay(
    "live_drifts",
    Column("beat", BigInteger, primary_key=True, autoincrement=False),
    Column("time_us", BigInteger, nullable=False),
    Column("before", Float(53), nullable=False),
    Column("after", Float(53), nullable=False),
    Column("action", Text, nullable=False),
)

live_gaps = _of_a_stay(
    "live_gaps",
    Column("start_us", BigInteger, primary_key=True, autoincrement=False),
    Column("stop_us", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", String(20), primary_key=True),
)

# Alarms that a sink has not yet taken.
live_deliveries = Table(
    "live_deliveries",
    metadata,
    Column("sink", String(200), primary_key=True),
    Column("alarm", Integer, ForeignKey("alarms.id", ondelete="CASCADE"), primary_key=True),
    Column("partition", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Index(None, "alarm"),
)
