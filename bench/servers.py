"""The processes that are measured: Packhouse on a fresh database, and the web floor."""

import asyncio
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from packhouse import migrations
from packhouse.accounts import operations as accounts
from packhouse.integrations import operations as integrations
from packhouse.kit import clock
from packhouse.kit.db import Database

PUBLIC_KEY, SECRET_KEY = "bench-public", "bench-secret"
AUTHORIZATION = f"Basic {b64encode(f'{PUBLIC_KEY}:{SECRET_KEY}'.encode()).decode()}"
_PATIENCE_SECONDS = 30


class Server(NamedTuple):
    process: subprocess.Popen[bytes]
    host: str
    port: int

    def connect(self) -> HTTPConnection:
        return HTTPConnection(self.host, self.port, timeout=_PATIENCE_SECONDS)


def make_database(url: str) -> int:
    """A migrated database with one account, its key and one integration, whose id is given back."""
    return prepare(url, 1)[0]


def prepare(url: str, shops: int) -> list[int]:
    """The same with so many integrations: their ids."""

    async def work() -> list[int]:
        db = Database(url)
        try:
            await migrations.upgrade(db)
            now = clock.now()
            async with db.begin() as tx:
                owner = await accounts.create_account(tx, "bench", "NL", now=now)
                await accounts.create_key(tx, owner, "bench", now=now, public_key=PUBLIC_KEY, secret_key=SECRET_KEY)
                return [await integrations.create_integration(tx, owner, "Bench", now=now) for _ in range(shops)]
        finally:
            await db.close()

    return asyncio.run(work())


@contextmanager
def run_packhouse(url: str, log: Path, *arguments: str) -> Iterator[Server]:
    """With the settings that an operator gets by default; its log goes to a file."""
    command = ["-m", "packhouse", "serve", "--migrate", "--port", "0", "--json", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PACKHOUSE_")}
    environment["PACKHOUSE_DATABASE_URL"] = url
    with _run(command, environment, log) as server:
        yield server


@contextmanager
def run_floor(answers: Path) -> Iterator[Server]:
    """A bare ASGI application that answers from memory: `answers` holds the body of each path, as JSON texts."""
    with _run(["-m", "bench.floor", str(answers)], dict(os.environ), answers.with_suffix(".log")) as server:
        yield server


@contextmanager
def run_naive(url: str, log: Path, *arguments: str) -> Iterator[Server]:
    with _run(["-m", "bench.naive", url, *arguments], dict(os.environ), log) as server:
        yield server


@contextmanager
def _run(command: Sequence[str], environment: dict[str, str], log: Path) -> Iterator[Server]:
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, *command], env=environment, stdout=subprocess.PIPE, stderr=errors, text=False
        )
    try:
        yield _read_address(process, log)
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _read_address(process: subprocess.Popen[bytes], log: Path) -> Server:
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        raise RuntimeError(f"The server did not start: {log.read_text('utf-8').strip()}")
    address = urlsplit(orjson.loads(line)["url"])
    return Server(process, str(address.hostname), int(address.port or 0))


def time_start(url: str, log: Path) -> float:
    """Seconds from the start of the process to the first answer of /health."""
    began = time.perf_counter()
    with run_packhouse(url, log) as server:
        connection = server.connect()
        connection.request("GET", "/health")
        status = connection.getresponse().status
        took = time.perf_counter() - began
        connection.close()
    if status != 200:
        raise RuntimeError(f"/health answered {status}.")
    return took
