"""The error table of the contract (section 3), row by row, in both profiles, with whole bodies."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import OWNER, SECOND_SHOP, SHOP, STRANGERS_SHOP

ORDERS = "/api/v3/orders"
ORDER = "/api/v3/orders/1"
HISTORY = "/api/packhouse/orders/1/history"
METADATA = "/api/v3/user/auth/metadata"
Serve = Callable[..., TestClient]


@pytest.fixture(params=["guide", "reference"])
def anyone(request: pytest.FixtureRequest, serve: Serve) -> TestClient:
    """The owner's client, against each profile."""
    client = serve(profile=request.param)
    client.auth = OWNER
    return client


def _invalid(place: str, detail: str = "Field required") -> dict[str, Any]:
    return {"status": "400", "code": "invalid", "detail": detail, "source": {"pointer": f"/data/attributes/{place}"}}


def _refused(client: TestClient, batch: Any) -> list[Any]:
    """The errors of a POST that must be refused with 400 and store nothing."""
    before = client.get(ORDERS).json()
    answer = client.post(ORDERS, content=json.dumps(batch).encode())
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["errors"]
    assert client.get(ORDERS).json() == before
    return list(answer.json()["errors"])


@pytest.mark.one_database
@pytest.mark.parametrize("body", [{}, {"data": []}, "text", 3, True, None, make.order()])
def test_a_body_that_is_no_list(anyone: TestClient, body: Any) -> None:
    detail = "Wrong request format, expected list of objects"
    fault = {"status": "400", "code": "non_field_errors", "title": "Wrong format", "detail": detail}
    assert _refused(anyone, body) == [fault]


UNREADABLE = {
    b"": "Invalid JSON: EOF while parsing a value at line 1 column 0",
    b"   ": "Invalid JSON: EOF while parsing a value at line 1 column 3",
    b"[{": "Invalid JSON: EOF while parsing an object at line 1 column 2",
    b'[\n{"order_id": x}]': "Invalid JSON: expected value at line 2 column 14",
    b"[]]": "Invalid JSON: trailing characters at line 1 column 3",
    b"[{},]": "Invalid JSON: trailing comma at line 1 column 5",
    b'["\xff"]': "Invalid JSON: not UTF-8 at byte 2 (0xff)",
    b'["caf\xe9"]': "Invalid JSON: not UTF-8 at byte 5 (0xe9)",
    b"[NaN]": "Invalid JSON: NaN and Infinity are no JSON numbers, at line 1 column 2",
    b'[{"a": -Infinity}]': None,
    b'[{"a": Infinity}]': None,
    b"\xef\xbb\xbf[]": None,
    b"[" * 5_000: None,
    b"[" * 5_000 + b"]" * 5_000: None,
    b'["\x01"]': None,
    b'["\\ud800"]': None,
    b'["\xed\xa0\x80"]': "Invalid JSON: not UTF-8 at byte 2 (0xed)",
}


@pytest.mark.one_database
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_is_no_json_is_refused_with_what_and_where(anyone: TestClient, method: str) -> None:
    anyone.post(ORDERS, json=[make.order()])
    for body, detail in UNREADABLE.items():
        answer = anyone.request(method, ORDERS if method == "POST" else ORDER, content=body)
        assert answer.status_code == 400, body[:20]
        [fault] = answer.json()["errors"]
        said = fault.pop("detail")
        assert fault == {"status": "400", "code": "invalid", "source": {"pointer": "/data"}}
        assert said == detail if detail else re.search(r" at (line \d+ column \d+|byte \d+)", said), (body[:20], said)
    assert anyone.get(ORDER).json()["data"]["modified_at"] == anyone.get(ORDER).json()["data"]["created_at"]


@pytest.mark.one_database
def test_an_empty_list_and_one_of_more_than_100(anyone: TestClient) -> None:
    assert _refused(anyone, []) == [_invalid("", "Orders list should have at least 1 item, not 0")]
    for count in (101, 250):
        batch = [make.order(f"o-{number}") for number in range(count)]
        assert _refused(anyone, batch) == [_invalid("", f"Orders list should have at most 100 items, not {count}")]
    assert anyone.post(ORDERS, json=[make.order(f"o-{n}") for n in range(100)]).is_success


