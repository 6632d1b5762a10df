"""Jobs: what a worker has to do after a change."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(sa.schema.CreateSequence(sa.Sequence("jobs_id")))
    op.create_table(
        "jobs",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("claimed_until", Instant()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_due", "jobs", ["due_at", "account_id"])
    op.create_index("ix_jobs_account", "jobs", ["account_id", "due_at", "id"])
    op.create_index("ix_jobs_lane", "jobs", ["account_id", "lane", "id"])
