"""`python -m bench.page_times [--orders N] [--calls N] [--only NAME] [--folder PATH]`: every page of a working day and
every sort that the list offers, over a full table, beside a page that reads next to nothing (docs/benchmarks.md). Speed
is a figure, not a test.
"""

import argparse
import asyncio
import html
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text

from bench import pages, searches, servers, shelves
from bench.report import Asked, Figure, show
from packhouse.kit.db import Database
from packhouse.orders import counts
from packhouse.web.orders import orders

_PLAIN = "/account"
_ACCOUNT = 1
_SHIP = text("UPDATE orders SET live_shipments = 1 WHERE account_id = :account AND id % 20 <> 0")
_ASKED = Asked(150, at_least=False)
_FOLLOWING = re.compile(rb'href="(/orders\?[^"]*cursor=[^"]*)"')


class _Timed(NamedTuple):
    """Milliseconds of a page, and of the plain one in the same seconds: the quickest quarter of the calls, because
    others use this machine."""

    place: str
    took: float
    plain: float


def _list_places() -> dict[str, list[str]]:
    sorts = [f"{direction}{name}" for name in orders.SORTS for direction in ("", "-")]
    lists = [f"/orders?size=200&show={shown}&sort={sort}" for sort in sorts for shown in orders.SHOWN]
    by_shop = [f"{place}&shop=1" for place in lists]
    queries = (
        "country=NL",
        "warnings=1",
        "q=Visser",
        "status=unfulfilled",
        "tag=gift",
        "from=2025-06-01&to=2025-06-30",
    )
    narrowed = [f"/orders?size=200&show=all&{query}" for query in queries]
    days = [
        "/",
        "/shipments",
        "/returns",
        "/import",
        "/pack/batches",
        "/pack/bins",
        "/settings/benches",
        "/orders/found",
    ]
    return {"list of 200": lists, "list of 200 of a shop": by_shop, "list of 200, narrowed": narrowed, "page": days}


def _time(reader: pages.Reader, place: str, calls: int) -> _Timed:
    took, plain = [], []
    for _ in range(calls):
        took.append(reader.fetch(place)[0])
        plain.append(reader.fetch(_PLAIN)[0])
    return _Timed(place, statistics.quantiles(took, n=4)[0], statistics.quantiles(plain, n=4)[0])


def _find_following(reader: pages.Reader, place: str) -> list[str]:
    """Find the page that follows a list's first one."""
    _, body = reader.fetch(place)
    found = [html.unescape(link.decode()) for link in _FOLLOWING.findall(body)]
    return found[-1:]


async def _ship_most(url: str) -> None:
    """Ship all but every twentieth order, as in a shop that has been at it for years."""
    db = Database(url)
    try:
        async with db.begin() as tx:
            await tx.allow_seconds(600)
            await tx.execute(_SHIP, {"account": _ACCOUNT})
        await counts.recount(db, _ACCOUNT)
        await counts.fold(db, _ACCOUNT)
    finally:
        await db.close()


def measure(database: str, url: str, folder: Path, options: argparse.Namespace) -> Iterator[Figure]:
    ids = servers.prepare(url, len(shelves.INTEGRATIONS))
    began = time.perf_counter()
    searches.fill(url, options.orders, ids)
    asyncio.run(_ship_most(url))
    print(f"{database}: filled with {options.orders:,} orders in {time.perf_counter() - began:.0f} s", flush=True)
    with servers.run_packhouse(url, folder / "page_times.log") as server, pages.reading(server, url) as reader:
        for _ in range(20):
            reader.fetch(_PLAIN)
        asked = _list_places()
        asked["list of 200"] += [more for place in asked["list of 200"] for more in _find_following(reader, place)]
        for name, places in asked.items():
            timed = [_time(reader, place, options.calls) for place in places]
            if options.verbose:
                for one in timed:
                    print(f"  {one.took:7.1f} ms, {one.took / one.plain:5.1f} times  {one.place[:100]}", flush=True)
            slow = max(timed, key=lambda one: one.took)
            about = f"{database}: {name}, slowest of {len(places)}: {slow.place[:60]}"
            yield Figure(about, "ms", [slow.took], asked=_ASKED)
            yield Figure(f"{database}: the same, by {_PLAIN}", "ms", [slow.took], [slow.plain])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.page_times", description="Pages over many orders.")
    parser.add_argument("--orders", type=int, default=50_000)
    parser.add_argument("--calls", type=int, default=12, help="of each page")
    parser.add_argument("--only", choices=["postgresql", "sqlite"])
    parser.add_argument("--folder", type=Path, help="on the disk to measure; this checkout's without it")
    parser.add_argument("--verbose", action="store_true", help="every page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.folder or Path.cwd()) as folder:
        show(list(searches.measure_on_both(measure, Path(folder), options)))


if __name__ == "__main__":
    main()