@pytest.mark.one_database
def test_an_entry_that_is_no_object(anyone: TestClient) -> None:
    detail = "Input should be an object"
    assert _refused(anyone, [make.order(), 7, None]) == [_invalid("[1]", detail), _invalid("[2]", detail)]


@pytest.mark.one_database
def test_every_required_field_of_a_create(anyone: TestClient) -> None:
    assert _refused(anyone, [{}]) == [
        _invalid("[0]/order_id"),
        _invalid("[0]/order_number"),
        _invalid("[0]/order_details"),
        _invalid("[0]/payment_details"),
    ]
    assert _refused(anyone, [{**make.order(), "order_details": {}, "payment_details": {}}]) == [
        _invalid("[0]/order_details/integration"),
        _invalid("[0]/order_details/status"),
        _invalid("[0]/order_details/order_created_at"),
        _invalid("[0]/order_details/order_items"),
        _invalid("[0]/payment_details/total_price"),
        _invalid("[0]/payment_details/status"),
    ]


NUMBER = "Input should be a valid number"
INTEGER = "Input should be a valid integer"
TEXT = "Input should be a valid string"
OBJECT = "Input should be an object"
EMPTY = "String should have at least 1 character"
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"order_id": ""}, "order_id", EMPTY),
    ({"order_id": 5}, "order_id", TEXT),
    ({"order_number": ""}, "order_number", EMPTY),
    ({"order_number": None}, "order_number", TEXT),
    ({"order_details": None}, "order_details", OBJECT),
    ({"order_details": {"integration": {}}}, "order_details/integration/id", "Field required"),
    ({"order_details": {"integration": {"id": "one"}}}, "order_details/integration/id", INTEGER),
    ({"order_details": {"status": {"message": "?"}}}, "order_details/status/code", "Field required"),
    ({"order_details": {"status": {"code": ""}}}, "order_details/status/code", EMPTY),
    ({"order_details": {"notes": 3}}, "order_details/notes", TEXT),
    ({"order_details": {"tags": "a"}}, "order_details/tags", "Input should be a valid array"),
    ({"order_details": {"tags": ["a", 2]}}, "order_details/tags/1", TEXT),
    ({"payment_details": {"status": {}}}, "payment_details/status/code", "Field required"),
    ({"payment_details": {"total_price": {"value": 1}}}, "payment_details/total_price/currency", "Field required"),
    ({"payment_details": {"total_price": {"currency": "EUR"}}}, "payment_details/total_price/value", "Field required"),
    ({"payment_details": {"is_cash_on_delivery": 1}}, "payment_details/is_cash_on_delivery",
     "Input should be a valid boolean"),
    ({"shipping_address": {}}, "shipping_address/name", "Field required"),
    ({"shipping_address": make.address(name="")}, "shipping_address/name", EMPTY),
    ({"shipping_address": make.address(postal_code="")}, "shipping_address/postal_code", EMPTY),
    ({"billing_address": make.address(city="")}, "billing_address/city", EMPTY),
    ({"customer_details": {"email": "a@example.com"}}, "customer_details/name", "Field required"),
    ({"service_point_details": {"type": "shop"}}, "service_point_details/id", "Field required"),
    ({"shipping_details": {"ship_with": {"type": "x", "properties": {"shipping_option_code": None}}}},
     "shipping_details/ship_with/type", "Input should be 'shipping_option_code'"),
    ({"shipping_details": {"ship_with": {"type": "shipping_option_code", "properties": {}}}},
     "shipping_details/ship_with/properties/shipping_option_code", "Field required"),
    ({"shipping_details": {"measurement": {"weight": {"value": 0, "unit": "kg"}}}},
     "shipping_details/measurement/weight/value", "Input should be greater than 0"),
    ({"shipping_details": {"measurement": {"weight": {"value": 1, "unit": "st"}}}},
     "shipping_details/measurement/weight/unit", "Input should be 'kg', 'g', 'lbs' or 'oz'"),
    ({"shipping_details": {"measurement": {"volume": {"value": 1.5, "unit": "l"}}}},
     "shipping_details/measurement/volume/value", "Input should be a valid integer"),
    ({"shipping_details": {"measurement": {"dimension": {"length": -1, "width": 1, "height": 1, "unit": "cm"}}}},
     "shipping_details/measurement/dimension/length", "Input should be greater than or equal to 0"),
    ({"customs_details": {"shipment_type": "present"}}, "customs_details/shipment_type",
     "Input should be 'gift', 'commercial_goods', 'commercial_sample' or 'returned_goods'"),
    ({"customs_details": {"tax_numbers": {"sender": {}}}}, "customs_details/tax_numbers/sender",
     "Input should be a valid array"),
]  # fmt: skip

