"""The database's tables. What is looked up has a column; the record itself is JSON beside it."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

# Since 4, verdicts and journalled changes may be about a tag, since 5 about a region, which earlier errata cannot read.
# Since 6, one answer may be verdicts about several findings. Since 7, verdicts may come from the scan board, count as
# less than a verdict, and be kept beside what each is by itself.
SCHEMA_VERSION = 7

METADATA = MetaData()

SCHEMA = Table(
    "errata_schema",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1: one row
    Column("version", Integer, nullable=False),
)

PROJECTS = Table(
    "projects",
    METADATA,
    Column("project_id", Integer, primary_key=True, autoincrement=False),  # as Label Studio has it
    Column("title", Text, nullable=False),
    Column("url", Text, nullable=False),
)

DISCONNECTED = Table(
    "disconnected_projects",
    METADATA,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
)

PROJECT_SETTINGS = Table(
    "project_settings",
    METADATA,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    Column("settings", JSON, nullable=False),
)

AUDITS = Table(
    "audits",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("projects.project_id"), nullable=False, index=True),
    Column("started_at", DateTime, nullable=False),  # UTC, as every time here
    Column("finished_at", DateTime),
    Column("version", String(200)),
    Column("summary", JSON, nullable=False),
    Column("problem", Text),
)

FINDINGS = Table(
    "findings",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("project_id", ForeignKey("projects.project_id"), nullable=False),
    Column("state", String(16), nullable=False),  # open, published, withdrawn
    Column("review_task_id", Integer),
    Column("latest", JSON, nullable=False),  # the finding as last recorded
    Column("shown", JSON(none_as_null=True)),  # the finding as it was when its review task was made
    Index("findings_of_project", "project_id", "state"),
)

SELECTED = Table(
    "selected_findings",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("project_id", Integer, nullable=False, index=True),
)

VERDICTS = Table(
    "verdicts",
    METADATA,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    # Of what was decided on the scan board: minus the reviewer's number; see `review.records.board_verdict_id`.
    Column("review_annotation_id", Integer, primary_key=True, autoincrement=False),
    Column("finding_key", String(64), primary_key=True),
    Column("verdict", JSON, nullable=False),  # as it stands beside the others about its finding
    Column("said", JSON(none_as_null=True)),  # the verdict by itself, where that is another one
    Column("counts_as", String(16), nullable=False, server_default="verdict"),  # "gone": it was taken back
    Column("is_wrong", Boolean, nullable=False, server_default=false()),
    Column("revision", Integer, nullable=False, server_default="0"),  # of the project's verdicts, when it changed last
    Index("verdicts_of_finding", "project_id", "finding_key"),
    Index("verdicts_changed", "project_id", "revision"),
)

BOARD_ACTIONS = Table(
    "board_actions",
    METADATA,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    Column("reviewer_id", Integer, primary_key=True, autoincrement=False),  # Label Studio's
    Column("sequence", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("action_id", String(64), nullable=False),  # the page's own
    Column("kind", String(8), nullable=False),  # decide, undo, redo
    Column("marks", JSON, nullable=False),
    Column("seconds", Float),
    Column("made_at", DateTime),  # by the page's clock
    Column("taken_at", DateTime, nullable=False),
    # What stands after it, so that nothing is replayed: see `board_log`.
    Column("target", Integer),  # the decision that it took back or brought back
    Column("below", Integer, nullable=False),  # what lies under it on the stack that it was put on; 0 nothing
    Column("undo_top", Integer, nullable=False),
    Column("redo_top", Integer, nullable=False),
    Column("n_undo", Integer, nullable=False),
    Column("n_redo", Integer, nullable=False),
    Index("board_action_once", "project_id", "reviewer_id", "action_id", unique=True),
)

BOARD_MARKS = Table(
    "board_marks",
    METADATA,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    Column("reviewer_id", Integer, primary_key=True, autoincrement=False),
    Column("finding_key", String(64), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),  # of the action
    Column("stands", Boolean, nullable=False),  # the action was not taken back
    Column("verdict", JSON(none_as_null=True)),  # what was decided; none where a decision was taken back by itself
    Index("board_marks_of_action", "project_id", "reviewer_id", "sequence"),
)

BOARD_CLOSINGS = Table(
    "board_closings",
    METADATA,
    Column("project_id", Integer, primary_key=True, autoincrement=False),
    Column("finding_key", String(64), primary_key=True),
    Column("reviewer_id", Integer, primary_key=True, autoincrement=False),
    Column("review_project_id", Integer, nullable=False),
    Column("review_task_id", Integer, nullable=False),
    Column("annotation_id", Integer),  # none while it is being written; 0 where there is no such task (any more)
    Column("decided_at", String(40), nullable=False),  # of the verdict that it says, as that has it
    Column("revision", Integer, nullable=False),  # of the verdict, when it was looked at
    Index("board_closings_of_task", "project_id", "review_task_id"),
)

CHANGESETS = Table(
    "changesets",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, nullable=False, index=True),
    Column("opened_at", DateTime, nullable=False),
    Column("opened_by", Text, nullable=False),
)

JOURNAL = Table(
    "journal",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("changeset_id", ForeignKey("changesets.id"), nullable=False, index=True),
    Column("project_id", Integer, nullable=False),
    Column("task_id", Integer, nullable=False),
    Column("annotation_id", Integer, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("before", JSON, nullable=False),  # the whole annotation
    Column("after_result", JSON, nullable=False),
    Column("after_hashes", JSON, nullable=False),  # of the value that each change wrote
    Column("state", String(16), nullable=False),
    Column("problem", Text),
    Column("intended_at", DateTime, nullable=False),
    Column("settled_at", DateTime),
    Index("journal_of_project", "project_id", "state"),
)

FOOTPRINT = Table(
    "footprint",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("ref", String(400), nullable=False),
    Column("details", JSON, nullable=False),
    Index("footprint_trace", "project_id", "kind", "ref", unique=True),
)

MEDIA = Table(
    "media",
    METADATA,
    Column("uri_sha256", String(64), primary_key=True),  # not the address itself: it may carry a signature
    Column("content_key", String(128), nullable=False),
    Column("read_at", DateTime),  # UTC; not known for what was read before schema 3
)

BOARD_SESSIONS = Table(
    "board_sessions",
    METADATA,
    Column("id_sha256", String(64), primary_key=True),  # of the number that the browser holds
    Column("user_id", Integer, nullable=False),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("token", Text, nullable=False),  # encrypted
    Column("expires_at", DateTime, nullable=False, index=True),
)
