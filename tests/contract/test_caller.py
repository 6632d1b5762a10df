"""Who is calling (contract, section 2): credentials, partners, and that everything belongs to one account."""

import base64
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import OWNER, SECOND_SHOP, SHOP, STRANGER, STRANGERS_SHOP

ORDERS = "/api/v3/orders"
ORDER = "/api/v3/orders/1"
HISTORY = "/api/packhouse/orders/1/history"
METADATA = "/api/v3/user/auth/metadata"
Serve = Callable[..., TestClient]

OPERATIONS: list[tuple[str, str, Any]] = [
    ("POST", ORDERS, [make.order()]),
    ("GET", ORDERS, None),
    ("GET", ORDER, None),
    ("PATCH", ORDER, {"order_number": "N-2"}),
    ("DELETE", ORDER, None),
    ("GET", HISTORY, None),
    ("GET", METADATA, None),
]
UNAUTHENTICATED = {
    "errors": [
        {
            "status": "401",
            "code": "authentication_failed",
            "detail": "Invalid username/password.",
            "source": {"pointer": "/data"},
        }
    ]
}


def _basic(credentials: bytes) -> str:
    return f"Basic {base64.b64encode(credentials).decode()}"


RIGHT = base64.b64encode(b"owner-public:owner-secret").decode()
WRONG_HEADERS: list[str | None] = [
    None,
    "",
    "Basic",
    "Basic ",
    "Basic !!!",
    "Basic é",
    RIGHT,
    f"Bearer {RIGHT}",
    f"Basic{RIGHT}",
    f"Basic {RIGHT[:-4]}",
    _basic(b""),
    _basic(b":"),
    _basic(b"owner-public"),
    _basic(b"owner-public:"),
    _basic(b":owner-secret"),
    _basic(b"owner-public:wrong"),
    _basic(b"owner-public:owner-secret "),
    _basic(b"owner-public:owner-secret:"),
    _basic(b"owner-public:stranger-secret"),
    _basic(b"Owner-Public:owner-secret"),
    _basic(b"nobody:owner-secret"),
    _basic(b"owner-public\0:owner-secret"),
    _basic(b"owner-public:owner-secret\0"),
    _basic(b"\xff\xfe:owner-secret"),
    _basic(b"owner-public:\xed\xa0\x80"),
    _basic(b"' OR 1=1 --:x"),
    _basic(b"a" * 50_000 + b":x"),
]


@pytest.mark.parametrize(("method", "path", "body"), OPERATIONS)
def test_no_or_wrong_credentials(serve: Serve, method: str, path: str, body: Any) -> None:
    client = serve()
    client.post(ORDERS, json=[make.order("stays")], auth=OWNER)
    before = client.get(ORDERS, auth=OWNER).json()
    for header in WRONG_HEADERS:
        headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
        answer = client.request(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED), header
        is_bearer = header is not None and header.lower().startswith("bearer")
        assert answer.headers["WWW-Authenticate"] == ('Bearer error="invalid_token"' if is_bearer else "Basic")
        assert answer.headers["content-type"] == "application/json"
    assert client.get(ORDERS, auth=OWNER).json() == before


@pytest.mark.one_database
def test_credentials_come_before_everything_else_about_a_request(serve: Serve) -> None:
    client = serve()
    for content in (b"not json", b"[]", b"x" * 20_000_000):
        headers = {"Content-Type": "text/plain", "Sendcloud-Partner-Id": "unknown"}
        answer = client.post(ORDERS, content=content, headers=headers)
        assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


def test_the_right_credentials(serve: Serve) -> None:
    client = serve()
    for header in (f"Basic {RIGHT}", f"basic {RIGHT}", f"BASIC  {RIGHT}"):
        assert client.get(ORDERS, headers={"Authorization": header}).json() == {"data": []}


def test_the_metadata_tells_whose_key_it_is(serve: Serve) -> None:
    client = serve()
    mine, theirs = client.get(METADATA, auth=OWNER), client.get(METADATA, auth=STRANGER)
    assert (mine.status_code, theirs.status_code) == (200, 200)
    assert mine.json() == {"data": {"user_id": 1, "integration_id": SHOP, "account_id": 1}}
    assert theirs.json() == {"data": {"user_id": 2, "integration_id": STRANGERS_SHOP, "account_id": 2}}