WRONG_ITEMS: list[tuple[dict[str, Any], str, str]] = [
    ({"quantity": 0}, "quantity", "Input should be greater than 0"),
    ({"quantity": -3}, "quantity", "Input should be greater than 0"),
    ({"quantity": "2"}, "quantity", "Input should be a valid integer"),
    ({"quantity": 1.5}, "quantity", "Input should be a valid integer"),
    ({"quantity": True}, "quantity", "Input should be a valid integer"),
    ({"name": None}, "name", TEXT),
    ({"total_price": None}, "total_price", OBJECT),
    ({"total_price": {"value": "a lot"}}, "total_price/value", NUMBER),
    ({"unit_price": {"value": True}}, "unit_price/value", NUMBER),
    ({"properties": []}, "properties", OBJECT),
]


def _own(fault: dict[str, Any]) -> tuple[str, str]:
    return fault["source"]["pointer"], fault["detail"]


@pytest.mark.one_database
def test_a_field_that_is_wrong_is_named_with_pydantics_words(anyone: TestClient) -> None:
    """All in one batch: the faults of all orders come in one answer, in the order of the batch."""
    batch = [make.order(**{"order_id": f"o-{index}", **changes}) for index, (changes, _, _) in enumerate(WRONG)]
    expected = [_invalid(f"[{index}]/{place}", detail) for index, (_, place, detail) in enumerate(WRONG)]
    # The empty address lacks more than its name; everything else is wrong in one place only.
    empty = next(index for index, (changes, _, _) in enumerate(WRONG) if changes.get("shipping_address") == {})
    others = ("address_line_1", "postal_code", "city", "country_code")
    expected[empty + 1 : empty + 1] = [_invalid(f"[{empty}]/shipping_address/{name}") for name in others]
    assert _refused(anyone, batch) == expected


@pytest.mark.one_database
def test_a_wrong_item_is_named_by_its_place(anyone: TestClient) -> None:
    items = [make.item(), *(make.item(**changes) for changes, _, _ in WRONG_ITEMS)]
    place = "[1]/order_details/order_items"
    assert _refused(anyone, [make.order("o-1"), make.order("o-2", order_details={"order_items": items})]) == [
        _invalid(f"{place}/{index}/{field}", detail) for index, (_, field, detail) in enumerate(WRONG_ITEMS, 1)
    ]
    missing = make.order("o-2", order_details={"order_items": [{}]})
    assert _refused(anyone, [make.order("o-1"), missing]) == [
        _invalid(f"{place}/0/{field}") for field in ("name", "quantity", "total_price")
    ]


@pytest.mark.one_database
def test_an_id_sent_as_a_number(anyone: TestClient) -> None:
    anyone.post(ORDERS, json=[make.order()])
    ids: list[Any] = [1, 987, 1.0, None, ["1"], {}]
    for id in ids:
        assert _refused(anyone, [{"id": id, **make.order()}]) == [_invalid("[0]/id", TEXT)]


def test_an_id_that_is_not_one_of_the_accounts_orders(anyone: TestClient) -> None:
    for id in ("987", "0", "-1", "abc", "", "1e3", " 1", "9" * 30, "１"):
        fault = _invalid("[0]/id", f"Order with id {id} does not exist")
        assert _refused(anyone, [make.order(id=id)]) == [fault]
        assert _refused(anyone, [{"id": id}]) == [fault]


