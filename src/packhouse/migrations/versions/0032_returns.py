"""Returns and parcels that are only followed, as kinds of shipments; what has happened to parcels, all of it."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_REFERENCE = "uq_shipments_direct_reference"


def upgrade() -> None:
    op.add_column("shipments", sa.Column("kind", sa.Text(), server_default="outgoing", nullable=False))
    op.drop_index(_REFERENCE, "shipments")
    _make_index(_REFERENCE, ["account_id", "external_reference_id"], "for_order = 0 AND kind = 'outgoing'")
    live = "kind = 'return' AND state NOT IN ('failed', 'cancelled')"
    _make_index("uq_shipments_return_reference", ["account_id", "external_reference_id"], live)
    _make_index("ix_shipments_returns", ["account_id", "id"], "kind = 'return'", unique=False)
    _make_events()


def _make_index(name: str, columns: list[str], where: str, *, unique: bool = True) -> None:
    part = sa.text(where)
    op.create_index(name, "shipments", columns, unique=unique, sqlite_where=part, postgresql_where=part)


def _make_events() -> None:
    op.create_table(
        "parcel_events",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parcel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("status_code", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "parcel_id", "id", name="pk_parcel_events"),
    )
    if op.get_bind().dialect.name != "sqlite":
        op.execute(sa.schema.CreateSequence(sa.Sequence("parcel_events_id")))
