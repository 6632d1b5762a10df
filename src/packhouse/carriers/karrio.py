"""Carriers of the karrio SDK (the extra `[karrio]`), asked by the worker alone.

What they offer stands in a table here, so that a server knows it without loading the SDK. A contract's credentials are
the SDK's own settings of the carrier (docs/carriers.md).
"""

import asyncio
import base64
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from importlib import metadata
from typing import Any

from packhouse.carriers import (
    PDF,
    ZPL,
    Address,
    AnnouncedParcel,
    Announcement,
    Consignment,
    Contract,
    Document,
    Money,
    Option,
    Parcel,
    Rate,
    Rejected,
    TrackingEvent,
    karrio_gateway,
    karrio_terms,
    no_such_option,
)
from packhouse.carriers.karrio_gateway import Transport
from packhouse.carriers.karrio_services import LINES, Line
from packhouse.kit import errors
from packhouse.kit.data import places
from packhouse.kit.messages import message
from packhouse.printing import customs, printers


class Karrio:
    """One carrier of the SDK. Without a `transport` it sends over the network."""

    worker_only = True

    def __init__(self, code: str, transport: Transport | None = None) -> None:
        self._line = LINES[code]
        self.code = code
        self.name = self._line.name
        self.has_tracking = True
        self.is_idempotent = self._line.knows_reference
        self._transport = transport or karrio_gateway.send
        self.contract_fields = karrio_terms.FIELDS[code]

    def options(self) -> Sequence[Option]:
        return [
            Option(code, told.name, self.code, told.countries, told.max_weight_kg, features, origins=told.origins)
            for services, features in ((self._line.services, {}), (self._line.returns, {"returns": True}))
            for code, told in services.items()
        ]

    async def announce(self, consignment: Consignment) -> Announcement:
        services = self._line.returns if consignment.is_return else self._line.services
        service = services.get(consignment.option_code)
        if service is None:
            raise no_such_option(consignment.option_code)
        payload = {**to_request(consignment, self._line), "service": service.code, "label_type": self._line.label_type}
        verb = "announce_return" if consignment.is_return else "announce"
        details, answer = await self._ask(verb, consignment, payload)
        numbers = self._line.find_numbers(answer) if self._line.find_numbers is not None else _find_numbers(details)
        return await _to_announcement(consignment, details, numbers)

    async def cancel(self, consignment: Consignment) -> None:
        if not self._line.cancels:
            raise Rejected(
                [
                    errors.ErrorItem(
                        "invalid",
                        message("{name} does not support cancellations: contact the carrier.", name=self.name),
                    )
                ]
            )
        by_reference = self._line.knows_reference
        identifier = to_reference(consignment) if by_reference else consignment.parcels[0].tracking_number
        await self._ask("cancel", consignment, {"shipment_identifier": identifier})

    async def track(self, consignment: Consignment) -> Sequence[TrackingEvent]:
        numbers = [parcel.tracking_number for parcel in consignment.parcels if parcel.tracking_number]
        try:
            found, _ = await self._ask("track", consignment, {"tracking_numbers": numbers})
        except Rejected:  # nothing is known of it yet
            return ()
        return sorted((event for details in found or () for event in _to_events(details)), key=lambda event: event.at)

    async def test_connection(self, contract: Contract, country_code: str) -> None:
        credentials = {"account_country_code": country_code, **contract.credentials}
        question = partial(karrio_gateway.test_connection, self._line.package, credentials, self._transport)
        await asyncio.to_thread(question)

    async def _ask(self, verb: str, consignment: Consignment, payload: dict[str, Any]) -> tuple[Any, Any]:
        """Call `karrio_gateway.ask` in a thread: the SDK blocks while it waits for answers."""
        if consignment.contract is None:
            raise Rejected([errors.ErrorItem("invalid", message("The contract of this shipment was deleted."))])
        ours = consignment.recipient if consignment.is_return else consignment.sender
        credentials = {"account_country_code": ours.country_code, **consignment.contract.credentials}
        amend = self._line.amend if verb == "announce" else None
        question = partial(karrio_gateway.ask, verb, self._line.package, payload, credentials, self._transport, amend)
        return await asyncio.to_thread(question)


class RatingKarrio(Karrio):
    """A carrier of the SDK that tells what its services cost."""

    async def list_rates(self, consignment: Consignment) -> Sequence[Rate]:
        if any(parcel.weight is None for parcel in consignment.parcels):
            raise Rejected([errors.ErrorItem("invalid", message("The carrier must know the weight."))])
        payload = {
            "shipper": _to_address(consignment.sender),
            "recipient": _to_address(consignment.recipient),
            "parcels": [_to_parcel(consignment, parcel, self._line) for parcel in consignment.parcels],
            "reference": to_reference(consignment),
            "options": {},
        }
        details, _ = await self._ask("rate", consignment, payload)
        by_service = {service.code: code for code, service in self._line.services.items()}
        rated = [(by_service.get(self._line.rated_as.get(rate.service, rate.service)), rate) for rate in details or ()]
        return [_to_rate(code, rate) for code, rate in rated if code is not None]


