"""What a batch of orders is answered besides its receipts: what was odd, and refused nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

from packhouse.kit import errors
from packhouse.kit.messages import Message, message
from packhouse.kit.wire.validation import Parsed, ValidationIssue
from packhouse.orders import warnings
from packhouse.orders.operations import Receipt


def find_warnings(
    country_code: str, receipts: Sequence[Receipt | None], reading: Parsed[Any]
) -> Iterator[tuple[errors.Path, dict[str, Any]]]:
    """Each with its place: keys that were dropped, entries that contradict each other, then values. `receipts` has one
    for each entry of the batch, or None for an entry that is refused."""
    for path in reading.unknown:
        yield path, _to_warning("unknown_field", message("This key is unknown and was not stored."), path)
    for flaw in reading.odd:
        yield flaw.path, _to_warning("invalid", to_odd(flaw), flaw.path)
    ids = [-1 - index if receipt is None else receipt.id for index, receipt in enumerate(receipts)]
    for found in warnings.find_contradictions(reading.value, ids):
        path = (found.later, *found.path)
        told = _to_warning("contradiction", found.detail, path)
        yield path, {**told, "meta": {"pointers": [errors.to_batch_pointer((at, *found.path)) for at in found[:2]]}}
    kept = [(index, receipt) for index, receipt in enumerate(receipts) if receipt is not None]
    for index, receipt in kept:
        for place, name in receipt.outdated:
            yield (index, *place), _to_warning("shipment_stale", to_stale(name), (index, *place))
    odd = {flaw.path[0] for flaw in reading.odd}
    for index, receipt in kept:
        is_plain = receipt.outcome == "created" and index not in odd
        for warning in warnings.find_warnings(receipt.order, country_code, is_plain=is_plain):
            path = (index, *warning.path)
            yield path, _to_warning(warning.code, warning.detail, path)


def to_stale(name: str) -> Message:
    return message(
        "The order has a label that was made before this change: cancel or confirm its shipment ({name}).", name=name
    )


def to_odd(flaw: ValidationIssue) -> Message:
    return message("{detail}; what was sent is stored as it is.", detail=flaw.detail)


def _to_warning(code: str, detail: Message, path: errors.Path) -> dict[str, Any]:
    return {"code": code, "detail": detail, "source": {"pointer": errors.to_batch_pointer(path)}}
