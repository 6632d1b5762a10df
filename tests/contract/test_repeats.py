"""Every POST that changes or makes something of ours takes an `Idempotency-Key`."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse import document
from packhouse.app import ROUTES
from tests import make
from tests.conftest import OWNER, SHOP

SECRET = "a-secret-key-of-the-tests-alone-0123456789"
CONNECTIONS = "/api/v3/event-subscriptions/connections"
CONNECTION = {"type": "webhook", "configuration": {"url": "http://127.0.0.1:9/hook"}}
ADDRESS = {
    "name": "Depot",
    "address_line_1": "Kade 1",
    "postal_code": "1011 AB",
    "city": "Utrecht",
    "country_code": "NL",
}
RATES = "option_code,contract_id,zone,max_weight_kg,type,price,lead_time_hours\nhouse:standard,,NL,2,,5.00,24\n"
RULE = {"name": "r", "conditions": {}, "actions": {"shipping_option_code": "house:standard"}}


def find_posts() -> list[str]:
    paths = document.describe(ROUTES)["paths"]
    labels = [
        "/api/v3/orders/create-label-sync",
        "/api/v3/orders/create-labels-async",
        "/api/v3/shipments/{id}/cancel",
    ]
    posts = [path for path, operations in paths.items() if "post" in operations]
    return [path for path in posts if path.startswith("/api/packhouse/") or path in labels]


# A file of service points replaces those that it names, and asking carriers for theirs needs one that has any.
POSTS = [path for path in find_posts() if not path.startswith("/api/packhouse/service-points/")]


class Stock:
    """What the calls are about, and the bodies that they take."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        order = make.order("o-1", shipping_address=make.address())
        assert client.post("/api/v3/orders", json=[order]).status_code == 200
        body = {"integration_id": SHOP, "order": {"order_id": "o-1"}}
        self.label, self.other = (
            client.post("/api/v3/orders/create-label-sync", json=body).json()["data"] for _ in range(2)
        )
        made = client.post(CONNECTIONS, json=CONNECTION).json()["data"]
        self.connection = made["id"]
        changes = {"webhook_active": True, "webhook_url": "http://127.0.0.1:9/shop"}
        assert client.patch(f"/api/v3/integrations/{SHOP}", json=changes).status_code == 204
        self.delivery = client.get("/api/packhouse/deliveries").json()["data"][0]["id"]
        made = client.post("/api/packhouse/clients", json={"name": "first"}).json()["data"]
        self.client_id = made["client_id"]
        client.post(f"{CONNECTIONS}/{self.connection}/signing-key")

    def to_path(self, path: str) -> str:
        ids = {
            "/shipments/": self.other["shipment_id"],
            "/parcels/": self.label["parcel_id"],
            "/integrations/": SHOP,
            "/connections/": self.connection,
            "/deliveries/": self.delivery,
        }
        found = next((id for part, id in ids.items() if part in path), "")
        return path.replace("{id}", str(found)).replace("{client_id}", self.client_id)

    def to_body(self, path: str) -> Any:
        last = path.rsplit("/", 1)[-1]
        return {
            "create-label-sync": {"integration_id": SHOP, "order": {"order_id": "o-1"}},
            "create-labels-async": {"integration_id": SHOP, "orders": [{"order_id": "o-1"}]},
            "status": {"status": "3"},
            "dry-run": {"integration_id": SHOP, "order_id": "o-1"},
            "validate": [make.order()],
            "sender-addresses": ADDRESS,
            "contracts": {"carrier_code": "house", "name": "second"},
            "brands": {"name": "Brand"},
            "rate-tables": {"name": "2026", "currency": "EUR", "csv": RATES},
            "shipping-rules": RULE,
            "integrations": {"shop_name": "Another", "type": "api"},
            "clients": {"name": "second"},
            "erase": {"email": "nobody@example.com"},
            "export": {"email": "nobody@example.com"},
        }.get(last)