def _to_rate(option_code: str, told: Any) -> Rate:
    price = Money(Decimal(str(told.total_charge)), told.currency)
    return Rate(option_code, price, 24 * told.transit_days if told.transit_days else None)


def make(code: str, transport: Transport | None = None) -> Karrio:
    kind = RatingKarrio if LINES[code].tells_rates else Karrio
    return kind(code, transport)


def find_installed() -> dict[str, Karrio]:
    """Return the carriers whose package is installed, by code, without loading any of them."""
    return {code: make(code) for code, line in LINES.items() if _is_installed(line.distribution)}


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def to_reference(consignment: Consignment) -> str:
    """Return the reference that a carrier gets: 32 letters, where most allow 35."""
    return consignment.reference.replace("-", "")


def to_request(consignment: Consignment, line: Line) -> dict[str, Any]:
    """Return the SDK's `ShipmentRequest`, without service and label. Raises Rejected for required values that are
    missing."""
    leaves = places.leaves_customs_union(consignment.sender.place, consignment.recipient.place)
    faults = customs.find_missing(consignment) if leaves else []
    if leaves and line.drops_zeros:
        faults += list(_find_dropped(consignment))
    if consignment.cash_on_delivery and not _collects(consignment, line):
        faults.append(_to_cash_fault(line))
    if any(parcel.weight is None for parcel in consignment.parcels):
        pointer = errors.to_pointer(("shipping_details", "measurement", "weight"))
        faults.append(errors.ErrorItem("invalid", message("The carrier must know the weight."), pointer=pointer))
    if faults:
        raise Rejected(faults)
    request = {
        "shipper": _to_address(consignment.sender),
        "recipient": _to_address(consignment.recipient),
        "parcels": [_to_parcel(consignment, parcel, line) for parcel in consignment.parcels],
        "reference": to_reference(consignment),
        "order_id": consignment.external_reference,
        "options": _to_options(consignment),
        "payment": {"paid_by": "sender"},
    }
    return {**request, "customs": _to_customs(consignment)} if leaves else request


def _collects(consignment: Consignment, line: Line) -> bool:
    is_from_there = line.collects_from is None or consignment.sender.country_code in line.collects_from
    return is_from_there and not consignment.is_return


def _to_cash_fault(line: Line) -> errors.ErrorItem:
    """The SDK gives bpost the amount without an account to pay it to, gives DPD nothing, and gives Colissimo an unknown
    unit. Goods that nobody collects the money for are worse than no label."""
    detail = message("The karrio SDK does not support cash on delivery for {name}.", name=line.name)
    pointer = errors.to_pointer(("payment_details", "is_cash_on_delivery"))
    return errors.ErrorItem("invalid", detail, pointer=pointer)


def _to_options(consignment: Consignment) -> dict[str, Any]:
    """Include the currency if the items have one; otherwise the SDK guesses it from the account's country. The amount
    to collect on delivery has a currency of its own, but the SDK has one place for both."""
    if cash := consignment.cash_on_delivery:
        return {"currency": cash.currency, "cash_on_delivery": float(cash.value)}
    prices = [item.get("total_price") or {} for parcel in consignment.parcels for item in parcel.items]
    currencies = [price["currency"] for price in prices if price.get("currency")]
    return {"currency": currencies[0]} if currencies else {}


def _find_dropped(consignment: Consignment) -> Iterator[errors.ErrorItem]:
    """A wrong tariff number on customs papers is worse than no papers."""
    pointer = errors.to_pointer(("order_details", "order_items"))
    for parcel in consignment.parcels:
        for item in parcel.items:
            if str(item.get("hs_code") or "").startswith("0"):
                detail = message(
                    "The karrio SDK does not support HS codes that begin with 0 for this carrier: {name} has one.",
                    name=item["name"],
                )
                yield errors.ErrorItem("invalid", detail, pointer=pointer)


def _to_address(address: Address) -> dict[str, Any]:
    told = {
        "person_name": address.name,
        "company_name": address.company_name,
        "address_line1": address.address_line_1 or address.po_box,
        "street_number": address.house_number,
        "address_line2": address.address_line_2,
        "postal_code": address.postal_code,
        "city": address.city,
        "country_code": address.country_code,
        "state_code": address.state_province_code.rpartition("-")[2],
        "email": address.email,
        "phone_number": address.phone_number,
    }
    return {name: value for name, value in told.items() if value}


