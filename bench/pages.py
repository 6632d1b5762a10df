"""The page of people: how long the server takes for a list of 200 orders."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from bench import servers
from bench.report import Asked, Figure
from packhouse.accounts import sessions, users
from packhouse.kit import clock, security
from packhouse.kit.db import Database
from packhouse.orders import demo

ROWS = 200
_ACCOUNT = 1
# With a sort that no index serves as many orders as it looks at.
_ORDERS = 1_000


def sign_in(url: str) -> str:
    """The cookie of a person of the bench's account, who looks on."""

    async def work() -> str:
        db, now = Database(url), clock.now()
        try:
            async with db.begin() as tx:
                hashed = security.hash_password(security.new_secret())
                email = "bench@example.com"
                id = await users.create_user(tx, _ACCOUNT, email, hashed, "owner", now=now)
                until = now + timedelta(days=1)
                cookie = await sessions.start(tx, _ACCOUNT, id, now=now, until=until)
        finally:
            await db.close()
        return f"packhouse_session={cookie}"

    return asyncio.run(work())


class Reader(NamedTuple):
    """Somebody signed in, and their connection."""

    connection: HTTPConnection
    cookie: str

    def fetch(self, place: str) -> tuple[float, bytes]:
        """Milliseconds and the page. Raises RuntimeError where it was not answered with 200."""
        began = time.perf_counter()
        self.connection.request("GET", place, headers={"Cookie": self.cookie, "Accept": "text/html"})
        response = self.connection.getresponse()
        body = response.read()
        took = (time.perf_counter() - began) * 1000
        if response.status != 200:
            raise RuntimeError(f"{place} was answered with {response.status}: {body[:300]!r}")
        return took, body


@contextmanager
def reading(server: servers.Server, url: str) -> Iterator[Reader]:
    connection = server.connect()
    try:
        yield Reader(connection, sign_in(url))
    finally:
        connection.close()


def measure(folder: Path, rounds: int) -> Iterator[Figure]:
    url = f"sqlite:///{folder / 'pages.db'}"
    shop = servers.make_database(url)
    made = demo.make_orders(_ORDERS, seed=2, integration_ids=[shop], now=clock.now())
    with servers.run_packhouse(url, folder / "pages.log") as server, reading(server, url) as reader:
        while batch := list(islice(made, 100)):
            _post(reader.connection, batch)
        for name, query in (("newest first", ""), ("by weight", "&sort=-weight"), ("of a country", "&country=NL")):
            place = f"/orders?show=all&size={ROWS}{query}"
            _, body = reader.fetch(place)
            shown = body.count(b'<td class="c-number">')
            took = [reader.fetch(place)[0] for _ in range(3 * rounds)]
            yield Figure(f"The page of {shown} orders, {name}", "ms", took, asked=Asked(150, at_least=False))


def _post(connection: HTTPConnection, batch: list[dict[str, Any]]) -> None:
    headers = {"Authorization": servers.AUTHORIZATION, "Content-Type": "application/json"}
    connection.request("POST", "/api/v3/orders", orjson.dumps(batch), headers)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"The orders were answered with {response.status}: {body[:300]!r}")