def test_an_integration_that_is_unknown_or_foreign(anyone: TestClient) -> None:
    for integration in (99999, STRANGERS_SHOP):
        fault = _invalid("[0]/order_details/integration/id", f"Integration with id {integration} does not exist")
        assert _refused(anyone, [make.order(integration=integration)]) == [fault]


def test_an_order_id_that_differs_from_the_one_that_the_id_names(anyone: TestClient) -> None:
    anyone.post(ORDERS, json=[make.order("abc-123")])
    fault = _invalid("[0]/order_id", "Order id abc-123 cannot be changed")
    assert _refused(anyone, [make.order("another", id="1")]) == [fault]
    assert _refused(anyone, [{"id": "1", "order_id": "another"}]) == [fault]


def test_all_errors_of_all_orders_come_in_one_answer_and_nothing_is_stored(anyone: TestClient) -> None:
    anyone.post(ORDERS, json=[make.order("kept")])
    batch = [
        make.order("good"),
        make.order("o-1", order_details={"order_items": [make.item(quantity=0)]}),
        make.order("o-2", integration=99999, order_details={"integration": {"id": 99999}}),
        make.order("o-3", id="987"),
        make.key("o-4", notes="lacks nearly everything"),
        make.order("o-5", id=5),
        make.order("o-6", integration=STRANGERS_SHOP, order_number=""),
        {"id": "1", "order_id": "moved"},
        make.key("kept", notes="would be fine"),
        make.order("o-9", shipping_address=make.address(country_code="UK")),
        make.order("o-10", order_details={"notes": "a\0b"}),
    ]
    country = "Input should be an ISO 3166-1 alpha-2 country code: GB, not UK"
    found = _refused(anyone, batch)
    assert sorted(map(_own, found)) == sorted(
        map(
            _own,
            [
                _invalid("[1]/order_details/order_items/0/quantity", "Input should be greater than 0"),
                _invalid("[2]/order_details/integration/id", "Integration with id 99999 does not exist"),
                _invalid("[3]/id", "Order with id 987 does not exist"),
                _invalid("[4]/order_number"),
                _invalid("[4]/payment_details"),
                _invalid("[4]/order_details/status"),
                _invalid("[4]/order_details/order_created_at"),
                _invalid("[4]/order_details/order_items"),
                _invalid("[5]/id", TEXT),
                _invalid("[6]/order_number", EMPTY),
                _invalid("[6]/order_details/integration/id", f"Integration with id {STRANGERS_SHOP} does not exist"),
                _invalid("[7]/order_id", "Order id kept cannot be changed"),
                _invalid("[9]/shipping_address/country_code", country),
                _invalid("[10]/order_details/notes", "String should not contain U+0000"),
            ],
        )
    )
    indexes = [int(fault["source"]["pointer"].split("[")[1].split("]")[0]) for fault in found]
    assert indexes == sorted(indexes)
    assert {(fault["status"], fault["code"]) for fault in found} == {("400", "invalid")}


def test_an_update_needs_only_what_changed(anyone: TestClient) -> None:
    anyone.post(ORDERS, json=[make.order()])
    stored = anyone.get(ORDER).json()["data"]
    answer = anyone.post(ORDERS, json=[make.key(notes="ring twice")])
    assert answer.is_success
    assert answer.json() == {"data": [{"id": 1, "order_id": "o-1", "order_number": "N-o-1"}]}
    stored["order_details"]["notes"] = "ring twice"
    assert anyone.post(ORDERS, json=[{"id": "1", "order_number": "N-2"}]).is_success
    read = anyone.get(ORDER).json()["data"]
    assert read == {**stored, "order_number": "N-2", "modified_at": read["modified_at"]}


def test_a_key_in_another_integration_is_a_create(anyone: TestClient) -> None:
    """So it needs every field: what the same order_id of another shop holds does not count."""
    anyone.post(ORDERS, json=[make.order()])
    found = _refused(anyone, [make.key(integration=SECOND_SHOP, notes="n")])
    assert [fault["detail"] for fault in found] == ["Field required"] * 5
    assert anyone.post(ORDERS, json=[make.order(integration=SECOND_SHOP)]).json()["data"][0]["id"] == 2


