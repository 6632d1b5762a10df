"""The audit log of one person or one kind of event, found by an index."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("action", "actor"):
        op.create_index(f"ix_audit_log_{column}", "audit_log", ["account_id", column, "id"])
