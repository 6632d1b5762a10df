"""Why an order should not simply be packed: what the screen asks about, all at once, before anything is counted."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from packhouse.kit.messages import Message, join, message
from packhouse.orders import contents, warnings
from packhouse.packing_station.queries import HELD, LABELLING, OPEN, PACKED, Packing
from packhouse.packing_station.schema import HOLD_REASONS
from packhouse.shipping import draft, holds, marks
from packhouse.shipping.operations import LIVE
from packhouse.shipping.queries import Shipment
from packhouse.shipping.schema import RETURN
from packhouse.shipping.setup import rules
from packhouse.shipping.setup.setup_schema import Setup


class Question(NamedTuple):
    """`kind` is what the log keeps; one that was confirmed is not asked again."""

    kind: str
    words: Message


def find_questions(
    account: Setup, order: Mapping[str, Any], live: Sequence[Shipment], confirmed: Sequence[str] = ()
) -> list[Question]:
    """What speaks against shipping an order now, without what somebody has confirmed."""
    found = [Question(hold.code, hold.detail) for hold in holds.find_holds(order, account.status_codes())]
    if not live and draft.is_usable(order.get("shipping_address")):
        integration = order["order_details"]["integration"]["id"]
        choice = rules.choose(account, {}, order, integration, apply_rules=True)
        if choice.is_held:
            found.append(Question("held_by_rule", draft.to_held(account, choice).detail))
    if not live:
        found += _find_address_faults(account, order)
    now = marks.to_mark(order, account.status_codes())
    for shipment in live:
        stale = marks.find_stale(marks.read(shipment.row), now)
        found += [Question(f"stale:{shipment.row.id}:{word}", _STALE[word]) for word in stale]
    return [question for question in found if question.kind not in confirmed]


def _find_address_faults(account: Setup, order: Mapping[str, Any]) -> list[Question]:
    """What looks wrong in the address, before it is printed; a fault that was confirmed is asked about again when the
    address is another one."""
    address = order.get("shipping_address") or {}
    sender = account.sender_address.get(account.default_sender() or 0) or {}
    mark = hashlib.sha256(orjson.dumps(address, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
    return [
        Question(f"address:{warning.path[-1]}:{mark}", message("Address: {told}", told=warning.detail))
        for warning in warnings.find_warnings(order, str(sender.get("country_code") or ""), is_plain=True)
        if warning.path[0] == "shipping_address"
    ]


_STALE = {
    "address": message("The address was changed after the label was made."),
    "items": message("The items were changed after the label was made."),
    "cancelled": message("The order was cancelled after the label was made."),
}


def find_elsewhere(packing: Packing | None, bench_id: int, bench_name: str, live: Sequence[Shipment]) -> list[Question]:
    """What another bench, or this one, has done with the order already."""
    if packing is None:
        return []
    if packing.state == OPEN and packing.bench_id != bench_id:
        return [Question("elsewhere", message("It is being packed at {bench}. Take it over?", bench=bench_name))]
    if packing.state == LABELLING or (packing.state == PACKED and live):
        return [
            Question("packed_already", message("It was packed at {bench} already. Pack it again?", bench=bench_name))
        ]
    if packing.state == HELD:
        why = HOLD_REASONS.get(packing.held, HOLD_REASONS["other"])
        return [Question("put_aside", message("It was put aside: {why}.", why=why))]
    return []


def list_live(shipments: Sequence[Shipment]) -> list[Shipment]:
    """Those that take the goods away: a return brings them back."""
    return [shipment for shipment in shipments if shipment.row.state in LIVE and shipment.row.kind != RETURN]


def to_goods(order: Mapping[str, Any]) -> str:
    """A mark of what is packed: another one says that counting must begin anew."""
    told = [
        (line.place, *(str(line.item.get(name) or "") for name in ("sku", "ean", "name", "quantity")))
        for line in contents.find_goods(order)
    ]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()[:32]


def to_words(questions: Sequence[Question]) -> Message:
    return join("\n", (question.words for question in questions))
