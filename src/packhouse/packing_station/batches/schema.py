"""By which rule orders are taken into a batch: its shape, and whether an order is meant."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from packhouse.kit import clock, errors
from packhouse.kit.messages import Message, message
from packhouse.orders import contents

USUAL_SIZE, MAX_SIZE = 25, 100
DUE = ("today", "tomorrow")
"""Handed over by then: until the end of that day, or earlier."""
PIECES = ("one", "one_sku", "several")
"""One piece, several of one SKU or one of it, or articles of more than one SKU."""
MAX_ZONE = 20
_COUNTRIES = re.compile(r"[A-Z]{2}(?:[ ,;]+[A-Z]{2}){0,40}")


class Criteria(NamedTuple):
    """Empty means any. `zone` is how the bins of all items of an order begin."""

    size: int = USUAL_SIZE
    integration_id: int = 0
    option: str = ""
    due: str = ""
    pieces: str = ""
    zone: str = ""
    countries: str = ""


def check(criteria: Criteria) -> None:
    """Raises Invalid, with the field of each fault."""
    faults: list[tuple[str, Message]] = []
    if not 1 <= criteria.size <= MAX_SIZE:
        faults.append(("size", message("A number from 1 to {most}.", most=MAX_SIZE)))
    if criteria.due not in ("", *DUE):
        faults.append(("due", message("One of {known}.", known=", ".join(DUE))))
    if criteria.pieces not in ("", *PIECES):
        faults.append(("pieces", message("One of {known}.", known=", ".join(PIECES))))
    if len(criteria.zone) > MAX_ZONE:
        faults.append(("zone", message("At most {most} characters.", most=MAX_ZONE)))
    if criteria.countries and not _COUNTRIES.fullmatch(criteria.countries):
        faults.append(("countries", message("Country codes of two letters, with commas between them.")))
    if faults:
        raise errors.Invalid([errors.ErrorItem("invalid", told, parameter=field) for field, told in faults])


def find_due(order: Mapping[str, Any]) -> datetime | None:
    """When the first of its items is to be handed over to the carrier, where the shop says so."""
    told = [(item.get("delivery_dates") or {}).get("handover_at") for item in contents.list_goods(order)]
    return min((clock.from_wire(text) for text in told if text), default=None)


def is_meant(
    criteria: Criteria, order: Mapping[str, Any], bins: Sequence[str], option: str, now: datetime, zone: tzinfo
) -> bool:
    """Whether an order is one of those that are taken; `bins` are those of its items."""
    address = order.get("shipping_address") or {}
    if criteria.option and option != criteria.option:
        return False
    if criteria.countries and address.get("country_code") not in re.split(r"[ ,;]+", criteria.countries):
        return False
    if criteria.zone and not all(bin.casefold().startswith(criteria.zone.casefold()) for bin in bins):
        return False
    return _has_pieces(criteria.pieces, order) and _is_due(criteria.due, find_due(order), now, zone)


def _has_pieces(pieces: str, order: Mapping[str, Any]) -> bool:
    goods = contents.list_goods(order)
    if pieces == "one":
        return sum(int(item["quantity"]) for item in goods) == 1
    if not pieces:
        return True
    articles = {item.get("sku") or item.get("ean") or item["name"] for item in goods}
    return (len(articles) == 1) == (pieces == "one_sku")


def _is_due(due: str, at: datetime | None, now: datetime, zone: tzinfo) -> bool:
    if not due:
        return True
    days = DUE.index(due)
    return at is not None and at.astimezone(zone).date() <= (now.astimezone(zone) + timedelta(days=days)).date()
