"""What an update does to a stored order. Pure: nothing given is changed, what is returned may share its parts."""

from typing import Any

from packhouse.kit.messages import Message, message
from packhouse.orders import schema


class ItemNotFound(Exception):
    """A patch names an item that the order does not have."""


class ItemUnclear(Exception):
    """A patch names an item in a way that could mean another one; `index` is its place in what was sent."""

    def __init__(self, index: int, name: str, detail: Message) -> None:
        super().__init__(detail)
        self.index, self.name, self.detail = index, name, detail


def upsert(stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """What is sent replaces what is stored, key by key; in the containers too. Any other value is replaced whole."""
    merged = {**stored, **sent}
    for container in schema.CONTAINERS:
        if container in stored and container in sent:
            merged[container] = {**stored[container], **sent[container]}
    return _without_cleared(_without_read_only(merged))


def patch(stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """A deep merge: objects are merged, lists replaced, order items matched as `_match_items` says.

    Raises ItemNotFound and ItemUnclear."""
    sent_details = sent.get("order_details") or {}
    merged: dict[str, Any] = _merge(stored, _without_read_only(sent))
    if "order_items" in sent_details:
        stored_items = stored.get("order_details", {}).get("order_items", [])
        merged["order_details"] = {
            **merged["order_details"],
            "order_items": _merge_items(stored_items, sent_details["order_items"]),
        }
    return _without_cleared(merged)


_CLEARED = ("notes", "tags")
_GIVEN = ("", "")


def _without_cleared(order: dict[str, Any]) -> dict[str, Any]:
    """What `null` clears and a whole order may not hold as null is absent then: so what is read can be sent again. The
    order need not be valid."""
    details = order.get("order_details")
    if not isinstance(details, dict):
        return order
    if None in map(details.get, _CLEARED, _GIVEN):
        kept = {name: value for name, value in details.items() if value is not None or name not in _CLEARED}
        order = {**order, "order_details": kept}
    items = details.get("order_items")
    if isinstance(items, list) and any(map(_has_cleared_dates, items)):
        cleaned = [_without_dates(item) if _has_cleared_dates(item) else item for item in items]
        order = {**order, "order_details": {**order["order_details"], "order_items": cleaned}}
    return order


def _has_cleared_dates(item: Any) -> bool:
    return isinstance(item, dict) and item.get("delivery_dates", "") is None


def _without_dates(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "delivery_dates"}


def _merge(stored: Any, sent: Any) -> Any:
    if not isinstance(stored, dict) or not isinstance(sent, dict):
        return sent
    return {**stored, **{key: _merge(stored.get(key), value) for key, value in sent.items()}}


def _merge_items(stored: list[Any], sent: list[Any]) -> list[Any]:
    merged = list(stored)
    for place, item in zip(_match_items(stored, sent), sent, strict=True):
        merged[place] = _merge(merged[place], item)
    return merged


def _match_items(stored: list[Any], sent: list[Any]) -> list[int]:
    """Find the place of the stored item that each sent one means: by `item_id` where it has one, else by a name that is
    one item's. Of several alike each must be sent, in their order, as in a whole order that was read.

    An `item_id` that no item has means one of the name without any, which gets it.
    """
    groups: dict[tuple[str, str | None], list[int]] = {}
    for index, item in enumerate(sent):
        groups.setdefault((item["name"], item.get("item_id") or None), []).append(index)
    found: dict[int, int] = {}
    for (name, item_id), entries in sorted(groups.items(), key=lambda group: group[0][1] is None):
        candidates = _find_candidates(stored, name, item_id)
        if not candidates:
            raise ItemNotFound
        left = [place for place in candidates if place not in found.values()]
        if len(left) != len(entries):
            raise _to_unclear(entries, candidates, name)
        found.update(zip(entries, left, strict=True))
    return [found[index] for index in range(len(sent))]


def _find_candidates(stored: list[Any], name: str, item_id: str | None) -> list[int]:
    of_name = [place for place, item in enumerate(stored) if item["name"] == name]
    if item_id is None:
        return of_name
    of_id = [place for place, item in enumerate(stored) if item.get("item_id") == item_id]
    if len(of_id) > 1:
        return [place for place in of_id if place in of_name] or of_id
    return of_id or [place for place in of_name if not stored[place].get("item_id")]


def _to_unclear(entries: list[int], candidates: list[int], name: str) -> ItemUnclear:
    if len(candidates) < len(entries) or len(candidates) == 1:
        detail = message("More entries than the order has such items name {name}.", name=repr(name))
        return ItemUnclear(entries[-1], "name", detail)
    detail = message(
        "The order has {candidates} items named {name}: say by item_id which one is meant, or send them all.",
        candidates=len(candidates),
        name=repr(name),
    )
    return ItemUnclear(entries[0], "item_id", detail)


def _without_read_only(order: dict[str, Any]) -> dict[str, Any]:
    if schema.READ_ONLY.isdisjoint(order):
        return order
    return {key: value for key, value in order.items() if key not in schema.READ_ONLY}
