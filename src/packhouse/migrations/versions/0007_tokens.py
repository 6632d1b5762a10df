"""Access tokens, OAuth2 clients, a second secret, and who refuses HTTP Basic."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("takes_basic", sa.Boolean(), nullable=False, server_default=sa.true()))
    for column in (
        sa.Column("second_hash", sa.Text()),
        sa.Column("second_until", Instant()),
        sa.Column("kind", sa.Text(), nullable=False, server_default="key"),
        sa.Column("scopes", sa.Text(), nullable=False, server_default="api"),
        sa.Column("takes_basic", sa.Boolean(), nullable=False, server_default=sa.true()),
    ):
        op.add_column("api_keys", column)
    op.create_table(
        "access_tokens",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "key_id"], ["api_keys.account_id", "api_keys.id"], name="fk_access_tokens_key"
        ),
        sa.PrimaryKeyConstraint("account_id", "token_id", name="pk_access_tokens"),
    )
    op.create_index("ix_access_tokens_account_id_expires_at", "access_tokens", ["account_id", "expires_at"])