def _to_parcel(consignment: Consignment, parcel: Parcel, line: Line) -> dict[str, Any]:
    sides = {"length": parcel.length, "width": parcel.width, "height": parcel.height}
    return {
        "weight": float((parcel.weight or 0) * line.kilograms),
        "weight_unit": "KG",
        "dimension_unit": "CM",
        "packaging_type": "your_packaging",
        "reference_number": to_reference(consignment),
        "description": ", ".join(item["name"] for item in parcel.items)[:50],
        **{name: float(side) for name, side in sides.items() if side is not None},
    }


_CONTENTS = {
    "gift": "gift",
    "commercial_goods": "merchandise",
    "commercial_sample": "sample",
    "returned_goods": "return_merchandise",
}


def _to_customs(consignment: Consignment) -> dict[str, Any]:
    """Describe the customs of a consignment that has all that this needs."""
    told = consignment.customs or {}
    entries = [entry for parcel in consignment.parcels for entry in customs.to_entries(parcel)]
    total = sum((_to_piece_value(entry) * entry.quantity for entry in entries), Decimal(0))
    return {
        "commodities": [_to_commodity(entry) for entry in entries],
        "content_type": _CONTENTS[told["shipment_type"]],
        "content_description": ", ".join(entry.description for entry in entries)[:50],
        "invoice": told["commercial_invoice_number"],
        "duty": {"paid_by": "recipient", "currency": entries[0].currency, "declared_value": float(total)},
        "certify": True,
        "signer": consignment.sender.name,
    }


def _to_piece_value(entry: customs.Entry) -> Decimal:
    """Round to the currency's decimals, or to as many as the total has: lines that carriers add up must give the total
    that they get."""
    decimals = len(places.to_amount(entry.value, entry.currency).partition(".")[2])
    return round(entry.value / entry.quantity, decimals)


def _to_commodity(entry: customs.Entry) -> dict[str, Any]:
    """Give the weight and value of one piece."""
    return {
        "title": entry.description[:35],
        "description": entry.description[:35],
        "quantity": entry.quantity,
        "weight": float((entry.net_kg or Decimal(0)) / entry.quantity),
        "weight_unit": "KG",
        "hs_code": "".join(letter for letter in entry.hs_code if letter.isdigit()),
        "origin_country": entry.origin,
        "value_amount": float(_to_piece_value(entry)),
        "value_currency": entry.currency,
    }


def _find_numbers(details: Any) -> Sequence[str]:
    return (details.meta or {}).get("tracking_numbers") or [details.tracking_number]


async def _to_announcement(consignment: Consignment, details: Any, numbers: Sequence[str]) -> Announcement:
    """Split the SDK's one file with the labels of all parcels, in their order, so that each parcel gets its own page. A
    carrier that has one number for all parcels gives it to each of them."""
    meta = details.meta or {}
    url = meta.get("carrier_tracking_link") or meta.get("carrier_tracking_url")
    labels = await _split(details, len(consignment.parcels))
    parcels = []
    for index, content in enumerate(labels):
        number = numbers[index] if index < len(numbers) else details.tracking_number
        papers = [content] if content is not None else []
        if index == 0 and details.docs.invoice:
            papers.append(Document("commercial-invoice", "a4", PDF, base64.b64decode(details.docs.invoice)))
        link = url.replace(details.tracking_number, number) if url else None
        parcels.append(AnnouncedParcel(number, link, papers))
    return Announcement(parcels)


async def _split(details: Any, count: int) -> list[Document | None]:
    if not details.docs.label:
        return [None] * count
    label = base64.b64decode(details.docs.label)
    if details.label_type == "ZPL":
        parts = [part + b"^XZ" for part in label.split(b"^XZ") if part.strip()]
    else:
        parts = await printers.run("split", label)
    mime_type = ZPL if details.label_type == "ZPL" else PDF
    made: list[Document | None] = [Document("label", "a6", mime_type, part) for part in parts[:count]]
    return made + [None] * (count - len(made))


_STATUSES = {
    "pending": 1000,
    "picked_up": 22,
    "in_transit": 91,
    "on_hold": 91,
    "delivery_delayed": 91,
    "out_for_delivery": 92,
    "ready_for_pickup": 12,
    "delivery_failed": 8,
    "return_to_sender": 80,
    "delivered": 11,
}
"""The SDK's words for where a parcel is -> ours."""


def _to_events(details: Any) -> Iterator[TrackingEvent]:
    """Yield the events whose time and meaning are known."""
    for event in details.events:
        at, status = _find_instant(event), _STATUSES.get(event.status or "")
        if at is not None and status is not None:
            yield TrackingEvent(details.tracking_number, status, event.description or "", at)


def _find_instant(event: Any) -> datetime | None:
    for text in (event.timestamp, event.date):
        try:
            at = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None
