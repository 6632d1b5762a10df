"""Labels for returns from carriers of the karrio SDK, with a line of ours instead of the network."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from packhouse.carriers import Address, Consignment, Rejected
from packhouse.carriers.karrio import Karrio
from packhouse.carriers.karrio_services import LINES
from tests.shipping.carriers import lines, more_lines
from tests.shipping.carriers.consignments import RECIPIENTS, consignment

WAREHOUSE = Address("Returns desk", "Havenstraat", "3511 AB", "Utrecht", "NL", company_name="West BV")


def make(code: str, contract: Any, **changes: Any) -> Consignment:
    """From a customer in Poland to a warehouse in the Netherlands."""
    told = {"sender": RECIPIENTS["polish"], "recipient": WAREHOUSE, "contract": contract, "is_return": True}
    return consignment(code, **told, **changes)


def test_ups_is_told_that_it_is_a_return() -> None:
    line = lines.Ups()
    asked = make("ups:return", lines.contract("ups"))
    [parcel] = asyncio.run(Karrio("ups", line).announce(asked)).parcels
    assert [document.kind for document in parcel.documents] == ["label"]
    sent = json.loads(line.seen[-1].body)["ShipmentRequest"]["Shipment"]
    assert sent["ReturnService"]["Code"]
    assert sent["ShipTo"]["Address"]["City"] == "Utrecht"
    assert sent["ShipFrom"]["Address"]["City"] == asked.sender.city


def test_fedex_is_told_that_it_is_a_return() -> None:
    line = more_lines.Fedex()
    asked = make("fedex:return-economy", more_lines.contract("fedex"))
    asyncio.run(Karrio("fedex", line).announce(asked))
    sent = json.loads(line.seen[-1].body)["requestedShipment"]
    details = sent["shipmentSpecialServices"]["returnShipmentDetail"]
    assert details["returnType"] == "PRINT_RETURN_LABEL"
    assert sent["recipients"][0]["address"]["city"] == "Utrecht"


@pytest.mark.parametrize("code", sorted(LINES))
def test_one_that_cannot_has_no_such_options(code: str) -> None:
    found = {option.code for option in Karrio(code).options() if option.is_return}
    assert found == set(LINES[code].returns)
    assert bool(found) == (code in ("ups", "fedex"))


def test_an_option_is_for_one_way() -> None:
    line = lines.Ups()
    asked = make("ups:return", lines.contract("ups"))
    for wrong in (replace(asked, is_return=False), replace(asked, option_code="ups:standard")):
        with pytest.raises(Rejected):
            asyncio.run(Karrio("ups", line).announce(wrong))
    assert not line.seen
