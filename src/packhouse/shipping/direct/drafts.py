"""Drafts of shipments from valid calls without an order: sender, option, parcels, customs, and what is missing. Pure:
from the call and the account's set-up.

Rules, customs papers and carriers read the document of a shipment that was made of an order, so a call is converted to
the same form.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from packhouse.kit import errors
from packhouse.kit.data import places, units
from packhouse.kit.errors import Path
from packhouse.kit.messages import message
from packhouse.shipping import draft, packing, wire
from packhouse.shipping.direct.schema import Call
from packhouse.shipping.packing import Packed
from packhouse.shipping.schema import NO_ORDER
from packhouse.shipping.setup import rules
from packhouse.shipping.setup.options import Chosen, Options, Route, find_options
from packhouse.shipping.setup.rules import Choice
from packhouse.shipping.setup.setup_schema import Setup

_ON_DECLARATIONS = ("description", "quantity", "weight", "price", "hs_code", "origin_country")
_PARCEL_KEYS = ("additional_insured_price", "label_notes", "sscc", "package_type", "carrier_fields")
_COSTS = ("discount_granted", "freight_costs", "insurance_costs", "other_costs")
_LIGHTEST = {"value": 0.001, "unit": "kg"}


class Decided(NamedTuple):
    """What ships a call. `rule` is the one that matched, `changes` are the values that it replaced."""

    choice: Choice
    rule: rules.Trial | None
    changes: dict[str, Any]


def to_draft(setup: Setup, call: Call, options: Options, integration_id: int) -> draft.Draft:
    """Raises Invalid and NotFound for what prevents shipping."""
    sent = call.sent
    has_defaults = call.kind.has_rules and sent.get("apply_shipping_defaults", True)
    parcels = _fill_parcels(setup, sent.get("parcels"), has_defaults=has_defaults)
    default = _find_default(setup, call, options) if has_defaults else {}
    decided = _decide(setup, call, _to_facts(sent, parcels), integration_id, default)
    sender, recipient = _find_ends(setup, call, decided.choice, has_defaults=has_defaults)
    route = Route(places.to_place(sender), places.to_place(recipient), call.kind.is_return)
    leaves = places.leaves_customs_union(route.origin, route.destination)
    customs = _fill_customs(call, has_defaults=has_defaults and leaves)
    if faults := list(_find_missing(parcels, leaves=leaves)):
        raise errors.Invalid(faults)
    packed = [_pack(sent, parcel) for parcel in parcels]
    choice = options.find_cheapest(setup, decided.choice, route, [parcel.weight for parcel in packed])
    chosen = _require_option(options, setup, choice, route, packed)
    if faults := list(_find_required(options, choice, sent, packed)):
        raise errors.Invalid(faults)
    document = {
        "from_address": sender,
        "to_address": recipient,
        "ship_with": {
            "type": "shipping_option_code",
            "properties": {"shipping_option_code": choice.option_code, "contract_id": chosen.contract_id},
        },
        "carrier": {"code": chosen.carrier_code, "name": chosen.carrier_name},
        "order_id": sent.get("external_reference_id") or "",
        "reference": sent.get("reference"),
        "label_details": {"mime_type": call.label.mime_type, "dpi": call.label.dpi},
        "gs1_company_prefix": setup.settings.get("gs1_company_prefix"),
        "brand_id": sent.get("brand_id") or setup.default_brand(),
        "rule_id": decided.choice.rule_id,
        **_to_details(sent, customs),
        **({"applied_shipping_rules": _to_applied(decided, choice)} if call.kind.has_rules else {}),
    }
    origin = draft.Origin(NO_ORDER, sent.get("external_reference_id"), sent.get("order_number") or "", integration_id)
    return draft.Draft(origin, choice, document, packed, [], None)


def _fill_parcels(setup: Setup, parcels: Sequence[Any] | None, *, has_defaults: bool) -> list[dict[str, Any]]:
    """Return each parcel with its weight. Raises Invalid for one without."""
    default = setup.settings.get("default_parcel_weight") if has_defaults else None
    if not parcels and default is None:
        raise errors.Invalid(_to_required(("parcels",)))
    filled, faults = [], []
    for number, parcel in enumerate(parcels or [{}]):
        weight = parcel.get("weight") or (has_defaults and _sum_weights(parcel)) or default
        if not weight:
            faults.append(_to_required(("parcels", number, "weight")))
        filled.append({**parcel, "weight": weight})
    if faults:
        raise errors.Invalid(faults)
    return filled


def _sum_weights(parcel: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the weight of the items in kg, if each has one."""
    items = parcel.get("parcel_items") or []
    weights = [(item.get("weight"), item.get("quantity", 1)) for item in items]
    if not weights or not all(weight for weight, _ in weights):
        return None
    each = [units.multiply(units.convert(w["value"], w["unit"], units.KILOGRAMS), count) for w, count in weights]
    return {"value": f"{units.add(*each):f}", "unit": "kg"}


