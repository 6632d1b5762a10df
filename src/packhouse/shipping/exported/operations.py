"""Takes over records that an account exported: creates new ones, updates those that differ, and leaves the others. Each
runs inside the caller's transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from packhouse.accounts.schema import Caller
from packhouse.integrations import queries as integrations
from packhouse.kit import errors
from packhouse.kit.db import Transaction
from packhouse.kit.encryption import Encryptor
from packhouse.kit.messages import Message, message
from packhouse.orders import operations as orders
from packhouse.orders import schema as order_schema
from packhouse.shipping.exported import files, history
from packhouse.shipping.exported.files import Exported
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.options import Options
from packhouse.shipping.setup.setup_schema import BUILT_IN, CONTRACT, RULE, SENDER, Kind

CREATED, CHANGED, UNCHANGED, REFUSED = "created", "changed", "unchanged", "rejected"
_ADDRESS = (
    "name", "company_name", "address_line_1", "house_number", "address_line_2", "postal_code", "city", "po_box",
    "state_province_code", "country_code", "email", "phone_number",
)  # fmt: skip
_TAX_NUMBERS = {"VAT": "vat_number", "EORI": "eori_number"}


class Taken(NamedTuple):
    """The outcome of a record; `why` it was refused, or which part of it was not taken over."""

    kind: str
    place: str
    outcome: str
    why: Message | str = ""


@dataclass(slots=True)
class Move:
    """The move of an account. All orders go to the shop `into`, or each to the shop that it names. `ids` maps the ids
    of sender addresses and contracts elsewhere to those here."""

    caller: Caller
    options: Options
    encryptor: Encryptor
    now: datetime
    into: int | None = None
    ids: dict[tuple[str, int], int] = field(default_factory=dict)


async def take(tx: Transaction, move: Move, found: Exported) -> Taken:
    """Take over one record. A refusal is reported, and nothing of the record is stored."""
    try:
        outcome, why = await _TAKERS[found.kind](tx, move, found.record)
    except errors.ApiError as refusal:
        return Taken(found.kind, found.place, REFUSED, _to_reason(refusal))
    except (AttributeError, KeyError, TypeError, ValueError):
        return Taken(found.kind, found.place, REFUSED, message("It has another form than the API gives it."))
    return Taken(found.kind, found.place, outcome, why)


def _to_reason(refusal: errors.ApiError) -> str:
    return "; ".join(f"{fault.detail}{_to_place(fault)}" for fault in refusal.faults[:10])


def _to_place(fault: errors.ErrorItem) -> str:
    place = (fault.pointer or "").removeprefix(errors.ATTRIBUTES).removeprefix("/[0]").strip("/")
    return f" ({place})" if place else ""


async def _take_sender(tx: Transaction, move: Move, record: Mapping[str, Any]) -> tuple[str, Message | str]:
    sent = {name: record[name] for name in _ADDRESS if record.get(name)}
    for number in record.get("tax_numbers") or ():
        if name := _TAX_NUMBERS.get(number.get("name")):
            sent[name] = number["value"]
    return await _take_item(tx, move, SENDER, record, sent, lambda one: _to_key(one, *_ADDRESS[:7], "country_code"))


async def _take_contract(tx: Transaction, move: Move, record: Mapping[str, Any]) -> tuple[str, Message | str]:
    """An export contains no credentials."""
    code = record.get("carrier_code") or (record.get("carrier") or {}).get("code")
    if code not in move.options.carriers:
        raise _refuse(message("The carrier {code} is not installed here.", code=code))
    sent = {"carrier_code": code, "name": record.get("name"), "client_id": record.get("client_id")}
    sent["country_code"] = record.get("country_code") or record.get("country")
    kept = {name: value for name, value in sent.items() if value}
    outcome, _ = await _take_item(tx, move, CONTRACT, record, kept, lambda one: _to_key(one, *sent))
    is_lacking = outcome == CREATED and code not in BUILT_IN
    return outcome, message("Its credentials are in no export: enter them here.") if is_lacking else ""


async def _take_rule(tx: Transaction, move: Move, record: Mapping[str, Any]) -> tuple[str, Message | str]:
    """Replace the ids in a rule by those of this account, if the items were taken over."""
    sent = {name: value for name, value in record.items() if name in RULE_KEYS and value is not None}
    actions = dict(sent.get("actions") or {})
    for name, kind in (("contract_id", CONTRACT), ("sender_address_id", SENDER)):
        if name in actions:
            actions[name] = move.ids.get((kind.name, actions[name]), actions[name])
    account = await setup.load_setup(tx, move.caller.account_id, now=move.now)
    for code in filter(None, (actions.get("shipping_option_code"), *(actions.get("cheapest_of") or ()))):
        if move.options.find(account.resolve_option(code)) is None:
            raise _refuse(message("There is no shipping option {option_code}.", option_code=code))
    sent["actions"] = actions
    return await _take_item(tx, move, RULE, record, sent, lambda one: one.get("name"))


RULE_KEYS = ("name", "position", "is_active", "for_returns", "conditions", "actions")


async def _take_item(
    tx: Transaction,
    move: Move,
    kind: Kind,
    record: Mapping[str, Any],
    sent: dict[str, Any],
    to_key: Callable[[Mapping[str, Any]], Any],
) -> tuple[str, Message | str]:
    """Update the item with the same key if it differs."""
    document = setup.merge(kind, {}, sent)
    account_id = move.caller.account_id
    account = await setup.load_setup(tx, account_id, now=move.now)
    known: dict[int, dict[str, Any]] = account.of_kind(kind)
    id = next((id for id, one in known.items() if to_key(one) == to_key(document)), None)
    if id is None:
        id = await setup.create_item(tx, move.encryptor, account_id, kind, document, now=move.now)
        outcome = CREATED
    elif any(known[id].get(name) != value for name, value in document.items() if value is not None):
        await setup.update_item(tx, move.encryptor, account_id, kind, id, document, now=move.now)
        outcome = CHANGED
    else:
        outcome = UNCHANGED
    if isinstance(record.get("id"), int):
        move.ids[kind.name, record["id"]] = id
    if kind is SENDER and outcome == CREATED and record.get("is_default"):
        await setup.update_item(tx, move.encryptor, account_id, kind, id, {"is_default": True}, now=move.now)
    return outcome, ""


def _to_key(one: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(str(one.get(name) or "").casefold() for name in names)


async def _take_order(tx: Transaction, move: Move, record: Mapping[str, Any]) -> tuple[str, Message | str]:
    sent = {name: value for name, value in record.items() if name not in ("id", "created_at", "modified_at")}
    if move.into is not None:
        sent["order_details"] = {**(sent.get("order_details") or {}), "integration": {"id": move.into}}
    reading = order_schema.read_batch(orjson.dumps([sent]))
    if reading.flaws:
        raise errors.Invalid(orders.to_faults(reading.flaws))
    [receipt] = await orders.upsert_orders(tx, move.caller, reading.value, now=move.now)
    return {"updated": CHANGED}.get(receipt.outcome, receipt.outcome), ""


async def _take_shipment(tx: Transaction, move: Move, record: Mapping[str, Any]) -> tuple[str, Message | str]:
    shop = move.into if move.into is not None else await _find_shop(tx, move.caller.account_id, record)
    stored = await history.take_shipment(tx, move.caller, record, move.options, shop, now=move.now)
    return (CREATED if stored.made else UNCHANGED), stored.why


async def _find_shop(tx: Transaction, account_id: int, record: Mapping[str, Any]) -> int:
    named = record.get("integration_id")
    if isinstance(named, int) and await integrations.find_known(tx, account_id, [named]):
        return named
    return await integrations.find_first(tx, account_id) or 0


async def _refuse_return(_tx: Transaction, _move: Move, _record: Mapping[str, Any]) -> tuple[str, Message | str]:
    raise _refuse(message("Returns are not taken over: their labels stay where they were made."))


def _refuse(detail: Message) -> errors.Invalid:
    return errors.Invalid(errors.ErrorItem("invalid", detail))


_TAKERS = {
    files.SENDER: _take_sender,
    files.CONTRACT: _take_contract,
    files.RULE: _take_rule,
    files.ORDER: _take_order,
    files.SHIPMENT: _take_shipment,
    files.RETURN: _refuse_return,
}


def sort(found: Sequence[Exported]) -> list[Exported]:
    """Return the records in the order in which they are taken over."""
    return sorted(found, key=lambda one: files.KINDS.index(one.kind))
