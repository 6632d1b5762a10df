"""Builds what a carrier is told of a shipment from the stored rows, as the order was when it was shipped."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

import orjson

from packhouse import carriers
from packhouse.kit.data import units
from packhouse.kit.encryption import Encryptor
from packhouse.shipping.queries import Shipment
from packhouse.shipping.setup.setup_schema import SEALED, Setup
from packhouse.shipping.tables import ParcelRow


def to_consignment(found: Shipment, setup: Setup, encryptor: Encryptor, zone: tzinfo) -> carriers.Consignment:
    """The reference is the shipment's uuid, the same however often it is announced. Labels and papers are dated by the
    account's day, which is that of `zone`. Raises NoSecretKey and WrongSecretKey if the contract has credentials."""
    row, document = found.row, orjson.loads(found.row.document)
    properties = document["ship_with"]["properties"]
    return carriers.Consignment(
        reference=row.uuid,
        order_number=row.order_number,
        sender=_to_address(document["from_address"]),
        recipient=_to_address(document["to_address"]),
        parcels=[_to_parcel(parcel) for parcel in found.parcels],
        option_code=properties["shipping_option_code"],
        contract=to_contract(setup, properties["contract_id"], encryptor),
        customs=_to_customs(document.get("customs_details"), document["from_address"]),
        service_point=document.get("service_point_details"),
        notes=document.get("notes") or "",
        gs1_prefix=document.get("gs1_company_prefix"),
        external_reference=document["order_id"],
        shipping_costs=_to_costs(document["payment_details"]),
        cash_on_delivery=to_cash(document["payment_details"]),
        announced_at=row.created_at.astimezone(zone),  # the same at every attempt, so that the papers are
        is_return=bool(document.get("is_return")),
    )


_SENDER_NUMBERS = (("eori_number", "EORI"), ("vat_number", "VAT"))


def _to_customs(customs: dict[str, Any] | None, sender: Mapping[str, Any]) -> dict[str, Any] | None:
    """Add the sender address's numbers, for each kind that the order itself does not have."""
    if not customs:
        return customs
    numbers = customs.get("tax_numbers") or {}
    named = numbers.get("sender") or []
    kinds = {str(one.get("name") or "").upper() for one in named}
    own = [
        {"name": kind, "country_code": sender.get("country_code"), "value": sender[key]}
        for key, kind in _SENDER_NUMBERS
        if sender.get(key) and not any(kind in told for told in kinds)
    ]
    return {**customs, "tax_numbers": {**numbers, "sender": [*named, *own]}} if own else customs


def _to_costs(payment: Mapping[str, Any]) -> carriers.Money | None:
    """Return what the recipient pays for shipping, which customs papers state."""
    for name in ("freight_costs", "estimated_shipping_price"):
        costs = payment.get(name) or {}
        if costs.get("value") is not None and costs.get("currency"):
            return carriers.Money(units.to_decimal(costs["value"]), costs["currency"])
    return None


def to_cash(payment: Mapping[str, Any]) -> carriers.Money | None:
    """Return what the carrier has to collect on delivery: the order's total, if it is paid then."""
    total = payment.get("total_price") or {}
    if not payment.get("is_cash_on_delivery") or total.get("value") is None or not total.get("currency"):
        return None
    return carriers.Money(units.to_decimal(total["value"]), total["currency"])


_SIDES = ("length", "width", "height")
_ADDRESS_KEYS = frozenset(carriers.Address.__dataclass_fields__)


def _to_address(address: Mapping[str, Any]) -> carriers.Address:
    return carriers.Address(**{key: value or "" for key, value in address.items() if key in _ADDRESS_KEYS})


def _to_parcel(parcel: ParcelRow) -> carriers.Parcel:
    document = orjson.loads(parcel.document)
    weight = units.to_decimal(document["weight"]["value"])
    sides = document.get("dimensions")
    length, width, height = (units.to_decimal(sides[side]) if sides else None for side in _SIDES)
    return carriers.Parcel(
        id=parcel.id,
        weight=weight or None,
        length=length,
        width=width,
        height=height,
        items=document["items"],
        tracking_number=parcel.tracking_number or "",
    )


def to_contract(setup: Setup, id: int, encryptor: Encryptor) -> carriers.Contract | None:
    """Return None for a contract that has been deleted since."""
    found = setup.contract.get(id)
    if found is None:
        return None
    return carriers.Contract(
        id=id,
        carrier_code=found["carrier_code"],
        name=found.get("name", ""),
        client_id=found.get("client_id", ""),
        credentials=orjson.loads(encryptor.decrypt(found[SEALED])) if SEALED in found else {},
    )
