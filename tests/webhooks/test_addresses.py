"""Nobody can make this server call what lies inside its network."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.webhooks.addresses import is_public
from packhouse.webhooks.sender import Sender
from tests.webhooks.conftest import BROADCAST, CONNECTIONS, SUBSCRIPTIONS, Receiver, connect

PRIVATE = [
    "127.0.0.1",
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    # What one Python or another takes for anybody's.
    "192.0.0.192",
    "192.0.0.9",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "240.0.0.1",
    "64:ff9b:1::1",
    "64:ff9b:1:fffe::a00:1",
    "::10.0.0.1",
    "::ffff:0:10.0.0.1",
    "::ffff:192.0.0.192",
    "2002:c000:c0::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "100:0:0:1::1",
    "fec0::1",
    "4000::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_inside_a_network_are_known(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "::ffff:93.184.215.14",
        "64:ff9b::5db8:d70e",
        "2002:5db8:d70e::1",
    ],
)
def test_addresses_of_the_internet_are_known(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.one_database
@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "169.254.169.254", "[::ffff:127.0.0.1]"])
def test_a_connection_to_such_an_address_is_refused(working: Callable[..., TestClient], host: str) -> None:
    sent = {"type": "webhook", "configuration": {"url": f"http://{host}/"}}
    answer = working(webhooks_allow_private=False).post(CONNECTIONS, json=sent)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"pointer": "/data/attributes/configuration/url"}


@pytest.mark.parametrize(
    "place",
    [*(f"http://{host}" for host in ("10.0.0.1", "[64:ff9b:1::1]")), "http://a:b@hooks.example.com", "ftp://a.example"],
)
def test_a_shops_own_webhook_is_checked_as_a_connection_is(working: Callable[..., TestClient], place: str) -> None:
    client, url = working(webhooks_allow_private=False), f"{place}/"
    for answer in (
        client.patch("/api/v3/integrations/1", json={"webhook_url": url}),
        client.post("/api/packhouse/integrations", json={"shop_name": "Tea", "webhook_url": url}),
    ):
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["source"] == {"pointer": "/data/attributes/webhook_url"}
    assert (
        client.patch("/api/v3/integrations/1", json={"webhook_url": "https://hooks.example.com/a"}).status_code == 204
    )
    assert client.patch("/api/v3/integrations/1", json={"webhook_url": None}).status_code == 204


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1"])
def test_a_name_that_leads_there_is_refused_when_it_is_resolved(
    working: Callable[..., TestClient], receive: Callable[..., Receiver], host: str
) -> None:
    client, receiver = working(webhooks_allow_private=False), receive()
    connect(client, receiver.url.replace("127.0.0.1", host), "orders.order.created")
    id = client.get(SUBSCRIPTIONS).json()["data"][0]["id"]
    answer = client.post(f"{BROADCAST}/{id}").json()["data"]
    assert answer == {"success": False, "response_body": "AddressRefused"}
    assert receiver.received == []


def test_a_name_is_resolved_once_and_that_address_is_called(receive: Callable[..., Receiver]) -> None:
    """A resolver that gives another address the second time is never asked a second time."""
    receiver = receive()
    asked: list[Any] = []

    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async def work() -> Any:
        sender = Sender(allow_private=True, connect_seconds=5, read_seconds=5, resolve=resolve)
        try:
            return await sender.post(receiver.url.replace("127.0.0.1", "hooks.example.com"), {}, b"{}")
        finally:
            await sender.close()

    assert asyncio.run(work()).is_success
    assert asked == ["hooks.example.com"]
    assert receiver.received[0].headers["host"].startswith("hooks.example.com:")


def test_one_forbidden_address_among_others_refuses_the_name() -> None:
    async def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in ("93.184.215.14", "127.0.0.1")]

    async def work() -> Any:
        sender = Sender(allow_private=False, connect_seconds=1, read_seconds=1, resolve=resolve)
        try:
            return await sender.post("http://hooks.example.com/", {}, b"{}")
        finally:
            await sender.close()

    assert asyncio.run(work()).error == "AddressRefused"
