"""The start page: what is to do, what came, what left. Nothing on it counts further than a person would read."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import queries as accounts
from packhouse.kit import http
from packhouse.kit.data import zones
from packhouse.orders import counts, search, stats
from packhouse.packing_station import printer_states
from packhouse.shipping import stats as shipped
from packhouse.web import attentions
from packhouse.web.frame import rendering, web_users
from packhouse.web.orders import orders, rows

_DAYS = 14
_OLDEST = 8
# Shops that have a colour of their own; the others share one.
_COLOURS = 6
# Of the chart of days, in its own units.
_HEIGHT, _STEP, _WIDTH = 120, 50, 38


class Block(NamedTuple):
    """A part of a bar: where it stands, and which shop it is of."""

    y: float
    height: float
    colour: int


class Bar(NamedTuple):
    """A day: where its bar stands, its parts from the bottom up, and how many orders it is."""

    x: int
    on: str
    total: int
    blocks: list[Block]


class Share(NamedTuple):
    """A shop or a carrier with its count and, of the greatest, its share in hundredths."""

    name: str
    total: int
    share: int
    colour: int


async def show_start(request: Request) -> Response:
    web_user = await web_users.require_user(request)
    ctx = context.of(request)
    account_id, now = web_user.session.account_id, ctx.clock()
    zone = zones.to_zone(web_user.session.time_zone)
    days = to_days(now, zone)
    dates = [begin.astimezone(zone).date() for begin, _ in days]
    async with ctx.db.read() as tx:
        newest = await search.find_newest(tx, account_id)
        shops = await orders.list_shops(tx, account_id)
        keys = [] if newest else await accounts.list_keys(tx, account_id)
        incoming = await counts.count_incoming(tx, account_id)
        placed = await stats.count_placed(tx, account_id, days)
        oldest = await stats.list_oldest(tx, account_id, _OLDEST)
        owns = web_user.is_owner
        troubles = await printer_states.list_troubles(tx, account_id, now=now) if owns else []
        labels = await shipped.count_labels(tx, account_id, days[0][0], days[-1][0])
        attention = [] if not newest else await attentions.list_attention(web_user, tx, now)
        steps = [] if newest else await attentions.list_steps(request, web_user, tx)
    origin = web_user.session.caller.country_code
    by_shop = to_shares(_count_shops(placed), shops)
    values: dict[str, Any] = {
        "section": "start",
        "is_empty": not newest,
        "shops": shops,
        "first_key": orders.find_key(keys),
        "base_url": http.base_url(request),
        "incoming": incoming,
        "most": stats.MOST,
        "labels_today": {one.carrier: one.today for one in labels},
        "troubles": troubles,
        "bars": to_bars(dates, placed, [id for id, _ in _rank(_count_shops(placed))]),
        "by_shop": by_shop,
        "labels": to_shares({one.carrier: one.total for one in labels}, {}),
        "oldest": [rows.to_row(row.id, row.document, shops, origin) for row in oldest],
        "attention": attention,
        "attention_words": attentions.WORDS,
        "step_words": attentions.STEPS,
        "steps": steps,
        "size": {"height": _HEIGHT, "width": _DAYS * _STEP, "bar": _WIDTH},
    }
    return rendering.render(request, "start.html", web_user, **values)


def to_days(now: datetime, zone: tzinfo) -> list[tuple[datetime, datetime]]:
    """The last days until today, of whoever lives in the zone."""
    today = now.astimezone(zone).date()
    return [zones.to_span(today - timedelta(days=back), zone) for back in reversed(range(_DAYS))]


def _count_shops(placed: Sequence[stats.Placed]) -> dict[int, int]:
    counted: dict[int, int] = {}
    for part in placed:
        counted[part.integration_id] = counted.get(part.integration_id, 0) + part.total
    return counted


def _rank(counted: Mapping[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counted.items(), key=lambda pair: (-pair[1], str(pair[0])))


def to_shares(counted: Mapping[Any, int], names: Mapping[int, str]) -> list[Share]:
    """The greatest first."""
    greatest = max(counted.values(), default=1)
    return [
        Share(names.get(key, f"#{key}" if isinstance(key, int) else key), count, round(100 * count / greatest), colour)
        for colour, (key, count) in enumerate(_rank(counted))
    ]


def to_bars(days: Sequence[date], placed: Sequence[stats.Placed], ranked: Sequence[int]) -> list[Bar]:
    """A bar a day, its shops in their rank from the bottom up, drawn in proportion to the fullest day."""
    counts = [{part.integration_id: part.total for part in placed if part.span == index} for index in range(len(days))]
    fullest = max((sum(count.values()) for count in counts), default=0) or 1
    bars = []
    for index, count in enumerate(counts):
        blocks, top = [], float(_HEIGHT)
        for colour, shop in enumerate(ranked):
            height = round(_HEIGHT * count.get(shop, 0) / fullest, 2)
            top = round(top - height, 2)
            if height:
                blocks.append(Block(top, height, min(colour, _COLOURS - 1)))
        on = days[index].isoformat()
        bars.append(Bar(index * _STEP, on, sum(count.values()), blocks))
    return bars
