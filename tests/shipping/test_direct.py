"""Shipments that are announced directly, without an order (contract beyond orders, section 9)."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.concurrency import served
from tests.conftest import STRANGER
from tests.contract import published
from tests.shipping.conftest import FakeCarrier, Watch

URL = "/api/v3/shipments"
ANNOUNCE, WITH_RULES = f"{URL}/announce", f"{URL}/announce-with-shipping-rules"
CREATE_WITH_RULES = f"{URL}/create-with-shipping-rules"
WAYS = (ANNOUNCE, WITH_RULES, URL, CREATE_WITH_RULES)
Work = Callable[..., int]


def to_address(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Noor Janssen",
        "address_line_1": "Lindelaan",
        "house_number": "4",
        "postal_code": "3511 AB",
        "city": "Utrecht",
        "country_code": "NL",
        **changes,
    }


def from_address(**changes: Any) -> dict[str, Any]:
    return to_address(name="Warehouse West", company_name="West BV", **changes)


def ship_with(code: str | None = "fake:standard", contract_id: int | None = None) -> dict[str, Any]:
    return {"type": "shipping_option_code", "properties": {"shipping_option_code": code, "contract_id": contract_id}}


def item(**changes: Any) -> dict[str, Any]:
    return {
        "description": "Tea pot",
        "quantity": 2,
        "weight": {"value": 0.4, "unit": "kg"},
        "price": {"value": "12.50", "currency": "EUR"},
        "hs_code": "691110",
        "origin_country": "CN",
        "sku": "TP-1",
        **changes,
    }


def parcel(**changes: Any) -> dict[str, Any]:
    return {"weight": {"value": "1.2", "unit": "kg"}, "parcel_items": [item()], **changes}


def body(**changes: Any) -> dict[str, Any]:
    made = {
        "from_address": from_address(),
        "to_address": to_address(),
        "ship_with": ship_with(),
        "parcels": [parcel()],
        **changes,
    }
    return {key: value for key, value in made.items() if value is not ...}


def post(client: TestClient, url: str = ANNOUNCE, **changes: Any) -> Any:
    return client.post(url, json=body(**changes))


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.text
    return [(e["code"], e.get("source", {}).get("pointer", "")) for e in answer.json()["errors"]]


def list_all(client: TestClient, **parameters: Any) -> list[Any]:
    return list(client.get(URL, params=parameters).json()["data"])


def test_the_answer_has_the_label(shop: TestClient, carrier: FakeCarrier) -> None:
    answer = post(shop, external_reference_id="ref-1", order_number="N-7", reference="mine")
    assert answer.status_code == 201, answer.text
    shipment = answer.json()["data"]
    assert "errors" not in answer.json()
    [consignment] = carrier.asked
    assert shipment["id"] == consignment.reference
    assert (consignment.order_number, consignment.recipient.name) == ("N-7", "Noor Janssen")
    [shown] = shipment["parcels"]
    assert shown["tracking_number"] == f"FAKE{shown['id']}"
    assert base64.b64decode(shown["label_file"]).startswith(b"%PDF")
    [document] = shown["documents"]
    assert document["link"] == f"http://testserver/api/v3/parcels/{shown['id']}/documents/label"
    assert shop.get(document["link"].removeprefix("http://testserver")).content == base64.b64decode(shown["label_file"])
    assert shipment["label_details"] == {"mime_type": "application/pdf", "dpi": 72}
    assert (shipment["external_reference_id"], shipment["reference"]) == ("ref-1", "mine")
    assert shown["weight"] == {"value": "1.200", "unit": "kg"}
    assert shown["status"] == {"code": "READY_TO_SEND", "message": "Ready to send"}
    assert shipment["errors"] == []
    assert shipment["from_address"]["company_name"] == "West BV"
    stored = shop.get(f"{URL}/{shipment['id']}").json()["data"]
    assert {**stored, "label_details": shipment["label_details"], "parcels": []} == {**shipment, "parcels": []}
    [found] = stored["parcels"]
    assert {**found, "label_file": shown["label_file"], "status": shown["status"]} == shown


def test_items_come_back_as_a_parcels_items(shop: TestClient) -> None:
    shipment = post(shop, parcels=[parcel(parcel_items=[item(), {"sku": "X"}])]).json()["data"]
    whole, bare = shipment["parcels"][0]["parcel_items"]
    assert whole == item()
    assert bare == {
        "description": "X",
        "sku": "X",
        "quantity": 1,
        "hs_code": "",
        "weight": {"value": 0.001, "unit": "kg"},
        "price": {"value": "0.00", "currency": "EUR"},
    }


def test_async_answers_at_once_and_the_worker_makes_the_label(
    shop: TestClient, carrier: FakeCarrier, work: Work
) -> None:
    answer = post(shop, URL)
    assert answer.status_code == 201, answer.text
    shipment = answer.json()["data"]
    assert carrier.asked == []
    assert [(p["documents"], p["tracking_number"]) for p in shipment["parcels"]] == [([], "")]
    assert "label_file" not in shipment["parcels"][0]
    work()
    [found] = shop.get(f"{URL}/{shipment['id']}").json()["data"]["parcels"]
    assert [document["type"] for document in found["documents"]] == ["label"]


@pytest.mark.parametrize("url", WAYS)
def test_a_reference_is_used_once(shop: TestClient, carrier: FakeCarrier, url: str) -> None:
    first = post(shop, external_reference_id="ref-1").json()["data"]
    again = post(shop, url, external_reference_id="ref-1", ship_with=ship_with("gone:option"))
    assert again.status_code == 409, again.text
    shipment = again.json()["data"]
    assert shipment["id"] == first["id"]
    is_sync = "announce" in url
    assert shipment["parcels"][0].get("label_file") == (first["parcels"][0]["label_file"] if is_sync else None)
    assert len(carrier.asked) == 1
    assert [found["id"] for found in list_all(shop, external_reference_id="ref-1")] == [first["id"]]


@pytest.mark.parametrize("reference", [None, ""])
def test_no_reference_is_no_repeat(shop: TestClient, reference: str | None) -> None:
    made = {post(shop, external_reference_id=reference).json()["data"]["id"] for _ in range(2)}
    assert len(made) == 2


def test_a_cancelled_shipment_keeps_its_reference(shop: TestClient) -> None:
    first = post(shop, external_reference_id="ref-1").json()["data"]
    assert shop.post(f"{URL}/{first['id']}/cancel").status_code == 200
    assert post(shop, external_reference_id="ref-1").status_code == 409
    assert post(shop, external_reference_id="ref-1:1").status_code == 201


def test_strangers_have_references_of_their_own(shop: TestClient) -> None:
    post(shop, external_reference_id="ref-1")
    theirs = shop.post(
        ANNOUNCE, json=body(external_reference_id="ref-1", ship_with=ship_with("house:standard")), auth=STRANGER
    )
    assert theirs.status_code == 201, theirs.text


def test_two_at_once_make_one_shipment(new_database: Callable[[str], str], backend: str, tmp_path: Any) -> None:
    with served.serve(new_database(backend), tmp_path / "log") as server:

        def send(_number: int) -> Any:
            with server.client() as client:
                sent = body(external_reference_id="ref-1", ship_with=ship_with("house:standard"))
                return client.post(ANNOUNCE, json=sent)

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(send, range(6)))
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
        assert len({answer.json()["data"]["id"] for answer in answers}) == 1
        with server.client() as client:
            assert len(client.get(URL).json()["data"]) == 1


def test_what_the_carrier_refuses_is_told_in_the_shipment(shop: TestClient, carrier: FakeCarrier) -> None:
    carrier.mood = "strict"
    answer = post(shop)
    assert answer.status_code == 201
    shipment = answer.json()["data"]
    assert shipment["errors"] == [
        {"status": "500", "code": "parcel_announcement_error", "detail": "The postal code is not served."}
    ]
    [shown] = shipment["parcels"]
    assert (shown["status"]["code"], shown["documents"], shown["label_file"]) == ("ANNOUNCEMENT_FAILED", [], None)


def test_a_carrier_that_is_away_is_asked_until_it_answers(
    shop: TestClient, carrier: FakeCarrier, work: Work, watch: Watch
) -> None:
    carrier.mood = "away"
    answer = post(shop, external_reference_id="ref-1")
    assert answer.status_code == 201
    shipment = answer.json()["data"]
    assert shipment["parcels"][0]["label_file"] is None
    assert shipment["errors"][0]["code"] == "parcel_announcement_error"
    carrier.mood = "well"
    again = post(shop, external_reference_id="ref-1")
    assert again.status_code == 409
    assert again.json()["data"]["parcels"][0]["label_file"]
    assert again.json()["data"]["errors"] == []
    watch.move(hours=1)
    work()
    assert len(carrier.labels) == 1


def test_the_same_key_is_the_same_call(shop: TestClient, carrier: FakeCarrier) -> None:
    key = {"Idempotency-Key": "k-1"}
    first, again = (shop.post(ANNOUNCE, json=body(external_reference_id="r"), headers=key) for _ in range(2))
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert len(carrier.asked) == 1


def test_several_parcels_have_links_and_no_file(shop: TestClient) -> None:
    shipment = post(shop, parcels=[parcel(), parcel(weight={"value": 800, "unit": "g"})]).json()["data"]
    assert [p["weight"]["value"] for p in shipment["parcels"]] == ["1.200", "0.800"]
    assert [p["label_file"] for p in shipment["parcels"]] == [None, None]
    assert all(p["documents"] for p in shipment["parcels"])


@pytest.mark.parametrize(("url", "most"), [(ANNOUNCE, 15), (WITH_RULES, 15), (URL, 50), (CREATE_WITH_RULES, 50)])
@pytest.mark.one_database
def test_the_most_parcels(shop: TestClient, url: str, most: int) -> None:
    light = {"weight": {"value": "0.1", "unit": "kg"}}
    assert post(shop, url, parcels=[light] * most).status_code == 201
    assert faults(post(shop, url, parcels=[light] * (most + 1))) == [("invalid", "/data/attributes/parcels")]


@pytest.mark.one_database
def test_a_label_in_another_format(shop: TestClient) -> None:
    asked = {"mime_type": "image/png", "dpi": 150}
    shipment = post(shop, ship_with=ship_with("house:standard"), label_details=asked).json()["data"]
    assert base64.b64decode(shipment["parcels"][0]["label_file"]).startswith(b"\x89PNG")
    assert shipment["label_details"] == asked
    wrong = post(shop, label_details={"mime_type": "application/pdf", "dpi": 300})
    assert faults(wrong) == [("invalid", "/data/attributes/label_details/dpi")]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"to_address": ...}, "to_address"),
        ({"from_address": ...}, "from_address"),
        ({"ship_with": ...}, "ship_with"),
        ({"parcels": ...}, "parcels"),
        ({"parcels": [{}]}, "parcels/0/weight"),
        ({"to_address": to_address(name="")}, "to_address/name"),
        ({"from_address": {"name": "A"}}, "from_address/address_line_1"),
        ({"ship_with": ship_with(None)}, "ship_with/properties/shipping_option_code"),
        ({"customs_information": {"invoice_number": "1"}}, "customs_information/export_reason"),
        ({"to_service_point": {}}, "to_service_point/id"),
    ],
)
def test_what_is_missing_is_named(shop: TestClient, changes: Any, expected: str) -> None:
    assert ("invalid", f"/data/attributes/{expected}") in faults(post(shop, **changes))
    assert list_all(shop) == []


@pytest.mark.one_database
def test_what_clients_send_for_nothing_is_nothing(shop: TestClient) -> None:
    odd = to_address(company_name="", address_line_2="", email="", phone_number=None, po_box=None)
    answer = post(
        shop,
        to_address=odd,
        external_order_id="x",
        label_notes=[],
        parcels=[{"weight": {"value": 1, "unit": "kg"}, "source_id": 7, "dimensions": None}],
        label_details={"mime_type": "application/pdf", "dpi": 72, "size": "a6"},
        to_service_point=None,
        delivery_dates=None,
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["data"]["to_address"] == to_address()


@pytest.mark.one_database
def test_keys_of_carriers_are_known_or_refused(shop: TestClient) -> None:
    assert faults(post(shop, carrier_fields={"odd": 1})) == [("unknown_field", "/data/attributes/carrier_fields/odd")]
    assert post(shop, carrier_fields={"hide_sender": True}).status_code == 201


def test_a_saved_sender_and_what_stands_over_it(shop: TestClient) -> None:
    saved = shop.post("/api/packhouse/sender-addresses", json=from_address(email="a@example.com")).json()["data"]
    answer = post(shop, from_address={"sender_address_id": saved["id"], "phone_number": "+31201234567"})
    assert answer.status_code == 201, answer.text
    sender = answer.json()["data"]["from_address"]
    assert (sender["name"], sender["phone_number"], sender["email"]) == (
        "Warehouse West",
        "+31201234567",
        "a@example.com",
    )
    assert "sender_address_id" not in sender
    unknown = post(shop, from_address={"sender_address_id": 999999})
    assert unknown.status_code == 404
    assert unknown.json()["errors"][0]["source"]["pointer"] == "/data/attributes/from_address/sender_address_id"


@pytest.mark.one_database
@pytest.mark.parametrize("sent", [ship_with("nope:none"), ship_with("fake:standard", 99999), ship_with("fake:local")])
def test_no_option_fits(shop: TestClient, sent: Any) -> None:
    answer = post(
        shop, ship_with=sent, to_address=to_address(country_code="US"), parcels=[{"weight": parcel()["weight"]}]
    )
    assert faults(answer) == [("validation_error", "/data/attributes/ship_with")]
    assert answer.json()["errors"][0]["detail"].startswith("No shipping option could be found")
    assert list_all(shop) == []


@pytest.mark.one_database
def test_items_are_whole_across_a_customs_border(shop: TestClient) -> None:
    sent: dict[str, Any] = {
        "to_address": to_address(country_code="CH"),
        "parcels": [parcel(parcel_items=[item(hs_code="")])],
    }
    assert faults(post(shop, **sent)) == [("required", "/data/attributes/parcels/0/parcel_items/0/hs_code")]


@pytest.mark.one_database
def test_customs_papers_are_made(shop: TestClient) -> None:
    answer = post(
        shop,
        ship_with=ship_with("post:parcel"),
        to_address=to_address(country_code="CH", postal_code="8001", city="Zürich"),
        customs_information={"invoice_number": "I-1", "export_reason": "personal_use"},
    )
    shipment = answer.json()["data"]
    assert shipment["errors"] == []
    assert shipment["customs_information"]["export_reason"] == "personal_use"
    kinds = {document["type"] for document in shipment["parcels"][0]["documents"]}
    assert kinds == {"label", "cn23", "commercial-invoice"}


def make_rule(client: TestClient, **actions: Any) -> int:
    rule = {"name": "To Utrecht", "conditions": {"countries": ["NL"]}, "actions": actions}
    answer = client.post("/api/packhouse/shipping-rules", json=rule)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["id"])


def test_rules_go_before_the_call_and_the_call_before_defaults(shop: TestClient) -> None:
    only = {"from_address": ..., "ship_with": ..., "parcels": [{"parcel_items": [item()]}]}
    default = post(shop, WITH_RULES, **only)
    assert default.status_code == 201, default.text
    shipment = default.json()["data"]
    assert shipment["ship_with"]["properties"]["shipping_option_code"] == "fake:standard"
    assert shipment["applied_shipping_rules"] == []
    assert shipment["parcels"][0]["weight"]["value"] == "0.800"
    id = make_rule(shop, shipping_option_code="house:express")
    ruled = post(shop, WITH_RULES, ship_with=ship_with("fake:standard")).json()["data"]
    assert ruled["ship_with"]["properties"]["shipping_option_code"] == "house:express"
    [applied] = ruled["applied_shipping_rules"]
    assert applied == {
        "rule": {"id": id, "name": "To Utrecht"},
        "result": {"shipping_option_code": "house:express"},
    }
    own = post(shop, WITH_RULES, ship_with=ship_with("fake:standard"), apply_shipping_rules=False).json()["data"]
    assert own["ship_with"]["properties"]["shipping_option_code"] == "fake:standard"


@pytest.mark.one_database
def test_without_defaults_what_is_missing_is_required(shop: TestClient) -> None:
    bare = {"from_address": ..., "ship_with": ..., "apply_shipping_defaults": False}
    weightless = post(shop, WITH_RULES, **bare, parcels=[{}])
    assert faults(weightless) == [("required", "/data/attributes/parcels/0/weight")]
    assert faults(post(shop, WITH_RULES, **bare)) == [
        ("required", "/data/attributes/ship_with/properties/shipping_option_code")
    ]
    assert faults(post(shop, WITH_RULES, **{**bare, "ship_with": ship_with()})) == [
        ("required", "/data/attributes/from_address")
    ]


@pytest.mark.one_database
def test_a_parcel_has_the_accounts_default_weight(shop: TestClient) -> None:
    only = {"from_address": ..., "ship_with": ..., "parcels": ...}
    assert faults(post(shop, WITH_RULES, **only)) == [("required", "/data/attributes/parcels")]
    weight = {"value": 750, "unit": "g"}
    changed = shop.patch("/api/packhouse/shipping-settings", json={"default_parcel_weight": weight})
    assert changed.json()["data"]["default_parcel_weight"] == weight
    assert post(shop, WITH_RULES, **only).json()["data"]["parcels"][0]["weight"]["value"] == "0.750"


@pytest.mark.one_database
def test_the_names_win_over_ids(shop: TestClient) -> None:
    for name in ("announce", "announce-with-shipping-rules", "create-with-shipping-rules"):
        answer = shop.get(f"{URL}/{name}")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_it_is_found_by_its_number(shop: TestClient) -> None:
    made = post(shop, URL, order_number="N-99").json()["data"]
    assert [found["id"] for found in list_all(shop, order_number="n-99")] == [made["id"]]
    assert shop.get("/api/v3/orders").json()["data"] == []


def test_erasing_one_recipient_leaves_the_others(shop: TestClient, work: Work) -> None:
    """All of them have no order, which makes them no shipments of one order."""
    mine = post(shop, to_address=to_address(email="noor@example.com"), reference="for Noor").json()["data"]
    theirs = post(shop, to_address=to_address(name="Sam Bakker", email="sam@example.com")).json()["data"]
    answer = shop.post("/api/packhouse/persons/erase", json={"email": "noor@example.com"})
    assert answer.status_code in (200, 202), answer.text
    work()
    told = [shop.get(f"{URL}/{made['id']}").json()["data"] for made in (mine, theirs)]
    assert told[0]["to_address"]["name"] == "[erased]"
    assert told[0]["reference"] is None
    assert told[1]["to_address"]["name"] == "Sam Bakker"


@pytest.mark.one_database
@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_the_answers_have_the_published_shape(open_shop: Callable[..., TestClient], profile: str) -> None:
    client = open_shop(profile=profile)
    whole = item(
        item_id="i-1",
        product_id="p-1",
        mid_code="M1",
        material_content="clay",
        intended_use="tea",
        dds_reference="d",
        taric_doc_code="t",
        manufacturer_product_id="m",
        properties={"colour": "blue"},
    )
    full = {
        "ship_with": ship_with("house:standard"),
        "to_service_point": {"id": 77},
        "brand_id": 3,
        "reference": "mine",
        "total_order_price": {"value": 25, "currency": "EUR"},
        "delivery_dates": {"handover_at": "2026-03-14T08:00:00Z"},
        "customs_information": {
            "invoice_number": "I-1",
            "export_reason": "gift",
            "tax_numbers": {"sender": [{"name": "VAT", "country_code": "NL", "value": "NL1"}]},
        },
        "parcels": [
            parcel(
                parcel_items=[whole],
                label_notes=["glass"],
                dimensions={"length": "10", "width": 5, "height": "2.5", "unit": "cm"},
                package_type="tube",
                sscc="123456789012345675",
                additional_insured_price={"value": "9.90", "currency": "EUR"},
            )
        ],
    }
    for number, url in enumerate(WAYS):
        path = url.removeprefix("/api/v3")
        for _ in range(2):  # made, and repeated
            answer = post(client, url, **full, external_reference_id=f"r-{number}")
            published.require_shape("shipments-announce", "POST", path, answer)
        assert answer.status_code == 409
    bare = post(client, WITH_RULES, from_address=..., ship_with=...)
    published.require_shape("shipments-announce", "POST", "/shipments/announce-with-shipping-rules", bare)
