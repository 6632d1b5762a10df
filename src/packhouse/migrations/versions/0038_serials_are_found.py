"""Orders are found by the serial numbers in them: a worker writes what they are found by anew (`search.SINCE`)."""

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change no table."""
