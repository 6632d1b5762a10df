"""The worst that one request can do: seconds and memory that it takes, and how long a GET beside it waits.

The bodies are the worst that were found for each route; what is new and worse belongs here.
"""

import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import orjson

from bench import servers
from bench.report import Asked, Figure
from packhouse.kit.wire import validation

_LIMIT = 9_900_000
_SMALL = 990_000
_MEGABYTE = 1024 * 1024
_ITEM = b'{"name":"a","quantity":1,"total_price":{"value":1,"currency":"EUR"}}'


class Attack(NamedTuple):
    name: str
    method: str
    path: str
    body: Callable[[], bytes]


def _fill(head: bytes, part: bytes, tail: bytes, limit: int = _LIMIT) -> bytes:
    """As many parts, with commas between them, as the limit and what a body may hold allow."""
    most = validation.MAX_VALUES - 10 if part.isdigit() else validation.MAX_CONTAINERS - 10
    count = min(most, (limit - len(head) - len(tail)) // (len(part) + 1))
    return head + b",".join([part] * count) + tail


def _fill_keys(head: bytes, tail: bytes, limit: int = _LIMIT) -> bytes:
    """The same of keys that differ."""
    count = min(validation.MAX_VALUES - 10, (limit - len(head) - len(tail)) // 11)
    return head + b",".join(b'"%06x":1' % number for number in range(count)) + tail


def _order(number: int, items: bytes) -> bytes:
    return (
        b'{"order_id":"worst-%d","order_number":"%d","order_details":{"integration":{"id":1},"status":{"code":"open"},'
        b'"order_created_at":"2026-03-14T08:26:53Z","order_items":[%b]},'
        b'"payment_details":{"total_price":{"value":1,"currency":"EUR"},"status":{"code":"paid"}}}'
    ) % (number, number, items)


def _valid_batch() -> bytes:
    items = b",".join([_ITEM] * (_LIMIT // 100 // (len(_ITEM) + 1) - 5))
    return b"[" + b",".join(_order(number, items) for number in range(100)) + b"]"


def _bad_batch(item: bytes) -> bytes:
    items = b",".join([item] * 4_999)
    whole = _order(0, items)
    count = min(validation.MAX_CONTAINERS // 5_100, _LIMIT // (len(whole) + 20))
    return b"[" + b",".join(_order(number, items) for number in range(count)) + b"]"


_PARCELS = b'{"integration_id":1,"orders":[{"parcels":[{"parcel_items":['
_STATUSES = b'{"integration_id":1,"statuses":['
_RULE = b'{"name":"a","actions":{},'
_LOG = b'{"base_url":"a","request":{"payload":{'
_ITEMS = b'{"order_details":{"order_items":['
_ORDERS, _ASYNC = "/api/v3/orders", "/api/v3/orders/create-labels-async"
ATTACKS = [
    Attack("a valid batch", "POST", _ORDERS, _valid_batch),
    Attack("empty items", "POST", _ORDERS, lambda: _fill(b"[" + _ITEMS, b"{}", b"]}}]")),
    Attack("orders of bad items", "POST", _ORDERS, lambda: _bad_batch(b"{}")),
    Attack("orders whose last item is bad", "POST", _ORDERS, lambda: _valid_batch().replace(b"EUR", b"EU", -1)),
    Attack("unknown keys", "POST", _ORDERS, lambda: _fill_keys(b"[{", b"}]")),
    Attack("a free object", "POST", _ORDERS, lambda: _fill_keys(b"[" + _ITEMS + b'{"properties":{', b"}}]}}]")),
    Attack("orders", "POST", _ORDERS, lambda: _fill(b"[", b"{}", b"]")),
    Attack("tags", "POST", _ORDERS, lambda: _fill(b'[{"order_details":{"tags":[', b"1", b"]}}]")),
    Attack("nested lists", "POST", _ORDERS, lambda: b"[" * _LIMIT),
    Attack("U+0000", "POST", _ORDERS, lambda: b'[{"order_id":"' + rb"\u0000" * (_LIMIT // 7) + b'"}]'),
    Attack("digits", "POST", _ORDERS, lambda: b"[" + b"9" * _LIMIT + b"]"),
    Attack("empty items", "PATCH", f"{_ORDERS}/1", lambda: _fill(_ITEMS, b"{}", b"]}}")),
    Attack("unknown keys", "PATCH", f"{_ORDERS}/1", lambda: _fill_keys(b"{", b"}")),
    Attack("parcels", "POST", _ASYNC, lambda: _fill(_PARCELS, b"{}", b"]}]}]}", _SMALL)),
    Attack("statuses", "POST", "/api/v3/shop-order-statuses", lambda: _fill(_STATUSES, b"{}", b"]}", _SMALL)),
    Attack("a rule's keys", "POST", "/api/packhouse/shipping-rules", lambda: _fill_keys(_RULE, b"}", _SMALL)),
    Attack("a log's payload", "POST", "/api/v3/integrations/1/logs", lambda: _fill_keys(_LOG, b"}}}", _SMALL)),
]


def measure(folder: Path) -> Iterator[Figure]:
    """One row of each kind: the slowest, the largest and the longest wait of all of them, and which it was."""
    url = f"sqlite:///{folder / 'worst.db'}"
    servers.make_database(url)
    seconds, megabytes, waits = {}, {}, {}
    with servers.run_packhouse(url, folder / "worst.log") as server:
        _send(server.connect(), "POST", _ORDERS, b"[" + _order(0, _ITEM) + b"]")
        for attack in ATTACKS:
            name = f"{attack.method} of {attack.name}"
            seconds[name], megabytes[name], waits[name] = _attack(server, attack)
            print(f"  {name}: {seconds[name]:.2f} s, {megabytes[name]:.0f} MB, GET {waits[name] * 1000:.0f} ms")
    for what, unit, found, bound in (
        ("takes", "s", seconds, 1.0),
        ("adds to memory", "MB", megabytes, 200.0),
        ("lets a GET wait", "ms", {name: wait * 1000 for name, wait in waits.items()}, 250.0),
    ):
        worst = max(found, key=lambda name: found[name])
        yield Figure(f"worst request {what} ({worst})", unit, [found[worst]], (), Asked(bound, at_least=False))


def _attack(server: servers.Server, attack: Attack) -> tuple[float, float, float]:
    """Seconds, megabytes above what the server had before, and the longest that a GET beside it took."""
    body = attack.body()
    memory = Path(f"/proc/{server.process.pid}")
    memory.joinpath("clear_refs").write_text("5")  # the peak is counted from here
    before = _read_memory(memory, "VmRSS")
    ended = threading.Event()
    waits = [0.0]
    beside = threading.Thread(target=_get_until, args=(server, ended, waits))
    beside.start()
    began = time.perf_counter()
    _send(server.connect(), attack.method, attack.path, body)
    took = time.perf_counter() - began
    ended.set()
    beside.join()
    return took, _read_memory(memory, "VmHWM") - before, max(waits)


def _get_until(server: servers.Server, ended: threading.Event, waits: list[float]) -> None:
    connection = server.connect()
    while not ended.is_set():
        began = time.perf_counter()
        _send(connection, "GET", f"{_ORDERS}/1", b"")
        waits.append(time.perf_counter() - began)


def _send(connection: HTTPConnection, method: str, path: str, body: bytes) -> int:
    headers = {"Authorization": servers.AUTHORIZATION, "Content-Type": "application/json"}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status >= 500:
        raise RuntimeError(f"{method} {path} answered {answer.status}: {orjson.loads(content)}")
    return answer.status


def _read_memory(process: Path, name: str) -> float:
    """In megabytes."""
    for line in process.joinpath("status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / _MEGABYTE
    raise RuntimeError(f"The system does not tell {name}.")
