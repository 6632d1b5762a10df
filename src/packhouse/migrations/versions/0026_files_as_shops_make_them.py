"""What a file of orders was found to be, its warnings, mappings of an account's own, and which files were imported."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("about", sa.Text(), nullable=True))
    op.add_column("imports", sa.Column("content_hash", sa.Text(), nullable=True))
    op.add_column("import_parts", sa.Column("warned", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("import_parts", sa.Column("warnings", sa.Text(), nullable=False, server_default=sa.text("'[]'")))
    op.create_table(
        "imported_files",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "content_hash", "options", name="pk_imported_files"),
    )
    op.create_table(
        "import_mappings",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "name", name="pk_import_mappings"),
    )
