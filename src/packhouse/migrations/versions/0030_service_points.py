"""Service points, found by the cells of a grid."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText, Instant

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_FOUND_BY = (
    "account_id", "country_code", "state", "cell", "latitude", "longitude", "carrier_code", "general_shop_type", "id",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "service_points",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("carrier_code", CodePointText(), nullable=False),
        sa.Column("carrier_service_point_id", CodePointText(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("country_code", sa.Text(), nullable=False),
        sa.Column("postal_code", CodePointText(), nullable=False),
        sa.Column("city", CodePointText(), nullable=False),
        sa.Column("cell", sa.BigInteger(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("carrier_shop_type", sa.Text(), nullable=True),
        sa.Column("general_shop_type", sa.Text(), nullable=True),
        sa.Column("open_days", sa.Integer(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_service_points"),
    )
    for name, columns, unique in (
        ("uq_service_points_code", ("account_id", "carrier_code", "carrier_service_point_id"), True),
        ("ix_service_points_cell", _FOUND_BY, False),
        ("ix_service_points_postal_code", ("account_id", "country_code", "postal_code"), False),
        ("ix_service_points_city", ("account_id", "country_code", "city"), False),
        ("ix_service_points_country", ("account_id", "country_code", "id"), False),
    ):
        op.create_index(name, "service_points", list(columns), unique=unique)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE service_points_id")
