"""What of an order a label was made of, whether it is so still; the time zone of an account."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shipments", sa.Column("order_mark", sa.Text(), nullable=True))
    op.add_column("shipments", sa.Column("stale", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("time_zone", sa.Text(), nullable=True))
