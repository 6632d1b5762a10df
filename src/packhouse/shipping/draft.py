"""Drafts of shipments: contents, sender address, option, and notices. Pure: from an order's row, the account's set-up
and the call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from packhouse.accounts.schema import Caller
from packhouse.kit import errors
from packhouse.kit.data import places, units
from packhouse.kit.messages import Message, message
from packhouse.orders import contents, plain
from packhouse.orders.queries import ShippableOrder
from packhouse.shipping import holds, marks, packing, schema, wire
from packhouse.shipping.service_points import named
from packhouse.shipping.service_points.named import NamedPoints
from packhouse.shipping.setup import rules
from packhouse.shipping.setup.options import Options, Route
from packhouse.shipping.setup.setup_schema import Setup

ANNOUNCING = "announcing"
"""The state of a shipment that was just made, and the status of its parcels."""
_ANNOUNCED_AS = "1001"


class Notice(NamedTuple):
    """Something odd that does not prevent shipping; `pointer` is its place in the call."""

    code: str
    detail: Message
    pointer: str

    def to_wire(self) -> dict[str, Any]:
        return {"code": self.code, "detail": self.detail, "source": {"pointer": self.pointer}}


class Origin(NamedTuple):
    """The parts of an order that a draft uses; `id` is NO_ORDER for a shipment without one."""

    id: int
    order_id: str | None
    order_number: str
    integration_id: int


@dataclass(slots=True)
class Draft:
    """A shipment that is about to be made."""

    order: Origin
    choice: rules.Choice
    document: dict[str, Any]
    packed: list[packing.Packed]
    warnings: list[Notice]
    mark: dict[str, Any] | None
    id: int = 0
    uuid: str = ""
    parcel_ids: Sequence[int] = ()
    kind: str = schema.OUTGOING

    def to_wire(self) -> dict[str, Any]:
        return {
            "shipment_id": self.uuid,
            "order_id": self.order.order_id,
            "order_number": self.order.order_number,
            "ship_with": self.document["ship_with"],
            "parcel_id": self.parcel_ids[0],
        }


def to_draft(
    account_setup: Setup,
    call: schema.LabelCall,
    selector: Mapping[str, Any],
    row: ShippableOrder,
    options: Options,
    at: str,
    points: NamedPoints = named.NONE,
) -> Draft:
    """Raises Invalid for what prevents shipping this order."""
    order = plain.to_plain(orjson.loads(row.document))
    address = order.get("shipping_address")
    if address is None or not is_usable(address):
        detail = message("The order has no valid shipping address.")
        raise errors.Invalid(errors.ErrorItem("validation_error", detail, title="Invalid order"))
    apply_rules = selector.get("apply_shipping_rules", False)
    choice = rules.choose(account_setup, call.ship_with, order, call.integration_id, apply_rules=apply_rules)
    if choice.is_held and not call.ships_held:
        raise errors.Invalid(to_held(account_setup, choice))
    packed = packing.pack(order, selector.get("parcels"), selector.get("serials"))
    sender = _choose_sender(account_setup, call, choice)
    way = Route(places.to_place(sender), places.to_place(address))
    weights = [parcel.weight for parcel in packed]
    choice = options.find_cheapest(account_setup, choice, way, weights)
    chosen = options.require(account_setup, choice, way, weights)
    if point := order.get("service_point_details"):
        order = {**order, "service_point_details": named.require(points, chosen.carrier_code, point)}
    document = {
        "from_address": {key: value for key, value in sender.items() if key != "is_default"},
        "to_address": address,
        "ship_with": {
            "type": "shipping_option_code",
            "properties": {"shipping_option_code": choice.option_code, "contract_id": chosen.contract_id},
        },
        "carrier": {"code": chosen.carrier_code, "name": chosen.carrier_name},
        "order_id": row.order_id,
        "total_order_price": _to_price(order["payment_details"].get("total_price")),
        "brand_id": call.brand_id or account_setup.default_brand(),
        "gs1_company_prefix": account_setup.settings.get("gs1_company_prefix"),
        "rule_id": choice.rule_id,
        **_to_details(order),
    }
    warnings = [Notice(hold.code, hold.detail, at) for hold in holds.find_holds(order, account_setup.status_codes())]
    warnings += _find_warnings(row, order, sender, at)
    odd = packing.find_odd_parcels(order, selector.get("parcels"), packed)
    warnings += [Notice("invalid", found.detail, "/".join((at, *map(str, found.path)))) for found in odd]
    mark = marks.to_mark(order, account_setup.status_codes())
    origin = Origin(row.id, row.order_id, row.order_number, row.integration_id)
    return Draft(origin, choice, document, packed, warnings, mark)


def to_held(account_setup: Setup, choice: rules.Choice) -> errors.ErrorItem:
    name = account_setup.rule[choice.rule_id or 0]["name"]
    return errors.ErrorItem(
        "validation_error", message("The shipping rule “{name}” keeps this order back.", name=name), title="Order held"
    )


def is_usable(address: Mapping[str, Any] | None) -> bool:
    return address is not None and bool(address["address_line_1"].strip() or (address.get("po_box") or "").strip())


def _choose_sender(account_setup: Setup, call: schema.LabelCall, choice: rules.Choice) -> dict[str, Any]:
    known = account_setup.sender_address
    wanted = call.sender_address_id if call.sender_address_id is not None else choice.sender_address_id
    id = wanted if wanted in known else account_setup.default_sender()
    if id is None:
        detail = message("The account has no sender address.")
        raise errors.Invalid(errors.ErrorItem("validation_error", detail, title="No sender address"))
    return known[id]


def _to_details(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else a carrier and its customs papers need, as the order has it."""
    details, payment = order["order_details"], order["payment_details"]
    kept = {
        "service_point_details": order.get("service_point_details"),
        "to_service_point": _to_service_point(order.get("service_point_details")),
        "customs_details": order.get("customs_details"),
        "customs_information": _to_customs(order.get("customs_details"), payment),
        "payment_details": payment,
        "notes": details.get("notes"),
        "order_created_at": details.get("order_created_at"),
    }
    return {name: value for name, value in kept.items() if value is not None}


