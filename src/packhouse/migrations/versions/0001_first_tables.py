"""Accounts, keys, integrations, orders and their history."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText, Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_IDS = ("accounts", "api_keys", "integrations", "orders")


def upgrade() -> None:
    _make_ids()
    _make_accounts()
    _make_orders()


def _make_ids() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.create_table(
            "sequences",
            sa.Column("account_id", sa.BigInteger(), nullable=False),
            sa.Column("name", sa.Text(), nullable=False),
            sa.Column("last", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("account_id", "name", name="pk_sequences"),
        )
    else:
        for name in _IDS:
            op.execute(sa.schema.CreateSequence(sa.Sequence(f"{name}_id")))


def _make_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country_code", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
    )
    op.create_table(
        "api_keys",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant()),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name="fk_api_keys_account_id"),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_public_key", "api_keys", ["public_key"])
    op.create_table(
        "integrations",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("shop_name", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("deleted_at", Instant()),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name="fk_integrations_account_id"),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_integrations"),
    )


def _make_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", CodePointText(), nullable=False),
        sa.Column("order_number", CodePointText(), nullable=False),
        sa.Column("order_id_folded", CodePointText(), nullable=False),
        sa.Column("order_number_folded", CodePointText(), nullable=False),
        sa.Column("status_folded", CodePointText(), nullable=False),
        sa.Column("order_created_at", Instant(), nullable=False),
        sa.Column("order_updated_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("modified_at", Instant(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_orders"),
    )
    op.create_index("uq_orders_key", "orders", ["account_id", "integration_id", "order_id"], unique=True)
    for name, column in (
        ("order_id", "order_id_folded"),
        ("order_number", "order_number_folded"),
        ("integration", "integration_id"),
        ("status", "status_folded"),
        ("created", "order_created_at"),
        ("updated", "order_updated_at"),
    ):
        op.create_index(f"ix_orders_{name}", "orders", ["account_id", column, "id"])
    op.create_table(
        "order_history",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", "version", name="pk_order_history"),
    )
