"""What is pushed: batches of invented orders, and the requests that carry them."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from bench import load, servers
from packhouse.kit import clock
from packhouse.orders import demo

BATCH = 100


def make_batches(integration_id: int, seed: int = 0) -> Iterator[list[dict[str, Any]]]:
    """Endless, every order with a key of its own."""
    made = demo.make_orders(10**9, seed=seed, integration_ids=[integration_id], now=clock.now())
    while True:
        yield list(islice(made, BATCH))


def to_requests(batches: Sequence[list[dict[str, Any]]]) -> load.Requests:
    return load.to_posts([orjson.dumps(batch) for batch in batches])


def warm_up(server: servers.Server, source: Iterator[list[dict[str, Any]]]) -> None:
    """The first requests load tables and caches."""
    load.run(server, to_requests(list(islice(source, 2 * load.WRITERS))), load.WRITERS)
    load.settle(server)
