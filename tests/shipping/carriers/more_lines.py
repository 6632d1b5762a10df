"""FedEx, DHL Express, DPD and Colissimo at the other end of a line, small and offline."""

import base64
import json
import re
from typing import Any

from packhouse.carriers import Contract
from packhouse.carriers.karrio_gateway import Call
from packhouse.printing import sheets
from tests.shipping.carriers.lines import Line, draw, to_number

SOAP = '<soap:Envelope xmlns:soap="http://soap.example/envelope"><soap:Body>{}</soap:Body></soap:Envelope>'
CREDENTIALS = {
    "fedex": {
        "api_key": "packer", "secret_key": "s3cret-word", "account_number": "740561073",
        "track_api_key": "tracker", "track_secret_key": "s3cret-word",
    },
    "dhl_express": {"site_id": "packer", "password": "s3cret-word", "account_number": "950000002"},
    "dpd": {"delis_id": "KD12345", "password": "s3cret-word", "depot": "0530"},
    "colissimo": {"contract_number": "123456", "password": "s3cret-word", "laposte_api_key": "s3cret-key"},
}  # fmt: skip


def contract(code: str) -> Contract:
    return Contract(9, code, credentials=CREDENTIALS[code])


def to_text(file: bytes) -> str:
    return base64.b64encode(file).decode()


class Fedex(Line):
    """`links` has it give its labels by address."""

    links = False

    def answer(self, call: Call) -> tuple[int, bytes]:
        if call.url.endswith("/oauth/token"):
            return 200, json.dumps({"access_token": "t0ken", "token_type": "bearer", "expires_in": 3599}).encode()
        if "/document/" in call.url:
            return 200, draw(call.url.rpartition("/")[2])
        assert call.headers["authorization"] == "Bearer t0ken"
        if self.mood == "strict":
            told = {"errors": [{"code": "POSTALCODE.INVALID", "message": "Invalid postal code"}]}
            return 400, json.dumps(told).encode()
        if call.url.endswith("/ship/v1/shipments"):
            return 200, json.dumps(self._ship(call)).encode()
        if call.url.endswith("/cancel"):
            return 200, json.dumps({"output": {"cancelledShipment": True}}).encode()
        return 200, json.dumps(self._track(call)).encode()

    def _ship(self, call: Call) -> object:
        shipment = json.loads(call.body)["requestedShipment"]
        packages = shipment["requestedPackageLineItems"]
        [reference] = set(re.findall("[0-9a-f]{30,32}", call.body.decode()))
        numbers = [to_number("79", reference, index) for index in range(len(packages))]
        pieces = [{"masterTrackingNumber": numbers[0], "trackingNumber": n, **self._to_label(n)} for n in numbers]
        made = {"masterTrackingNumber": numbers[0], "serviceType": shipment["serviceType"], "pieceResponses": pieces}
        return {"transactionId": "1", "output": {"transactionShipments": [made]}}

    def _to_label(self, number: str) -> dict[str, Any]:
        place = {"url": f"https://fedex.example/document/v1/cache/retrieve/{number}"}
        content = place if self.links else {"encodedLabel": to_text(draw(number))}
        return {"packageDocuments": [{"contentType": "LABEL", "docType": "PDF", "copiesToPrint": 1, **content}]}

    def _track(self, call: Call) -> object:
        [asked] = json.loads(call.body)["trackingInfo"]
        number = asked["trackingNumberInfo"]["trackingNumber"]
        steps = (("2026-11-25T14:15:00+01:00", "DL", "Delivered"), ("2026-11-25T08:01:00+01:00", "OD", "On its way"))
        scans = [{"date": at, "eventType": kind, "eventDescription": told} for at, kind, told in steps]
        result = {"scanEvents": scans, "latestStatusDetail": {"code": "IT"}}
        return {"output": {"completeTrackResults": [{"trackingNumber": number, "trackResults": [result]}]}}


class DhlExpress(Line):
    def answer(self, call: Call) -> tuple[int, bytes]:
        body = call.body.decode()
        assert "<SiteID>packer</SiteID>" in body
        if self.mood == "strict":
            return 200, _refuse_dhl("SV008a", "The postal code is not served")
        if "KnownTrackingRequest" in body:
            number = re.findall(r"<AWBNumber>(.*?)</AWBNumber>", body)[0]
            return 200, _track_dhl(number)
        number = re.findall(r"<ReferenceID>(.*?)</ReferenceID>", body)[0]
        bill = f"{int(to_number('', number, 0), 16) % 10**10:010}"
        label = (
            f"<LabelImage><OutputFormat>PDF</OutputFormat><OutputImage>{to_text(draw(bill))}</OutputImage></LabelImage>"
        )
        note = "<Note><ActionNote>Success</ActionNote></Note>"
        made = f"{note}<AirwayBillNumber>{bill}</AirwayBillNumber>{label}"
        return 200, f'<res:ShipmentResponse xmlns:res="http://dhl.example">{made}</res:ShipmentResponse>'.encode()


def _refuse_dhl(code: str, told: str) -> bytes:
    condition = f"<Condition><ConditionCode>{code}</ConditionCode><ConditionData>{told}</ConditionData></Condition>"
    status = f"<Response><Status><ActionStatus>Error</ActionStatus>{condition}</Status></Response>"
    return f'<res:ShipmentValidateErrorResponse xmlns:res="http://dhl.example">{status}</res:ShipmentValidateErrorResponse>'.encode()