def test_a_patch_lists_its_faults_below_attributes(anyone: TestClient) -> None:
    anyone.post(ORDERS, json=[make.order("abc-123")])
    before = anyone.get(ORDER).json()
    sent = {"order_number": 3, "order_details": {"tags": [1], "order_items": [{"quantity": -1}]}}
    answer = anyone.patch(ORDER, json=sent)
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "errors": [
                _invalid("order_number", TEXT),
                _invalid("order_details/order_items/0/name"),
                _invalid("order_details/order_items/0/quantity", "Input should be greater than or equal to 0"),
                _invalid("order_details/tags/0", TEXT),
            ]
        },
    )
    moved = {"order_id": "x", "order_details": {"integration": {"id": SECOND_SHOP}}}
    assert anyone.patch(ORDER, json=moved).json() == {
        "errors": [
            _invalid("order_id", "Order id abc-123 cannot be changed"),
            _invalid("order_details/integration/id", f"Integration {SHOP} cannot be changed"),
        ]
    }
    assert anyone.get(ORDER).json() == before


@pytest.mark.one_database
@pytest.mark.parametrize("limit", [1_000, 5_000])
def test_a_body_that_is_too_large(serve: Serve, limit: int) -> None:
    client = serve(max_body_bytes=limit)
    client.auth = OWNER
    client.post(ORDERS, json=[make.order()])
    body = b" " * (limit + 1)

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    for method, path in (("POST", ORDERS), ("PATCH", ORDER)):
        for content, size in ((body, str(limit + 1)), (chunks(), f"more than {limit}")):
            answer = client.request(method, path, content=content)
            assert ("content-length" in answer.request.headers) == (content is body)
            assert answer.status_code == 413
            detail = f"The body has {size} bytes, and at most {limit} are allowed."
            assert answer.json() == {"errors": [{"status": "413", "code": "invalid", "detail": detail}]}
    assert client.post(ORDERS, content=b"[]".ljust(limit)).status_code == 400, "one that just fits is read"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", "*/*"]
)
def test_a_content_type_that_is_not_json(client: TestClient, kind: str) -> None:
    for method, path in (("POST", ORDERS), ("PATCH", ORDER)):
        client.post(ORDERS, json=[make.order()])
        answer = client.request(method, path, content=b"[]", headers={"Content-Type": kind})
        detail = "The content type must be application/json."
        assert (answer.status_code, answer.json()) == (
            415,
            {"errors": [{"status": "415", "code": "invalid", "detail": detail, "source": {"header": "Content-Type"}}]},
        )


def test_no_content_type_counts_as_json(client: TestClient) -> None:
    kinds = (None, "", "application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json")
    for number, kind in enumerate(kinds, 1):
        body = client.build_request("POST", ORDERS, json=[make.order(f"o-{number}")]).content
        answer = client.post(ORDERS, content=body, headers={} if kind is None else {"Content-Type": kind})
        assert ("content-type" in answer.request.headers) == (kind is not None)
        assert answer.json()["data"][0]["id"] == number


@pytest.mark.one_database
def test_an_unknown_path(client: TestClient) -> None:
    for path in ("/api", "/api/v3", "/api/v3/order", "/api/v2/pickups", "/api/v3/orders/1/2", "/nothing/"):
        for method in ("GET", "POST", "DELETE"):
            answer = client.request(method, path)
            fault = {
                "status": "404",
                "code": "not_found",
                "title": "Not found",
                "detail": "This path does not exist.",
            }
            assert (answer.status_code, answer.json()) == (404, {"errors": [fault]}), path


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (ORDERS, "GET, HEAD, POST"),
        (ORDER, "DELETE, GET, HEAD, PATCH"),
        (HISTORY, "GET, HEAD"),
        (METADATA, "GET, HEAD"),
        ("/health", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client: TestClient, path: str, allowed: str) -> None:
    wrong = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - set(allowed.split(", "))
    fault = {
        "status": "405",
        "code": "invalid",
        "title": "Method not allowed",
        "detail": "This method is not allowed here.",
    }
    for method in sorted(wrong):
        for slash in ("", "/"):
            answer = client.request(method, path + slash)
            assert (answer.status_code, answer.headers["Allow"]) == (405, allowed), method
            assert answer.json() == {"errors": [fault]}


@pytest.mark.one_database
def test_a_literal_path_is_not_taken_for_one_with_an_id(client: TestClient) -> None:
    answer = client.put("/api/v3/orders/create-label-sync")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_head_answers_as_get_does_without_a_body(client: TestClient) -> None:
    client.post(ORDERS, json=[make.order()])
    for path in (ORDERS, ORDER, "/health", "/openapi.json", "/docs", "/sign-in", f"{ORDERS}/999", "/nothing"):
        got, headed = client.get(path), client.head(path)
        assert (headed.status_code, headed.content) == (got.status_code, b""), path
        assert headed.headers["content-length"] == got.headers["content-length"], path
    assert client.head(ORDERS, auth=("owner-public", "wrong")).status_code == 401


@pytest.mark.one_database
@pytest.mark.parametrize("host", ["", "a b", "evil.example/x", "a@b", "[::1", "host:port", "a.example:80:80", "<b>"])
def test_a_host_that_is_none_is_refused(client: TestClient, host: str) -> None:
    answer = client.get(ORDERS, headers={"Host": host})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"header": "Host"}
    assert answer.headers["X-Request-Id"]


@pytest.mark.one_database
@pytest.mark.parametrize("host", ["shop.example.com", "127.0.0.1:8000", "[::1]:8000", "my_service", "localhost"])
def test_a_host_is_a_name_or_an_address(client: TestClient, host: str) -> None:
    assert client.get(ORDERS, headers={"Host": host}).status_code == 200


@pytest.mark.one_database
def test_every_path_is_served_with_and_without_a_slash_and_without_a_redirect(client: TestClient) -> None:
    for slash in ("", "/"):
        order = make.order(f"o{slash}")
        ask = [
            client.build_request("POST", ORDERS + slash, json=[order]),
            client.build_request("GET", ORDERS + slash, params={"page_size": 1}),
            client.build_request("GET", f"{ORDERS}/1{slash}"),
            client.build_request("PATCH", f"{ORDERS}/1{slash}", json={"order_number": f"N{slash}"}),
            client.build_request("GET", HISTORY + slash),
            client.build_request("GET", METADATA + slash),
            client.build_request("GET", f"/health{slash}"),
        ]
        assert [client.send(request, follow_redirects=False).status_code for request in ask] == [200] * len(ask)
    assert client.get(ORDER).json()["data"]["order_number"] == "N/"
    assert client.delete(f"{ORDERS}/1/", follow_redirects=False).status_code == 204
    assert client.delete(f"{ORDERS}/2", follow_redirects=False).status_code == 204


@pytest.mark.one_database
def test_a_request_id_is_taken_and_given_back(client: TestClient) -> None:
    for sent in ("abc", "A.b:c/d+e=f_g-1", "0" * 128, "6f1c9c0e-0d8e-4d3a-9f55-0d0e5a7b1c2d"):
        for path in (ORDERS, ORDER, "/nothing", "/health"):
            assert client.get(path, headers={"X-Request-Id": sent}).headers.get_list("X-Request-Id") == [sent]


@pytest.mark.one_database
def test_a_request_id_is_made_where_none_or_a_hostile_one_is_sent(client: TestClient) -> None:
    hostile = ("", " ", "a b", "a" * 129, "<script>", "a;b", '"', "a\tb", "é", "{}", "a,b", "%0a")
    made = set()
    for sent in (None, *hostile):
        headers = {} if sent is None else {b"X-Request-Id": sent.encode("latin-1")}
        for method, path in (("GET", ORDERS), ("GET", ORDER), ("POST", ORDERS)):
            [given] = client.request(method, path, headers=headers).headers.get_list("X-Request-Id")
            assert re.fullmatch(r"[0-9a-f]{32}", given), sent
            made.add(given)
    assert len(made) == 3 * (len(hostile) + 1), "each request has its own"
