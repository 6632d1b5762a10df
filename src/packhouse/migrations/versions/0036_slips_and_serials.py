"""How packing slips look, and the serial numbers that were packed."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText, Instant

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slip_designs",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("integration_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("logo_digest", sa.Text()),
        sa.Column("logo", sa.LargeBinary()),
        sa.Column("modified_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "integration_id", name="pk_slip_designs"),
    )
    op.create_table(
        "packed_serials",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("folded", CodePointText(), nullable=False),
        sa.Column("article", CodePointText(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("order_number", CodePointText(), nullable=False),
        sa.Column("packed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "folded", "article", name="pk_packed_serials"),
    )
    op.create_index("ix_packed_serials_order", "packed_serials", ["account_id", "order_id"])
