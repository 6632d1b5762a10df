"""The schema's versions, shipped in the package and applied by `packhouse migrate`."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect
from sqlalchemy.schema import CreateTable

import packhouse
from packhouse.accounts import queries as accounts
from packhouse.kit import clock, errors
from packhouse.kit.db import Database, Transaction, connection_of
from packhouse.kit.messages import Message, message
from packhouse.orders import counts, search


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


_VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
# A lock is waited for PACKHOUSE_LOCK_TIMEOUT_SECONDS each time on PostgreSQL, and on SQLite likewise.
_ATTEMPTS = 30
_LONGEST_SECONDS = 3600
# By then servers and workers run the new version.
_UNTIL_RESTARTED = timedelta(hours=1)

_SCRIPTS = ScriptDirectory.from_config(_config())
HEAD = _SCRIPTS.get_current_head()
_KNOWN = frozenset(script.revision for script in _SCRIPTS.walk_revisions())


def explain(revision: str | None) -> Message | None:
    """What keeps this version from working with a database at that schema, and what helps; None where nothing does."""
    if revision == HEAD:
        return None
    if revision is None:
        return message("The database is empty, this version needs {head}. Run: packhouse migrate", head=HEAD)
    if revision in _KNOWN:
        return message(
            "The database is at schema {revision}, this version needs {head}. Run: packhouse migrate",
            revision=revision,
            head=HEAD,
        )
    return message(
        "The database is at schema {revision}, which Packhouse {version} does not know: it ends at {head}. "
        "A newer version has migrated this database, so run that version, or restore a backup of before.",
        revision=revision,
        version=packhouse.__version__,
        head=HEAD,
    )


def is_known(revision: str | None) -> bool:
    """Whether `upgrade` can begin there. It cannot where a newer version has been."""
    return revision is None or revision in _KNOWN


async def find_revision(db: Database) -> str | None:
    """The schema's version in this database, None for an empty one. Raises Unavailable."""
    async with db.read() as tx:
        return await connection_of(tx).run_sync(_current)


async def upgrade(db: Database, to: str = "head") -> str | None:
    """Bring the schema to a version, HEAD as a rule, in one transaction; gives back the one it was at.

    Of several who do it at once one works and the others wait: first for their turn (SQLite) or for the table that
    holds the version (PostgreSQL), then they find nothing left to do. A lock that is held against us is asked for again
    and again, rather than waited for: who waits for a table holds up everybody that comes after. Raises LockTimeout
    when a minute was not enough, and Unavailable where a newer version has migrated the database.
    """
    for _ in range(_ATTEMPTS):
        with suppress(errors.LockTimeout):
            await _ensure_version_table(db)

            async def work(tx: Transaction) -> str | None:
                await tx.lock_table(_VERSION)
                await tx.allow_seconds(_LONGEST_SECONDS)
                before: str | None = await connection_of(tx).run_sync(_current)
                if not is_known(before) and (why := explain(before)) is not None:
                    raise errors.Unavailable(why)
                if before != HEAD:
                    await connection_of(tx).run_sync(_upgrade, to)
                    if before is not None and before < search.SINCE and to == "head":
                        await _reindex_all(tx)
                return before

            return await db.write(work)
        await asyncio.sleep(0.2)
    raise errors.LockTimeout


async def _reindex_all(tx: Transaction) -> None:
    """What orders are found by is written anew by a worker, while all goes on; they are counted once more when the
    processes of the version before are gone, which keep no counts."""
    now = clock.now()
    for account in await accounts.list_accounts(tx):
        await search.enqueue_reindex(tx, account.account_id, account.country_code, now)
        await counts.enqueue_recount(tx, account.account_id, now, due_at=now + _UNTIL_RESTARTED)


async def _ensure_version_table(db: Database) -> None:
    """Make the table as Alembic does, but ahead and by itself: what is to be locked must be there for everybody."""
    async with db.read() as tx:
        if await connection_of(tx).run_sync(lambda connection: inspect(connection).has_table(_VERSION.name)):
            return
    await db.write(lambda tx: tx.execute(CreateTable(_VERSION, if_not_exists=True)))


def _current(connection: Connection) -> Any:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection, to: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
