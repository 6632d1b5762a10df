"""FedEx, DHL Express, DPD and Colissimo through the karrio SDK, with a line of ours instead of the network."""

import asyncio
import io
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from packhouse.carriers import PDF, PNG, Address, Consignment, Money, Rejected, Unreachable
from packhouse.carriers.karrio import Karrio
from packhouse.printing import printers
from tests.shipping.carriers import more_lines
from tests.shipping.carriers.consignments import RECIPIENTS, consignment, item
from tests.shipping.carriers.lines import Line, to_number
from tests.shipping.carriers.more_lines import LINES

FRENCH = Address(
    "Théo Lefèvre", "rue de la Paix", "75002", "Paris", "FR", house_number="5", phone_number="+33 1 42 61 50 50"
)
SHIPPED = {
    "fedex": "fedex:international-priority", "dhl_express": "dhl_express:worldwide", "dpd": "dpd:classic",
    "colissimo": "colissimo:home",
}  # fmt: skip


@pytest.fixture(params=list(LINES))
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def line(code: str) -> Line:
    return LINES[code]()


@pytest.fixture
def carrier(code: str, line: Line) -> Karrio:
    return Karrio(code, line)


def make(code: str, **changes: Any) -> Consignment:
    recipient = FRENCH if code == "colissimo" else RECIPIENTS["polish"]
    told = {"recipient": recipient, "contract": more_lines.contract(code), **changes}
    if code == "colissimo":
        told["sender"] = replace(FRENCH, name="Thés Lefèvre")
    return consignment(told.pop("option_code", SHIPPED[code]), **told)


def read(content: bytes) -> list[str]:
    png = printers.load("convert")(content, PDF, PNG, 203)
    return [barcode.text for barcode in zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))]


def test_a_label_with_its_number(code: str, carrier: Karrio, line: Line) -> None:
    asked = make(code)
    [parcel] = asyncio.run(carrier.announce(asked)).parcels
    [label] = parcel.documents
    assert any(parcel.tracking_number in text for text in read(label.content))
    assert parcel.tracking_number in str(parcel.tracking_url)
    assert asked.reference.replace("-", "")[:30] in line.seen[-1].body.decode()


@pytest.mark.parametrize("code", ["fedex", "dpd"])
def test_each_parcel_has_its_own_number_and_label(code: str, carrier: Karrio) -> None:
    asked = make(code, ids=(41, 42, 43))
    found = asyncio.run(carrier.announce(asked)).parcels
    reference = asked.reference.replace("-", "")[: 30 if code == "fedex" else None]
    start = {"fedex": "79", "dpd": "0530"}[code]
    assert [parcel.tracking_number for parcel in found] == [to_number(start, reference, n) for n in range(3)]
    for parcel in found:
        assert any(parcel.tracking_number in text for text in read(parcel.documents[0].content))


@pytest.mark.parametrize("code", ["dhl_express"])
def test_one_waybill_for_all_parcels(carrier: Karrio, line: Line) -> None:
    found = asyncio.run(carrier.announce(make("dhl_express", ids=(41, 42)))).parcels
    assert line.seen[-1].body.count(b"<Piece>") == 2
    assert len({parcel.tracking_number for parcel in found}) == 1


@pytest.mark.parametrize("code", ["colissimo"])
def test_one_parcel_a_shipment(carrier: Karrio, line: Line) -> None:
    with pytest.raises(Rejected):
        asyncio.run(carrier.announce(make("colissimo", ids=(41, 42))))
    assert line.seen == []


@pytest.mark.parametrize("code", ["fedex"])
def test_labels_that_lie_elsewhere_are_fetched(line: more_lines.Fedex) -> None:
    line.links = True
    for parcel in asyncio.run(Karrio("fedex", line).announce(make("fedex", ids=(41, 42)))).parcels:
        assert any(parcel.tracking_number in text for text in read(parcel.documents[0].content))


@pytest.mark.parametrize("code", ["dpd"])
def test_dpd_is_told_weights_in_its_unit(carrier: Karrio, line: Line) -> None:
    asyncio.run(carrier.announce(make("dpd")))
    assert b"<weight>125</weight>" in line.seen[-1].body


@pytest.mark.parametrize("code", ["colissimo"])
def test_a_file_passes_through_as_it_is(carrier: Karrio) -> None:
    """Whatever bytes it holds: ends of lines, letters of no UTF-8."""
    [parcel] = asyncio.run(carrier.announce(make("colissimo"))).parcels
    assert parcel.documents[0].content.startswith(b"%PDF")


