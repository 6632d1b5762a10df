"""Why an order that somebody wanted to delete was kept."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_deletions", sa.Column("kept", sa.Text(), nullable=True))
