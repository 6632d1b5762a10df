"""Carriers of the karrio SDK, with a line of ours instead of the network. The shared suite is run against them too."""

import asyncio
import io
import json
import socket
import ssl
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pypdfium2
import pytest

from packhouse.carriers import (
    PDF,
    Address,
    Announcement,
    Consignment,
    Contract,
    Money,
    Rejected,
    Unreachable,
    karrio,
    karrio_gateway,
    registry,
)
from packhouse.carriers.karrio import Karrio
from packhouse.carriers.karrio_gateway import Call
from packhouse.carriers.karrio_services import LINES as OFFERED
from tests.shipping.carriers import lines
from tests.shipping.carriers.consignments import RECIPIENTS, consignment, item
from tests.shipping.carriers.lines import LINES, Line

BELGIAN = Address("Jan Peeters", "Grote Markt", "2000", "Antwerpen", "BE", house_number="5")
AMERICAN = Address("Tea Company", "5th Avenue", "10001", "New York", "US", house_number="350", state_province_code="NY")
NORWEGIAN = Address("Kari Nordmann", "Storgata 7", "0155", "Oslo", "NO", phone_number="+47 22 22 22 22")
SHIPPED = {"ups": ("ups:standard", RECIPIENTS["polish"]), "bpost": ("bpost:24h-pro", BELGIAN)}


def make(code: str, **changes: Any) -> Consignment:
    option_code, recipient = SHIPPED[code]
    told = {"recipient": recipient, "contract": lines.contract(code), **changes}
    if code == "bpost":
        told["sender"] = replace(BELGIAN, name="Theehandel Peeters")
    return consignment(told.pop("option_code", option_code), **told)


@pytest.fixture(params=["ups", "bpost"])
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def line(code: str) -> Line:
    return LINES[code]()


@pytest.fixture
def carrier(code: str, line: Line) -> Karrio:
    return Karrio(code, line)


def announce(carrier: Karrio, asked: Consignment) -> Announcement:
    return asyncio.run(carrier.announce(asked))


def test_ups_is_told_who_and_what() -> None:
    line = lines.Ups()
    asked = make("ups", ids=(41, 42))
    made = announce(Karrio("ups", line), asked)
    sent = json.loads(line.seen[-1].body)["ShipmentRequest"]["Shipment"]
    assert sent["Service"]["Code"] == "11"
    assert sent["Shipper"]["ShipperNumber"] == "A1B2C3"
    assert sent["ShipTo"]["AttentionName"] == asked.recipient.name
    assert sent["ShipTo"]["Address"]["PostalCode"] == "00-116"
    assert sent["ShipTo"]["Address"]["AddressLine"] == ["14 ulica Świętokrzyska"]
    assert sent["InvoiceLineTotal"]["CurrencyCode"] == "EUR"
    assert [package["PackageWeight"]["Weight"] for package in sent["Package"]] == ["1.25", "1.25"]
    reference = asked.reference.replace("-", "")
    assert sent["ReferenceNumber"]["Value"] == reference
    assert [parcel.tracking_number for parcel in made.parcels] == [lines.to_number("1Z", reference, n) for n in (0, 1)]
    assert all(parcel.tracking_number in str(parcel.tracking_url) for parcel in made.parcels)
    assert all(document.mime_type == PDF for parcel in made.parcels for document in parcel.documents)


def test_bpost_is_told_who_and_what() -> None:
    line = lines.Bpost()
    asked = make("bpost")
    [parcel] = announce(Karrio("bpost", line), asked).parcels
    order, label = line.seen
    text = order.body.decode()
    for told in ("bpack 24h Pro", "Jan Peeters", "Grote Markt", "2000", "1250", asked.reference.replace("-", "")):
        assert f">{told}<" in text
    assert label.url.endswith("/labels/A6")
    assert parcel.tracking_number == lines.to_number("3232", asked.reference.replace("-", ""), 0)
    assert [document.kind for document in parcel.documents] == ["label"]


@pytest.mark.parametrize(("code", "changes"), [("bpost", {}), ("ups", {"sender": AMERICAN, "recipient": AMERICAN})])
def test_a_carrier_that_cannot_be_told_to_collect_is_not_asked(
    code: str, changes: dict[str, Any], line: Line, carrier: Karrio
) -> None:
    with pytest.raises(Rejected) as refusal:
        announce(carrier, make(code, cash_on_delivery=Money(Decimal("62.5"), "EUR"), **changes))
    assert "/data/attributes/payment_details/is_cash_on_delivery" in {fault.pointer for fault in refusal.value.faults}
    assert not line.seen


