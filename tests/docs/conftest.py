"""A database as `packhouse demo run` makes it, and the command `packhouse` for scripts."""

import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.concurrency import served
from tests.docs import commands
from tests.webhooks.conftest import receive

__all__ = ["receive"]


@pytest.fixture(scope="session")
def demo_database() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder, closing(socket.create_server(("127.0.0.1", 0))) as free:
        path = Path(folder, "demo.db")
        port = free.getsockname()[1]
        free.close()
        server = served.start(f"sqlite:///{path}", "demo", "run", "--port", str(port))
        try:
            served.wait_until(lambda: served.is_up(f"http://127.0.0.1:{port}"))
        finally:
            server.terminate()
            server.communicate(timeout=served.PATIENCE_SECONDS)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield path


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    with commands.installed() as path:
        yield path
