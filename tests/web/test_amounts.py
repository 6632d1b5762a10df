"""Numbers in forms: as the reader's language writes them, within bounds, and asked about where they are far off."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.web.conftest import token

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

Person = Callable[..., TestClient]
URL = "/api/v3/orders"
QUANTITY = "order_details/order_items/0/quantity"
WEIGHT = "shipping_details/measurement/weight/value"
UNIT = "shipping_details/measurement/weight/unit"
MOST = {"en-GB": "1,234.5", "nl": "1.234,5", "de-DE": "1.234,5", "fr": "1 234,5"}


@pytest.fixture
def order(client: TestClient) -> int:
    """Two pieces, 1500 g."""
    measured = {"measurement": {"weight": {"value": 1500, "unit": "g"}}}
    details = {"order_items": [make.item(quantity=2)]}
    sent = make.order("a-1", shipping_address=make.address(), shipping_details=measured, order_details=details)
    id: int = client.post(URL, json=[sent]).json()["data"][0]["id"]
    return id


def read(client: TestClient, id: int) -> tuple[Any, Any]:
    """The quantity of the first item, and the weight."""
    found = client.get(f"{URL}/{id}").json()["data"]
    return found["order_details"]["order_items"][0]["quantity"], found["shipping_details"]["measurement"]["weight"]


def enter(person: Person, language: str) -> TestClient:
    page = person("packer")
    page.headers["accept-language"] = language
    return page


def send(page: TestClient, place: str, **fields: Any) -> Any:
    return page.post(place, data={"csrf": token(page.get("/orders").text), **fields})


def value_of(text: str, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}"[^>]*? value="([^"]*)"', text)
    assert found is not None
    return html.unescape(found[1])


def told(answer: Any) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.text).split()))


@pytest.mark.parametrize(
    ("language", "typed", "value"),
    [
        ("en-GB", "1,500", 1500), ("en-GB", "1500.5", 1500.5), ("en-GB", "1,500.50", 1500.5), ("en-GB", ".5", 0.5),
        ("nl", "1,500", 1.5), ("nl", "1.500", 1500), ("nl", "1.500,5", 1500.5),
        ("de-DE", "1,500", 1.5), ("de-DE", "1.500", 1500), ("de-CH", "1'500.5", 1500.5),
        ("fr", "1,500", 1.5), ("fr", "1 500", 1500), ("fr", "1 500,5", 1500.5),
    ],
)  # fmt: skip
def test_a_number_is_what_its_reader_writes(
    person: Person, order: int, client: TestClient, language: str, typed: str, value: float
) -> None:
    answer = send(enter(person, language), f"/orders/{order}", version="1", **{WEIGHT: typed, UNIT: "g"})
    assert answer.status_code == 200, told(answer)
    assert float(read(client, order)[1]["value"]) == value


@pytest.mark.parametrize(
    ("language", "typed"),
    [
        ("en-GB", "1,5"), ("en-GB", "1,50"), ("en-GB", "0,500"), ("en-GB", "1.500,5"), ("en-GB", "1e3"),
        ("en-GB", "1_0"), ("en-GB", "NaN"), ("en-GB", "1,5,0"), ("en-GB", "much"), ("en-GB", "9" * 60),
        ("nl", "1.5"), ("nl", "20.5"), ("nl", "1,500.5"), ("de-DE", "1.5"), ("fr", "1.5"), ("fr", "1 50"),
    ],
)  # fmt: skip
def test_what_the_language_does_not_write_so_is_refused_at_its_field(
    person: Person, order: int, client: TestClient, language: str, typed: str
) -> None:
    page = enter(person, language)
    before = read(client, order)
    made: dict[str, dict[str, Any]] = {
        f"/orders/{order}": {"version": "1", WEIGHT: typed, UNIT: "g"},
        f"/orders/{order}/label": {"seen": "0", "parcel": "0", "parcels/0/dimensions/length": typed, "option": ""},
        "/labels/new": {"row": str(order), "id": str(order), f"orders/{order}/weight/value": typed},
    }
    for place, fields in made.items():
        answer = send(page, place, **fields)
        assert answer.status_code == 422, place
        assert MOST[language] in told(answer), place
        [name] = [name for name, value in fields.items() if value == typed]
        assert value_of(answer.text, name) == typed
        assert re.search(rf'name="{re.escape(name)}"[^>]*aria-invalid="true"', answer.text), place
    assert read(client, order) == before
    assert client.get("/api/v3/shipments").json()["data"] == []


@pytest.mark.parametrize("language", MOST)
def test_an_unchanged_form_changes_nothing(person: Person, client: TestClient, language: str) -> None:
    size = {"dimension": {"length": 1234.25, "width": 20.5, "height": 1, "unit": "mm"}}
    measured = {"measurement": {"weight": {"value": 1234.5678901, "unit": "g"}, **size}}
    details = {"order_items": [make.item(quantity=12_345)]}
    sent = make.order("a-1", shipping_address=make.address(), shipping_details=measured, order_details=details)
    id = client.post(URL, json=[sent]).json()["data"][0]["id"]
    page = enter(person, language)
    text = page.get(f"/orders/{id}").text
    point = "." if language == "en-GB" else ","
    assert value_of(text, WEIGHT) == f"1234{point}5678901"
    assert value_of(text, QUANTITY) == "12345"
    assert f'placeholder="1234{point}25"' in text
    answer = send(page, f"/orders/{id}", version="1", **{name: value_of(text, name) for name in (WEIGHT, QUANTITY)})
    assert answer.status_code == 200
    assert len(client.get(f"/api/packhouse/orders/{id}/history").json()["data"]) == 1
    table = page.get(f"/labels/new?orders={id}").text
    assert value_of(table, f"orders/{id}/dimensions/length") == f"1234{point}25"


def test_a_form_is_read_in_the_language_it_was_written_in(person: Person, order: int, client: TestClient) -> None:
    """Though its reader chose another one in another tab meanwhile."""
    page = enter(person, "nl")
    form = page.get(f"/orders/{order}").text
    hidden = {"written_in": value_of(form, "written_in"), "version": "1", WEIGHT: "1,234", UNIT: "kg"}
    page.cookies.set("packhouse_language", "en")
    assert send(page, f"/orders/{order}", **hidden).status_code == 200
    assert float(read(client, order)[1]["value"]) == 1.234
    again = send(page, f"/orders/{order}", **{**hidden, "version": "2", WEIGHT: "1.5"})
    assert value_of(again.text, "written_in") == "nl-NL"
    assert "wordt hier geschreven als 1.234,5" in told(again)


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        (QUANTITY, "1,000,001", "At most 1,000,000 are possible."),
        (QUANTITY, "2.5", "“2.5” is not a whole number."),
        (WEIGHT, "30,000,001", "At most 30,000 kg are possible."),
    ],
)
def test_an_order_has_bounds(person: Person, order: int, client: TestClient, name: str, typed: str, words: str) -> None:
    before = read(client, order)
    answer = send(person("packer"), f"/orders/{order}", version="1", **{name: typed, UNIT: "g"})
    assert (answer.status_code, words in told(answer)) == (422, True)
    assert value_of(answer.text, name) == typed
    assert read(client, order) == before
    assert 'name="sure"' not in answer.text


def test_a_label_has_bounds(person: Person, order: int, client: TestClient) -> None:
    page = person("packer")
    sides = {f"dimensions/{side}": "10" for side in ("length", "width", "height")}
    for field, typed, words in (
        ("weight/value", "30,000.1", "At most 30,000 kg are possible."),
        ("dimensions/length", "3,000.5", "At most 3,000 cm are possible."),
    ):
        typed_in = {**sides, field: typed}
        form = {"seen": "0", "parcel": "0", "option": "", **{f"parcels/0/{name}": v for name, v in typed_in.items()}}
        table = {"row": str(order), "id": str(order), **{f"orders/{order}/{name}": v for name, v in typed_in.items()}}
        for answer in (send(page, f"/orders/{order}/label", **form), send(page, "/labels/new", **table)):
            assert (answer.status_code, words in told(answer)) == (422, True)
            assert told(answer).count(words) == 1
    assert client.get("/api/v3/shipments").json()["data"] == []


def find_question(answer: Any) -> str:
    """What stands in the box that is to be ticked."""
    [found] = re.findall(r'name="sure" value="([^"]+)"', answer.text)
    return html.unescape(found)


def test_what_is_far_above_what_was_there_is_asked_about_once(person: Person, order: int, client: TestClient) -> None:
    page = person("packer")
    form = {"version": "1", QUANTITY: "39,520"}
    asked = send(page, f"/orders/{order}", **form)
    assert asked.status_code == 422
    assert "You typed 39,520 where there were 2: is that right?" in told(asked)
    assert "Yes, 39,520 is right" in told(asked)
    assert value_of(asked.text, QUANTITY) == "39,520"
    assert read(client, order)[0] == 2
    yes = find_question(asked)
    other = send(page, f"/orders/{order}", **{**form, QUANTITY: "395,200", "sure": yes})
    assert other.status_code == 422  # another number is another question
    assert send(page, f"/orders/{order}", **form, sure=yes).status_code == 200
    assert read(client, order)[0] == 39_520
    assert (
        send(page, f"/orders/{order}", version="2", **{QUANTITY: "395,200"}).status_code == 200
    )  # ten times, not more
    assert send(page, f"/orders/{order}", version="3", **{QUANTITY: "3"}).status_code == 200
    heavy = {"version": "4", WEIGHT: "15.1", UNIT: "kg"}
    asked = send(page, f"/orders/{order}", **heavy)
    assert "You typed 15.1 kg where there were 1.50 kg: is that right?" in told(asked)
    assert send(page, f"/orders/{order}", **heavy, sure=find_question(asked)).status_code == 200
    assert read(client, order)[1] == {"value": 15.1, "unit": "kg"}


def test_a_weight_on_a_label_is_asked_about_once(person: Person, order: int, client: TestClient) -> None:
    page = person("packer")
    form = {"seen": "0", "parcel": "0", "option": "", "parcels/0/weight/value": "16", "parcels/0/weight/unit": "kg"}
    asked = send(page, f"/orders/{order}/label", **form)
    assert "You typed 16 kg where there were 1.50 kg: is that right?" in told(asked)
    assert client.get("/api/v3/shipments").json()["data"] == []
    assert send(page, f"/orders/{order}/label", **form, sure=find_question(asked)).url.path == f"/orders/{order}"
    [made] = client.get("/api/v3/shipments").json()["data"]
    assert made["parcels"][0]["weight"]["value"] == "16.000"


def test_a_weight_in_the_table_is_asked_about_in_its_row(person: Person, order: int, client: TestClient) -> None:
    page = person("packer")
    other = client.post(URL, json=[make.order("a-2", shipping_address=make.address())]).json()["data"][0]["id"]
    ids = [str(order), str(other)]
    form: dict[str, Any] = {
        "row": ids,
        "id": ids,
        f"orders/{order}/weight/value": "16",
        f"orders/{other}/weight/value": "1",
    }
    asked = send(page, "/labels/new", **form)
    assert "You typed 16 kg where there were 1.50 kg: is that right?" in told(asked)
    assert len(client.get("/api/v3/shipments").json()["data"]) == 1  # the other's
    yes = find_question(asked)
    assert yes == f"orders/{order}/weight/value=16"
    rest = {"row": ids[:1], "id": ids[:1], f"orders/{order}/weight/value": "16", "sure": yes}
    assert send(page, "/labels/new", **rest).url.path == "/labels"
    assert len(client.get("/api/v3/shipments").json()["data"]) == 2


def test_a_rules_numbers_are_read_and_written_in_its_readers_language(person: Person, client: TestClient) -> None:
    page = person("owner")
    page.headers["accept-language"] = "nl"
    sent = {"name": "light", "is_active": "1", "conditions/weight/max": "1,500", "conditions/weight/unit": "kg"}
    sent |= {"conditions/total_price/min": "1.500", "conditions/total_price/currency": "EUR"}
    assert send(page, "/settings/rules", **sent).status_code == 200
    [rule] = client.get("/api/packhouse/shipping-rules").json()["data"]
    assert (rule["conditions"]["weight"]["max"], rule["conditions"]["total_price"]["min"]) == (1.5, 1500)
    text = page.get(f"/settings/rules/{rule['id']}").text
    assert value_of(text, "conditions/weight/max") == "1,5"
    refused = send(page, f"/settings/rules/{rule['id']}", **{**sent, "conditions/weight/max": "2.5"})
    assert refused.status_code == 422
    assert re.search(r'name="conditions/weight/max"[^>]*value="2.5"[^>]*aria-invalid="true"', refused.text)
    [same] = client.get("/api/packhouse/shipping-rules").json()["data"]
    assert same["conditions"] == rule["conditions"]
