"""The column that says since when a carrier's answer is missing, under the name that the code uses."""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("shipments", "asked_at", new_column_name="requested_at")