def _to_price(amount: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not amount or amount.get("value") is None or not amount.get("currency"):
        return None
    return {"value": f"{units.to_decimal(amount['value']):f}", "currency": amount["currency"]}


def _to_service_point(point: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not point:
        return None
    return {"id": point.get("id", ""), "carrier_service_point_id": point.get("carrier_service_point_id", "")}


def _to_customs(customs: Mapping[str, Any] | None, payment: Mapping[str, Any]) -> dict[str, Any] | None:
    if not customs:
        return None
    shown: dict[str, Any] = {"invoice_number": customs.get("commercial_invoice_number") or "-"}
    reason = customs.get("shipment_type", "commercial_goods")
    shown["export_reason"] = "commercial_goods" if reason == "returned_goods" else reason
    shown["export_type"] = customs.get("export_type", "commercial_b2c")
    for name in ("discount_granted", "insurance_costs", "freight_costs", "other_costs"):
        if (price := _to_price(payment.get(name))) is not None:
            shown[name] = price
    return shown


def _find_warnings(
    row: ShippableOrder, order: Mapping[str, Any], sender: Mapping[str, Any], at: str
) -> Iterator[Notice]:
    if row.live_shipments:
        detail = message(
            "Order {order_number} has {live_shipments} live shipment(s) already; this is one more.",
            order_number=row.order_number,
            live_shipments=row.live_shipments,
        )
        yield Notice("invalid", detail, at)
    needed = ["address_line_1", "city", *(["postal_code"] if places.wants_postal_code(sender["country_code"]) else [])]
    if not all((sender.get(name) or "").strip(" -") for name in needed):
        detail = message(
            "The sender address has no street, postal code or city: /api/packhouse/sender-addresses changes it."
        )
        yield Notice("required", detail, at)
    for left_out in contents.find_left_out(order):
        if left_out.is_guess:
            detail = message(
                "order_details.order_items.{place}: This is taken for no goods by its name or SKU; the item's "
                "property {ships} says otherwise.",
                place=left_out.place,
                ships=contents.SHIPS,
            )
            yield Notice("item_left_out", detail, at)
    for odd in packing.find_odd_totals(order):
        yield Notice("invalid", message("{path}: {detail}", path=".".join(map(str, odd.path)), detail=odd.detail), at)


def to_shipment_row(draft: Draft, caller: Caller, now: datetime) -> dict[str, Any]:
    order = draft.order
    return {
        "account_id": caller.account_id,
        "id": draft.id,
        "uuid": draft.uuid,
        "for_order": order.id,
        "integration_id": order.integration_id,
        "order_number": order.order_number,
        "order_number_folded": order.order_number.casefold(),
        "external_reference_id": order.order_id,
        "state": ANNOUNCING,
        "created_at": now,
        "created_by": caller.actor,
        "updated_at": now,
        "announced_at": None,
        "requested_at": None,
        "order_mark": None if draft.mark is None else orjson.dumps(draft.mark).decode(),
        "stale": None,
        "errors": "[]",
        "document": orjson.dumps(draft.document).decode(),
        "carrier": draft.document["carrier"]["name"],
        "parcel_count": len(draft.packed),
        "kind": draft.kind,
    }


def to_parcel_rows(draft: Draft, account_id: int, now: datetime) -> Iterator[dict[str, Any]]:
    for id, packed in zip(draft.parcel_ids, draft.packed, strict=True):
        document: dict[str, Any] = {"items": packed.items, **packed.more}
        document["weight"] = {"value": units.to_text(packed.weight or units.ZERO), "unit": "kg"}
        if packed.dimensions is not None:
            sides = {side: units.to_text(length, 2) for side, length in packed.dimensions.items()}
            document["dimensions"] = {**sides, "unit": "cm"}
        yield {
            "account_id": account_id,
            "id": id,
            "shipment_id": draft.id,
            "status_code": _ANNOUNCED_AS,
            "status_message": wire.STATUSES[_ANNOUNCED_AS],
            "tracking_number": None,
            "tracking_url": None,
            "created_at": now,
            "updated_at": now,
            "tracked_at": None,
            "document": orjson.dumps(document).decode(),
        }
