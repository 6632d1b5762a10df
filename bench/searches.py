"""`python -m bench.searches [--orders N] [--calls N] [--only NAME] [--folder PATH]`: what people search for on the page
over a full table, beside the plain page of the same minute (docs/benchmarks.md). Speed is a figure, not a test.
"""

import argparse
import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
import orjson
from tests import servers as postgres

from bench import pages, servers, shelves
from bench.report import Asked, Figure, show
from packhouse.kit import clock
from packhouse.orders import search
from packhouse.orders.tables import order_terms, orders

_COLUMNS = [column.name for column in orders.columns]
_TERM_COLUMNS = [column.name for column in order_terms.columns]
_CHUNK = 200_000
_ASKED = Asked(20, at_least=False)


def _words(order: Mapping[str, Any]) -> list[str]:
    return str(order["shipping_address"]["name"]).split()


def _beginning(order: Mapping[str, Any]) -> str:
    return _words(order)[-1][:3]


def _mistype(word: str) -> str:
    return f"{word[:2]}q{word[3:]}"


# What is typed to find an order, and the list's filters that are looked up as search is.
SEARCHES: dict[str, Callable[[Mapping[str, Any]], Mapping[str, str]]] = {
    "order number": lambda order: {"q": order["order_number"]},
    "order id": lambda order: {"q": order["order_id"]},
    "name": lambda order: {"q": order["shipping_address"]["name"]},
    "last name": lambda order: {"q": _words(order)[-1]},
    "e-mail": lambda order: {"q": order["customer_details"]["email"]},
    "postal code": lambda order: {"q": order["shipping_address"]["postal_code"]},
    "SKU": lambda order: {"q": order["order_details"]["order_items"][0]["sku"]},
    "beginning of a word": lambda order: {"q": _beginning(order)},
    "city": lambda order: {"q": order["shipping_address"]["city"]},
    "street and number": lambda order: {
        "q": f"{order['shipping_address']['address_line_1']} {order['shipping_address'].get('house_number') or ''}"
    },
    "product": lambda order: {"q": order["order_details"]["order_items"][0]["name"]},
    "telephone": lambda order: {"q": order["shipping_address"].get("phone_number") or "06-12345678"},
    "number without its prefix": lambda order: {"q": order["order_number"].lstrip("N-#")},
    "a wrong letter": lambda order: {"q": _mistype(_words(order)[-1])},
    "a wrong letter and a city": lambda order: {
        "q": f"{_mistype(_words(order)[-1])} {order['shipping_address']['city']}"
    },
    "two words": lambda order: {"q": f"{_words(order)[0]} {_beginning(order)}"},
    "beginning of a number": lambda order: {"q": order["order_number"][:5]},
    "nothing like it": lambda order: {"q": f"zzz{order['order_number']}"},
    "country": lambda order: {"country": order["shipping_address"]["country_code"]},
    "country and a word": lambda order: {"country": order["shipping_address"]["country_code"], "q": _words(order)[-1]},
    "warnings": lambda _order: {"warnings": "1"},
}