@pytest.fixture
def stock(serve: Callable[..., TestClient]) -> Stock:
    client = serve(secret_key=SECRET, webhooks_allow_private=True)
    client.auth = OWNER
    return Stock(client)


def count(client: TestClient) -> list[int]:
    """How much there is of what these calls make, and of what the audit log says of what they do."""
    lists = ("audit-log", "clients", "sender-addresses", "contracts", "brands", "shipping-rules", "deliveries")
    found = [len(client.get(f"/api/packhouse/{name}").json()["data"]) for name in lists]
    return [*found, *(len(client.get(f"/api/v3/{name}").json()["data"]) for name in ("shipments", "integrations"))]


def test_every_post_is_answered_once(stock: Stock) -> None:
    client = stock.client
    assert len(POSTS) >= 18
    for number, path in enumerate(POSTS):
        at, body = stock.to_path(path), stock.to_body(path)
        headers = {"Idempotency-Key": f"key-{number}"}
        if path.endswith("signing-key/activate"):  # there must be one that waits
            assert client.post(at.removesuffix("/activate")).status_code == 200
            assert client.post(at.removesuffix("/activate")).status_code == 200
        first = client.post(at, json=body, headers=headers)
        assert first.status_code < 300, (path, first.text)
        before = count(client)
        again = client.post(at, json=body, headers=headers)
        assert (again.status_code, again.content) == (first.status_code, first.content), path
        for name, value in first.headers.items():
            assert name == "x-request-id" or again.headers[name] == value, path
        assert count(client) == before, path
        other = client.post(at, json={"another": "body"}, headers=headers)
        assert other.status_code == 409, path
        assert other.json()["errors"][0]["source"] == {"header": "Idempotency-Key"}, path
        elsewhere = client.post(stock.to_path(POSTS[number - 1]), json=body, headers=headers)
        assert elsewhere.status_code == 409, path


def test_every_post_says_that_it_takes_a_key() -> None:
    paths = document.describe(ROUTES)["paths"]
    for path in POSTS:
        operation = paths[path]["post"]
        assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]], path
        assert "409" in operation["responses"], path


def test_a_key_that_is_none_is_refused_everywhere(stock: Stock) -> None:
    for path in POSTS:
        answer = stock.client.post(stock.to_path(path), json=stock.to_body(path), headers={"Idempotency-Key": "a b"})
        assert answer.status_code == 400, path
        assert answer.json()["errors"][0]["source"] == {"header": "Idempotency-Key"}, path


def test_refusals_of_handlers_are_kept(stock: Stock) -> None:
    """What is refused stays refused under its key, though by then it could be done."""
    client, headers = stock.client, {"Idempotency-Key": "key-1"}
    body = {"integration_id": SHOP, "order": {"order_id": "o-2"}}
    first = client.post("/api/v3/orders/create-label-sync", json=body, headers=headers)
    assert first.status_code == 404
    client.post("/api/v3/orders", json=[make.order("o-2", shipping_address=make.address())])
    again = client.post("/api/v3/orders/create-label-sync", json=body, headers=headers)
    assert (again.status_code, again.content) == (404, first.content)
    assert client.post("/api/v3/orders/create-label-sync", json=body).status_code == 201


def test_a_scope_is_needed_for_an_answer_that_is_kept(stock: Stock) -> None:
    client = stock.client
    made = client.post("/api/packhouse/clients", json={"name": "read", "scopes": ["read:order"]}).json()["data"]
    form = {"grant_type": "client_credentials"}
    token = client.post("/oauth2/token", data=form, auth=(made["client_id"], made["client_secret"])).json()
    headers = {"Idempotency-Key": "key-1"}
    assert client.post("/api/packhouse/clients", json={"name": "x"}, headers=headers).status_code == 201
    client.auth = lambda request: request
    bearer = {**headers, "Authorization": f"Bearer {token['access_token']}"}
    assert client.post("/api/packhouse/clients", json={"name": "x"}, headers=bearer).status_code == 403
