"""Carriers at the other end of a line, as the adapter of the karrio SDK meets them: UPS and bpost, small and offline.

Each gives one shipment the same numbers, whoever asks how often, and notes what it was sent.
"""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from packhouse.carriers import PDF, PNG, Contract, Unreachable
from packhouse.carriers.karrio_gateway import Call
from packhouse.kit.messages import message
from packhouse.printing import labels, sheets
from tests.shipping.carriers.consignments import consignment

CREDENTIALS = {
    "ups": {"client_id": "packer", "client_secret": "s3cret-word", "account_number": "A1B2C3"},
    "bpost": {"account_id": "123456", "passphrase": "s3cret-word"},
}


def contract(code: str) -> Contract:
    return Contract(9, code, credentials=CREDENTIALS[code])


def draw(number: str) -> bytes:
    """A label with this number, as PDF."""
    return labels.make_labels(consignment("house:standard"), [("Line", "Service", "L", "code-128", number, number)])[0]


@dataclass
class Line:
    """`mood` says what it does next; `seen` is what it was asked."""

    mood: str = "well"
    seen: list[Call] = field(default_factory=list)

    def __call__(self, call: Call) -> tuple[int, bytes]:
        self.seen.append(call)
        if self.mood == "away":
            raise Unreachable(message("nobody home"))
        if self.mood == "ill":
            return 503, b"<html>Try again later</html>"
        return self.answer(call)

    def answer(self, call: Call) -> tuple[int, bytes]:
        raise NotImplementedError


class Ups(Line):
    def answer(self, call: Call) -> tuple[int, bytes]:
        if call.url.endswith("/security/v1/oauth/token"):
            known = base64.b64encode(b"packer:s3cret-word").decode()
            if call.headers["authorization"] != f"Basic {known}":
                return 401, _refuse_ups("10401", "ClientId is Invalid")
            told = {"access_token": "t0ken", "issued_at": "1795000000000", "expires_in": "14399", "status": "approved"}
            return 200, json.dumps(told).encode()
        assert call.headers["authorization"] == "Bearer t0ken"
        if self.mood == "strict":
            return 400, _refuse_ups("120206", "Invalid postal code")
        if self.mood == "babbling":
            return 200, b"<html>Welcome</html>"
        asked = (("v2409/ship", self._ship), ("/void/", self._void), ("/track/", self._track), ("/rating/", self._rate))
        for path, answer in asked:
            if path in call.url:
                return 200, json.dumps(answer(call)).encode()
        return 404, b"{}"

    def _ship(self, call: Call) -> object:
        shipment = json.loads(call.body)["ShipmentRequest"]["Shipment"]
        packages, reference = shipment["Package"], shipment["ReferenceNumber"]["Value"]
        numbers = [to_number("1Z", reference, index) for index in range(len(packages))]
        image = {"ImageFormat": {"Code": "PNG"}}
        results = [{"TrackingNumber": n, "ShippingLabel": {**image, "GraphicImage": _turn(draw(n))}} for n in numbers]
        made = {"ShipmentIdentificationNumber": numbers[0], "PackageResults": results}
        return {"ShipmentResponse": {"Response": {"ResponseStatus": {"Code": "1"}}, "ShipmentResults": made}}

    def _rate(self, _call: Call) -> object:
        def charge(value: str) -> dict[str, str]:
            return {"CurrencyCode": "EUR", "MonetaryValue": value}

        shipments = [
            {
                "Service": {"Code": code},
                "TransportationCharges": charge(total),
                "BaseServiceCharge": charge(total),
                "ServiceOptionsCharges": charge("0.00"),
                "ItemizedCharges": [],
                "TotalCharges": charge(total),
                "TimeInTransit": {"ServiceSummary": {"EstimatedArrival": {"BusinessDaysInTransit": days}}},
            }
            for code, total, days in (("11", "8.40", "2"), ("65", "21.15", "1"))
        ]
        return {"RateResponse": {"RatedShipment": shipments}}

    def _void(self, _call: Call) -> object:
        return {"VoidShipmentResponse": {"Response": {"ResponseStatus": {"Code": "1", "Description": "Success"}}}}

    def _track(self, call: Call) -> object:
        number = re.search(r"/details/([^?]+)", call.url)
        assert number is not None
        steps = [("D", "FS", "Delivered", "141500"), ("I", "OT", "Out for delivery", "080100")]
        activity = [
            {
                "date": "20261125",
                "time": time,
                "status": {"type": kind, "code": code, "description": told},
                "location": {"address": {"city": "Warszawa", "country": "PL"}},
            }
            for kind, code, told, time in steps
        ]
        package = {"trackingNumber": number[1], "activity": activity, "deliveryDate": [], "packageAddress": []}
        return {"trackResponse": {"shipment": [{"inquiryNumber": number[1], "package": [package]}]}}


class Bpost(Line):
    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, int] = {}

    def answer(self, call: Call) -> tuple[int, bytes]:
        known = base64.b64encode(b"123456:s3cret-word").decode()
        if call.headers["Authorization"] != f"Basic {known}":
            return 401, b""
        if self.mood == "strict":
            told = "<code>4006</code><message>The postal code is not served</message>"
            return 400, f"<businessException>{told}</businessException>".encode()
        if "/trackingInfo" in call.url:
            return 200, _track_bpost(call.url.split("/")[-2])
        if "/labels/" in call.url:
            return 200, self._print(call.url.split("/")[-3])
        if call.url.endswith("/orders/"):
            reference = re.findall(r"<tns:reference>(.*?)</", call.body.decode())[0]
            self.orders[reference] = call.body.count(b"<tns:box>")
        return 201, b""

    def _print(self, reference: str) -> bytes:
        parts = []
        for index in range(self.orders[reference]):
            number = to_number("3232", reference, index)
            file = base64.b64encode(draw(number)).decode()
            parts.append(
                f"<label><barcode>{number}</barcode><mimeType>application/pdf</mimeType><bytes>{file}</bytes></label>"
            )
        return f"<labels>{''.join(parts)}</labels>".encode()


LINES: dict[str, Callable[[], Line]] = {"ups": Ups, "bpost": Bpost}


def to_number(start: str, reference: str, index: int) -> str:
    return start + hashlib.sha256(f"{reference}-{index}".encode()).hexdigest()[:14].upper()


def _refuse_ups(code: str, message: str) -> bytes:
    return json.dumps({"response": {"errors": [{"code": code, "message": message}]}}).encode()


def _turn(pdf: bytes) -> str:
    """UPS gives a picture that lies on its side."""
    image = Image.open(io.BytesIO(sheets.convert(pdf, PDF, PNG, 300))).rotate(90, expand=True)
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _track_bpost(number: str) -> bytes:
    steps = (("2026-11-25T09:15:00+01:00", "U01", "Delivered"), ("2026-11-24T18:00:00+01:00", "T00", "On its way"))
    told = "".join(
        f"<stateInfo><time>{at}</time><stateCode>{code}</stateCode><stateDescription>{text}</stateDescription>"
        "</stateInfo>"
        for at, code, text in steps
    )
    return f"<itemTracking><itemCode>{number}</itemCode>{told}</itemTracking>".encode()
