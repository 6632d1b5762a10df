"""The statements that a server sends through SQLAlchemy, for tests that count or read them.

What a statement binds to an account is read here from its text alone; `tests/test_sharding.py` has the planner say it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from packhouse.accounts import queries as accounts
from packhouse.kit.db.columns import metadata

REFERENCE = {*accounts.REFERENCE_TABLES}
# SQLite's own counter of ids, and the version of the schema.
NOT_SHARDED = {"sequences", "alembic_version"}


@contextmanager
def recording(*engines: Engine) -> Iterator[list[str]]:
    """The statements that these engines are sent, or all engines of this process, as they come."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    targets: Any = engines or (Engine,)
    for target in targets:
        event.listen(target, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for target in targets:
            event.remove(target, "before_cursor_execute", note)


@contextmanager
def listening(client: TestClient) -> Iterator[list[str]]:
    """The statements of the client's server."""
    app: Any = client.app
    db = app.context.db
    engines = {db._reader.sync_engine, db._writer.sync_engine} if db.is_sqlite else {db._writer.sync_engine}
    with recording(*engines) as seen:
        yield seen


def tables_of(statement: str) -> set[str]:
    """Those of ours that it reads or writes."""
    named = re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE|,)\s+\"?(\w+)", statement, re.IGNORECASE)
    return {name for name in named if name in metadata.tables}


def find_unnamed(statement: str) -> set[str]:
    """The sharded tables that the statement does not bind to an account."""
    if re.match(r"\s*INSERT", statement, re.IGNORECASE):
        columns = re.search(r"INTO\s+\"?\w+\"?\s*\(([^)]*)\)", statement, re.IGNORECASE)
        names_account = columns is not None and "account_id" in columns[1]
        return set() if names_account else tables_of(statement) - REFERENCE - NOT_SHARDED
    sharded = tables_of(statement) - REFERENCE - NOT_SHARDED
    bound = set(re.findall(r"(\w+)\.account_id\s*(?:=|IN)", statement)) | set(
        re.findall(r"=\s*(\w+)\.account_id", statement)
    )
    alone = bool(re.search(r"(?<![\w.])account_id\s*=", statement))
    return {name for name in sharded if not (called(name, statement) <= bound or alone)}


def called(name: str, statement: str) -> set[str]:
    """What the statement calls a table: each of its aliases, and its name where it has none."""
    aliases = set(re.findall(rf"\b{name} AS (\w+)", statement))
    return aliases | ({name} if not aliases or re.search(rf"\b{name}\.", statement) else set())
