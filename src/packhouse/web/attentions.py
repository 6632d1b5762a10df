"""What the start page asks somebody to look at, and the steps of a new account to its first label."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from starlette.requests import Request

from packhouse import context
from packhouse.kit.data import zones
from packhouse.kit.db import Reader
from packhouse.orders import stats
from packhouse.packing_station import queries as benches
from packhouse.shipping import contract_checks as checks
from packhouse.shipping import stats as shipped
from packhouse.shipping.setup import queries as setup_queries
from packhouse.shipping.setup.setup_schema import Setup
from packhouse.web.frame import rendering, web_users
from packhouse.web.frame.languages import marked
from packhouse.web.orders import orders
from packhouse.webhooks import queries as webhooks

# What was placed longer ago and is still incoming is overdue; what failed longer ago is no news.
_OVERDUE = timedelta(days=2)
_RECENT = timedelta(days=14)
_MOST = 1_000
_FAILED = "1002"

FAILED, STALE, WARNED, HELD, OVERDUE, RECEIVERS = "failed", "stale", "warned", "held", "overdue", "receivers"
WORDS: Mapping[str, str] = {
    FAILED: marked("Labels that failed"),
    STALE: marked("Orders changed after their label"),
    WARNED: marked("Addresses and orders with warnings"),
    HELD: marked("On hold"),
    OVERDUE: marked("Waiting for more than two days"),
    RECEIVERS: marked("Receivers that do not answer"),
}


class Attention(NamedTuple):
    """A kind of thing to look at, how many there are (`most` or more where it stops there), and the page that lists
    them."""

    kind: str
    total: int
    place: str
    most: int | None = _MOST


async def list_attention(web_user: web_users.WebUser, tx: Reader, now: datetime) -> list[Attention]:
    """List what there is of each kind, the most urgent first."""
    account_id = web_user.session.account_id
    setup = await setup_queries.find_setup(tx, account_id) or Setup()
    held = {stats.to_plain_code(code.casefold()) for code in setup.status_codes().get("on_hold", ())}
    on_hold = await stats.count_held(tx, account_id, held)
    waiting = await stats.count_waiting(tx, account_id, now - _OVERDUE)
    troubled = await shipped.count_troubled(tx, account_id, now - _RECENT, _MOST)
    receivers = await webhooks.list_all_connections(tx, account_id) if web_user.is_owner else []
    silent = [row for row in receivers if row.failing_since is not None or row.paused_at is not None]
    zone = zones.to_zone(web_user.session.time_zone)
    until = (now - _OVERDUE).astimezone(zone).date().isoformat()  # the list's dates are those of the account
    found = [
        Attention(FAILED, troubled.failed, "/shipments" + rendering.to_query(status=_FAILED)),
        Attention(STALE, troubled.stale, "/shipments" + rendering.to_query(stale="1")),
        Attention(WARNED, waiting.warned, "/orders" + rendering.to_query(warnings="1")),
        Attention(HELD, on_hold.total, "/orders" + rendering.to_query(status=on_hold.status), None),
        Attention(OVERDUE, waiting.overdue, "/orders" + rendering.to_query(sort="placed", to=until)),
        Attention(RECEIVERS, len(silent), "/settings/webhooks"),
    ]
    return [attention for attention in found if attention.total]


class Step(NamedTuple):
    """What a new account does before its first label, and whether it is done."""

    kind: str
    place: str
    is_done: bool


SHOP, SENDER, CARRIER, CONNECTION, PRINTER = "shop", "sender", "carrier", "connection", "printer"
STEPS: Mapping[str, tuple[str, str]] = {
    SHOP: (marked("Add a shop"), marked("Orders belong to the shop that they come from.")),
    SENDER: (marked("Say where parcels are sent from"), marked("The address stands on every label.")),
    CARRIER: (
        marked("Choose a carrier"),
        marked("Own delivery works at once; a contract with a carrier brings its options."),
    ),
    CONNECTION: (
        marked("Test the connection to the carrier"),
        marked("A test says at once whether the carrier takes what you typed; it makes no label."),
    ),
    PRINTER: (
        marked("Set up a bench with its printer"),
        marked("Or print from the browser: then there is nothing to do."),
    ),
}


async def list_steps(request: Request, web_user: web_users.WebUser, tx: Reader) -> list[Step]:
    account_id = web_user.session.account_id
    setup = await setup_queries.find_setup(tx, account_id) or Setup()
    sender = setup.sender_address.get(setup.default_sender() or 0) or {}
    has_carrier = bool(setup.contract) or any(option.carrier_code for option in context.of(request).options.all())
    tests = await _list_tests(request, tx, account_id, setup)
    return [
        Step(SHOP, "/settings/integrations", bool(await orders.list_shops(tx, account_id))),
        Step(SENDER, "/settings/senders", bool(sender.get("address_line_1"))),
        Step(CARRIER, "/settings/contracts", has_carrier),
        *tests,
        Step(PRINTER, "/settings/benches", bool(await benches.list_benches(tx, account_id))),
    ]


async def _list_tests(request: Request, tx: Reader, account_id: int, setup: Setup) -> list[Step]:
    """A step where the account has a contract whose carrier can be asked; it leads to one that does not work yet."""
    options = context.of(request).options
    ids = [id for id, found in setup.contract.items() if checks.can_check(options, found["carrier_code"])]
    if not ids:
        return []
    found = await checks.list_checks(tx, account_id)
    left = [id for id in ids if id not in found or found[id].state != checks.WORKS]
    return [Step(CONNECTION, f"/settings/contracts/{(left or ids)[0]}", not left)]
