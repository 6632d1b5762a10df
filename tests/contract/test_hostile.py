"""Values that must never end in a 500 or in a half-stored batch (contract, section 3): each is stored as sent, or
refused with its place."""

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests import make

ORDERS = "/api/v3/orders"
ORDER = "/api/v3/orders/1"

CODES = {
    "unknown_field", "invalid", "forbidden", "invalid_choice", "min_value", "null", "not_found", "required",
    "not_a_list", "non_field_errors", "authentication_failed", "validation_error", "parcel_announcement_error",
    "conflict", "throttled", "unavailable",
}  # fmt: skip


def _send(client: TestClient, batch: Any) -> Any:
    """Written by the standard library, which writes what stricter writers refuse."""
    body = batch if isinstance(batch, bytes) else json.dumps(batch).encode()
    return client.post(ORDERS, content=body)


def _check_errors(answer: Any) -> list[dict[str, Any]]:
    """The contract's shape of an error list."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    found = answer.json()
    assert set(found) == {"errors"}
    assert found["errors"]
    for fault in found["errors"]:
        assert {"status", "code", "detail"} <= set(fault) <= {"status", "code", "title", "detail", "source", "meta"}
        assert fault["status"] == str(answer.status_code)
        assert fault["code"] in CODES
        assert isinstance(fault["detail"], str)
        assert fault["detail"]
        source = fault.get("source", {"pointer": "/"})
        assert len(source) == 1
        assert set(source) <= {"pointer", "parameter", "header"}
    return list(found["errors"])


def _set(order: Any, path: str, value: Any) -> Any:
    """The order with `value` at a path like `order_details/order_items/0/name`; what is missing on the way is made."""
    *steps, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
    place = order
    for step in steps:
        place = place[step] if isinstance(step, int) else place.setdefault(step, {})
    place[last] = value
    return order


def _get(order: Any, path: str) -> Any:
    for step in path.split("/"):
        order = order[int(step)] if step.isdecimal() else order[step]
    return order


def _whole() -> dict[str, Any]:
    """An order with each kind of part, so that one value can be put anywhere into it."""
    measurement = {
        "dimension": {"length": 1, "width": 2, "height": 3.5, "unit": "cm"},
        "weight": {"value": 1, "unit": "kg"},
        "volume": {"value": 4, "unit": "l"},
    }
    item = make.item(
        properties={"colour": "green"}, measurement=measurement, dangerous_goods={}, delivery_dates={},
        unit_price={"value": 12.5, "currency": "EUR"},
    )  # fmt: skip
    order = make.order(
        order_details={"order_items": [item], "tags": ["a"]},
        shipping_address=make.address(),
        billing_address=make.address(),
        customer_details={"name": "Ada Visser"},
        customs_details={"tax_numbers": {"sender": [{}]}},
        service_point_details={"id": "sp-1", "extra_data": {}},
        shipping_details={
            "measurement": measurement,
            "ship_with": {"type": "shipping_option_code", "properties": {"shipping_option_code": "house:standard"}},
        },
    )
    return dict(json.loads(json.dumps(order)))


ITEM = "order_details/order_items/0"
SHIPPING = "shipping_details/measurement"


def _stores(client: TestClient, path: str, value: Any) -> None:
    answer = _send(client, [_set(_whole(), path, value)])
    assert answer.status_code == 200, (path, value, answer.text)
    read = client.get(f"{ORDERS}/{answer.json()['data'][0]['id']}").json()["data"]
    assert _get(read, path) == value, path


def _refuses(client: TestClient, path: str, value: Any, detail: str | None = None) -> None:
    """By POST and by PATCH, naming the place, beside an order that then is not stored either."""
    before = client.get(ORDERS).json()
    place = f"/data/attributes/[1]/{path}"
    [fault] = _check_errors(_send(client, [make.order("beside"), _set(_whole(), path, value)]))
    assert (fault["status"], fault["code"], fault["source"]) == ("400", "invalid", {"pointer": place}), path
    assert detail in (None, fault["detail"])
    assert client.get(ORDERS).json() == before


PRICES = (
    f"{ITEM}/total_price", f"{ITEM}/unit_price", "payment_details/total_price", "payment_details/subtotal_price",
    "payment_details/estimated_shipping_price", "payment_details/estimated_tax_price",
    "payment_details/discount_granted", "payment_details/insurance_costs", "payment_details/freight_costs",
    "payment_details/other_costs",
)  # fmt: skip


INSTANTS = ("order_details/order_created_at", "order_details/order_updated_at", f"{ITEM}/delivery_dates/handover_at",
            f"{ITEM}/delivery_dates/deliver_at")  # fmt: skip
NO_TIMES: tuple[Any, ...] = (
    1773476813, 1e300, True, {}, [],
    "2026-02-30T00:00:00Z", "2025-02-29T12:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z",
    "2026-01-32T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z", "2026-01-01T00:00:00+25:00", "2026-01-01T00:00:00+00:60", "2026-01-01", "tomorrow",
    "", "1773476813", "2026-W11-6T08:00:00Z", "２０２６-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n",
    " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00 Europe/Amsterdam",
)  # fmt: skip


@pytest.mark.one_database
def test_times_that_no_calendar_has_or_that_overflow_in_utc(client: TestClient) -> None:
    for path in INSTANTS:
        for value in NO_TIMES:
            _refuses(client, path, value)


def test_the_first_and_the_last_time_are_stored_found_and_sorted(client: TestClient) -> None:
    times = ("0001-01-01T00:00:00.000000+00:00", "2026-03-14T08:26:53.589000+00:00", "9999-12-31T23:59:59.999999+00:00")
    orders = [make.order(f"o-{n}", order_details={"order_created_at": text}) for n, text in enumerate(times, 1)]
    assert _send(client, orders).status_code == 200
    for id, text in enumerate(times, 1):
        assert _get(client.get(f"{ORDERS}/{id}").json()["data"], "order_details/order_created_at") == text
        found = client.get(ORDERS, params={"order_created_at": text}).json()["data"]
        assert [order["id"] for order in found] == [id]
    for sort, expected in (("order_created_at", [1, 2, 3]), ("-order_created_at", [3, 2, 1])):
        seen, url = [], f"{ORDERS}?sort={sort}&page_size=1"
        while url:
            page = client.get(url)
            seen += [order["id"] for order in page.json()["data"]]
            url = page.links.get("next", {}).get("url", "")
            assert len(seen) <= 3
        assert seen == expected
    assert (
        len(client.get(f"{ORDERS}?order_created_at_max=9999-12-31&order_created_at_min=0001-01-01").json()["data"]) == 3
    )


PRICE_VALUES = tuple(f"{path}/value" for path in PRICES)
NUMBER_FIELDS = (
    "order_details/integration/id", f"{ITEM}/quantity", *PRICE_VALUES, f"{ITEM}/properties/deep",
    f"{SHIPPING}/volume/value",
    f"{SHIPPING}/weight/value", f"{SHIPPING}/dimension/length", f"{ITEM}/measurement/dimension/width",
    f"{ITEM}/measurement/weight/value", "service_point_details/extra_data/deep",
    "shipping_details/ship_with/properties/contract_id",
)  # fmt: skip
TOO_LARGE = (2**63, 2**64, 10**30, 10**400, -(2**63) - 1, -(10**30))


def test_an_integer_past_64_bits_is_refused_with_its_place_or_stored_to_the_last_digit(client: TestClient) -> None:
    for path in NUMBER_FIELDS:
        for value in TOO_LARGE:
            _refuses_or_stores(client, path, value)


def _refuses_or_stores(client: TestClient, path: str, value: Any) -> None:
    order = _whole()
    parent, _, name = path.rpartition("/")
    if name in ("value", "currency") and parent in PRICES:
        order = _set(order, parent, {"value": 1, "currency": "EUR"})
    order = _set(order, path, value)
    answer = _send(client, [order])
    if answer.status_code == 200:
        read = client.get(ORDER).json()["data"]
        assert _get(read, path) == value, (path, value)
        assert type(_get(read, path)) is type(value), (path, value)
        return
    [fault] = _check_errors(answer)
    pointer = fault["source"]["pointer"]
    assert f"/data/attributes/[0]/{path}".startswith(pointer), (path, pointer)
    assert pointer.count("/") >= 5, "the field at least, not the whole order"


def test_integers_that_fit_are_stored_to_the_last_digit(client: TestClient) -> None:
    """Also those that a double cannot hold."""
    for path in NUMBER_FIELDS[1:]:
        for value in (1, 2**53 + 1, 2**63 - 1):
            _refuses_or_stores(client, path, value)
            assert _send(client, [_set(_set(_whole(), path.rpartition("/")[0], _parent(path)), path, value)]).is_success


def _parent(path: str) -> Any:
    """A valid object around the field."""
    parent = path.rpartition("/")[0]
    return {"value": 1, "currency": "EUR"} if parent in PRICES else _get(_whole(), parent)


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1e400", "9" * 5_000, "-" + "9" * 400, "1" * 400 + ".5"])
def test_a_number_that_no_double_holds(client: TestClient, text: str) -> None:
    for path in NUMBER_FIELDS:
        body = json.dumps([_set(_set(_whole(), path.rpartition("/")[0], _parent(path)), path, "@")])
        faults = _check_errors(_send(client, body.replace('"@"', text).encode()))
        pointers = [fault["source"]["pointer"] for fault in faults]
        assert len(pointers) == 1
        assert pointers == ["/data"] or f"/data/attributes/[0]/{path}".startswith(pointers[0])
    assert client.get(ORDERS).json() == {"data": []}


@pytest.mark.one_database
@pytest.mark.parametrize("digits", ["٣", "３", "3٫5", "۳.۵"])
def test_a_number_in_digits_of_another_script(client: TestClient, digits: str) -> None:
    for path in PRICES:
        price = {"value": digits, "currency": "EUR"}
        [fault] = _check_errors(_send(client, [_set(_whole(), path, price)]))
        assert fault["source"] == {"pointer": f"/data/attributes/[0]/{path}/value"}
    for path in (f"{SHIPPING}/weight/value", f"{ITEM}/measurement/weight/value"):
        _refuses(client, path, digits)
    for path in INSTANTS:
        _refuses(client, path, f"202{digits}-03-14T08:26:53Z")


STRINGS = (
    "order_id", "order_number", "order_details/notes", "order_details/status/code", "order_details/status/message",
    "order_details/tags/0", f"{ITEM}/name", f"{ITEM}/sku", f"{ITEM}/ean", f"{ITEM}/properties/colour",
    f"{ITEM}/mid_code", f"{ITEM}/dangerous_goods/id_number", "payment_details/status/code",
    "payment_details/invoice_date", "shipping_address/name", "shipping_address/phone_number", "billing_address/city",
    "customer_details/name", "customer_details/email", "customs_details/commercial_invoice_number",
    "customs_details/tax_numbers/sender/0/value", "service_point_details/id", "service_point_details/extra_data/deep",
    "shipping_details/delivery_indicator", "shipping_details/ship_with/properties/shipping_option_code",
)  # fmt: skip
CHECKED_STRINGS = (
    *INSTANTS, "shipping_address/email", f"{ITEM}/image_url", "shipping_address/country_code",
    "shipping_address/state_province_code", f"{ITEM}/total_price/currency", f"{ITEM}/total_price/value",
    f"{SHIPPING}/weight/unit", f"{ITEM}/dangerous_goods/weight_type", "customs_details/shipment_type",
)  # fmt: skip


def test_a_null_character_is_refused_with_its_place_in_every_string(client: TestClient) -> None:
    for value in ("\0", "a\0", "\0b", "2026-03-14T08:26:53Z\0", "NL\0", "EUR\0", "kg\0"):
        paths = (*STRINGS, *CHECKED_STRINGS)
        faults = _check_errors(_send(client, [_set(_whole(), path, value) for path in paths]))
        places = [f"/data/attributes/[{index}]/{path}" for index, path in enumerate(paths)]
        assert [fault["source"]["pointer"] for fault in faults] == places
        found = {fault["detail"] for fault in faults[: len(STRINGS)]}
        assert found == {"String should not contain U+0000"}
    assert client.get(ORDERS).json() == {"data": []}


NULL_KEYS: list[Any] = [{"a\0b": 1}, {"\0": "x"}, {"a": {"\0": []}}]


def test_a_null_character_in_a_key(client: TestClient) -> None:
    """Of a free object it is refused, of any other it is unknown and dropped."""
    for place in (f"{ITEM}/properties", "service_point_details/extra_data"):
        for value in NULL_KEYS:
            [fault] = _check_errors(_send(client, [_set(_whole(), place, value)]))
            assert fault["detail"] == "Keys should not contain U+0000"
            assert fault["source"]["pointer"].startswith(f"/data/attributes/[0]/{place}")
    assert client.get(ORDERS).json() == {"data": []}
    for place in ("", "order_details/", f"{ITEM}/"):
        _send(client, [_set(_whole(), f"{place}strange\0key", "dropped\0 too")])
        assert "strange" not in client.get(ORDER).text


def test_a_null_character_in_a_patch(client: TestClient) -> None:
    client.post(ORDERS, json=[make.order()])
    before = client.get(ORDER).json()
    for sent, place in (
        ({"order_number": "\0"}, "order_number"),
        ({"order_details": {"notes": "a\0"}}, "order_details/notes"),
        ({"order_details": {"tags": ["a", "\0"]}}, "order_details/tags/1"),
        ({"customer_details": {"phone": "\0"}}, "customer_details/phone_number"),
    ):
        [fault] = _check_errors(client.patch(ORDER, json=sent))
        assert fault["detail"] == "String should not contain U+0000"
        assert fault["source"] == {"pointer": f"/data/attributes/{place}"}
    assert client.get(ORDER).json() == before


def test_lone_surrogates(client: TestClient) -> None:
    """In UTF-8 there are none, and an escaped one is no character."""
    client.post(ORDERS, json=[make.order()])
    before = client.get(ORDER).json()
    raw = ("\ud800", "\udfff", "a\udc00b", "\udc00\ud800")
    for text in raw:
        escaped = json.dumps(make.key(notes=text)).encode()
        for body in (escaped, json.dumps(make.key(notes=text), ensure_ascii=False).encode("utf-8", "surrogatepass")):
            for answer in (_send(client, b"[" + body + b"]"), client.patch(ORDER, content=body)):
                [fault] = _check_errors(answer)
                assert fault["source"] == {"pointer": "/data"}
    assert client.get(ORDER).json() == before
    _stores(client, "order_details/notes", "a pair is one character: \U0001f375 \u2028 \ufeff \ufffe \x7f \x1f")


def test_a_long_note_is_stored_whole(client: TestClient) -> None:
    for note in ("n" * 200_000, "\U0001f375" * 50_000, '"\\\n' * 60_000):
        _stores(client, "order_details/notes", note)
        client.post(ORDERS, json=[make.order()])
        assert client.patch(ORDER, json={"order_details": {"notes": note}}).status_code == 200
        assert client.get(ORDER).json()["data"]["order_details"]["notes"] == note


def test_long_names_and_huge_lists(client: TestClient) -> None:
    """What is indexed has a limit, because an index has; a text of that length is stored, a longer one refused."""
    characters = "".join(chr(0x4E00 + number) for number in range(401))
    for path in ("order_id", "order_number", "order_details/status/code"):
        for longest in (characters[:400], "\u0390" * 400):
            _stores(client, path, longest)
        answer = _send(client, [_set(_whole(), path, characters)])
        assert answer.json()["errors"] == [
            {
                "status": "400",
                "code": "invalid",
                "detail": "String should have at most 400 characters",
                "source": {"pointer": f"/data/attributes/[0]/{path}"},
            }
        ]
    _stores(client, f"{ITEM}/item_id", characters * 50)
    _stores(client, "order_details/tags", [str(number) * 1_000 for number in range(100)])
    _stores(client, f"{ITEM}/properties", {str(number): [number] * 100 for number in range(500)})
    _stores(client, "order_details/order_items", [make.item(sku=str(number)) for number in range(5_000)])
    assert len(_check_errors(_send(client, [make.order(order_details={"tags": [1] * 100})]))) == 100


def test_keys_that_look_like_ours_are_unknown_like_any_other(client: TestClient) -> None:
    for key in ("~quick", "~exact", "__proto__", "constructor"):
        answer = client.post(ORDERS, json=[{**make.order(), key: 1}])
        pointer = f"/data/attributes/[0]/{key.replace('~', '~0')}"
        assert [warning["source"] for warning in answer.json()["meta"]["warnings"]] == [{"pointer": pointer}]
        assert client.patch(ORDER, json={key: 1}).status_code == 200
        _stores(client, f"{ITEM}/properties", {key: {key: [1.5]}})


def test_deep_nesting_is_stored_or_refused(client: TestClient) -> None:
    for depth in (10, 100, 150, 190, 195, 200, 210, 250, 260, 500, 1_100, 100_000):
        for opening, ending in (("[", "]"), ('{"a":', "}")):
            deep = opening * depth + "1" + ending * depth
            body = json.dumps([_set(_whole(), f"{ITEM}/properties/deep", "@")]).replace('"@"', deep).encode()
            answer = _send(client, body)
            if answer.status_code == 200:
                assert orjson.loads(client.get(ORDER).content)
            else:
                [fault] = _check_errors(answer)
                assert fault["source"]["pointer"] == "/data"
            assert answer.is_success or depth > 150, depth


@pytest.mark.one_database
@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_that_are_no_numbers(client: TestClient, word: str) -> None:
    """Bare they are no JSON; as a text they are a text."""
    for path in (*STRINGS, f"{ITEM}/properties/NaN"):
        _stores(client, path, word)
    before = client.get(ORDERS).json()
    for path in (*NUMBER_FIELDS, "created_at", "strange"):
        holder = _set(_whole(), path.rpartition("/")[0], _parent(path)) if "/" in path else _whole()
        body = json.dumps([_set(holder, path, "@")]).replace('"@"', word).encode()
        for answer in (_send(client, body), client.patch(ORDER, content=body[1:-1])):
            [fault] = _check_errors(answer)
            assert fault["source"] == {"pointer": "/data"}
    for path in PRICE_VALUES:
        [fault] = _check_errors(
            _send(client, [_set(_set(_whole(), path.rpartition("/")[0], _parent(path)), path, word)])
        )
        assert fault["source"] == {"pointer": f"/data/attributes/[0]/{path}"}
    assert client.get(ORDERS).json() == before


def test_of_a_key_that_is_sent_twice_one_value_is_stored(client: TestClient) -> None:
    body = json.dumps([make.order()])[:-2] + ', "order_number": "first", "order_number": "last"}]'
    answer = _send(client, body.encode())
    assert answer.json() == {"data": [{"id": 1, "order_id": "o-1", "order_number": "last"}]}
    assert client.get(ORDER).text.count("order_number") == 1
    assert client.get(ORDER).json()["data"]["order_number"] == "last"


PARAMETERS = (
    "integration", "integration[0]", "order_number", "order_id", "status", "order_created_at", "order_created_at_min",
    "order_created_at_max", "order_updated_at", "order_updated_at_min", "order_updated_at_max", "sort", "page_size",
    "cursor", "unknown",
)  # fmt: skip
STRANGE = (
    "%00", "a%00b", "1%00", "%ED%A0%80", "%FF%FE", "%C3%28", "%", "%zz", "9" * 30, "9" * 5_000, "-1", "0", "1e9", "NaN",
    "Infinity", "2026-02-30", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00%00",
    "%EF%BC%91", "%27;--", ",", ",,1", "-", "pk,pk", "--pk", "pk%00", "%F0%9F%8D%B5", "cD0lMDA=", "cD0=",
    "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "bz05OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "bz0tMQ==", "cj0y", "/w==", "=",
)  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_strange_query_parameters(client: TestClient, name: str) -> None:
    client.post(ORDERS, json=[make.order()])
    for value in STRANGE:
        for query in (f"sort=order_number&{name}={value}",):
            for path in (ORDERS, "/api/packhouse/orders/1/history"):
                answer = client.get(f"{path}?{query}")
                if answer.status_code != 200:
                    assert answer.status_code in (400, 404)
                    _check_errors(answer)
    assert client.get(f"{ORDERS}?{'%00=%00&' * 2_000}{name}%00=1").status_code == 200


def test_strange_ids_in_the_path(client: TestClient) -> None:
    client.post(ORDERS, json=[make.order()])
    strange = ("0", "-1", "1%00", "%00", "1.0", "1e0", "+1", " 1", "%201", "9" * 18, "9" * 19, "9" * 5_000, "%EF%BC%91",
               "%FF", "%ED%A0%80", "NaN", "null", "1%2F2", "1;2", "..%2F1")  # fmt: skip
    for id in strange:
        for method, end in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/history")):
            root = "/api/packhouse/orders" if end else ORDERS
            answer = client.request(method, f"{root}/{id}{end}", content=b"{}" if method == "PATCH" else None)
            assert answer.status_code == 404, (method, id, answer.text)
            _check_errors(answer)
    assert client.get(ORDER).status_code == 200


_TEXTS = st.text(st.characters(), max_size=6) | st.sampled_from(
    ["", "\0", "NaN", "1e999", "2026-02-30", "EUR", "NL", "1"]
)
_NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, -(2**63), 10**30, 1e308, -0.0, 1])
_KEYS = st.sampled_from(sorted({step for path in (*STRINGS, *NUMBER_FIELDS) for step in path.split("/")})) | _TEXTS
_ANYTHING = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


def _list_paths(value: Any, at: str = "") -> Iterator[str]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield f"{at}{key}"
        if isinstance(inner, dict | list):
            yield from _list_paths(inner, f"{at}{key}/")


@st.composite
def _mutated_orders(draw: st.DrawFn) -> Any:
    order = make.order("o-1") if draw(st.booleans()) else _whole()
    for path in draw(st.lists(st.sampled_from(sorted(_list_paths(order))), max_size=3, unique=True)):
        try:
            _set(order, path, draw(_ANYTHING | st.just(_get(_whole(), path))))
        except (TypeError, KeyError, IndexError, AttributeError, ValueError):
            continue  # its parent is something else by now
    return order


@pytest.mark.one_database
@pytest.mark.parametrize("value", [7, "text", [1], True, None], ids=str)
@pytest.mark.parametrize("path", ["order_details", "order_details/order_items", "order_details/order_items/0"])
def test_a_part_of_another_kind_is_refused_with_its_place_and_hides_no_other_fault(
    client: TestClient, path: str, value: Any
) -> None:
    """Of an order that is there and of a new one, which lacks something besides."""
    assert client.post(ORDERS, json=[make.order("known")]).status_code == 200
    batch = [_set(make.order(name), path, value) for name in ("known", "new")]
    del batch[1]["order_number"]
    pointers = [fault["source"]["pointer"] for fault in _check_errors(_send(client, batch))]
    assert any(pointer.startswith(f"/data/attributes/[0]/{path}") for pointer in pointers)
    assert "/data/attributes/[1]/order_number" in pointers


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=_ANYTHING | st.lists(_ANYTHING | _mutated_orders(), max_size=3), patch=_ANYTHING | _mutated_orders())
def test_whatever_is_sent_is_stored_readable_or_refused_in_the_contracts_words(
    client: TestClient, batch: Any, patch: Any
) -> None:
    stored = client.post(ORDERS, json=[make.order()])
    id = stored.json()["data"][0]["id"]
    for answer in (_send(client, batch), client.patch(f"{ORDERS}/{id}", content=json.dumps(patch).encode())):
        if answer.status_code != 200:
            _check_errors(answer)
            assert answer.status_code == 400
            continue
        data = answer.json()["data"]
        for receipt in data if isinstance(data, list) else [data]:
            read = client.get(f"{ORDERS}/{receipt['id']}")
            assert read.status_code == 200
            assert {name: orjson.loads(read.content)["data"][name] for name in receipt} == receipt
    assert client.get(f"{ORDERS}?page_size=3").status_code == 200
