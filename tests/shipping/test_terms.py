"""Sender addresses, contracts and who is calling, in the words of the v3 API (contract beyond orders, section 11)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.carriers import ContractField
from tests import make
from tests.conftest import STRANGER
from tests.contract import published
from tests.shipping.conftest import FakeCarrier

SENDERS, CONTRACTS = "/api/v3/addresses/sender-addresses", "/api/v3/contracts"
KEY = "a key for tests"
pytestmark = pytest.mark.one_database


def add_senders(client: TestClient, count: int) -> list[int]:
    made = [
        client.post("/api/packhouse/sender-addresses", json=make.address(name=f"Dock {number}")).json()["data"]["id"]
        for number in range(count)
    ]
    client.patch(f"/api/packhouse/sender-addresses/{made[-1]}", json={"is_default": True, "vat_number": "NL1"})
    return [made[-1], *sorted(row["id"] for row in read(client, "/api/v3/sender-addresses") if row["id"] != made[-1])]


def read(client: TestClient, url: str, **parameters: Any) -> list[Any]:
    answer = client.get(url, params=parameters)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def follow(client: TestClient, url: str, relation: str) -> list[list[int]]:
    """The ids of each page."""
    pages = []
    while url:
        answer = client.get(url)
        pages.append([row["id"] for row in answer.json()["data"]])
        found = re.search(rf'<[^>]*?(/api/[^>]+)>; rel="{relation}"', answer.headers.get("link", ""))
        url = found[1] if found else ""
    return pages


@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_sender_addresses_have_the_published_shape(open_shop: Callable[..., TestClient], profile: str) -> None:
    client = open_shop(profile=profile)
    [default, *_] = add_senders(client, 2)
    listed = published.require_shape("sender-addresses", "GET", "/addresses/sender-addresses", client.get(SENDERS))
    first = listed["data"][0]
    assert (first["id"], first["is_default"], first["company_name"]) == (default, True, "")
    assert first["tax_numbers"] == [{"name": "VAT", "country_code": "NL", "value": "NL1"}]
    one = client.get(f"{SENDERS}/{default}")
    shown = published.require_shape("sender-addresses", "GET", "/addresses/sender-addresses/{id}", one)
    assert shown == {"data": first}
    gone = client.get(f"{SENDERS}/999999")
    published.require_shape("sender-addresses", "GET", "/addresses/sender-addresses/{id}", gone)
    assert gone.json()["errors"][0]["detail"] == "No sender address found."
    assert client.get(f"{SENDERS}/{default}", auth=STRANGER).status_code == 404


def test_pages_of_sender_addresses_lose_and_repeat_none(shop: TestClient) -> None:
    ids = add_senders(shop, 6)
    pages = follow(shop, f"{SENDERS}?page_size=3", "next")
    assert [id for page in pages for id in page] == ids
    assert [len(page) for page in pages] == [3, 3, 1]
    last = shop.get(f"{SENDERS}?page_size=3").headers["link"]
    assert 'rel="prev"' not in last
    second = re.search(r'<[^>]*?(/api/[^>]+)>; rel="next"', last)
    assert second is not None
    assert follow(shop, second[1], "prev") == [ids[3:6], ids[:3]]
    assert shop.get(f"{SENDERS}?page_size=101").status_code == 400
    assert shop.get(f"{SENDERS}?cursor=x").status_code == 404


@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_contracts_have_the_published_shape(
    open_shop: Callable[..., TestClient], carrier: FakeCarrier, profile: str
) -> None:
    carrier.contract_fields = [ContractField("user", "The user's name")]  # type: ignore[attr-defined]
    client = open_shop(profile=profile, secret_key=KEY)
    sent = {"carrier_code": "fake", "contract_data": {"user": "u"}, "is_active": True}
    made = published.require_shape("contracts", "POST", "/contracts", client.post(CONTRACTS, json=sent))["data"]
    assert (made["state"], made["type"], made["error"], made["is_default_per_carrier"]) == (
        "active",
        "direct",
        None,
        True,
    )
    assert "contract_data" not in made
    listed = published.require_shape("contracts", "GET", "/contracts", client.get(CONTRACTS))["data"]
    assert len(listed) == 4
    one = client.get(f"{CONTRACTS}/{made['id']}")
    assert published.require_shape("contracts", "GET", "/contracts/{id}", one)["data"] == made
    changed = client.patch(f"{CONTRACTS}/{made['id']}", json={"name": "Terms", "is_active": False})
    shown = published.require_shape("contracts", "PATCH", "/contracts/{id}", changed)["data"]
    assert (shown["name"], shown["state"]) == ("Terms", "inactive")
    found = published.require_shape("contracts", "GET", "/contracts/schemas", client.get(f"{CONTRACTS}/schemas"))
    fields = {row["carrier_code"]: row["fields"] for row in found["data"]}
    assert fields["fake"][0]["name"] == "user"
    assert fields["house"] == []
    assert client.delete(f"{CONTRACTS}/{made['id']}").status_code == 204
    assert client.get(f"{CONTRACTS}/{made['id']}").status_code == 404
    assert client.delete(f"{CONTRACTS}/{made['id']}").status_code == 404


def test_contracts_are_filtered(shop: TestClient) -> None:
    off = shop.post(CONTRACTS, json={"carrier_code": "fake", "contract_data": {}}).json()["data"]
    assert off["state"] == "inactive"
    for value, is_there in (("true", False), ("True", False), ("1", False), ("false", True), ("0", True)):
        assert (off["id"] in [row["id"] for row in read(shop, CONTRACTS, is_active=value)]) is is_there
    assert {row["carrier"]["code"] for row in read(shop, CONTRACTS, carrier_code="fake")} == {"fake"}
    assert [row["name"] for row in read(shop, CONTRACTS, name="Fake terms")] == ["Fake terms"]
    for name, value in (("carrier_code", "none"), ("is_active", "perhaps")):
        answer = shop.get(CONTRACTS, params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"parameter": name})


def test_a_carrier_has_one_default_contract(shop: TestClient) -> None:
    [first] = [row["id"] for row in read(shop, CONTRACTS, carrier_code="fake")]
    sent = {"carrier_code": "fake", "contract_data": {}, "is_active": True, "is_default_per_carrier": True}
    second = shop.post(CONTRACTS, json=sent).json()["data"]["id"]
    defaults = {row["id"]: row["is_default_per_carrier"] for row in read(shop, CONTRACTS, carrier_code="fake")}
    assert defaults == {first: False, second: True}
    unset = shop.patch(f"{CONTRACTS}/{second}", json={"is_default_per_carrier": False})
    assert unset.status_code == 400
    assert shop.patch(f"{CONTRACTS}/{first}", json={"is_default_per_carrier": True}).status_code == 200
    assert [row["id"] for row in read(shop, CONTRACTS, carrier_code="fake") if row["is_default_per_carrier"]] == [first]
    unknown = shop.post(CONTRACTS, json={"carrier_code": "none", "contract_data": {}})
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (400, "invalid_choice")


@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_the_caller_has_a_user_id(open_shop: Callable[..., TestClient], profile: str) -> None:
    answer = open_shop(profile=profile).get("/api/v3/user/auth/metadata")
    found = published.require_shape("user", "GET", "/user/auth/metadata", answer)
    assert found["data"]["user_id"] == found["data"]["account_id"]
