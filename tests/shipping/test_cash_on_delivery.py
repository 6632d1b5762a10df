"""What is to be paid at the door, from the order to the carrier, the label and the slip."""

import base64
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from packhouse.carriers import Money
from packhouse.printing import printers
from tests.shipping.carriers.papers import read_text
from tests.shipping.conftest import FakeCarrier, push

# What is read here is decided before a database is asked.
pytestmark = pytest.mark.one_database

LABEL = "/api/v3/orders/create-label-sync"
OPTION = {"type": "shipping_option_code", "properties": {"shipping_option_code": "house:standard"}}


def payment(value: object, currency: str, is_due: bool | None) -> dict[str, object]:
    total = {"value": value, "currency": currency}
    return {"total_price": total, "status": {"code": "unpaid"}, "is_cash_on_delivery": is_due}


@pytest.mark.parametrize(
    ("value", "currency", "is_due", "told"),
    [
        ("25.5", "EUR", True, Money(Decimal("25.5"), "EUR")),
        (12000, "JPY", True, Money(Decimal(12000), "JPY")),
        ("25.5", "EUR", False, None),
        ("25.5", "EUR", None, None),
    ],
)
def test_the_carrier_is_told(
    shop: TestClient, carrier: FakeCarrier, value: object, currency: str, is_due: bool | None, told: Money | None
) -> None:
    push(shop, payment_details=payment(value, currency, is_due))
    answer = shop.post(LABEL, json={"integration_id": 1, "order": {"order_id": "o-1"}})
    assert answer.status_code == 201, answer.text
    assert carrier.asked[-1].cash_on_delivery == told


def test_label_and_slip_say_it(client: TestClient) -> None:
    push(client, payment_details=payment("12.345", "KWD", True))
    answer = client.post(LABEL, json={"integration_id": 1, "order": {"order_id": "o-1"}, "ship_with": OPTION})
    label = base64.b64decode(answer.json()["data"]["label"]["file"])
    assert "Cash on delivery 12.345 KWD" in read_text(label)
    order = client.get("/api/v3/orders/1").json()["data"]
    assert "Te betalen bij ontvangst: 12.345 KWD" in read_text(printers.load("packing-slips")([order]))
    order["payment_details"]["is_cash_on_delivery"] = False
    assert "betalen" not in read_text(printers.load("packing-slips")([order]))
