"""The service point in an order: it must exist and be open, if its carrier's points are known."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson
from sqlalchemy import and_, or_, select

from packhouse.kit import errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import Message, foreign, message
from packhouse.shipping.service_points import queries, wire
from packhouse.shipping.service_points.queries import Found
from packhouse.shipping.service_points.tables import service_points

_p = service_points.c


class NamedPoints(NamedTuple):
    """The points that orders name, and the carriers with known points."""

    carriers: frozenset[str] = frozenset()
    by_id: Mapping[str, Found] = {}
    by_code: Mapping[tuple[str, str], Found] = {}


NONE = NamedPoints()


async def find_named(
    tx: Reader, account_id: int, carrier_codes: Iterable[str], details: Iterable[Mapping[str, Any] | None]
) -> NamedPoints:
    """Find the points that orders' details name, in any state. It makes no query if none is named."""
    ids, names = _list_names(details)
    if not names:
        return NONE
    carriers = await queries.has_points(tx, account_id, carrier_codes)
    if not carriers:
        return NONE
    by_code = and_(_p.carrier_code.in_(sorted(carriers)), _p.carrier_service_point_id.in_(names))
    statement = select(_p.id, _p.state, _p.document).where(_p.account_id == account_id, or_(_p.id.in_(ids), by_code))
    found = [Found(row.id, row.state, orjson.loads(row.document)) for row in await tx.fetch_all(statement)]
    keys = [(each.document["carrier_code"], each.document["carrier_service_point_id"]) for each in found]
    by_id = {str(each.id): each for each in found}
    return NamedPoints(frozenset(carriers), by_id, dict(zip(keys, found, strict=True)))


def _list_names(details: Iterable[Mapping[str, Any] | None]) -> tuple[list[int], list[str]]:
    """Return possible ids of ours, and possible ids of carriers."""
    sent = [point.get(key) for point in details if point for key in ("id", "carrier_service_point_id")]
    names = sorted({str(name) for name in sent if name})
    return [int(name) for name in names if name.isascii() and name.isdigit() and len(name) <= 18], names


def require(named: NamedPoints, carrier_code: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details with both ids of the point, ours and the carrier's; the carrier's has priority if they differ.
    Carriers without known points are not checked. Raises Invalid if the point does not exist or is closed."""
    if carrier_code not in named.carriers:
        return dict(details)
    code, id = (str(details.get(key) or "") for key in ("carrier_service_point_id", "id"))
    found = named.by_code.get((carrier_code, code or id))
    if found is None and not code:
        found = named.by_id.get(id)
    if found is None or found.document["carrier_code"] != carrier_code:
        raise _refuse(
            message("The carrier {carrier} has no service point {name}.", carrier=carrier_code, name=code or id)
        )
    if not wire.is_available(found):
        raise _refuse(message("The service point {name} is closed.", name=foreign(found.document["name"])))
    return {**details, "id": str(found.id), "carrier_service_point_id": found.document["carrier_service_point_id"]}


def _refuse(detail: Message) -> errors.Invalid:
    return errors.Invalid(errors.ErrorItem("validation_error", detail, title="Invalid service point"))
