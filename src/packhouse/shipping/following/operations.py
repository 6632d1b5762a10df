"""Stores a parcel that was made elsewhere as a shipment of the kind `followed`, and tracks it like any other. Each runs
inside the caller's transaction."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from packhouse.accounts.schema import Caller
from packhouse.carriers import Carrier
from packhouse.integrations import queries as integrations
from packhouse.kit import errors
from packhouse.kit.data import units
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import Message, message
from packhouse.shipping import draft, events, operations, parcels, statuses
from packhouse.shipping.direct import drafts
from packhouse.shipping.packing import Packed
from packhouse.shipping.schema import FOLLOWED, NO_ORDER
from packhouse.shipping.setup import rules, setup
from packhouse.shipping.setup.options import Options
from packhouse.shipping.setup.setup_schema import Setup, of_carrier
from packhouse.shipping.tables import parcels as parcels_table
from packhouse.shipping.tables import shipments

_NAMES = uuid.UUID("3f0c3f1e-2f0e-5a57-9d2c-6f7f0c1f4b11")
_ANNOUNCED = "1"
_NOT_TOLD = {"name": "", "address_line_1": "", "city": ""}
_KEPT = ("ship_with", "source_id", "tracking_number", "shipment", "insurance", "return_price")


class _Terms(NamedTuple):
    carrier: Carrier
    contract_id: int


async def follow_parcel(
    tx: Transaction, caller: Caller, sent: Mapping[str, Any], options: Options, *, now: datetime
) -> str:
    """Store the parcel and schedule its tracking; return its tracking number. Raises Invalid for one that cannot be
    followed here, and Conflict if the number is known."""
    number = str(sent["tracking_number"]["tracking_number"])
    if await parcels.find_by_tracking_number(tx, caller.account_id, number) is not None:
        detail = message("The tracking number {number} is known already.", number=number)
        raise errors.Conflict(errors.ErrorItem("conflict", detail))
    account_setup = await setup.load_setup(tx, caller.account_id, now=now)
    terms = _find_terms(account_setup, sent, options)
    integration_id = await _find_shop(tx, caller.account_id, (sent.get("details") or {}).get("integration_id"))
    known = Known(
        number,
        _find_url(sent["tracking_number"]),
        datetime.fromisoformat(sent["announced_at"]),
        sent["shipment"].get("external_reference_id"),
    )
    id = await store_parcel(tx, caller, _to_draft(sent, terms, integration_id), known, now=now)
    await operations.schedule_tracking(tx, caller.account_id, id, now=now, due_at=now)
    return number


class Known(NamedTuple):
    """The known state of a parcel that was made elsewhere. `status` is the number of one of our statuses."""

    tracking_number: str
    tracking_url: str | None
    announced_at: datetime
    reference: str | None = None
    status: str = _ANNOUNCED


async def store_parcel(tx: Transaction, caller: Caller, made: draft.Draft, known: Known, *, now: datetime) -> int:
    """Store a parcel as a shipment of its own, and return our id of that. Of two simultaneous calls, the later one has
    the same uuid and runs again."""
    account_id = caller.account_id
    name = f"{account_id}:{made.document['carrier']['code']}:{known.tracking_number}"
    made.uuid, made.kind = str(uuid.uuid5(_NAMES, name)), FOLLOWED
    drawn = await tx.draw_ids({"shipments": 1, "parcels": 1})
    [made.id], made.parcel_ids = drawn["shipments"], drawn["parcels"]
    of_shipment = {"state": FOLLOWED, "announced_at": known.announced_at, "external_reference_id": known.reference}
    await tx.upsert(shipments, [draft.to_shipment_row(made, caller, now) | of_shipment])
    [parcel] = draft.to_parcel_rows(made, account_id, now)
    parcel |= {"status_code": known.status, "status_message": statuses.to_message(known.status)}
    parcel |= {"tracking_number": known.tracking_number, "tracking_url": known.tracking_url}
    await tx.upsert(parcels_table, [parcel])
    told = events.ParcelChange(made.order.integration_id, made.uuid, parcel, at=known.announced_at)
    await events.publish(tx, account_id, [told], now=now)
    return made.id


def _find_terms(account_setup: Setup, sent: Mapping[str, Any], options: Options) -> _Terms:
    """Return the carrier to ask and its contract. Raises Invalid that says why none can be asked."""
    code = sent["tracking_number"]["carrier_code"]
    carrier = options.carriers.get(code)
    if carrier is None:
        raise _refuse(message("Parcels of {code} cannot be followed: the carrier is not installed here.", code=code))
    if not carrier.has_tracking:
        detail = message("Parcels of {name} cannot be followed: it does not tell where they are.", name=carrier.name)
        raise _refuse(detail)
    named = sent["ship_with"]["properties"].get("contract_id")
    contract = account_setup.contract.get(named or 0)
    if named is not None and contract is not None and of_carrier(contract, code):
        return _Terms(carrier, named)
    default = account_setup.default_contract(code)
    if default is None:
        detail = message(
            "Parcels of {name} cannot be followed: the account has no contract with it.", name=carrier.name
        )
        raise _refuse(detail)
    return _Terms(carrier, default)


def _refuse(detail: Message) -> errors.Invalid:
    pointer = errors.to_pointer(("tracking_number", "carrier_code"))
    return errors.Invalid(errors.ErrorItem("validation_error", detail, title="Not followed", pointer=pointer))


async def _find_shop(tx: Reader, account_id: int, named: int | None) -> int:
    """Raises Invalid for a shop that does not belong to the account."""
    if named is None:
        return await integrations.find_first(tx, account_id) or 0
    if not await integrations.find_known(tx, account_id, [named]):
        detail = message("Integration with id {integration_id} does not exist", integration_id=named)
        pointer = errors.to_pointer(("details", "integration_id"))
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=pointer))
    return named


def _to_draft(sent: Mapping[str, Any], terms: _Terms, integration_id: int) -> draft.Draft:
    order, details = sent["shipment"].get("order") or {}, sent.get("details") or {}
    code = sent["ship_with"]["properties"].get("shipping_option_code") or f"{terms.carrier.code}:followed"
    document = {
        "from_address": _NOT_TOLD | sent["from_address"],
        "to_address": _NOT_TOLD | sent["to_address"],
        "ship_with": {
            "type": "shipping_option_code",
            "properties": {"shipping_option_code": code, "contract_id": terms.contract_id},
        },
        "carrier": {"code": terms.carrier.code, "name": terms.carrier.name},
        "order_id": order.get("source_external_id") or order.get("source_id") or "",
        "total_order_price": order.get("total_order_price"),
        "payment_details": {},
        "brand_id": details.get("brand_id"),
        "is_return": details.get("is_return", False),
        "followed": {name: sent[name] for name in _KEPT if name in sent},
    }
    origin = draft.Origin(NO_ORDER, None, order.get("order_number") or "", integration_id)
    choice = rules.Choice(code, terms.contract_id, None, "call")
    return draft.Draft(origin, choice, document, [_pack(sent)], [], None)


def _pack(sent: Mapping[str, Any]) -> Packed:
    measurements = sent.get("measurements") or {}
    weight = measurements.get("weight")
    kilograms = units.convert(weight["value"], weight["unit"], units.KILOGRAMS) if weight else None
    return Packed([drafts.to_item(item, "EUR") for item in sent.get("parcel_items") or ()], kilograms, None)


def _find_url(number: Mapping[str, Any]) -> str | None:
    """Return a link that people can open."""
    url = str(number.get("tracking_url") or "")
    return url if url.lower().startswith(("https://", "http://")) else None