NOT_FOUND_BY_SEARCH = "The order could not be found with the search criteria given"
STRANGE: list[tuple[str, str, Any, str]] = [
    ("GET", ORDER, None, NOT_FOUND_BY_SEARCH),
    ("GET", HISTORY, None, NOT_FOUND_BY_SEARCH),
    ("PATCH", ORDER, {"order_number": "theirs"}, "Could not find specified item."),
    ("PATCH", ORDER, {}, "Could not find specified item."),
    ("DELETE", ORDER, None, NOT_FOUND_BY_SEARCH),
]


@pytest.mark.parametrize(("method", "path", "body", "detail"), STRANGE)
def test_another_accounts_order_is_404(serve: Serve, method: str, path: str, body: Any, detail: str) -> None:
    """The same answer as for an order that nobody has; and the order is as it was."""
    client = serve()
    client.post(ORDERS, json=[make.order()], auth=OWNER)
    before = client.get(ORDER, auth=OWNER).json()
    answers = [client.request(method, at, json=body, auth=STRANGER) for at in (path, path.replace("1", "987"))]
    for answer in answers:
        fault = {"status": "404", "code": "not_found", "title": "Not found", "detail": detail}
        assert (answer.status_code, answer.json()) == (404, {"errors": [fault]})
    assert client.get(ORDER, auth=OWNER).json() == before
    assert [e["action"] for e in client.get(HISTORY, auth=OWNER).json()["data"]] == ["created"]


def test_another_accounts_deleted_order_keeps_its_history_to_itself(serve: Serve) -> None:
    client = serve()
    client.post(ORDERS, json=[make.order()], auth=OWNER)
    assert client.delete(ORDER, auth=OWNER).status_code == 204
    assert client.get(HISTORY, auth=OWNER).status_code == 200
    assert client.get(HISTORY, auth=STRANGER).status_code == 404


def test_a_stranger_lists_only_their_own(serve: Serve) -> None:
    client = serve()
    client.post(ORDERS, json=[make.order(), make.order(integration=SECOND_SHOP)], auth=OWNER)
    assert client.get(ORDERS, auth=STRANGER).json() == {"data": []}
    for query in ("order_id=o-1", "order_number=N-o-1", "status=unfulfilled", "cursor=cj0xJnA9MA==", "sort=pk"):
        assert client.get(f"{ORDERS}?{query}", auth=STRANGER).json() == {"data": []}
    client.post(ORDERS, json=[make.order(integration=STRANGERS_SHOP)], auth=STRANGER)
    assert [order["id"] for order in client.get(ORDERS, auth=STRANGER).json()["data"]] == [3]
    assert [order["id"] for order in client.get(ORDERS, auth=OWNER).json()["data"]] == [2, 1]


def test_an_upsert_does_not_reach_another_accounts_order(serve: Serve) -> None:
    client = serve()
    client.post(ORDERS, json=[make.order()], auth=OWNER)
    before = client.get(ORDER, auth=OWNER).json()
    by_id = client.post(ORDERS, json=[make.order(integration=STRANGERS_SHOP, id="1")], auth=STRANGER)
    pointer = {"pointer": "/data/attributes/[0]/id"}
    fault = {"status": "400", "code": "invalid", "detail": "Order with id 1 does not exist", "source": pointer}
    assert (by_id.status_code, by_id.json()) == (400, {"errors": [fault]})
    by_key = client.post(ORDERS, json=[make.key(notes="mine now")], auth=STRANGER)
    assert by_key.status_code == 400
    assert client.get(ORDER, auth=OWNER).json() == before
    assert client.get(ORDERS, auth=STRANGER).json() == {"data": []}


