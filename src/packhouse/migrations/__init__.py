"""The schema's versions, shipped in the package and applied by `packhouse migrate`."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from packhouse.kit.db import Database


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


HEAD = ScriptDirectory.from_config(_config()).get_current_head()


async def find_revision(db: Database) -> str | None:
    """The schema's version in this database, None for an empty one. Raises Unavailable."""
    async with db.read() as connection:
        revision: str | None = await connection.run_sync(_current)
        return revision


async def upgrade(db: Database) -> str | None:
    """Bring the schema to HEAD in one transaction; gives back the version it was at."""
    async with db.write() as tx:
        before: str | None = await tx.run_sync(_current)
        await tx.run_sync(_upgrade)
    return before


def _current(connection: Connection) -> Any:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