def _track_dhl(number: str) -> bytes:
    steps = (("08:01:00", "WC", "With courier"), ("14:15:00", "OK", "Delivered"))
    events = "".join(
        f"<ShipmentEvent><Date>2026-11-25</Date><Time>{time}</Time>"
        f"<ServiceEvent><EventCode>{code}</EventCode><Description>{told}</Description></ServiceEvent>"
        "<ServiceArea><ServiceAreaCode>WAW</ServiceAreaCode><Description>Warszawa</Description></ServiceArea>"
        "</ShipmentEvent>"
        for time, code, told in steps
    )
    info = f"<AWBInfo><AWBNumber>{number}</AWBNumber><ShipmentInfo>{events}</ShipmentInfo></AWBInfo>"
    return f'<req:TrackingResponse xmlns:req="http://dhl.example">{info}</req:TrackingResponse>'.encode()


class Dpd(Line):
    def answer(self, call: Call) -> tuple[int, bytes]:
        body = call.body.decode()
        if "LoginService" in call.url:
            assert "<password>s3cret-word</password>" in body
            until = "<authTokenExpires>2026-11-26T08:00:00.000</authTokenExpires>"
            told = f"<authToken>t0ken</authToken><depot>0530</depot>{until}"
            return 200, SOAP.format(f"<getAuthResponse><return>{told}</return></getAuthResponse>").encode()
        assert "<authToken>t0ken</authToken>" in body
        if self.mood == "strict":
            fault = "<errorCode>COMMON_7</errorCode><errorMessage>The postal code is not served</errorMessage>"
            detail = f"<faultcode>soap:Server</faultcode><detail><faults>{fault}</faults></detail>"
            return 200, SOAP.format(f"<soap:Fault>{detail}</soap:Fault>").encode()
        if "ParcelLifeCycle" in call.url:
            return 200, SOAP.format(_track_dpd()).encode()
        reference = re.findall(r"<mpsCustomerReferenceNumber1>(.*?)<", body)[0]
        numbers = [to_number("0530", reference, index) for index in range(body.count("<parcels>"))]
        sheet = to_text(sheets.merge([draw(number) for number in numbers]))
        parcels = "".join(
            f"<parcelInformation><parcelLabelNumber>{n}</parcelLabelNumber></parcelInformation>" for n in numbers
        )
        made = f"<shipmentResponses><mpsId>MPS1</mpsId>{parcels}</shipmentResponses>"
        result = f"<orderResult><parcellabelsPDF>{sheet}</parcellabelsPDF>{made}</orderResult>"
        return 200, SOAP.format(f"<storeOrdersResponse>{result}</storeOrdersResponse>").encode()


def _track_dpd() -> str:
    steps = (("11/25/2026 08:01:00 AM", "Courier", "On its way"), ("11/25/2026 14:15:00 PM", "Delivered", "Delivered"))
    events = "".join(
        f"<statusInfo><status>{status}</status><location><content>Depot</content></location>"
        f"<date><content>{at}</content></date><description><content><content>{told}</content></content></description></statusInfo>"
        for at, status, told in steps
    )
    return f"<getTrackingDataResponse><trackingresult>{events}</trackingresult></getTrackingDataResponse>"


class Colissimo(Line):
    def answer(self, call: Call) -> tuple[int, bytes]:
        if "/idships/" in call.url:
            assert call.headers["X-Okapi-Key"] == "s3cret-key"
            return 200, json.dumps(_track_colissimo(call.url)).encode()
        sent = json.loads(call.body)
        assert (sent["contractNumber"], sent["password"]) == ("123456", "s3cret-word")
        if self.mood == "strict":
            told = {
                "messages": [
                    {
                        "id": "30108",
                        "type": "ERROR",
                        "messageContent": "Le code postal (postal code) est incorrect : Évry",
                    }
                ]
            }
            return 400, _to_parts(json.dumps(told, ensure_ascii=False).encode())
        number = to_number("6A", sent["letter"]["sender"]["senderParcelRef"], 0)
        told = {"messages": [{"id": "0", "type": "INFOS", "messageContent": "La requête a été traitée"}]}
        told["labelV2Response"] = {"parcelNumber": number, "parcelNumberPartner": None, "pdfUrl": None}  # type: ignore[assignment]
        return 200, _to_parts(json.dumps(told, ensure_ascii=False).encode(), draw(number))


def _to_parts(told: bytes, label: bytes | None = None) -> bytes:
    """As the web service of La Poste writes them: lines end as HTTP's do, and the file is there as it is."""
    kinds = [(b"application/json;charset=UTF-8", b"<jsonInfos>", told)]
    if label is not None:
        kinds.append((b"application/octet-stream", b"<label>", label))
    parts = [
        b"--uuid:5d9a\r\nContent-Type: %b\r\nContent-Transfer-Encoding: binary\r\nContent-ID: %b\r\n\r\n%b\r\n" % part
        for part in kinds
    ]
    return b"\r\n" + b"".join(parts) + b"--uuid:5d9a--"


def _track_colissimo(url: str) -> list[Any]:
    number = url.rpartition("/")[2].partition("?")[0]
    steps = (("2026-11-25T14:15:00+01:00", "DI1", "Livré"), ("2026-11-25T08:01:00+01:00", "MD2", "En livraison"))
    events = [{"code": code, "label": told, "date": at} for at, code, told in steps]
    return [{"returnCode": 200, "shipment": {"idShip": number, "event": events, "isFinal": True}}]


LINES = {"fedex": Fedex, "dhl_express": DhlExpress, "dpd": Dpd, "colissimo": Colissimo}