def test_ups_is_told_what_to_collect() -> None:
    line = lines.Ups()
    announce(Karrio("ups", line), make("ups", cash_on_delivery=Money(Decimal("62.5"), "PLN")))
    sent = json.loads(line.seen[-1].body)["ShipmentRequest"]["Shipment"]["ShipmentServiceOptions"]
    assert sent["COD"] == {"CODFundsCode": 1, "CODAmount": {"CurrencyCode": "PLN", "MonetaryValue": "62.5"}}
    announce(Karrio("ups", line), make("ups", ids=(43,), reference="1f1c9d6e-1111-4222-8333-444455556666"))
    sent = json.loads(line.seen[-1].body)["ShipmentRequest"]["Shipment"]
    assert "COD" not in (sent.get("ShipmentServiceOptions") or {})


def test_the_lines_that_ups_is_told_make_its_total() -> None:
    line = lines.Ups()
    items = [item(hs_code="210690", quantity=3, total_price={"value": "10", "currency": "EUR"})]
    announce(Karrio("ups", line), make("ups", option_code="ups:saver", recipient=NORWEGIAN, items=items))
    told = karrio.to_request(make("ups", recipient=NORWEGIAN, items=items), OFFERED["ups"])["customs"]
    assert sum(one["quantity"] * one["value_amount"] for one in told["commodities"]) == told["duty"]["declared_value"]
    yen = [item(hs_code="210690", quantity=1, total_price={"value": 12000, "currency": "JPY"})]
    told = karrio.to_request(make("ups", recipient=NORWEGIAN, items=yen), OFFERED["ups"])["customs"]
    assert told["commodities"][0]["value_amount"] == 12000


@pytest.mark.parametrize(("code", "option_code"), [("ups", "ups:saver"), ("bpost", "bpost:world-business")])
def test_what_leaves_the_customs_union_is_declared(code: str, option_code: str, line: Line, carrier: Karrio) -> None:
    syrup = item(name="Syrup", hs_code="2106.90")
    announce(carrier, make(code, option_code=option_code, recipient=NORWEGIAN, items=[syrup]))
    sent = "".join(call.body.decode() for call in line.seen)
    for told in ("Syrup", "210690", "JP", "INV-7" if code == "ups" else "GOODS"):
        assert told in sent
    before = len(line.seen)
    with pytest.raises(Rejected) as refusal:
        announce(
            carrier,
            make(code, option_code=option_code, recipient=NORWEGIAN, items=[item(hs_code=""), item(quantity=1)]),
        )
    assert refusal.value.faults[0].pointer == "/data/attributes/order_details/order_items/0/hs_code"
    assert len(refusal.value.faults) == {"ups": 1, "bpost": 2}[code]  # tea's number begins with 0
    assert len(line.seen) == before


def test_a_refusal_is_told_in_the_carriers_words(line: Line, carrier: Karrio, code: str) -> None:
    line.mood = "strict"
    with pytest.raises(Rejected) as refusal:
        announce(carrier, make(code))
    [fault] = refusal.value.faults
    assert "postal code" in fault.detail
    with pytest.raises(Rejected):
        asyncio.run(carrier.cancel(announced(make(code))))


@pytest.mark.parametrize("mood", ["away", "ill"])
def test_a_carrier_that_does_not_answer(line: Line, carrier: Karrio, code: str, mood: str) -> None:
    line.mood = mood
    with pytest.raises(Unreachable):
        announce(carrier, make(code))
    with pytest.raises(Unreachable):
        asyncio.run(carrier.cancel(announced(make(code))))
    with pytest.raises(Unreachable):
        asyncio.run(carrier.track(announced(make(code))))


def test_an_answer_that_nobody_can_read() -> None:
    """Perhaps there is a label: it is asked again."""
    line = lines.Ups("babbling")
    with pytest.raises(Unreachable):
        announce(Karrio("ups", line), make("ups"))


def test_wrong_credentials_and_none(line: Line, carrier: Karrio, code: str) -> None:
    wrong = {**lines.CREDENTIALS[code]}
    wrong["client_secret" if code == "ups" else "passphrase"] = "another"
    for contract in (Contract(9, code, credentials=wrong), Contract(9, code), None):
        with pytest.raises(Rejected) as refusal:
            announce(carrier, make(code, contract=contract))
        assert "s3cret" not in str(refusal.value)
    assert len(line.seen) == {"ups": 1, "bpost": 2}[code]


