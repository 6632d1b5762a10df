"""Creates shipments without an order, inside the caller's transaction. Nothing here contacts a carrier."""

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
    """The shipment of a call; `is_repeat` if a shipment had its reference already."""

    id: int
    uuid: str
    is_repeat: bool


async def ship_directly(
    tx: Transaction, caller: Caller, call: Call, options: Options, *, now: datetime, due_at: datetime | None
) -> Made:
    """Make one shipment, which the worker announces at `due_at`, unless somebody does so before, or find the one that
    has the call's reference. Of two simultaneous calls with one reference, the later one runs again. Raises Invalid and
    NotFound; then nothing is made."""
    reference = call.sent.get("external_reference_id")
    if reference and (found := await queries.find_by_reference(tx, caller.account_id, reference)) is not None:
        return Made(found.row.id, found.row.uuid, True)
    account_setup = await setup.load_setup(tx, caller.account_id, now=now)
    integration_id = await integrations.find_first(tx, caller.account_id)
    draft = drafts.to_draft(account_setup, call, options, integration_id or 0)
    await operations.make_shipments(tx, caller, [draft], options, now=now, due_at=due_at)
    return Made(draft.id, draft.uuid, False)
