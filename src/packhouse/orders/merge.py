"""What an update does to a stored order. Pure: nothing given is changed, what is returned may share its parts."""

from typing import Any

from packhouse.orders import schema


class ItemNotFound(Exception):
    """A patch names an item that the order does not have."""


def upsert(stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """What is sent replaces what is stored, key by key; in the containers too. Any other value is replaced whole."""
    merged = {**stored, **sent}
    for container in schema.CONTAINERS:
        if container in stored and container in sent:
            merged[container] = {**stored[container], **sent[container]}
    return _without_cleared(_without_read_only(merged))


def patch(stored: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """A deep merge: objects are merged, lists replaced, order items matched by name. Raises ItemNotFound."""
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
    """Two of one name are matched in turn, so that an order sent back as it was read stays as it is."""
    merged, taken = list(stored), set[int]()
    for item in sent:
        places = [i for i, known in enumerate(stored) if known["name"] == item["name"]]
        if not places:
            raise ItemNotFound
        index = next((i for i in places if i not in taken), places[0])
        taken.add(index)
        merged[index] = _merge(merged[index], item)
    return merged


def _without_read_only(order: dict[str, Any]) -> dict[str, Any]:
    if schema.READ_ONLY.isdisjoint(order):
        return order
    return {key: value for key, value in order.items() if key not in schema.READ_ONLY}
