"""Shipments that are announced directly, found by their reference, which each of them holds for ever; rate tables."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText, Instant

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_shipments_reference", "shipments", ["account_id", "external_reference_id", "id"])
    direct = sa.text("for_order = 0")
    op.create_index(
        "uq_shipments_direct_reference",
        "shipments",
        ["account_id", "external_reference_id"],
        unique=True,
        sqlite_where=direct,
        postgresql_where=direct,
    )
    _make_rate_tables()


def _make_rate_tables() -> None:
    op.create_table(
        "rate_tables",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", CodePointText(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_rate_tables"),
    )
    op.create_index("ix_rate_tables_name", "rate_tables", ["account_id", "name", "valid_from"])
    if op.get_bind().dialect.name != "sqlite":
        op.execute(sa.schema.CreateSequence(sa.Sequence("rate_tables_id")))
