"""Events of parcels: built here, told where a parcel's status becomes new."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.kit.db import Database


class Told(NamedTuple):
    """A parcel's row as it has become, and of which shipment and shop it is."""

    integration_id: int
    shipment_uuid: str
    parcel: Mapping[str, Any]


async def tell(_db: Database, _tx: AsyncConnection, _account_id: int, _told: Sequence[Told], *, now: datetime) -> None:  # noqa: ARG001
    return None