def _to_facts(sent: Mapping[str, Any], parcels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what rules read, in the form of an order."""
    weights = [units.convert(p["weight"]["value"], p["weight"]["unit"], units.KILOGRAMS) for p in parcels]
    currency = _find_currency(sent)
    items = [to_item(item, currency) for parcel in parcels for item in parcel.get("parcel_items") or ()]
    return {
        "shipping_address": sent["to_address"],
        "order_details": {"order_items": items},
        "payment_details": {"total_price": sent.get("total_order_price") or {}},
        "shipping_details": {
            "delivery_indicator": sent.get("delivery_indicator"),
            "measurement": {"weight": {"value": f"{units.add(*weights):f}", "unit": "kg"}},
        },
    }


def _find_default(setup: Setup, call: Call, options: Options) -> dict[str, Any]:
    """Return the account's default option; for returns without one, the cheapest."""
    if not call.kind.is_return:
        return {"shipping_option_code": setup.default_option()}
    if code := setup.settings.get("default_return_option_code"):
        return {"shipping_option_code": code}
    return {"cheapest_of": [option.code for option, _ in find_options(options, setup, is_return=True)]}


def _decide(
    setup: Setup, call: Call, facts: Mapping[str, Any], integration_id: int, default: Mapping[str, Any]
) -> Decided:
    """A rule overrides the call, and the call overrides the defaults. Raises Invalid if none names an option."""
    sent = call.sent
    asked = (sent.get("ship_with") or {}).get("properties") or {}
    matched = None
    if call.kind.has_rules and sent.get("apply_shipping_rules", True):
        of_shipment = rules.to_facts(setup, facts, integration_id)
        matched = rules.find_match(setup, of_shipment, for_returns=call.kind.is_return)
    actions = matched.rule["actions"] if matched else {}
    chosen = next((part for part in (actions, asked, default) if rules.list_codes(setup, part)), None)
    if chosen is None:
        raise errors.Invalid(_to_required(("ship_with", "properties", "shipping_option_code")))
    codes = rules.list_codes(setup, chosen)
    contract_id = actions.get("contract_id") or (None if chosen is actions else asked.get("contract_id"))
    sender_id = (sent.get("from_address") or {}).get("sender_address_id")
    changes = {
        "shipping_option_code": (asked.get("shipping_option_code"), codes[0]),
        "contract": (asked.get("contract_id"), contract_id),
        "sender_address": (sender_id, actions.get("sender_address_id")),
    }
    choice = Choice(
        codes[0],
        contract_id,
        actions.get("sender_address_id"),
        "rule" if chosen is actions else "call" if chosen is asked else "default",
        matched.id if matched else None,
        candidates=codes if len(codes) > 1 else (),
    )
    if actions.get("hold"):
        raise errors.Invalid(draft.to_held(setup, choice))
    of_rule = {"shipping_option_code"} if chosen is actions else set()
    of_rule |= {name for name in ("contract", "sender_address") if actions.get(f"{name}_id")}
    done = {name: new for name, (old, new) in changes.items() if name in of_rule and new not in (None, old)}
    return Decided(choice, matched, done)


def _to_applied(decided: Decided, choice: Choice) -> list[dict[str, Any]]:
    if decided.rule is None:
        return []
    changes = dict(decided.changes)
    if decided.choice.candidates:
        changes["shipping_option_code"] = choice.option_code
    return [{"rule": {"id": decided.rule.id, "name": decided.rule.rule["name"]}, "result": changes}]


def _find_required(
    options: Options, choice: Choice, sent: Mapping[str, Any], packed: Sequence[Packed]
) -> Iterator[errors.ErrorItem]:
    """Return values that the option requires and that are missing, with their places."""
    option = options.find(choice.option_code)
    requires = option.requires if option else frozenset()
    for need, name in (("to_email", "email"), ("to_telephone", "phone_number")):
        if need in requires and name not in sent["to_address"]:
            yield _to_required(("to_address", name))
    if "to_service_point" in requires and not sent.get("to_service_point"):
        yield _to_required(("to_service_point",))
    for number, parcel in enumerate(packed):
        if parcel.dimensions is None and requires & {"length", "width", "height"}:
            yield _to_required(("parcels", number, "dimensions"))


def _find_ends(
    setup: Setup, call: Call, choice: Choice, *, has_defaults: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return origin and destination. The address that a rule names is the account's. Raises Invalid and NotFound."""
    sent = call.sent
    if not call.kind.is_return:
        return _find_sender(setup, sent.get("from_address"), choice, has_defaults=has_defaults), sent["to_address"]
    saved = setup.sender_address.get(choice.sender_address_id or 0) or sent["to_address"]
    return sent["from_address"], {key: value for key, value in saved.items() if key != "is_default"}


def _find_sender(setup: Setup, sent: Mapping[str, Any] | None, choice: Choice, *, has_defaults: bool) -> dict[str, Any]:
    """Return the rule's address, that of the call, or the account's default. Raises Invalid and NotFound."""
    given = {key: value for key, value in (sent or {}).items() if key != "sender_address_id"}
    id = choice.sender_address_id
    if id is None and sent is not None:
        if "sender_address_id" not in sent:
            return given
        id = sent["sender_address_id"]
        if id not in setup.sender_address:
            raise errors.NotFound(
                errors.ErrorItem(
                    "invalid", message("Does not exist."), pointer=_to_pointer("from_address", "sender_address_id")
                )
            )
    if id is None and has_defaults:
        id = setup.default_sender()
    if id is None or id not in setup.sender_address:
        raise errors.Invalid(_to_required(("from_address",)))
    saved = setup.sender_address[id]
    over = given if choice.sender_address_id is None else {}
    return {key: value for key, value in {**saved, **over}.items() if key != "is_default"}


def _require_option(options: Options, setup: Setup, choice: Choice, route: Route, packed: Sequence[Packed]) -> Chosen:
    """Raises Invalid at `ship_with` for an option that does not fit."""
    try:
        return options.require(setup, choice, route, [parcel.weight for parcel in packed])
    except errors.Invalid as refusal:
        detail = message("No shipping option could be found: {why}", why=refusal.faults[0].detail)
        fault = errors.ErrorItem(
            "validation_error", detail, title=refusal.faults[0].title, pointer=_to_pointer("ship_with")
        )
        raise errors.Invalid(fault) from None


def _find_missing(parcels: Sequence[Mapping[str, Any]], *, leaves: bool) -> Iterator[errors.ErrorItem]:
    """Find what customs declarations need of items that cross a customs border."""
    for number, parcel in enumerate(parcels if leaves else ()):
        for index, item in enumerate(parcel.get("parcel_items") or ()):
            for name in _ON_DECLARATIONS:
                if name not in item:
                    yield _to_required(("parcels", number, "parcel_items", index, name))


def _fill_customs(call: Call, *, has_defaults: bool) -> dict[str, Any] | None:
    sent = call.sent
    customs = sent.get("customs_information")
    if not has_defaults:
        return None if customs is None else dict(customs)
    reason = "returned_goods" if call.kind.is_return else "commercial_goods"
    filled = {"export_reason": reason, **(customs or {})}
    if "invoice_number" not in filled and (number := sent.get("order_number") or sent.get("external_reference_id")):
        filled["invoice_number"] = number[:40]
    return filled


def _to_details(sent: Mapping[str, Any], customs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what else a carrier and its customs papers need, and what is only returned in answers."""
    point = sent.get("to_service_point")
    costs = {name: customs[name] for name in _COSTS if name in customs} if customs else {}
    kept = {
        "total_order_price": _to_price(sent.get("total_order_price")),
        "payment_details": {"total_price": sent.get("total_order_price") or {}, **costs},
        "to_service_point": _to_point(point) if point else None,
        "service_point_details": _to_point_details(sent, point) if point else None,
        "customs_information": _to_customs_shown(customs) if customs else None,
        "customs_details": _to_customs_details(customs) if customs else None,
        "delivery_dates": sent.get("delivery_dates"),
        "carrier_fields": sent.get("carrier_fields"),
    }
    return {name: value for name, value in kept.items() if value is not None}


def _to_point(point: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(point.get(name, "")) for name in ("id", "carrier_service_point_id")}


def _to_point_details(sent: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """The customer's number at a locker is sent as the post office box."""
    told: dict[str, Any] = {**_to_point(point)}
    told["id"] = told["carrier_service_point_id"] or told["id"]
    if number := sent["to_address"].get("po_box"):
        told["post_number"] = number
    return told


def _to_customs_shown(customs: Mapping[str, Any]) -> dict[str, Any]:
    costs = {name: _to_price(customs[name]) for name in _COSTS if name in customs}
    shown = {"export_type": "commercial_b2c", **customs, **costs}
    if numbers := customs.get("tax_numbers"):
        shown["tax_numbers"] = {side: numbers.get(side, []) for side in ("sender", "receiver", "importer_of_record")}
    return shown


def _to_customs_details(customs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the customs details in the form of orders, which have no category for personal belongings."""
    reason = customs.get("export_reason")
    details = {
        "shipment_type": "other" if reason == "personal_use" else reason,
        "commercial_invoice_number": customs.get("invoice_number"),
        "export_type": customs.get("export_type", "commercial_b2c"),
        "tax_numbers": customs.get("tax_numbers"),
    }
    return {name: value for name, value in details.items() if value is not None}


def _to_price(price: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if not price else {"value": f"{units.to_decimal(price['value']):f}", "currency": price["currency"]}


def _pack(sent: Mapping[str, Any], parcel: Mapping[str, Any]) -> Packed:
    sides = parcel.get("dimensions")
    length: dict[str, Decimal] | None = None
    if sides:
        length = {
            side: units.convert(sides[side], sides["unit"], units.CENTIMETRES) for side in ("length", "width", "height")
        }
    weight = units.convert(parcel["weight"]["value"], parcel["weight"]["unit"], units.KILOGRAMS)
    items = [to_item(item, _find_currency(sent)) for item in parcel.get("parcel_items") or ()]
    return packing.Packed(items, weight, length, {key: parcel[key] for key in _PARCEL_KEYS if key in parcel})


def _find_currency(sent: Mapping[str, Any]) -> str:
    return str((sent.get("total_order_price") or {}).get("currency", "EUR"))


def to_item(item: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Return an order's item; a call may leave out some values inside a customs area. `currency` is used where no price
    has one."""
    price = item.get("price") or {"value": "0.00", "currency": currency}
    quantity = item.get("quantity", 1)
    total = units.multiply(units.to_decimal(price["value"]), quantity)
    made = {key: item[key] for key in wire.ITEM_KEYS if key in item}
    made |= {
        "name": item.get("description") or item.get("sku") or item.get("item_id") or "-",
        "quantity": quantity,
        "unit_price": price,
        "total_price": {"value": f"{total:f}", "currency": price["currency"]},
        "measurement": {"weight": item.get("weight") or _LIGHTEST},
    }
    if country := item.get("origin_country"):
        made["country_of_origin"] = country
    return made


def _to_required(path: Path) -> errors.ErrorItem:
    return errors.ErrorItem("required", message("Field required"), pointer=errors.to_pointer(path))


def _to_pointer(*path: str | int) -> str:
    return errors.to_pointer(path)
