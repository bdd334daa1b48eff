"""The tables of a course that is run in the browser.

Late days, labels of members, extensions for labels, holds for single students, adjustments of scores, passwords,
requests for regrades, comments on lines, groups of students, limits of pre-checks, the audit, messages that wait to be
sent, and learning platforms. Equal submissions are found by their digest; without an index each grading would read all submissions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "schema_4"
down_revision = "schema_3"


_OFFERING = (["course", "assignment"], ["offerings.course", "offerings.assignment"])


def upgrade() -> None:
    op.create_index("ix_submissions_digest", "submissions", ["digest"])
    op.add_column("members", sa.Column("identifiers", sa.Text, nullable=False, server_default="{}"))
    op.add_column("offerings", sa.Column("prechecks_per_day", sa.Integer))
    op.add_column("offerings", sa.Column("precheck_detail", sa.String(16), nullable=False, server_default="lines"))
    _late_days_and_extensions()
    _releases_and_adjustments()
    _passwords()
    _requests()
    _line_comments()
    _groups()
    _audit()
    _outbox()
    _learning_platforms()


def _late_days_and_extensions() -> None:
    op.add_column("courses", sa.Column("late_days", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("submissions", sa.Column("late_days", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("members", sa.Column("labels", sa.Text, nullable=False, server_default="[]"))
    op.add_column("extensions", sa.Column("reason", sa.Text, nullable=False, server_default=""))
    op.add_column("extensions", sa.Column("by", sa.String(32)))
    op.add_column("extensions", sa.Column("at", sa.DateTime))
    op.create_table(
        "label_extensions",
        sa.Column("course", sa.String(32), primary_key=True),
        sa.Column("assignment", sa.String(64), primary_key=True),
        sa.Column("label", sa.String(200), primary_key=True),
        sa.Column("due_at", sa.DateTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.String(32)),
        sa.Column("at", sa.DateTime),
        sa.ForeignKeyConstraint(*_OFFERING),
    )
    op.create_table(
        "late_day_grants",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("course", sa.String(32), sa.ForeignKey("courses.id"), nullable=False),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_late_day_grants_person", "late_day_grants", ["course", "person"])


def _releases_and_adjustments() -> None:
    op.add_column("offerings", sa.Column("release_at", sa.DateTime))
    op.create_table(
        "holds",
        sa.Column("course", sa.String(32), primary_key=True),
        sa.Column("assignment", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(*_OFFERING),
    )
    op.create_table(
        "adjustments",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("course", sa.String(32), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.ForeignKeyConstraint(*_OFFERING),
    )
    op.create_index("ix_adjustments_person", "adjustments", ["course", "assignment", "person"])


def _passwords() -> None:
    op.add_column("tokens", sa.Column("method", sa.String(16), nullable=True))
    op.create_table(
        "passwords",
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_passwords_person"), nullable=False),
        sa.Column("hash", sa.String(200), nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_passwords"),
    )


def _requests() -> None:
    op.add_column("offerings", sa.Column("requests_until", sa.DateTime, nullable=True))
    op.create_table(
        "requests",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("course", sa.String(32), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column(
            "submission", sa.String(32), sa.ForeignKey("submissions.id", name="fk_requests_submission"), nullable=False
        ),
        sa.Column("question", sa.String(100), nullable=False),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_requests_person"), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("answer", sa.Text, nullable=True),
        sa.Column("by", sa.String(32), sa.ForeignKey("people.id", name="fk_requests_by"), nullable=True),
        sa.Column("answered_at", sa.DateTime, nullable=True),
        sa.Column("earlier_points", sa.Integer, nullable=True),
        sa.Column("new_points", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.ForeignKeyConstraint(*_OFFERING, name="fk_requests_course"),
    )
    is_open = sa.text("answered_at IS NULL")
    op.create_index("ix_requests_submission", "requests", ["submission"])
    op.create_index("ix_requests_course", "requests", ["course", "id"])
    op.create_index(
        "uq_requests_open",
        "requests",
        ["submission", "question"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def _line_comments() -> None:
    op.create_table(
        "line_comments",
        sa.Column("submission", sa.String(32), sa.ForeignKey("submissions.id"), primary_key=True),
        sa.Column("file", sa.Integer, primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("by", sa.String(32), sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )


def _groups() -> None:
    op.add_column("offerings", sa.Column("group_size", sa.Integer, nullable=False, server_default=sa.text("1")))
    op.create_table(
        "group_members",
        sa.Column("course", sa.String(32), primary_key=True),
        sa.Column("assignment", sa.String(64), primary_key=True),
        sa.Column("group", sa.String(200), primary_key=True),
        sa.Column("login", sa.String(200), primary_key=True),
        sa.Column("accepted", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(*_OFFERING),
    )
    op.create_index("ix_group_members_login", "group_members", ["course", "assignment", "login"])
    op.create_index(
        "uq_group_members_accepted",
        "group_members",
        ["course", "assignment", "login"],
        unique=True,
        sqlite_where=sa.text("accepted"),
        postgresql_where=sa.text("accepted"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("by", sa.String(32), sa.ForeignKey("people.id", name="fk_audit_by")),
        sa.Column("request", sa.String(200), nullable=False),
        sa.Column("course", sa.String(32)),
        sa.Column("assignment", sa.String(64)),
        sa.Column("person", sa.String(32)),
        sa.Column("submission", sa.String(32)),
        sa.Column("digest", sa.String(64)),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
    )
    for column in ("by", "person", "submission", "digest"):
        op.create_index(f"ix_audit_{column}", "audit", [column])
    op.create_index("ix_audit_course", "audit", ["course", "id"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("course", sa.String(32), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column("submission", sa.String(32), sa.ForeignKey("submissions.id"), nullable=False),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("due_at", sa.DateTime),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.ForeignKeyConstraint(*_OFFERING),
    )
    op.create_index("ix_outbox_due", "outbox", ["channel", "due_at"])
    is_owed = sa.text("event IN ('released', 'scored') AND due_at IS NOT NULL")
    op.create_index(
        "uq_outbox_pending",
        "outbox",
        ["channel", "course", "assignment", "person"],
        unique=True,
        sqlite_where=is_owed,
        postgresql_where=is_owed,
    )
    op.create_table(
        "mail_choices",
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("events", sa.Text, nullable=False),
    )


def _learning_platforms() -> None:
    op.create_table(
        "lti_platforms",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("issuer", sa.String(200), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("login_url", sa.Text, nullable=False),
        sa.Column("token_url", sa.Text, nullable=False),
        sa.Column("keys_url", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False, server_default=""),
        sa.Column("deployments", sa.Text, nullable=False),
        sa.Column("domains", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("issuer", "client_id"),
    )
    op.create_table(
        "lti_contexts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("platform", sa.String(32), sa.ForeignKey("lti_platforms.id"), nullable=False),
        sa.Column("deployment", sa.String(200), nullable=False),
        sa.Column("context", sa.String(200), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("course", sa.String(32), sa.ForeignKey("courses.id"), nullable=False),
        sa.Column("memberships_url", sa.Text, nullable=False),
        sa.Column("line_items_url", sa.Text, nullable=False),
        sa.UniqueConstraint("platform", "deployment", "context"),
    )
    op.create_index("ix_lti_contexts_course", "lti_contexts", ["course"])
    op.create_table(
        "lti_members",
        sa.Column("context", sa.String(32), sa.ForeignKey("lti_contexts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
    )
    op.create_index("ix_lti_members_person", "lti_members", ["person"])
    op.create_table(
        "lti_line_items",
        sa.Column("context", sa.String(32), sa.ForeignKey("lti_contexts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("assignment", sa.String(64), primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
    )
    op.create_table(
        "lti_scores",
        sa.Column("context", sa.String(32), sa.ForeignKey("lti_contexts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("assignment", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("sent", sa.Text, nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("problem", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "used_nonces",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )
