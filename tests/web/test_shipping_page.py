"""From the page to labels: for one order, for many, tried again and cancelled."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, update
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.kit.db import Database
from packhouse.settings import Settings
from packhouse.shipping.tables import shipments
from tests import make
from tests.conftest import OWNER, SECOND_SHOP, SHOP
from tests.shipping.conftest import FakeCarrier
from tests.web.conftest import EMAILS, sign_in, token
from tests.web.test_orders_page import work

__all__ = ["work"]

Person = Callable[..., TestClient]
URL = "/api/v3/orders"


@pytest.fixture
def ids(client: TestClient) -> list[int]:
    """Two orders that can be shipped and one without an address."""
    measured = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}
    sent = [
        make.order("s-1", shipping_address=make.address(), shipping_details=measured),
        make.order("s-2", shipping_address=make.address(), shipping_details=measured),
        make.order("s-3"),
    ]
    return [receipt["id"] for receipt in client.post(URL, json=sent).json()["data"]]


def make_labels(page: TestClient, ids: list[int], **fields: str) -> Any:
    form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids)), **fields}
    return page.post("/orders/labels", data=form)


def test_one_order_has_its_label_at_once(person: Person, ids: list[int]) -> None:
    page = person("packer")
    text = page.get(f"/orders/{ids[0]}").text
    assert "the account's default" in text
    shown = make_labels(page, ids[:1])
    printed = re.search(r'href="(/labels/print[^"]+)"', shown.text)
    assert printed is not None
    document = page.get(printed[1].replace("&amp;", "&"))
    assert (document.headers["content-type"], document.content[:5]) == ("application/pdf", b"%PDF-")
    assert "Print label" in page.get(f"/orders/{ids[0]}").text
    assert "N-s-1" not in page.get("/orders").text
    assert "N-s-1" in page.get("/orders?show=shipped").text


def test_many_are_made_by_the_worker_and_the_rest_is_told_why(
    person: Person, ids: list[int], work: Callable[[], None]
) -> None:
    page = person("packer")
    shown = make_labels(page, ids)
    assert "1 of 3" in shown.text
    assert "The order has no valid shipping address." in shown.text
    assert 'hx-trigger="load delay:1s"' in shown.text
    work()
    again = page.get(str(shown.url))  # all of it stands in the address
    assert "3 of 3" in again.text
    assert "Print 2 labels in one PDF" in again.text
    assert "Try these again" in again.text
    assert "hx-trigger" not in again.text
    assert len(page.get("/shipments").text.split('class="c-number"')) == 3
    printed = re.search(r'href="(/labels/print[^"]+)"', again.text)
    assert printed is not None
    assert page.get(printed[1].replace("&amp;", "&")).content[:5] == b"%PDF-"


def test_a_shipment_is_found_and_cancelled(person: Person, ids: list[int], client: TestClient) -> None:
    page = person("packer")
    make_labels(page, ids[:1])
    [made] = client.get("/api/v3/shipments").json()["data"]
    assert "N-s-1" in page.get("/shipments?number=n-s-1").text
    assert "Nothing found" in page.get("/shipments?number=other").text
    for query, is_found in {
        f"tracking={made['parcels'][0]['tracking_number']}": True,
        "tracking=nothing": False,
        f"shop={SHOP}": True,
        f"shop={SECOND_SHOP}": False,
        "status=1000": True,
        "status=11": False,
        "from=2020-01-01": True,
        "from=2999-01-01": False,
        "to=2020-01-01": False,
        "from=nonsense&shop=x&cursor=x": True,
        "number=n-s-1&status=1000&from=2020-01-01&to=2999-01-01": True,
    }.items():
        assert ('class="c-number"' in page.get(f"/shipments?{query}").text) == is_found, query
    assert "Nothing found" in person("stranger@example.org").get(f"/shipments?shop={SHOP}").text
    form = {"csrf": token(page.get("/shipments").text)}
    assert "Cancelled" in page.post(f"/shipments/{made['id']}/cancel", data=form).text
    assert "N-s-1" in page.get("/orders").text


def find_order(client: TestClient, shipment: Any) -> int:
    [found] = client.get(f"{URL}?order_number={shipment['order_number']}").json()["data"]
    return int(found["id"])


def say_where(page: TestClient, parcels: list[int], status: str) -> Any:
    form = {"csrf": token(page.get("/shipments").text), "parcel": list(map(str, parcels)), "status": status}
    return page.post("/shipments/track", data={**form, "then": "/shipments?status=11"})


def test_people_say_where_parcels_are_whose_carrier_does_not(
    person: Person, ids: list[int], client: TestClient, work: Callable[[], None], database_url: str
) -> None:
    page = person("packer")
    make_labels(page, ids[:2])
    work()
    made = client.get("/api/v3/shipments").json()["data"]
    parcels = [shipment["parcels"][0]["id"] for shipment in made]
    assert page.get("/shipments").text.count('action="/shipments/track"') == 2
    shown = say_where(page, parcels[:1], "11")
    assert shown.url.query == b"status=11"
    assert shown.text.count('class="c-number"') == 1
    assert '<summary title="Say where it is">Delivered</summary>' in shown.text
    now = {shipment["parcels"][0]["id"]: shipment for shipment in client.get("/api/v3/shipments").json()["data"]}
    told = [now[parcel]["parcels"][0]["status"]["code"] for parcel in parcels]
    assert told == ["DELIVERED", "READY_TO_SEND"]
    assert say_where(page, [], "11").status_code == 400
    assert "Choose a parcel." in say_where(page, [], "11").text
    assert "A status is one of" in say_where(page, parcels, "somewhere").text
    assert say_where(page, [*parcels, 999_999], "3").status_code == 404  # and then none of them
    for other, status in ((person("viewer"), 403), (person("stranger@example.org"), 404)):
        assert say_where(other, parcels, "3").status_code == status
        assert 'action="/shipments/track"' not in other.get("/shipments").text
    again = {shipment["parcels"][0]["status"]["code"] for shipment in client.get("/api/v3/shipments").json()["data"]}
    assert again == {"DELIVERED", "READY_TO_SEND"}
    change_carrier(database_url)
    assert 'action="/shipments/track"' not in person("packer").get("/shipments").text


def change_carrier(url: str) -> None:
    """As if the shipments were of a carrier that tells by itself."""

    async def work() -> None:
        db = Database(url)
        async with db.begin() as tx:
            told = func.replace(shipments.c.document, '"code":"house"', '"code":"ups"')
            await tx.execute(update(shipments).where(shipments.c.account_id == 1).values(document=told))
        await db.close()

    asyncio.run(work())


def test_a_viewer_and_a_stranger_ship_nothing(person: Person, ids: list[int], client: TestClient) -> None:
    assert make_labels(person("viewer"), ids).status_code == 403
    assert "Print" not in make_labels(person("stranger@example.org"), ids).text
    assert client.get("/api/v3/shipments").json()["data"] == []


def open_label(page: TestClient, id: int, query: str = "") -> tuple[str, dict[str, str]]:
    """The order's page, and what the form for its label sends besides what is typed."""
    text = page.get(f"/orders/{id}{query}").text
    seen = re.search(r'name="seen" value="([0-9]+)"', text)
    assert seen is not None
    return text, {"csrf": token(text), "seen": seen[1]}


def parcels_of(client: TestClient) -> list[Any]:
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    return list(shipment["parcels"])


@pytest.fixture
def teas(client: TestClient) -> int:
    """An order of two items without an item_id, which an item need not have."""
    items = [make.item(quantity=3), make.item(name="Black tea", quantity=1)]
    order = make.order("t-1", order_details={"order_items": items}, shipping_address=make.address())
    id: int = client.post(URL, json=[order]).json()["data"][0]["id"]
    return id


def test_weight_and_size_are_those_of_the_form(person: Person, teas: int, client: TestClient) -> None:
    page = person("packer")
    _, form = open_label(page, teas)
    sides = {
        f"parcels/0/dimensions/{side}": value for side, value in (("length", "30"), ("width", "20.5"), ("height", "10"))
    }
    typed = {"parcel": "0", "parcels/0/weight/value": "2.5", "parcels/0/weight/unit": "kg", **sides}
    answer = page.post(f"/orders/{teas}/label", data={**form, **typed})
    assert "Label made" in answer.text
    [parcel] = parcels_of(client)
    assert parcel["weight"] == {"value": "2.500", "unit": "kg"}
    assert {side: float(parcel["dimensions"][side]) for side in ("length", "width", "height")} == {
        "length": 30, "width": 20.5, "height": 10,
    }  # fmt: skip
    assert [item["quantity"] for item in parcel["parcel_items"]] == [3, 1]


def test_an_order_is_split_into_parcels(person: Person, teas: int, client: TestClient) -> None:
    page = person("packer")
    text, form = open_label(page, teas, "?parcels=2")
    assert re.search(r'name="parcels/0/items/0"[^>]*value="3"', text)
    assert re.search(r'name="parcels/1/items/0"[^>]*value="0"', text)
    split = {"parcels/0/items/0": "2", "parcels/1/items/0": "1", "parcels/1/items/1": "1"}
    weights = {f"parcels/{n}/weight/value": str(n + 1) for n in range(2)}
    answer = page.post(f"/orders/{teas}/label", data={**form, "parcel": ["0", "1"], **split, **weights})
    assert "2 labels made" in answer.text
    first, second = parcels_of(client)
    assert [(item["description"], item["quantity"]) for item in first["parcel_items"]] == [("Green tea", 2)]
    assert [item["quantity"] for item in second["parcel_items"]] == [1, 1]
    assert [parcel["weight"]["value"] for parcel in (first, second)] == ["1.000", "2.000"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"parcels/0/weight/value": "0"}, "parcels/0/weight/value", "Input should be greater than 0"),
        ({"parcels/0/dimensions/length": "9"}, "parcels/0/dimensions/width", "Field required"),
        ({"parcels/1/items/0": "2"}, "parcels/1/items/0", "More than was ordered: 0 are left of 1"),
        ({"parcels/1/items/1": "some"}, "parcels/1/items/1", "“some” cannot be read"),
        ({}, "parcels/1/items", "Nothing is in this parcel."),
    ],
)
def test_what_is_wrong_with_a_parcel_stands_at_its_field(
    person: Person, teas: int, client: TestClient, typed: dict[str, str], field: str, words: str
) -> None:
    page = person("packer")
    _, form = open_label(page, teas, "?parcels=2")
    whole = {"parcels/0/items/0": "3", "parcels/0/items/1": "1"}
    rest = {} if field == "parcels/1/items" else {"parcels/1/items/1": "1", "parcels/0/items/1": "0"}
    answer = page.post(f"/orders/{teas}/label", data={**form, "parcel": ["0", "1"], **whole, **rest, **typed})
    assert answer.status_code == 422
    told = re.search(rf'id="m-{field.replace("/", "-")}" class="fault told">([^<]+)<', answer.text)
    assert told is not None
    assert told[1].startswith(words)
    for name, value in typed.items():
        assert re.search(rf'name="{name}"[^>]*value="{value}"', answer.text)  # what was typed is still there
    assert client.get("/api/v3/shipments").json()["data"] == []


@pytest.mark.one_database
def test_the_option_that_the_rules_suggest_is_marked_with_the_reason(
    person: Person, ids: list[int], client: TestClient
) -> None:
    there = client.post("/api/v3/shipping-options", json={}).json()["data"]
    codes = [option["code"] for option in there if not option["functionalities"]["returns"]]
    actions = {"shipping_option_code": codes[-1]}
    rule = {"name": "light NL", "conditions": {"countries": ["NL"]}, "actions": actions}
    assert client.post("/api/packhouse/shipping-rules", json=rule).status_code == 201
    page = person("packer")
    text = page.get(f"/orders/{ids[0]}").text
    assert re.search(r'<option value="">★ [^<]+ – by the rule “light NL”</option>', text)
    assert re.search(rf'<option value="{codes[-1]}">[^<]+ ★</option>', text)
    two = page.get(f"/orders/options?id={ids[0]}&id={ids[2]}").text
    assert re.search(r"★ [^<]+ – by the rule “light NL” \(1\), [^<]+ – the account's default \(1\)</option>", two)
    assert person("viewer").get(f"/orders/options?id={ids[0]}").status_code == 403
    make_labels(page, ids[:1])
    [made] = client.get("/api/v3/shipments").json()["data"]
    assert made["ship_with"]["properties"]["shipping_option_code"] == codes[-1]


def test_a_chosen_option_ships_a_selection(person: Person, ids: list[int], client: TestClient) -> None:
    page = person("packer")
    assert 'value="sendcloud:letter"' in page.get(f"/orders/options?id={ids[0]}").text
    shown = make_labels(page, ids[:2], option="sendcloud:letter")
    made = client.get("/api/v3/shipments").json()["data"]
    assert {one["ship_with"]["properties"]["shipping_option_code"] for one in made} == {"sendcloud:letter"}
    assert "of 2" in shown.text


def test_two_packers_make_one_label(person: Person, ids: list[int], client: TestClient) -> None:
    bo, ada = person("packer"), person("owner")
    _, seen_by_ada = open_label(ada, ids[0])
    make_labels(bo, ids[:1])
    again = make_labels(ada, ids[:2])
    assert "It has a label already." in again.text
    answer = ada.post(f"/orders/{ids[0]}/label", data={**seen_by_ada, "parcel": "0"})
    assert (answer.status_code, "made of this order meanwhile" in answer.text) == (422, True)
    assert len(client.get("/api/v3/shipments").json()["data"]) == 2
    _, form = open_label(ada, ids[0])  # who sees it may make another
    assert ada.post(f"/orders/{ids[0]}/label", data={**form, "parcel": "0"}).status_code == 200
    assert len(client.get("/api/v3/shipments").json()["data"]) == 3


@pytest.mark.one_database
def test_one_that_cannot_be_shipped_says_why_on_its_page(person: Person, ids: list[int]) -> None:
    page = person("packer")
    _, form = open_label(page, ids[2])
    answer = page.post(f"/orders/{ids[2]}/label", data={**form, "parcel": "0"})
    assert answer.status_code == 422
    assert "The order has no valid shipping address." in answer.text


def test_a_retry_packs_as_before(database_url: str, people: None, teas: int) -> None:
    """What a carrier refused is tried again with the parcels, weights and sizes that were typed."""
    assert people is None
    carrier = FakeCarrier(mood="strict")
    settings = {"default_shipping_option_code": "fake:standard", "contract_ids": {}}
    with TestClient(create_app(Settings(database_url=database_url), carriers=[carrier])) as page:
        contract = page.post("/api/packhouse/contracts", json={"carrier_code": "fake"}, auth=OWNER)
        assert contract.status_code == 201, contract.text
        assert page.patch("/api/packhouse/shipping-settings", json=settings, auth=OWNER).status_code < 300
        page.headers["accept"] = "text/html"
        sign_in(page, EMAILS["packer"])
        _, form = open_label(page, teas, "?parcels=2")
        split = {"parcels/0/items/0": "3", "parcels/1/items/1": "1", "parcels/1/weight/value": "7"}
        failed = page.post(f"/orders/{teas}/label", data={**form, "parcel": ["0", "1"], **split})
        assert "The postal code is not served." in failed.text
        again = re.search(r'name="again" value="([0-9]+)"', failed.text)
        assert again is not None
        carrier.mood = "well"
        done = page.post("/orders/labels", data={"csrf": token(failed.text), "again": again[1]})
        assert "Print 2 labels in one PDF" in done.text
    first, second = carrier.asked
    assert [(p.weight, [i["quantity"] for i in p.items]) for p in first.parcels] == [
        (p.weight, [i["quantity"] for i in p.items]) for p in second.parcels
    ]
    assert [parcel.weight for parcel in second.parcels] == [None, 7]


@pytest.mark.one_database
def test_printed_documents_may_stand_in_a_frame_of_ours_and_of_nobody_else(person: Person, ids: list[int]) -> None:
    page = person("packer")
    make_labels(page, ids[:1])
    printed = re.search(r'href="(/labels/print[^"]+)"', page.get(f"/orders/{ids[0]}").text)
    assert printed is not None
    assert page.get(printed[1]).headers["content-security-policy"] == "frame-ancestors 'self'"


def test_a_selection_prints_its_pick_list_and_packing_slips(person: Person, ids: list[int]) -> None:
    for role, status in (("viewer", 200), ("stranger@example.org", 404)):
        page = person(role)
        form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids))}
        for paper in ("pick-list", "packing-slips"):
            answer = page.post(f"/orders/print/{paper}", data=form)
            assert answer.status_code == status
            assert answer.content.startswith(b"%PDF-") == (status == 200)
        assert page.post("/orders/print/poster", data=form).status_code == 404


def test_a_shipment_without_an_order_is_listed_and_found(person: Person, client: TestClient) -> None:
    sent = {
        "from_address": make.address(name="Warehouse"),
        "to_address": make.address(name="Noor Janssen"),
        "ship_with": {"type": "shipping_option_code", "properties": {"shipping_option_code": "house:standard"}},
        "parcels": [{"weight": {"value": 1, "unit": "kg"}}],
    }
    for number in (1, 2):
        answer = client.post("/api/v3/shipments/announce", json={**sent, "external_reference_id": f"cart-{number}"})
        assert answer.status_code == 201, answer.text
    page = person("packer")
    text = page.get("/shipments").text
    assert "cart-1" in text
    assert "cart-2" in text
    assert "/orders/0" not in text
    found = page.get("/shipments?number=cart-2").text
    assert "Noor Janssen" in found
    assert "cart-1" not in found