def make_terms(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Rows of the table `order_terms` for those of `orders`, as the worker would have written them."""
    for row in rows:
        order = dict(zip(_COLUMNS, row, strict=True))
        for term in search.to_terms(orjson.loads(order["document"]), "NL"):
            yield (order["account_id"], term, order["order_created_at"], order["id"])


def fill(url: str, count: int, ids: Sequence[int]) -> None:
    """Orders and their terms."""
    asyncio.run(shelves.fill(url, count, 1, ids))
    terms = make_terms(shelves.make_rows(count, 1, ids))
    if url.startswith("sqlite"):
        _fill_sqlite(url.removeprefix("sqlite:///"), terms)
    else:
        asyncio.run(_fill_postgres(url, terms))


def _fill_sqlite(path: str, terms: Iterator[tuple[Any, ...]]) -> None:
    """Sorted before they are written, or each would be put into its own place of the tree."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("synchronous = OFF", "temp_store = FILE", "cache_size = -500000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("DROP INDEX ix_order_terms_id")
        connection.execute("CREATE TEMP TABLE filled (account_id, term, placed_at, id)")
        connection.execute("BEGIN")
        while chunk := [(a, t, _plain(p), i) for a, t, p, i in islice(terms, _CHUNK)]:
            connection.executemany("INSERT INTO filled VALUES (?, ?, ?, ?)", chunk)
        connection.execute("INSERT INTO order_terms SELECT * FROM filled ORDER BY term, placed_at, id")
        connection.execute("CREATE INDEX ix_order_terms_id ON order_terms (account_id, id)")
        connection.execute("COMMIT")


async def _fill_postgres(url: str, terms: Iterator[tuple[Any, ...]]) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("DROP INDEX ix_order_terms_id")
    await connection.execute("ALTER TABLE order_terms DROP CONSTRAINT pk_order_terms")
    while chunk := list(islice(terms, _CHUNK)):
        await connection.copy_records_to_table("order_terms", records=chunk, columns=_TERM_COLUMNS)
    key = "PRIMARY KEY (account_id, term, placed_at, id)"
    await connection.execute(f"ALTER TABLE order_terms ADD CONSTRAINT pk_order_terms {key}")
    await connection.execute("CREATE INDEX ix_order_terms_id ON order_terms (account_id, id)")
    await connection.execute("VACUUM ANALYZE order_terms")
    await connection.close()


def _plain(value: Any) -> Any:
    return clock.to_wire(value) if isinstance(value, datetime) else value


def measure(database: str, url: str, folder: Path, options: argparse.Namespace) -> Iterator[Figure]:
    ids = servers.prepare(url, len(shelves.INTEGRATIONS))
    began = time.perf_counter()
    fill(url, options.orders, ids)
    print(f"{database}: filled with {options.orders:,} orders in {time.perf_counter() - began:.0f} s", flush=True)
    drawn = list(_draw(options.orders, ids))
    with servers.run_packhouse(url, folder / "searches.log") as server, pages.reading(server, url) as reader:
        for _ in range(20):
            reader.fetch("/orders")
        for name, to_query in SEARCHES.items():
            dice = random.Random(5)
            took, plain = [], []
            for _ in range(options.calls):
                query = urlencode(to_query(dice.choice(drawn)))
                took.append(reader.fetch(f"/orders?{query}")[0])
                plain.append(reader.fetch("/orders")[0])
            yield Figure(
                f"{database}: {name}, p50", "ms", [statistics.median(took)], [statistics.median(plain)], _ASKED
            )


def _draw(count: int, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Some of the table's orders, those that have all that is searched for."""
    for row in islice(shelves.make_rows(count, 1, ids), 0, 20_000, 37):
        order: dict[str, Any] = orjson.loads(row[_COLUMNS.index("document")])
        items = order["order_details"]["order_items"]
        if order.get("shipping_address") and (order.get("customer_details") or {}).get("email") and items[0].get("sku"):
            yield order


def measure_on_both(
    measure: Callable[[str, str, Path, argparse.Namespace], Iterator[Figure]], folder: Path, options: argparse.Namespace
) -> Iterator[Figure]:
    """What `measure` finds on a PostgreSQL of its own and on SQLite, or on the one that is asked for."""
    if options.only in (None, "postgresql"):
        with ExitStack() as stack:
            server = stack.enter_context(postgres.run_postgres(folder))
            name = postgres.new_database_name()
            postgres.execute(server, f'CREATE DATABASE "{name}"')
            yield from measure("PostgreSQL", postgres.with_name(server, name), folder, options)
    if options.only in (None, "sqlite"):
        yield from measure("SQLite", f"sqlite:///{folder / 'bench.db'}", folder, options)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.searches", description="Searches over a million orders.")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=100, help="of each search")
    parser.add_argument("--only", choices=["postgresql", "sqlite"])
    parser.add_argument("--folder", type=Path, help="on the disk to measure; this checkout's without it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.folder or Path.cwd()) as folder:
        show(list(measure_on_both(measure, Path(folder), options)))


if __name__ == "__main__":
    main()
