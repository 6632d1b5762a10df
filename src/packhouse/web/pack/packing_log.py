"""What was done to an order at benches, as its page shows it."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request

from packhouse import context
from packhouse.packing_station import queries
from packhouse.web.frame import web_users
from packhouse.web.frame.languages import marked

ACTIONS = {
    "opened": marked("Opened"),
    "asked": marked("Asked"),
    "confirmed": marked("Confirmed"),
    "left": marked("Left as it is"),
    "count": marked("Counted"),
    "box": marked("Next box"),
    "weight": marked("Weighed"),
    "undone": marked("Undone"),
    "wrong": marked("Wrong item"),
    "surplus": marked("One too many"),
    "serial_twice": marked("Serial number twice"),
    "held": marked("Put aside"),
    "closed": marked("Closed"),
    "packed": marked("Packed"),
    "printed": marked("Printed"),
    "reprinted": marked("Printed again"),
    "refused": marked("Not shipped"),
    "no_label": marked("No label"),
}
_LOG = 100


async def list_log(request: Request, web_user: web_users.WebUser, order_id: int) -> list[dict[str, Any]]:
    """What was done to an order at benches, newest first: who, where, when, and what was scanned."""
    async with context.of(request).db.read() as tx:
        rows = await queries.list_events(tx, web_user.session.account_id, order_id, _LOG)
    return [{"row": row, "told": _to_told(orjson.loads(row.detail))} for row in rows]


def _to_told(detail: Mapping[str, Any]) -> str:
    if detail.get("code"):
        return str(detail["code"])
    return ", ".join(map(str, detail.get("kinds") or ())) or str(detail.get("reason") or "")
