"""The schema. Columns are what a query or a constraint needs; `value` is the value itself, as JSON.

What stands in a column and in `value` is written together by one function, from one value; only what the database
changes by itself (`change.stale`, `change.hints`, leases) stands in columns alone. The schema that databases have comes
from the migrations; a test holds the two together.
"""

import sqlalchemy as sa

from bot.adapters.sql.columns import Json, Name, Serial, UtcTime, by_name, one_of
from bot.domain.build import BuildState, FailureReason, Purpose
from bot.domain.plan import Selection
from bot.domain.run import Conclusion, RunState, StopReason
from bot.domain.verdict import Verdict

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("forge", Name, primary_key=True),
    sa.Column("guid", Name, primary_key=True),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False, index=True),
)

change = sa.Table(
    "change",
    metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("forge", Name, nullable=False),
    sa.Column("owner", Name, nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("head_sha", Name),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("stale", sa.Boolean, nullable=False),
    sa.Column("hints", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("value", Json, nullable=False),
    sa.Column("due_at", UtcTime, index=True),
    # When it was woken since the present lease began: what a release must not lose.
    sa.Column("woken_at", UtcTime),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", UtcTime),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Index(None, "forge", "owner", "name", "head_sha"),
)

intent = sa.Table(
    "intent",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    sa.Column("change", Name, sa.ForeignKey("change.id", ondelete="CASCADE")),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("value", Json, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    one_of("kind", "Refresh", "Commented", "RerunRequested", "ButtonPressed", "RepositoryTouched"),
    sa.Index(None, "change", "id"),
    # Ids order intents and are never used again, so that a late `done` cannot remove another's.
    sqlite_autoincrement=True,
)

duty = sa.Table(
    "duty",
    metadata,
    sa.Column("subject", Name, primary_key=True),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", UtcTime),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
)

run = sa.Table(
    "run",
    metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("change", Name, sa.ForeignKey("change.id", ondelete="CASCADE"), nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("head_sha", Name, nullable=False, index=True),
    sa.Column("state", by_name(RunState, "state"), nullable=False),
    sa.Column("stop", by_name(StopReason, "stop")),
    sa.Column("conclusion", by_name(Conclusion, "conclusion")),
    sa.Column("created_at", UtcTime, nullable=False, index=True),
    sa.Column("deadline", UtcTime),
    sa.Column("finished_at", UtcTime),
    sa.Column("value", Json, nullable=False),
    sa.UniqueConstraint("change", "sequence"),
)

companion = sa.Table(
    "companion",
    metadata,
    sa.Column("run", Name, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    # No foreign key: a pull request may be tested with another before its own row is made.
    sa.Column("change", Name, primary_key=True, index=True),
)

run_target = sa.Table(
    "run_target",
    metadata,
    sa.Column("run", Name, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("target", Name, primary_key=True),
    sa.Column("value", Json, nullable=False),
)

plan_entry = sa.Table(
    "plan_entry",
    metadata,
    sa.Column("run", Name, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("target", Name, primary_key=True),
    sa.Column("package", Name, primary_key=True),
    sa.Column("selection", by_name(Selection, "selection"), nullable=False),
    sa.Column("value", Json, nullable=False),
)

finding = sa.Table(
    "finding",
    metadata,
    sa.Column("run", Name, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("target", Name, primary_key=True),
    sa.Column("package", Name, primary_key=True),
    sa.Column("verdict", by_name(Verdict, "verdict"), nullable=False),
    sa.Column("value", Json, nullable=False),
)

build = sa.Table(
    "build",
    metadata,
    sa.Column("key", Name, primary_key=True),
    sa.Column("run", Name, sa.ForeignKey("run.id", ondelete="CASCADE"), index=True),
    sa.Column("target", Name, nullable=False),
    sa.Column("package", Name, nullable=False),
    sa.Column("backend", Name, nullable=False),
    sa.Column("purpose", by_name(Purpose, "purpose"), nullable=False),
    sa.Column("state", by_name(BuildState, "state"), nullable=False),
    sa.Column("outcome", sa.String(40)),
    sa.Column("reason", by_name(FailureReason, "reason")),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("queued_at", UtcTime, nullable=False),
    sa.Column("not_before", UtcTime),
    sa.Column("started_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("cpu_seconds", sa.Double),
    # As it was asked for, and what has changed since: NULL before the first change.
    sa.Column("value", Json, nullable=False),
    sa.Column("progress", Json),
    sa.Column("failure", Json),
    one_of("outcome", "SUCCEEDED", "FAILED", "CANCELLED"),
    # All that a poll looks at of what waits: where that is ten thousand builds, their rows need not be read.
    sa.Index(
        "ix_build_line", "backend", "state", "cancel_requested", "run", "priority", "queued_at", "not_before", "key"
    ),
    sa.Index(None, "package", "target", "ended_at"),
    sa.Index(None, "target", "ended_at"),
)

package_set = sa.Table(
    "package_set",
    metadata,
    # SHA-256 of the packages' NEVRAs, one a line.
    sa.Column("digest", Name, primary_key=True),
    sa.Column("packages", Json, nullable=False),
)

root = sa.Table(
    "root",
    metadata,
    sa.Column("build", Name, sa.ForeignKey("build.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("base", Name, sa.ForeignKey("package_set.digest"), nullable=False, index=True),
    sa.Column("added", Json, nullable=False),
    sa.Column("dropped", Json, nullable=False),
)

difference = sa.Table(
    "difference",
    metadata,
    sa.Column("run", Name, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("target", Name, primary_key=True),
    sa.Column("package", Name, primary_key=True),
    sa.Column("value", Json, nullable=False),
)

subscription = sa.Table(
    "subscription",
    metadata,
    sa.Column("run", Name, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("baseline", Name, sa.ForeignKey("build.key", ondelete="CASCADE"), primary_key=True, index=True),
)

published = sa.Table(
    "published",
    metadata,
    # A run's or a change's id, so no foreign key.
    sa.Column("scope", Name, primary_key=True),
    sa.Column("name", Name, primary_key=True),
    sa.Column("published_at", UtcTime, nullable=False),
    sa.Column("value", Json, nullable=False),
)

waiver = sa.Table(
    "waiver",
    metadata,
    sa.Column("change", Name, sa.ForeignKey("change.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("package", Name, primary_key=True),
    sa.Column("value", Json, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Serial, primary_key=True),
    # No foreign key: the log outlives what it is about.
    sa.Column("change", Name, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("allowed", sa.Boolean, nullable=False),
    sa.Column("value", Json, nullable=False),
    sa.Index(None, "change", "id"),
    sqlite_autoincrement=True,
)

probe = sa.Table(
    "probe",
    metadata,
    # One row that `check` writes: a disk that is full shows itself in a commit only.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("count", sa.BigInteger, nullable=False),
)
