"""Prices from carriers that tell them, where the rate tables have none: asked beside everything else, within a time."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.carriers import Consignment, Money, Rate, Rejected, TellsRates, Unreachable, karrio
from packhouse.carriers.karrio_services import LINES
from packhouse.kit import errors
from packhouse.kit.messages import message
from packhouse.shipping import carrier_rates
from tests.contract import published
from tests.shipping.carriers import lines
from tests.shipping.carriers.consignments import RECIPIENTS, consignment
from tests.shipping.conftest import FakeCarrier
from tests.shipping.test_rates import NL, OPTIONS, codes, make_table, totals, weigh
from tests.statements import listening

ASKED: dict[str, Any] = {**NL, "parcels": [weigh("3")], "calculate_quotes": True, "carrier_code": "fake"}


@dataclass
class RatingCarrier(FakeCarrier):
    """A fake carrier that tells what its options cost."""

    rated: list[Consignment] = field(default_factory=list)

    async def list_rates(self, consignment: Consignment, /) -> Sequence[Rate]:
        self.rated.append(consignment)
        if self.mood == "away":
            raise Unreachable(message("nobody home"))
        if self.mood == "strict":
            raise Rejected([errors.ErrorItem("invalid", message("The postal code is not served."))])
        if self.mood == "slow":
            await asyncio.sleep(60)
        if self.mood == "broken":
            raise KeyError("price")
        return [
            Rate("fake:local", Money(Decimal("3.20"), "EUR"), 48),
            Rate("fake:standard", Money(Decimal("4.90"), "EUR")),
            Rate("fake:unknown", Money(Decimal(1), "EUR")),
        ]


@pytest.fixture
def carrier() -> FakeCarrier:
    return RatingCarrier()


def ask(client: TestClient, **changes: Any) -> Any:
    answer = client.post(OPTIONS, json={**ASKED, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_carrier_is_asked_where_no_table_has_a_price(shop: TestClient, carrier: RatingCarrier) -> None:
    found = ask(shop)
    assert totals(found["data"]) == {"fake:local": "3.20", "fake:standard": "4.90"}
    assert codes(found["data"]) == ["fake:local", "fake:standard"]
    assert found["message"] is None
    assert found["data"][0]["quotes"][0]["lead_time"] == 48
    [asked] = carrier.rated
    assert asked.contract is not None
    assert (asked.contract.name, asked.recipient.country_code, asked.parcels[0].weight) == (
        "Fake terms",
        "NL",
        Decimal(3),
    )
    make_table(shop, "option_code,price\nfake:local,2.50\nfake:standard,6.10\n")
    assert totals(ask(shop)["data"]) == {"fake:local": "2.50", "fake:standard": "6.10"}
    assert len(carrier.rated) == 1
    for changes in ({"calculate_quotes": False}, {"parcels": None}, {"to_country_code": None}):
        ask(shop, **changes)
    assert len(carrier.rated) == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("mood", "told"),
    [
        ("away", "Fake Carrier did not tell its prices in time."),
        ("slow", "Fake Carrier did not tell its prices in time."),
        ("broken", "Fake Carrier did not tell its prices in time."),
        ("strict", "Fake Carrier tells no prices: The postal code is not served."),
    ],
)
def test_a_carrier_that_tells_nothing_is_a_price_that_is_missing(
    open_shop: Callable[..., TestClient], carrier: RatingCarrier, mood: str, told: str
) -> None:
    client = open_shop(carriers_timeout_seconds=1)
    client.post("/api/packhouse/contracts", json={"carrier_code": "fake"})
    make_table(client, "option_code,price\nfake:local,2.50\n")
    carrier.mood = mood
    answer = client.post(OPTIONS, json=ASKED)
    found = published.require_shape("shipping-options", "POST", "/shipping-options", answer)
    assert (totals(found["data"]), found["message"]) == ({"fake:local": "2.50"}, told)
    assert codes(found["data"]) == ["fake:local", "fake:standard"]


@pytest.mark.one_database
def test_no_more_are_asked_than_have_room(
    shop: TestClient, carrier: RatingCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrier_rates, "MOST_AT_ONCE", 0)
    assert ask(shop)["message"] == "Fake Carrier was not asked for prices: too many are asked already."
    assert carrier.rated == []


def test_nothing_is_open_while_a_carrier_is_asked(shop: TestClient, carrier: RatingCarrier) -> None:
    """All reading is done before: with one statement more the list would be read around the question."""
    ask(shop)
    with listening(shop) as seen:
        told = carrier.list_rates
        before: list[int] = []

        async def list_rates(consignment: Consignment, /) -> Sequence[Rate]:
            before.append(len(seen))
            return await told(consignment)

        carrier.list_rates = list_rates  # type: ignore[method-assign]
        ask(shop)
    assert before == [len(seen)]


def test_ups_tells_what_its_services_cost() -> None:
    line = lines.Ups()
    carrier = karrio.make("ups", line)
    assert isinstance(carrier, TellsRates)
    asked = consignment("ups:standard", recipient=RECIPIENTS["polish"], contract=lines.contract("ups"))
    rates = asyncio.run(carrier.list_rates(asked))
    assert rates == [
        Rate("ups:standard", Money(Decimal("8.4"), "EUR"), 48),
        Rate("ups:saver", Money(Decimal("21.15"), "EUR"), 24),
    ]
    sent = json.loads(line.seen[-1].body)["RateRequest"]["Shipment"]
    assert sent["ShipTo"]["Address"]["PostalCode"] == "00-116"
    for mood, error in (("strict", Rejected), ("away", Unreachable), ("ill", Unreachable)):
        line.mood = mood
        with pytest.raises(error):
            asyncio.run(carrier.list_rates(asked))


def test_a_carrier_without_rating_does_not_tell_rates() -> None:
    told = {code: isinstance(karrio.make(code), TellsRates) for code in LINES}
    assert told == {
        "ups": True, "fedex": True, "dhl_express": True, "bpost": False, "dpd": False, "colissimo": False,
    }  # fmt: skip
