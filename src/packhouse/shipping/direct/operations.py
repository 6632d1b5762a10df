"""Shipments without an order are made here, inside the caller's transaction. Nothing here talks to a carrier."""

from datetime import datetime
from typing import NamedTuple

from packhouse.accounts.schema import Caller
from packhouse.integrations import queries as integrations
from packhouse.kit.db import Transaction
from packhouse.shipping import operations, queries
from packhouse.shipping.direct import drafts
from packhouse.shipping.direct.schema import Call
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.options import Options


class Made(NamedTuple):
    """`is_repeat` where the reference was that of a shipment that is there."""

    id: int
    uuid: str
    is_repeat: bool


async def ship_directly(
    tx: Transaction, caller: Caller, call: Call, options: Options, *, now: datetime, due_at: datetime | None
) -> Made:
    """Make one shipment, to be announced by the worker at `due_at`, unless somebody does before; or find the one that
    has the call's reference. Two that come at once meet at the index of references: the later one is done anew. Raises
    Invalid and NotFound; then nothing is made."""
    reference = call.sent.get("external_reference_id")
    if reference and (found := await queries.find_by_reference(tx, caller.account_id, reference)) is not None:
        return Made(found.row.id, found.row.uuid, True)
    account_setup = await setup.load_setup(tx, caller.account_id, now=now)
    integration_id = await integrations.find_first(tx, caller.account_id)
    draft = drafts.to_draft(account_setup, call, options, integration_id or 0)
    await operations.make_shipments(tx, caller, [draft], options, now=now, due_at=due_at)
    return Made(draft.id, draft.uuid, False)
