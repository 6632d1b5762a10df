"""Attempts with a wait that grows, known browsers, second factors, links to new passwords, and when one was given."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sign_in_attempts", sa.Column("next_at", Instant(), nullable=True))
    op.create_index("ix_sign_in_attempts_account_id_since", "sign_in_attempts", ["account_id", "since"])
    op.create_table(
        "known_browsers",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "user_id", "token_hash", name="pk_known_browsers"),
    )
    op.add_column("accounts", sa.Column("two_factors_for", sa.Text(), nullable=False, server_default="nobody"))
    op.add_column("sessions", sa.Column("confirmed_at", Instant(), nullable=True))
    op.execute("UPDATE sessions SET confirmed_at = created_at")
    op.create_table(
        "pending_sign_ins",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "token_hash", name="pk_pending_sign_ins"),
    )
    op.create_index("ix_pending_sign_ins_user", "pending_sign_ins", ["account_id", "user_id"])
    op.create_table(
        "second_factors",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.Column("set_up_at", Instant()),
        sa.Column("last_step", sa.BigInteger()),
        sa.Column("offered", sa.Text()),
        sa.Column("offered_at", Instant()),
        sa.PrimaryKeyConstraint("account_id", "user_id", name="pk_second_factors"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "user_id", "code_hash", name="pk_recovery_codes"),
    )
    op.create_table(
        "reset_links",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "token_hash", name="pk_reset_links"),
    )
    op.create_index("ix_reset_links_user", "reset_links", ["account_id", "user_id"])
