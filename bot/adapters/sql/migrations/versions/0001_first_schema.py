"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON()


def one_of(constraint: str, *names: str) -> sa.Enum:
    """Return a column of names, which a CHECK constraint holds to these."""
    return sa.Enum(*names, name=constraint, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "audit",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("change", NAME, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_change_id"), "audit", ["change", "id"], unique=False)
    op.create_table(
        "change",
        sa.Column("id", NAME, nullable=False),
        sa.Column("forge", NAME, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("head_sha", NAME, nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("hints", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("woken_at", TIME, nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    op.create_index(op.f("ix_change_due_at"), "change", ["due_at"], unique=False)
    op.create_index(
        op.f("ix_change_forge_owner_name_head_sha"), "change", ["forge", "owner", "name", "head_sha"], unique=False
    )
    op.create_table(
        "delivery",
        sa.Column("forge", NAME, nullable=False),
        sa.Column("guid", NAME, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("forge", "guid", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_received_at"), "delivery", ["received_at"], unique=False)
    op.create_table(
        "duty",
        sa.Column("subject", NAME, nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_duty")),
    )
    op.create_table(
        "probe",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probe")),
    )
    op.create_table(
        "published",
        sa.Column("scope", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("published_at", TIME, nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_published")),
    )
    op.create_table(
        "intent",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("change", NAME, nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.CheckConstraint(
            "kind IN ('Refresh', 'Commented', 'RerunRequested', 'ButtonPressed', 'RepositoryTouched')",
            name=op.f("ck_intent_kind"),
        ),
        sa.ForeignKeyConstraint(["change"], ["change.id"], name=op.f("fk_intent_change"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_intent_change_id"), "intent", ["change", "id"], unique=False)
    op.create_table(
        "run",
        sa.Column("id", NAME, nullable=False),
        sa.Column("change", NAME, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("head_sha", NAME, nullable=False),
        sa.Column("state", one_of("state", "ACTIVE", "WAITING", "FINISHED"), nullable=False),
        sa.Column("stop", one_of("stop", "SUPERSEDED", "CLOSED", "CANCELLED", "DEADLINE"), nullable=True),
        sa.Column(
            "conclusion",
            one_of("conclusion", "SUCCESS", "FAILURE", "ACTION_REQUIRED", "CANCELLED", "TIMED_OUT", "SKIPPED"),
            nullable=True,
        ),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("deadline", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("value", JSON, nullable=False),
        sa.ForeignKeyConstraint(["change"], ["change.id"], name=op.f("fk_run_change"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("change", "sequence", name=op.f("uq_run_change_sequence")),
    )
    op.create_index(op.f("ix_run_created_at"), "run", ["created_at"], unique=False)
    op.create_index(op.f("ix_run_head_sha"), "run", ["head_sha"], unique=False)
    op.create_table(
        "waiver",
        sa.Column("change", NAME, nullable=False),
        sa.Column("package", NAME, nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.ForeignKeyConstraint(["change"], ["change.id"], name=op.f("fk_waiver_change"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("change", "package", name=op.f("pk_waiver")),
    )
    op.create_table(
        "build",
        sa.Column("key", NAME, nullable=False),
        sa.Column("run", NAME, nullable=True),
        sa.Column("target", NAME, nullable=False),
        sa.Column("package", NAME, nullable=False),
        sa.Column("backend", NAME, nullable=False),
        sa.Column(
            "purpose",
            one_of(
                "purpose",
                "SUBJECT",
                "FIRST",
                "INFRASTRUCTURE_RETRY",
                "CONFIRMATION",
                "BY_HAND",
                "BASELINE",
                "ALONE",
                "BLAME",
            ),
            nullable=False,
        ),
        sa.Column("state", one_of("state", "QUEUED", "SUBMITTING", "RUNNING", "DONE"), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column(
            "reason",
            one_of(
                "reason", "UNRESOLVABLE", "COMPILE", "CHECK", "INSTALL", "SRPM", "TIMEOUT", "MEMORY", "INFRASTRUCTURE"
            ),
            nullable=True,
        ),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("queued_at", TIME, nullable=False),
        sa.Column("not_before", TIME, nullable=True),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("cpu_seconds", sa.Double(), nullable=True),
        sa.Column("value", JSON, nullable=False),
        sa.Column("progress", JSON, nullable=True),
        sa.Column("failure", JSON, nullable=True),
        sa.CheckConstraint("outcome IN ('SUCCEEDED', 'FAILED', 'CANCELLED')", name=op.f("ck_build_outcome")),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_build_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_build")),
    )
    op.create_index(
        "ix_build_line",
        "build",
        ["backend", "state", "cancel_requested", "run", "priority", "queued_at", "not_before", "key"],
        unique=False,
    )
    op.create_index(
        op.f("ix_build_package_target_ended_at"), "build", ["package", "target", "ended_at"], unique=False
    )
    op.create_index(op.f("ix_build_run"), "build", ["run"], unique=False)
    op.create_table(
        "companion",
        sa.Column("run", NAME, nullable=False),
        sa.Column("change", NAME, nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_companion_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "change", name=op.f("pk_companion")),
    )
    op.create_index(op.f("ix_companion_change"), "companion", ["change"], unique=False)
    op.create_index(op.f("ix_build_target_ended_at"), "build", ["target", "ended_at"], unique=False)
    op.create_table(
        "package_set",
        sa.Column("digest", NAME, nullable=False),
        sa.Column("packages", JSON, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_package_set")),
    )
    op.create_table(
        "root",
        sa.Column("build", NAME, nullable=False),
        sa.Column("base", NAME, nullable=False),
        sa.Column("added", JSON, nullable=False),
        sa.Column("dropped", JSON, nullable=False),
        sa.ForeignKeyConstraint(["base"], ["package_set.digest"], name=op.f("fk_root_base")),
        sa.ForeignKeyConstraint(["build"], ["build.key"], name=op.f("fk_root_build"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("build", name=op.f("pk_root")),
    )
    op.create_index(op.f("ix_root_base"), "root", ["base"], unique=False)
    op.create_table(
        "difference",
        sa.Column("run", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("package", NAME, nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_difference_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "target", "package", name=op.f("pk_difference")),
    )
    op.create_table(
        "finding",
        sa.Column("run", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("package", NAME, nullable=False),
        sa.Column(
            "verdict",
            one_of(
                "verdict",
                "REGRESSED",
                "NEEDS_REBUILD",
                "FIXED",
                "STILL_FAILING",
                "CHANGED_FAILURE",
                "STILL_PASSING",
                "BLOCKED",
                "FLAKY",
                "INCONCLUSIVE",
                "WAIVED",
                "NOT_TESTED",
            ),
            nullable=False,
        ),
        sa.Column("value", JSON, nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_finding_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "target", "package", name=op.f("pk_finding")),
    )
    op.create_table(
        "plan_entry",
        sa.Column("run", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("package", NAME, nullable=False),
        sa.Column(
            "selection",
            one_of("selection", "PLANNED", "SKIPPED", "EXCLUDED", "OVER_LIMIT", "TOO_DEEP", "ARCHITECTURE"),
            nullable=False,
        ),
        sa.Column("value", JSON, nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_plan_entry_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "target", "package", name=op.f("pk_plan_entry")),
    )
    op.create_table(
        "run_target",
        sa.Column("run", NAME, nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_run_target_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "target", name=op.f("pk_run_target")),
    )
    op.create_table(
        "subscription",
        sa.Column("run", NAME, nullable=False),
        sa.Column("baseline", NAME, nullable=False),
        sa.ForeignKeyConstraint(["baseline"], ["build.key"], name=op.f("fk_subscription_baseline"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name=op.f("fk_subscription_run"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "baseline", name=op.f("pk_subscription")),
    )
    op.create_index(op.f("ix_subscription_baseline"), "subscription", ["baseline"], unique=False)
