"""Reads of returns, which are shipments of a kind of their own."""

from sqlalchemy import select

from packhouse.kit import errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.shipping import queries
from packhouse.shipping.operations import CANCELLED, FAILED
from packhouse.shipping.queries import Shipment
from packhouse.shipping.schema import OUTGOING, RETURN
from packhouse.shipping.tables import shipments

_s = shipments.c


async def get_return(tx: Reader, account_id: int, id: int) -> Shipment:
    """Raises NotFound."""
    found = await queries.find_shipment(tx, account_id, id)
    if found is None or found.row.kind != RETURN:
        raise errors.NotFound(no_such_return())
    return found


async def is_taken(tx: Reader, account_id: int, reference: str) -> bool:
    """Return whether a return that has neither failed nor been cancelled has this reference."""
    live = (_s.kind == RETURN, _s.state.not_in((FAILED, CANCELLED)))
    mine = (_s.account_id == account_id, _s.external_reference_id == reference)
    return await tx.fetch_value(select(_s.id).where(*mine, *live).limit(1)) is not None


async def find_shop_of(tx: Reader, account_id: int, order_number: str) -> int | None:
    """Return the shop of the latest shipment with that order number."""
    mine = (_s.account_id == account_id, _s.order_number_folded == order_number.casefold(), _s.kind == OUTGOING)
    found: int | None = await tx.fetch_value(select(_s.integration_id).where(*mine).order_by(_s.id.desc()).limit(1))
    return found


def no_such_return() -> errors.ErrorItem:
    return errors.ErrorItem("not_found", message("The return could not be found."), title="Not found")
