"""A real database made by the migrations, a server in the same process, and clients that come in by the front door.

Each worker of the test run makes one template per kind of database, with two accounts in it; each test gets a copy, or
one that was a test's before it and is again as the template was.
"""

import asyncio
import functools
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse import migrations
from packhouse.accounts import operations as accounts
from packhouse.app import create_app
from packhouse.cli import interpreter
from packhouse.integrations import operations as integrations
from packhouse.kit import clock, logs
from packhouse.kit.db import Database
from packhouse.settings import Settings
from tests import apart, databases, kinds, servers, sharded
from tests.in_process import Client

OWNER = ("owner-public", "owner-secret")
STRANGER = ("stranger-public", "stranger-secret")
# The owner's two integrations, and the one of the stranger.
SHOP, SECOND_SHOP, STRANGERS_SHOP = 1, 2, 3

_numbers = itertools.count()
_MEMORY = Path("/dev/shm")  # noqa: S108
_ROOM_BYTES = 4 * 2**30


def pytest_configure() -> None:
    """All databases are made in memory where there is room: one of PostgreSQL is three hundred files, and making and
    removing those on a disk was more work than all that is tested. What is killed here is a process, never the machine.
    """
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES:
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


def pytest_xdist_auto_num_workers() -> int:
    """More than there are cores: half the time of a test, it waits for a server, a browser or a clock, and leaves its
    core to another."""
    cores = len(os.sched_getaffinity(0) if sys.platform == "linux" else range(os.cpu_count() or 1))
    return 2 * cores


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A mark of the test goes before what the fixture is given."""
    if metafunc.definition.get_closest_marker("one_database") and "backend" in metafunc.fixturenames:
        metafunc.definition.add_marker(pytest.mark.parametrize("backend", ["sqlite"], indirect=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in kinds.list_marks(item):
            item.add_marker(mark)


@pytest.fixture(scope="session", autouse=True)
def _as_served() -> None:
    """This process is set as one that serves, and says only what fails."""
    logs.configure("error", "json")
    interpreter.tune()


@pytest.fixture(scope="session", autouse=True)
def _known_packages() -> Iterator[None]:
    """Every app looks through all that is installed for carriers, which takes most of the time of making one: looked at
    once, and again where a test installs something."""
    scan = metadata.entry_points
    found = functools.cache(lambda _path, asked: scan(**dict(asked)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "entry_points", lambda **asked: found(tuple(sys.path), tuple(asked.items())))
        yield


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a server's maintenance database: PACKHOUSE_TEST_DATABASE_URL, or a server of our own."""
    given = os.environ.get("PACKHOUSE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with servers.run_postgres() as url:
        servers.make_hasty(url)
        yield url


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "template.db")
        apart.run(_make_accounts(f"sqlite:///{path}"))
        yield path


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> Iterator[str]:
    name = servers.new_database_name()
    if sharded.find_nodes(postgres):
        sharded.create(postgres, name)
        asyncio.run(_make_accounts(servers.with_name(postgres, name), postgres))
        yield name
        sharded.drop(postgres, name)
        return
    servers.execute(postgres, f'CREATE DATABASE "{name}"')
    asyncio.run(_make_accounts(servers.with_name(postgres, name)))
    yield name
    servers.execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_pool(postgres: str, postgres_template: str) -> Iterator[databases.Pool]:
    pool = databases.Pool(postgres, postgres_template)
    yield pool
    pool.close()


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """`new_database("sqlite")` gives the URL of one of this test alone, migrated, with the two accounts."""
    with ExitStack() as stack:

        def make(backend: str) -> str:
            if backend == "sqlite":
                path = tmp_path / "packhouse.db"
                shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
                return f"sqlite:///{path}"
            pool: databases.Pool = request.getfixturevalue("postgres_pool")
            url = pool.take()
            stack.callback(pool.give_back, url)
            return url

        yield make


@pytest.fixture
def database_url(backend: str, new_database: Callable[[str], str]) -> str:
    return new_database(backend)


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that no migration has seen."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: str = request.getfixturevalue("postgres")
    name = servers.new_database_name()
    servers.execute(server, f'CREATE DATABASE "{name}"')
    yield servers.with_name(server, name)
    servers.execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def serve(database_url: str) -> Iterator[Callable[..., TestClient]]:
    """`serve(profile="reference")` starts a server with these settings and gives a client without credentials."""
    with ExitStack() as stack:

        def start(*, works: bool = False, **settings: Any) -> TestClient:
            app = create_app(Settings(database_url=database_url, **settings), works=works)
            return stack.enter_context(Client(app))

        yield start


@pytest.fixture
def client(serve: Callable[..., TestClient]) -> TestClient:
    """The owner's client against a server with the default settings."""
    client = serve()
    client.auth = OWNER
    return client


async def _make_accounts(url: str, cluster: str | None = None) -> None:
    db = Database(url)
    await migrations.upgrade(db)
    if cluster is not None:
        await sharded.distribute(cluster, db)
    now = clock.now()
    async with db.begin() as tx:
        for name, (public, secret), shops in (("owner", OWNER, 2), ("stranger", STRANGER, 1)):
            account_id = await accounts.create_account(tx, name, "NL", now=now)
            await accounts.create_key(tx, account_id, "first", now=now, public_key=public, secret_key=secret)
            for _ in range(shops):
                await integrations.create_integration(tx, account_id, f"Shop {next(_numbers)}", now=now)
    await db.close()
    if db.is_sqlite:  # a template is copied as one file: what the log holds must be in it
        servers.checkpoint(Path(str(db.url.database)))