def test_a_refusal_is_told_in_the_carriers_words(code: str, carrier: Karrio, line: Line) -> None:
    line.mood = "strict"
    with pytest.raises(Rejected) as refusal:
        asyncio.run(carrier.announce(make(code)))
    [fault] = refusal.value.faults
    assert "postal code" in fault.detail
    assert "Ã" not in fault.detail


@pytest.mark.parametrize("mood", ["away", "ill"])
def test_a_carrier_that_does_not_answer(code: str, carrier: Karrio, line: Line, mood: str) -> None:
    line.mood = mood
    with pytest.raises(Unreachable):
        asyncio.run(carrier.announce(make(code)))
    with pytest.raises(Unreachable):
        asyncio.run(carrier.track(announced(make(code))))


@pytest.mark.parametrize(("mood", "is_unheard"), [("away", False), ("ill", True)])
def test_whether_it_was_heard(code: str, carrier: Karrio, line: Line, mood: str, is_unheard: bool) -> None:
    """Who is turned away may ask again; after a line that broke nobody knows."""
    line.mood = mood
    with pytest.raises(Unreachable) as outage:
        asyncio.run(carrier.announce(make(code)))
    assert outage.value.not_received == is_unheard
    assert not carrier.is_idempotent


@pytest.mark.parametrize("code", ["fedex"])
def test_a_label_that_cannot_be_fetched_was_made(line: more_lines.Fedex) -> None:
    line.links = True

    def fail_at_last(call: Any) -> tuple[int, bytes]:
        return (503, b"") if "/document/" in call.url else line(call)

    with pytest.raises(Unreachable) as outage:
        asyncio.run(Karrio("fedex", fail_at_last).announce(make("fedex")))
    assert not outage.value.not_received


def announced(asked: Consignment) -> Consignment:
    return replace(asked, parcels=[replace(parcel, tracking_number="1234567890") for parcel in asked.parcels])


def test_tracking(code: str, carrier: Karrio) -> None:
    events = asyncio.run(carrier.track(announced(make(code))))
    assert {event.tracking_number for event in events} == {"1234567890"}
    assert [event.status for event in events] == [92, 11]


def test_cancelling_where_the_carrier_takes_it(code: str, carrier: Karrio, line: Line) -> None:
    asked = announced(make(code))
    if code == "fedex":
        asyncio.run(carrier.cancel(asked))
        assert json.loads(line.seen[-1].body)["trackingNumber"] == "1234567890"
    else:
        with pytest.raises(Rejected, match="does not support cancellations"):
            asyncio.run(carrier.cancel(asked))


def test_what_leaves_the_customs_union_is_declared(code: str, carrier: Karrio, line: Line) -> None:
    norwegian = Address("Kari Nordmann", "Storgata 7", "0155", "Oslo", "NO", phone_number="+47 22 22 22 22")
    signed = {"option_code": "colissimo:home/signature=true"} if code == "colissimo" else {}
    syrup = item(name="Syrup", hs_code="2106.90")
    asyncio.run(carrier.announce(make(code, **signed, recipient=norwegian, items=[syrup])))
    for told in ("Syrup", "210690", "JP"):
        assert told in line.seen[-1].body.decode()


def test_fedex_and_dhl_are_told_what_to_collect() -> None:
    cash = Money(Decimal("62.5"), "PLN")
    fedex, dhl = LINES["fedex"](), LINES["dhl_express"]()
    asyncio.run(Karrio("fedex", fedex).announce(make("fedex", cash_on_delivery=cash)))
    asked = json.loads(fedex.seen[-1].body)["requestedShipment"]["shipmentSpecialServices"]
    assert asked["specialServiceTypes"] == ["COD"]
    assert asked["shipmentCODDetail"]["codCollectionAmount"] == {"amount": 62.5, "currency": "PLN"}
    asyncio.run(Karrio("dhl_express", dhl).announce(make("dhl_express", cash_on_delivery=cash)))
    sent = "".join(dhl.seen[-1].body.decode().split())
    service = "<SpecialServiceType>KB</SpecialServiceType><ChargeValue>62.5</ChargeValue>"
    assert f"{service}<CurrencyCode>PLN</CurrencyCode>" in sent


@pytest.mark.parametrize("code", ["dpd", "colissimo"])
def test_dpd_and_colissimo_cannot_be_told_to_collect(code: str, carrier: Karrio, line: Line) -> None:
    with pytest.raises(Rejected, match="cash on delivery"):
        asyncio.run(carrier.announce(make(code, cash_on_delivery=Money(Decimal("62.5"), "EUR"))))
    assert not line.seen
