"""Since when a receiver takes long to answer: those have slots of their own, so that they delay nobody else."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("slow_since", Instant(), nullable=True))
