"""The stream of what is new, from a server on a socket: what it says, what it costs, and when it ends."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import httpx
import orjson
import pytest
import uvicorn

from packhouse.app import create_app
from packhouse.kit.http import protocol
from packhouse.settings import Settings
from tests import make
from tests.conftest import OWNER
from tests.statements import listening
from tests.web.conftest import EMAILS, sign_in

URL = "/api/v3/orders"


class Served(NamedTuple):
    """`app` is where `listening` finds the database; `stop` tells the server to."""

    url: str
    app: Any
    stop: Callable[[], None]


@pytest.fixture
def served(database_url: str, people: None) -> Iterator[Served]:
    assert people is None
    app = create_app(Settings(database_url=database_url), works=False)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # A stream that does not end by itself holds the server up for longer than a test may take.
    config = uvicorn.Config(app, http=protocol.BoundedProtocol, log_config=None, timeout_graceful_shutdown=600)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)

    def stop() -> None:
        server.should_exit = True
        thread.join()

    yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", app, stop)
    stop()


@pytest.fixture
def people_in(served: Served) -> Iterator[Callable[[str], httpx.Client]]:
    """Somebody who is signed in."""
    with ExitStack() as stack:

        def enter(email: str) -> httpx.Client:
            client = stack.enter_context(httpx.Client(base_url=served.url, headers={"accept": "text/html"}, timeout=60))
            assert sign_in(client, email).status_code == 303
            return client

        yield enter


class Stream:
    """Its events as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self.lines = response.iter_lines()

    def next(self) -> tuple[str, Any] | None:
        """None at the end."""
        name = ""
        for line in self.lines:
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                return name, orjson.loads(line[6:])
        return None


@contextmanager
def following(client: httpx.Client, query: str = "") -> Iterator[Stream]:
    with client.stream("GET", f"/orders/live{query}") as response:
        assert response.status_code == 200
        yield Stream(response)


def send(served: Served, *names: str) -> list[int]:
    orders = [make.order(name, shipping_address=make.address()) for name in names]
    answer = httpx.post(f"{served.url}{URL}", json=orders, auth=OWNER, timeout=60)
    assert answer.status_code == 200
    return [receipt["id"] for receipt in answer.json()["data"]]


def test_a_stream_tells_of_new_orders_and_of_every_order_it_follows(
    served: Served, people_in: Callable[[str], httpx.Client]
) -> None:
    first, second, third = send(served, "a", "b", "c")
    person = people_in(EMAILS["packer"])
    with following(person, f"?order={first}&order={second}&order=x&order=999") as stream:
        told = [stream.next() for _ in range(4)]
        assert {name for name, _ in filter(None, told)} == {"orders", "order"}
        marks = {said["id"]: said["mark"] for name, said in filter(None, told) if name == "order"}
        assert marks == {first: "1-0", second: "1-0", 999: None}
        for id in (third, second):  # nothing follows the third
            changed = httpx.patch(f"{served.url}{URL}/{id}", json={"order_number": "N"}, auth=OWNER)
            assert changed.status_code == 200
        assert stream.next() == ("order", {"id": second, "mark": "2-0"})
        send(served, "d")
        news = stream.next()
        assert news is not None
        assert (news[0], news[1]["incoming"]) == ("orders", 4)


def test_a_stranger_hears_of_their_own_orders_alone(served: Served, people_in: Callable[[str], httpx.Client]) -> None:
    [first] = send(served, "a")
    with (
        following(people_in(EMAILS["owner"])),
        following(people_in("stranger@example.org"), f"?order={first}") as stream,
    ):
        told = dict(filter(None, (stream.next(), stream.next())))
        assert told["orders"]["incoming"] == 0
        assert told["order"] == {"id": first, "mark": None}


def test_many_streams_of_an_account_cost_what_one_does_and_hold_no_connection(
    served: Served, people_in: Callable[[str], httpx.Client]
) -> None:
    send(served, "a")
    person, db = people_in(EMAILS["owner"]), served.app.context.db
    with ExitStack() as stack:
        streams = [stack.enter_context(following(person)) for _ in range(5)]
        for stream in streams:
            assert stream.next() is not None
        began = time.monotonic()
        with listening(served) as seen:  # type: ignore[arg-type]
            for name in ("b", "c"):
                send(served, name)
                for stream in streams:
                    assert stream.next() is not None
            took = time.monotonic() - began
        looks = [one for one in seen if one.startswith("SELECT") and "FROM order_deletions" in one]
        assert 1 <= len(looks) <= took + 2  # they lie a second apart
        tries = 0
        while db.count_connections()[0] and tries < 10_000:  # until it is between two looks
            tries += 1
            time.sleep(0.001)
        assert db.count_connections()[0] == 0 or tries < 10_000


def test_a_stream_ends_as_soon_as_the_server_is_told_to_stop(
    served: Served, people_in: Callable[[str], httpx.Client]
) -> None:
    send(served, "a")
    person = people_in(EMAILS["owner"])
    with following(person) as stream, following(people_in("stranger@example.org")) as other:
        for one in (stream, other):
            assert one.next() is not None
        stopping = threading.Thread(target=served.stop)
        stopping.start()
        assert (stream.next(), other.next()) == (None, None)
    stopping.join()


def test_who_is_not_signed_in_hears_nothing(served: Served) -> None:
    """And is told of no error: a browser would write one down each time it asks again."""
    answer = httpx.get(f"{served.url}/orders/live", headers={"accept": "text/event-stream"})
    assert (answer.status_code, answer.content) == (204, b"")
