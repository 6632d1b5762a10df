"""A carrier that remembers what it was asked, and a server and a worker that know it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse import worker
from packhouse.app import create_app
from packhouse.bootstrap import open_context
from packhouse.carriers import (
    AnnouncedParcel,
    Announcement,
    Consignment,
    Document,
    Option,
    Rejected,
    TrackingEvent,
    Unreachable,
    registry,
)
from packhouse.context import create_database
from packhouse.kit import clock, errors
from packhouse.kit.messages import message
from packhouse.settings import Settings
from tests import make
from tests.conftest import OWNER
from tests.in_process import Client


@dataclass
class FakeCarrier:
    """Makes one label a reference, however often it is asked; `mood` says what it does next."""

    code: str = "fake"
    name: str = "Fake Carrier"
    mood: str = "well"
    has_tracking: bool = False
    worker_only: bool = False
    is_idempotent: bool = True
    has_returns: bool = False
    labels: dict[str, Announcement] = field(default_factory=dict)
    asked: list[Consignment] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    events: list[TrackingEvent] = field(default_factory=list)
    looks: int = 0

    def options(self) -> Sequence[Option]:
        back = Option("fake:return", "Fake return", self.code, features={"returns": True, "multicollo": True})
        return [
            *([back] if self.has_returns else []),
            Option("fake:standard", "Fake standard", self.code),
            Option("fake:local", "Fake local", self.code, countries=frozenset({"NL", "BE"}), max_weight_kg=Decimal(20)),
        ]

    async def announce(self, consignment: Consignment, /) -> Announcement:
        self.asked.append(consignment)
        if self.mood == "away":
            raise Unreachable(message("nobody home"), not_received=True)
        if self.mood == "strict":
            raise Rejected([errors.ErrorItem("invalid", message("The postal code is not served."))])
        made = self.labels.setdefault(consignment.reference, self._make(consignment))
        if self.mood == "dies after":
            raise Unreachable(message("the line broke after the label was made"))
        if self.mood == "cut off":
            raise asyncio.CancelledError
        return made

    def _make(self, consignment: Consignment) -> Announcement:
        return Announcement(
            [
                AnnouncedParcel(
                    f"FAKE{parcel.id}",
                    f"https://track.example.com/FAKE{parcel.id}",
                    [Document("label", "a6", "application/pdf", f"%PDF {consignment.reference} {parcel.id}".encode())],
                )
                for parcel in consignment.parcels
            ]
        )

    async def track(self, consignment: Consignment, /) -> Sequence[TrackingEvent]:
        self.looks += 1
        if self.mood == "away":
            raise Unreachable(message("nobody home"))
        assert all(parcel.tracking_number.startswith("FAKE") for parcel in consignment.parcels)
        return list(self.events)

    async def cancel(self, consignment: Consignment, /) -> None:
        if self.mood == "away":
            raise Unreachable(message("nobody home"))
        if self.mood == "strict":
            raise Rejected([errors.ErrorItem("invalid", message("The van has left."))])
        self.cancelled.append(consignment.reference)


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = clock.now()

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier()


@pytest.fixture
def watch() -> Watch:
    return Watch()


def push(client: TestClient, order_id: str = "o-1", **changes: Any) -> int:
    """An order with an address; its id."""
    answer = client.post(
        "/api/v3/orders", json=[make.order(order_id, **{"shipping_address": make.address(), **changes})]
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["data"][0]["id"])


Open = Callable[..., TestClient]


@pytest.fixture
def open_shop(database_url: str, carrier: FakeCarrier, watch: Watch) -> Iterator[Open]:
    """`open_shop(documents_url=…)`: a client of the owner, of a server that knows the fake carrier."""
    with ExitStack() as stack:

        def start(**settings: Any) -> TestClient:
            known = [*registry.find_carriers(), carrier]
            app = create_app(Settings(database_url=database_url, **settings), now=watch, carriers=known)
            client = stack.enter_context(Client(app))
            client.auth = OWNER
            return client

        yield start


@pytest.fixture
def shop(open_shop: Open) -> TestClient:
    """With a contract for the fake carrier, whose standard option is the default."""
    client = open_shop()
    made = client.post("/api/packhouse/contracts", json={"carrier_code": "fake", "name": "Fake terms"})
    assert made.status_code == 201, made.text
    changed = client.patch("/api/packhouse/shipping-settings", json={"default_shipping_option_code": "fake:standard"})
    assert changed.status_code == 200, changed.text
    return client


@pytest.fixture
def work(database_url: str, carrier: FakeCarrier, watch: Watch) -> Callable[..., int]:
    """`work()` does what is due; how many jobs that were."""

    def run(**settings: Any) -> int:
        async def drain() -> int:
            given = Settings(database_url=database_url, **settings)
            db = create_database(given)
            try:
                async with open_context(given, db, now=watch, carriers=[*registry.find_carriers(), carrier]) as ctx:
                    return await worker.Worker(ctx).drain()
            finally:
                await db.close()

        return asyncio.run(drain())

    return run