@pytest.mark.parametrize("order", [make.order, make.key])
def test_another_accounts_integration_is_one_that_does_not_exist(serve: Serve, order: Callable[..., Any]) -> None:
    """In a batch and in a filter the answers differ in the number alone."""
    client = serve()
    client.post(ORDERS, json=[make.order(integration=STRANGERS_SHOP)], auth=STRANGER)
    for path, body in ((ORDERS, [order(integration=4711)]), (f"{ORDERS}?integration=4711", None)):
        method = "POST" if body else "GET"
        unknown = client.request(method, path, json=body, auth=OWNER)
        shown = [order(integration=STRANGERS_SHOP)] if body else None
        foreign = client.request(method, path.replace("4711", str(STRANGERS_SHOP)), json=shown, auth=OWNER)
        assert (unknown.status_code, foreign.status_code) == (400, 400)
        assert foreign.text == unknown.text.replace("4711", str(STRANGERS_SHOP))
    fault = {
        "status": "400",
        "code": "invalid_choice",
        "title": "Invalid Choice",
        "detail": "Select a valid choice. 3 is not one of the available choices.",
        "source": {"parameter": "integration"},
    }
    assert foreign.json() == {"errors": [fault]}


PARTNER = uuid.UUID("7b1d6a52-0c4e-4f0e-9a55-2f6f6f0d1c3e")
UNKNOWN_PARTNER = {
    "status": "400",
    "code": "invalid",
    "detail": "This is not the UUID of a known partner.",
    "source": {"header": "Sendcloud-Partner-Id"},
}


@pytest.mark.one_database
@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_a_partner_id_must_be_known_when_it_is_sent(serve: Serve, profile: str) -> None:
    client = serve(profile=profile, partner_ids=str(PARTNER))
    client.auth = OWNER
    hostile = ("", "partner", str(uuid.UUID(int=1)), str(PARTNER)[:-1], f"{PARTNER},{PARTNER}", "é", "0" * 5_000)
    for sent in hostile:
        headers = {b"Sendcloud-Partner-Id": sent.encode("latin-1")}
        answer = client.post(ORDERS, json=[make.order()], headers=headers)
        assert (answer.status_code, answer.json()) == (400, {"errors": [UNKNOWN_PARTNER]}), sent
    assert client.get(ORDERS).json() == {"data": []}
    for number, sent in enumerate((str(PARTNER), str(PARTNER).upper()), 1):
        answer = client.post(ORDERS, json=[make.order(f"o-{number}")], headers={"Sendcloud-Partner-Id": sent})
        assert answer.json() == {"data": [{"id": number, "order_id": f"o-{number}", "order_number": f"N-o-{number}"}]}
    assert client.post(ORDERS, json=[make.order("o-3")]).is_success


@pytest.mark.one_database
def test_no_partner_is_known_unless_the_operator_names_one(client: TestClient) -> None:
    answer = client.post(ORDERS, json=[make.order()], headers={"Sendcloud-Partner-Id": str(PARTNER)})
    assert (answer.status_code, answer.json()) == (400, {"errors": [UNKNOWN_PARTNER]})


@pytest.mark.one_database
def test_other_calls_do_not_look_at_the_partner(client: TestClient) -> None:
    client.post(ORDERS, json=[make.order()])
    headers = {"Sendcloud-Partner-Id": "unknown"}
    for method, path, body in OPERATIONS[1:]:
        assert client.request(method, path, json=body, headers=headers).is_success


@pytest.mark.one_database
def test_an_unknown_partner_is_listed_beside_the_faults_of_the_body(client: TestClient) -> None:
    headers = {"Sendcloud-Partner-Id": "unknown"}
    pointer = {"pointer": "/data/attributes/[0]/order_number"}
    missing = {"status": "400", "code": "invalid", "detail": "Field required", "source": pointer}
    unknown = {
        "status": "400",
        "code": "invalid",
        "detail": "Integration with id 99999 does not exist",
        "source": {"pointer": "/data/attributes/[0]/order_details/integration/id"},
    }
    order = {name: value for name, value in make.order().items() if name != "order_number"}
    assert client.post(ORDERS, json=[order], headers=headers).json() == {"errors": [UNKNOWN_PARTNER, missing]}
    answer = client.post(ORDERS, json=[make.order(integration=99999)], headers=headers)
    assert answer.json() == {"errors": [UNKNOWN_PARTNER, unknown]}
