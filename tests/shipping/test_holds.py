"""Orders that had better not be shipped: warned of by label calls, kept back by rules."""

from typing import Any

from starlette.testclient import TestClient

from tests import make
from tests.shipping.conftest import push

SYNC = "/api/v3/orders/create-label-sync"
ASYNC = "/api/v3/orders/create-labels-async"


def status(code: str) -> dict[str, Any]:
    return {"order_details": {"status": {"code": code}}}


def payment(code: str, **changes: Any) -> dict[str, Any]:
    return {"payment_details": {"total_price": {"value": 25, "currency": "EUR"}, "status": {"code": code}, **changes}}


KINDS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    (status("cancelled"), ["order_cancelled"]),
    (status("wc-cancelled"), ["order_cancelled"]),
    (status("Geannuleerd"), ["order_cancelled"]),
    (status("STORNIERT"), ["order_cancelled"]),
    (status("annulée"), ["order_cancelled"]),
    (status("cancelado"), ["order_cancelled"]),
    (payment("voided"), ["order_cancelled"]),
    (payment("refunded"), ["order_refunded"]),
    (payment("partially_refunded"), []),
    (payment("terugbetaald"), ["order_refunded"]),
    (payment("zurückerstattet"), ["order_refunded"]),
    (status("on-hold"), ["order_on_hold"]),
    (status("On Hold"), ["order_on_hold"]),
    (status("in de wacht"), ["order_on_hold"]),
    (status("en espera"), ["order_on_hold"]),
    (payment("pending"), ["order_unpaid"]),
    (payment("onbetaald"), ["order_unpaid"]),
    (payment("impayé"), ["order_unpaid"]),
    (payment("unpaid", is_cash_on_delivery=True), []),
    (payment("unpaid", total_price={"value": "0.00", "currency": "EUR"}), []),
    (payment("invoice"), []),
    (payment("open"), ["order_unpaid"]),
    (payment("partially_paid"), ["order_unpaid"]),
    (status("open") | payment("unknown"), []),
    (status("Awaiting check payment") | payment("unknown"), ["order_unpaid"]),
    (status("En attente de virement bancaire") | payment("unknown"), ["order_unpaid"]),
    (status("Payment error") | payment("unknown"), ["order_unpaid"]),
    (payment("disputed"), ["order_on_hold"]),
    (status("Cancelled by customer"), ["order_cancelled"]),
    (status("Anulowane"), ["order_cancelled"]),
    (status("Zur Abholung bereit"), ["order_pick_up"]),
    (status("pending"), []),
    (status("pending") | payment("unknown"), ["order_unpaid"]),
    ({"shipping_details": {"is_local_pickup": True}}, ["order_pick_up"]),
    ({"shipping_details": {"delivery_indicator": "Abholung"}}, ["order_pick_up"]),
    (status("ready_for_pickup"), ["order_pick_up"]),
    ({"shipping_address": make.address(city="-")}, ["address_unusable"]),
    ({"shipping_address": make.address(address_line_1="n/a")}, ["address_unusable"]),
    ({"shipping_address": make.address(name="N/A")}, ["address_unusable"]),
    ({"shipping_address": make.address(name="-", company_name="Teashop")}, []),
    ({"shipping_address": make.address(address_line_1="", po_box="12")}, []),
    ({"order_details": {"order_items": [make.item(name="Gift card")]}}, ["nothing_to_ship"]),
    (status("cancelled") | payment("refunded"), ["order_cancelled", "order_refunded"]),
]


def codes(answer: Any) -> list[str]:
    kinds = {warning["code"] for warning in answer.json().get("meta", {}).get("warnings", [])}
    return [code for code in ALL if code in kinds]


ALL = (
    "order_cancelled", "order_refunded", "order_on_hold", "order_unpaid", "order_pick_up", "address_unusable",
    "nothing_to_ship",
)  # fmt: skip