def announced(asked: Consignment) -> Consignment:
    """As it is read from the database later."""
    return replace(asked, parcels=[replace(parcel, tracking_number="1ZABC") for parcel in asked.parcels])


def test_cancelling(line: Line, carrier: Karrio, code: str) -> None:
    asked = announced(make(code))
    asyncio.run(carrier.cancel(asked))
    known = "1ZABC" if code == "ups" else asked.reference.replace("-", "")
    assert line.seen[-1].url.endswith(f"/{known}")
    assert (line.seen[-1].method, code) in {("DELETE", "ups"), ("POST", "bpost")}


def test_tracking(carrier: Karrio, code: str) -> None:
    events = asyncio.run(carrier.track(announced(make(code))))
    assert {event.tracking_number for event in events} == {"1ZABC"}
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert (events[-1].status, events[-1].message) == (11, "Delivered")
    assert events[-1].at.utcoffset() is not None


def test_what_is_not_known_yet(line: Line, carrier: Karrio, code: str) -> None:
    line.mood = "strict"
    assert list(asyncio.run(carrier.track(announced(make(code))))) == []


def test_only_bpost_compares_references(carrier: Karrio, code: str) -> None:
    assert carrier.is_idempotent == (code != "ups")


def test_a_door_that_is_shut_was_not_knocked_at() -> None:
    """Nobody listens there: the question surely came to nobody."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(Unreachable) as outage:
            karrio_gateway.send(Call("POST", f"http://127.0.0.1:{port}/", {}, b"{}"))
    assert outage.value.not_received


def test_a_parcel_without_weight(line: Line, carrier: Karrio, code: str) -> None:
    asked = make(code)
    with pytest.raises(Rejected, match="weight"):
        announce(carrier, replace(asked, parcels=[replace(asked.parcels[0], weight=None)]))
    assert line.seen == []


def test_a_server_knows_the_options_and_loads_nothing() -> None:
    program = """
import sys
import packhouse.app
from packhouse.carriers import registry
found = {carrier.code: len(carrier.options()) for carrier in registry.find_carriers()}
print(found["ups"] > 3 and found["bpost"] > 3, sorted({"karrio", "loguru", "lxml", "PyPDF2"} & set(sys.modules)))
"""
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert asked.stdout == "True []\n"


def test_the_sdk_leaves_certificates_checked_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    before = ssl._create_default_https_context
    announce(Karrio("ups", lines.Ups()), make("ups"))
    assert ssl._create_default_https_context is before
    assert capfd.readouterr() == ("", "")


def test_the_table_names_what_the_sdk_has() -> None:
    program = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
found = {}
for package in json.loads(sys.argv[1]):
    found[package] = [s.name for s in importlib.import_module(f"karrio.providers.{package}.units").ShippingService]
print(json.dumps(found))
"""
    asked = subprocess.run(
        [sys.executable, "-c", program, json.dumps(list(OFFERED))], capture_output=True, check=True, text=True
    )
    for package, known in json.loads(asked.stdout.splitlines()[-1]).items():
        assert {service.code for service in OFFERED[package].services.values()} <= set(known)
    assert set(OFFERED) <= {carrier.code for carrier in registry.find_carriers()}


_JOIN = """
import base64, io, sys
import pypdfium2
from packhouse.carriers import karrio_gateway

def draw(width):
    with pypdfium2.PdfDocument.new() as file:
        file.new_page(width, 100)
        target = io.BytesIO()
        file.save(target)
    return base64.b64encode(target.getvalue()).decode()

sdk = karrio_gateway._load("ups")
with pypdfium2.PdfDocument(base64.b64decode(sdk.lib.bundle_base64([draw(200), draw(300)], "PDF"))) as whole:
    print([round(page.get_width()) for page in whole], [name for name in sys.modules if "PyPDF2" in name])
"""


def test_the_pdfs_of_carriers_are_joined_and_never_read_by_an_unmaintained_library() -> None:
    """In a process of its own, where nothing else can have loaded PyPDF2."""
    told = subprocess.run([sys.executable, "-c", _JOIN], capture_output=True, text=True, check=True)
    assert told.stdout == "[200, 300] []\n"


def test_what_a_carrier_sends_that_is_no_pdf_is_no_label() -> None:
    merger = karrio_gateway._PdfMerger(strict=False)
    merger.append(io.BytesIO(b"%PDF-1.4 and nothing more"))
    with pytest.raises(pypdfium2.PdfiumError):
        merger.write(io.BytesIO())
