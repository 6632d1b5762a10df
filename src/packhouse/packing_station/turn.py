"""A scan at a bench while it is handled, and what comes of it."""

from datetime import datetime
from typing import Any, NamedTuple

from packhouse.accounts.schema import Caller
from packhouse.kit.db import Transaction
from packhouse.kit.messages import Message
from packhouse.packing_station import operations
from packhouse.packing_station.queries import Bench
from packhouse.shipping.setup.options import Options

GOOD, WRONG, ASK, DONE, QUIET = "good", "wrong", "ask", "done", "quiet"
"""How an outcome sounds and looks."""


class Scan(NamedTuple):
    """What a bench was told; `key` names this very scan, `is_typed` says that it came by hand."""

    text: str
    key: str
    is_typed: bool = False


class Outcome(NamedTuple):
    """`order_id` is that of the order whose label is to be made now."""

    tone: str
    words: Message
    order_id: int | None = None


class Turn(NamedTuple):
    """A scan and all that it is handled with."""

    tx: Transaction
    caller: Caller
    bench: Bench
    scan: Scan
    options: Options
    now: datetime

    @property
    def account_id(self) -> int:
        return self.caller.account_id

    async def record(self, order_id: int, action: str, **detail: Any) -> None:
        await operations.record(self.tx, self.caller, order_id, self.bench, action, now=self.now, **detail)