def test_a_label_call_warns_with_a_code_of_its_own(shop: TestClient) -> None:
    for number, (changes, expected) in enumerate(KINDS):
        push(shop, f"o-{number}", **changes)
        call = {"integration_id": make.SHOP, "orders": [{"order_id": f"o-{number}"}]}
        answer = shop.post(ASYNC, json=call)
        assert answer.status_code == 202
        assert len(answer.json()["data"]) == 1, answer.text
        assert codes(answer) == expected, changes
        for warning in answer.json().get("meta", {}).get("warnings", []):
            assert warning["source"] == {"pointer": "/data/attributes/orders/[0]"}
    push(shop, "sync", **status("cancelled"))
    answer = shop.post(SYNC, json={"integration_id": make.SHOP, "order": {"order_id": "sync"}})
    assert (answer.status_code, codes(answer)) == (201, ["order_cancelled"])
    told = next(w["detail"] for w in answer.json()["meta"]["warnings"] if w["code"] == "order_cancelled")
    assert told == "The order is cancelled: its status is cancelled."


def test_what_a_code_means_is_the_accounts_setting(shop: TestClient) -> None:
    url = "/api/packhouse/shipping-settings"
    assert "cancelled" in shop.get(url).json()["data"]["status_codes"]["cancelled"]
    sent = {"status_codes": {"on_hold": ["Warten auf Ware"], "cancelled": []}}
    assert shop.patch(url, json=sent).status_code == 200
    found = shop.get(url).json()["data"]["status_codes"]
    assert (found["on_hold"], found["cancelled"]) == (["Warten auf Ware"], [])
    assert "refunded" in found["refunded"]
    for number, (code, expected) in enumerate(
        {"warten-auf-ware": ["order_on_hold"], "cancelled": [], "hold": []}.items()
    ):
        push(shop, f"o-{number}", **status(code))
        answer = shop.post(SYNC, json={"integration_id": make.SHOP, "order": {"order_id": f"o-{number}"}})
        assert codes(answer) == expected
    assert shop.patch(url, json={"status_codes": None}).status_code == 200
    assert "on_hold" in shop.get(url).json()["data"]["status_codes"]["on_hold"]
    refused = shop.patch(url, json={"status_codes": {"on_hold": "x"}})
    assert refused.json()["errors"][0]["source"]["pointer"] == "/data/attributes/status_codes/on_hold"


def hold_back(shop: TestClient, **conditions: Any) -> None:
    rule = {"name": "Wait", "conditions": conditions, "actions": {"hold": True}}
    answer = shop.post("/api/packhouse/shipping-rules", json=rule)
    assert answer.status_code == 201, answer.text


def test_a_rule_keeps_orders_back(shop: TestClient) -> None:
    hold_back(shop, not_to_ship=["order_cancelled", "order_unpaid"])
    push(shop, "good")
    push(shop, "bad", **status("cancelled"))
    orders = [{"order_id": id, "apply_shipping_rules": True} for id in ("bad", "good")]
    answer = shop.post(ASYNC, json={"integration_id": make.SHOP, "orders": orders}).json()
    assert [made["order_id"] for made in answer["data"]] == ["good"]
    assert answer["errors"] == [
        {
            "status": "400",
            "code": "validation_error",
            "title": "Order held",
            "detail": "The shipping rule “Wait” keeps this order back.",
            "source": {"pointer": "/data/attributes/orders/[0]"},
        }
    ]
    asked = {"integration_id": make.SHOP, "order_id": "bad"}
    trial = shop.post("/api/packhouse/shipping-rules/dry-run", json=asked).json()["data"]
    assert (trial["is_held"], trial["rules"][0]["conditions"][0]["is_met"]) == (True, True)
    plain = shop.post(SYNC, json={"integration_id": make.SHOP, "order": {"order_id": "bad"}})
    assert plain.status_code == 201


def test_a_rule_may_keep_back_any_order(shop: TestClient) -> None:
    hold_back(shop, tags=["Fragile"])
    push(shop, order_details={"tags": ["fragile"]})
    call = {"integration_id": make.SHOP, "order": {"order_id": "o-1", "apply_shipping_rules": True}}
    assert shop.post(SYNC, json=call).status_code == 400
