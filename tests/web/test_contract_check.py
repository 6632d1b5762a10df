"""Contracts with carriers in the settings: fields by name, and a test of the connection."""

import asyncio
import importlib
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse import worker
from packhouse.bootstrap import open_context
from packhouse.carriers import Unreachable, registry
from packhouse.carriers.karrio import Karrio
from packhouse.carriers.karrio_gateway import Call
from packhouse.carriers.karrio_terms import FIELDS
from packhouse.context import create_database
from packhouse.kit.messages import message
from packhouse.settings import Settings
from tests.shipping.carriers.lines import CREDENTIALS, Ups
from tests.web.conftest import token
from tests.web.world import query

pytestmark = pytest.mark.one_database
Person = Callable[..., TestClient]
KEY: dict[str, Any] = {"secret_key": "a key for these tests, long enough"}
PLACE = "/settings/contracts"
RIGHT = {"credentials/ups/client_id": "packer", "credentials/ups/client_secret": "s3cret-word"}
RIGHT |= {"credentials/ups/account_number": "A1B2C3"}


def send(page: TestClient, place: str, **fields: Any) -> Any:
    form = {"csrf": token(page.get(PLACE).text), "carrier_code": "ups", "is_active": "1", **fields}
    return page.post(place, data=form, follow_redirects=False)


def make(page: TestClient, database_url: str, **fields: Any) -> str:
    answer = send(page, PLACE, **{**RIGHT, **fields})
    assert answer.status_code == 303, answer.text
    ids = query(database_url, "SELECT id FROM shipping_setup WHERE kind = 'contract' ORDER BY id DESC")
    return f"{PLACE}/{ids[0]}"


def do_jobs(database_url: str, transport: Callable[[Call], tuple[int, bytes]]) -> None:
    async def drain() -> None:
        settings = Settings(database_url=database_url, **KEY)
        db = create_database(settings)
        carriers = [*(found for found in registry.find_carriers() if found.code != "ups"), Karrio("ups", transport)]
        try:
            async with open_context(settings, db, carriers=carriers) as ctx:
                await worker.Worker(ctx).drain()
        finally:
            await db.close()

    asyncio.run(drain())


class UnknownParcel(Ups):
    """Takes the credentials, and knows no parcel."""

    def answer(self, call: Call) -> tuple[int, bytes]:
        if "/track/" in call.url:
            told = {"response": {"errors": [{"code": "TW0001", "message": "Tracking Information Not Found"}]}}
            return 404, json.dumps(told).encode()
        return super().answer(call)


def away(_call: Call) -> tuple[int, bytes]:
    raise Unreachable(message("The carrier cannot be reached: {name}.", name="ConnectTimeout"), not_received=True)


def test_a_contract_is_typed_field_by_field(person: Person, database_url: str) -> None:
    page = person("owner", **KEY)
    shown = page.get(PLACE).text
    for label in ("Client ID (of an app on developer.ups.com)", "Passphrase of the shipping manager", "Depot number"):
        assert label in shown
    assert 'name="credentials/ups/client_secret" type="password"' in shown
    assert 'name="credentials/ups/account_number" type="text"' in shown
    assert "JSON" not in shown
    short = send(page, PLACE, **{**RIGHT, "credentials/ups/account_number": ""})
    assert short.status_code == 422
    assert "The carrier needs this." in short.text
    place = make(page, database_url)
    assert "s3cret-word" not in page.get(place).text
    assert send(page, place, **{"credentials/ups/account_number": "ZZZ999"}).status_code == 303  # the others stay
    lines = Ups()
    send(page, f"{place}/test")
    do_jobs(database_url, lines)
    assert "The carrier takes these credentials." in page.get(place).text


@pytest.mark.parametrize(
    ("transport", "fields", "expected", "mark"),
    [
        (UnknownParcel(), {}, "The carrier takes these credentials.", "tested"),
        (Ups(), {"credentials/ups/client_secret": "wrong"}, "The carrier refuses these credentials.", "does not work"),
        (away, {}, "The carrier cannot be reached now: try again later.", "does not work"),
        (lambda _: (503, b""), {}, "The carrier cannot be reached now: try again later.", "does not work"),
    ],
)
def test_a_connection_is_tested(
    person: Person, database_url: str, transport: Any, fields: dict[str, str], expected: str, mark: str
) -> None:
    page = person("owner", **KEY)
    place = make(page, database_url, **fields)
    assert "Not tested yet." in page.get(place).text
    assert "not tested" in page.get(PLACE).text
    step = 'href="' + place + '">Test the connection to the carrier</a>'
    assert step in page.get("/").text
    assert send(page, f"{place}/test").status_code == 303
    waiting = page.get(f"{place}/test").text
    assert ("The carrier is being asked" in waiting, "hx-trigger" in waiting) == (True, True)
    do_jobs(database_url, transport)
    for shown in (page.get(f"{place}/test").text, page.get(place).text):
        assert expected in shown
        assert "hx-trigger" not in shown.partition('id="check"')[2][:200]
    assert f">{mark}</span>" in page.get(PLACE).text
    assert (step + ' <span class="good">done' in page.get("/").text) == (mark == "tested")
    if mark == "tested":  # other credentials have not been tested
        send(page, place, **{"credentials/ups/client_secret": "other"})
        assert "Not tested yet." in page.get(place).text


def test_a_carrier_without_a_connection_has_no_test(person: Person) -> None:
    page = person("owner", **KEY)
    shown = page.get(f"{PLACE}/2").text
    assert "Test the connection" not in shown
    assert send(page, f"{PLACE}/2/test").status_code == 409
    assert send(page, f"{PLACE}/999/test").status_code == 404
    assert "Test the connection" not in page.get("/").text


@pytest.mark.parametrize("code", sorted(FIELDS))
def test_fields_are_settings_of_the_sdk(code: str) -> None:
    """All that the SDK must have is asked for, and nothing that it does not know."""
    settings = importlib.import_module(f"karrio.mappers.{code}.settings").Settings
    known = inspect.signature(settings).parameters
    assert {field.name for field in FIELDS[code]} <= set(known)
    needed = {name for name, found in known.items() if found.default is found.empty} - {"services"}
    assert needed <= {field.name for field in FIELDS[code] if field.required}
    assert set(CREDENTIALS.get(code, {})) <= set(known)
