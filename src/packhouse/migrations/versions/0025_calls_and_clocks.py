"""Answers kept with their headers, calls that are under way, and when a time was set at which something is due."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_KEYS = "idempotency_keys"
_PENDING = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    _change_keys(is_sqlite=op.get_bind().dialect.name == "sqlite")
    for table, before in (("jobs", "created_at"), ("deliveries", "coalesce(attempted_at, created_at)")):
        op.add_column(table, sa.Column("scheduled_at", Instant(), nullable=True))
        op.execute(f"UPDATE {table} SET scheduled_at = {before} WHERE due_at IS NOT NULL")  # noqa: S608 - two constants
    op.create_index("ix_jobs_scheduled", "jobs", ["scheduled_at", "account_id"])
    op.create_index(
        "ix_deliveries_scheduled",
        "deliveries",
        ["account_id", "connection_id", "scheduled_at"],
        postgresql_where=_PENDING,
        sqlite_where=_PENDING,
    )


def _change_keys(*, is_sqlite: bool) -> None:
    """A key is one of its account, whatever is called with it. So far one operation took keys, so none is there twice;
    its rows are given its path. SQLite cannot change a primary key, so there the table is made anew."""
    added: tuple[sa.Column[Any], ...] = (
        sa.Column("headers", sa.Text(), nullable=False, server_default=sa.text("'[]'")),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("claim", sa.Text(), nullable=True),
        sa.Column("claimed_until", Instant(), nullable=True),
    )
    if is_sqlite:
        _make_anew(added)
    else:
        for column in added:
            op.add_column(_KEYS, column)
        op.drop_constraint("pk_idempotency_keys", _KEYS, type_="primary")
        op.create_primary_key("pk_idempotency_keys", _KEYS, ["account_id", "key"])
    op.execute("UPDATE idempotency_keys SET operation = 'POST /api/v3/orders'")


def _make_anew(added: tuple[sa.Column[Any], ...]) -> None:
    op.create_table(
        "idempotency_keys_anew",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        *added,
        sa.PrimaryKeyConstraint("account_id", "key", name="pk_idempotency_keys"),
    )
    kept = "account_id, key, operation, digest, status, answer, created_at"
    op.execute(f"INSERT INTO idempotency_keys_anew ({kept}) SELECT {kept} FROM idempotency_keys")  # noqa: S608 - constants
    op.drop_table(_KEYS)
    op.rename_table("idempotency_keys_anew", _KEYS)
    op.create_index("ix_idempotency_keys_created_at", _KEYS, ["account_id", "created_at"])
