"""The jobs "webhook.deliver" and "webhook.deliver_slowly": tell one receiver what it has not heard yet.

There is one such job in hand for a receiver at a time (its lane). A receiver that takes long to answer gets jobs of the
second kind from then on, which have slots and sockets of their own: however many of these there are, nobody else waits
for them. What a receiver is told is read, sent outside of any transaction, and the answers are written down together: a
worker that is killed between leaves deliveries that are sent again under the same ids.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

import packhouse
from packhouse.context import Context
from packhouse.kit import jobs
from packhouse.kit.db import Transaction
from packhouse.kit.jobs import Job
from packhouse.webhooks import keys, operations, outcomes, queries, schema, signing
from packhouse.webhooks.keys import Keys
from packhouse.webhooks.outcomes import Attempt, RetryPolicy
from packhouse.webhooks.queries import ConnectionRow, DeliveryRow
from packhouse.webhooks.sender import Answer

_BATCH = 100
# How many attempts at a receiver are under way before it has answered one; each answer makes room for one more.
_FIRST_SOCKETS = 2
_TEST_ID = "msg_test"


async def deliver(ctx: Context, job: Job) -> None:
    """Raises Reschedule where something is left for another turn or another time."""
    account_id, connection_id = job.account_id, job.payload["connection_id"]
    receiver = await _tell(ctx, job)
    if receiver is None:
        await ctx.db.write(lambda tx: operations.give_up(tx, account_id, connection_id))
        return
    if receiver.paused_at is not None:
        await _sweep(ctx, receiver)
    async with ctx.db.read() as tx:
        next_due = await queries.find_next_due(tx, account_id, connection_id)
    if next_due is not None:
        raise jobs.Reschedule(next_due, fresh=True, kind=_to_kind(receiver))


async def _tell(ctx: Context, job: Job) -> ConnectionRow | None:
    """Until the receiver has heard what is due; its row then, None for one that was deleted. Raises Reschedule at the
    end of its turn."""
    account_id, connection_id = job.account_id, job.payload["connection_id"]
    turn = ctx.retry_policy.turn
    if job.kind == operations.SLOW_JOB:  # there may be many for each slot
        turn /= 4
    end = time.monotonic() + turn.total_seconds()
    attempts: list[Attempt] = []
    while True:

        async def work(tx: Transaction) -> None:
            await jobs.finish_lane(tx, job)
            await outcomes.bring_back(tx, account_id, connection_id, now=ctx.clock())
            if attempts:
                await outcomes.write_down(tx, ctx.retry_policy, ctx.append_log, attempts, now=ctx.clock())

        await ctx.db.write(work)
        async with ctx.db.read() as tx:
            receiver = await queries.find_connection(tx, account_id, connection_id)
            due = await queries.find_due(tx, account_id, connection_id, _BATCH, now=ctx.clock())
        if receiver is None or not due:
            return receiver
        if time.monotonic() > end or _to_kind(receiver) != job.kind:
            raise jobs.Reschedule(ctx.clock(), fresh=True, kind=_to_kind(receiver))
        attempts = await _send_all(ctx, receiver, await _find_secrets(ctx, receiver), due, end)


def _to_kind(receiver: ConnectionRow) -> str:
    return operations.to_job(is_slow=receiver.slow_since is not None)


async def _sweep(ctx: Context, receiver: ConnectionRow) -> None:
    """A receiver that nobody resumes must not fill the database. Raises Reschedule while it is paused: to sweep
    again."""
    now, policy = ctx.clock(), ctx.retry_policy
    pruned = 1
    while pruned:
        pruned = await ctx.db.write(lambda tx: outcomes.prune(tx, receiver.account_id, receiver.id, now - policy.keep))
    raise jobs.Reschedule(now + policy.find_sweep(), fresh=True)


async def _find_secrets(ctx: Context, receiver: ConnectionRow) -> dict[str, Any]:
    """With a signing key: the webhook of an integration that was made without one gets it at its first event."""
    secrets = keys.open_secrets(ctx.encryptor, receiver)
    if "signing_key" not in secrets:

        async def work(tx: Transaction) -> ConnectionRow | None:
            row = await queries.find_connection(tx, receiver.account_id, receiver.id)
            if row is not None:
                await keys.keep(tx, ctx.encryptor, row, now=ctx.clock())
                row = await queries.find_connection(tx, row.account_id, row.id)
            return row

        row = await ctx.db.write(work)
        secrets = keys.open_secrets(ctx.encryptor, row or receiver)
    return secrets


async def _send_all(
    ctx: Context, receiver: ConnectionRow, secrets: dict[str, Any], due: Sequence[DeliveryRow], end: float
) -> list[Attempt]:
    """What is not begun by `end` waits, and so does the rest for a receiver that turns out to be slow."""
    url, headers = to_request(orjson.loads(receiver.configuration), secrets)
    is_slow = receiver.slow_since is not None

    async def send(delivery: Any) -> Attempt | None:
        async with ctx.sender.sockets.taken(is_slow=is_slow, seconds=end - time.monotonic()) as has_socket:
            if not has_socket:
                return None
            at = ctx.clock()
            id = queries.to_message_id(delivery.id)
            live = keys.find_keys(secrets, receiver, at)
            own = to_headers(id, delivery.body, delivery.attempts + 1, headers, live, at)
            return Attempt(delivery, await ctx.sender.post(url, own, delivery.body.encode()), at)

    return await _Round(due, send, ctx.retry_policy, end, is_slow=is_slow).run()


class _Round:
    """Deliveries of one subject are sent one after the other, different subjects side by side: few before the receiver
    has answered, so that hanging ones hold few sockets, and then up to what one receiver is given."""

    def __init__(
        self,
        due: Sequence[DeliveryRow],
        send: Callable[[Any], Awaitable[Attempt | None]],
        policy: RetryPolicy,
        end: float,
        *,
        is_slow: bool,
    ) -> None:
        lines: dict[str, list[DeliveryRow]] = {}
        for delivery in due:
            lines.setdefault(delivery.subject, []).append(delivery)
        self._waiting = list(reversed(lines.values()))
        self._send = send
        self._policy = policy
        self._end = end
        self._is_slow = is_slow
        self._made: list[Attempt] = []
        self._width = 0

    async def run(self) -> list[Attempt]:
        async with asyncio.TaskGroup() as group:
            for _ in range(_FIRST_SOCKETS):
                self._widen(group)
        return self._made

    def _widen(self, group: asyncio.TaskGroup) -> None:
        if self._waiting and self._width < self._policy.concurrency:
            self._width += 1
            group.create_task(self._work(group, self._waiting.pop()))

    async def _work(self, group: asyncio.TaskGroup, line: Sequence[DeliveryRow]) -> None:
        while line:
            for delivery in line:
                attempt = None if time.monotonic() > self._end else await self._send(delivery)
                if attempt is None:
                    return
                self._made.append(attempt)
                if self._policy.is_slow(attempt.answer) and not self._is_slow:
                    self._end = 0.0
                elif attempt.answer.error is None:
                    self._widen(group)
            line = self._waiting.pop() if self._waiting else ()


async def broadcast(ctx: Context, receiver: ConnectionRow, event_type: str) -> Answer:
    """An invented event, sent now and once; it is no delivery and leaves no trace."""
    now = ctx.clock()
    secrets = await _find_secrets(ctx, receiver)
    url, headers = to_request(orjson.loads(receiver.configuration), secrets)
    told = {"event_type": event_type, "timestamp": int(now.timestamp() * 1000), "data": schema.EXAMPLES[event_type]}
    body = signing.to_body({"id": _TEST_ID, **told})
    own = to_headers(_TEST_ID, body, 1, headers, keys.find_keys(secrets, receiver, now), now)
    return await ctx.sender.post(url, own, body.encode())


class Headers(NamedTuple):
    fixed: dict[str, str]
    by_standard: bool


def to_request(configuration: dict[str, Any], secrets: dict[str, Any]) -> tuple[str, Headers]:
    """The URL, and the headers that are the same for every event."""
    fixed = {
        "Content-Type": "application/json",
        "User-Agent": f"Packhouse/{packhouse.__version__}",
        "Accept-Encoding": "identity",
        **secrets.get("headers", {}),
    }
    authentication = configuration.get("authentication", {"type": "none"})
    hidden = secrets.get("authentication", {})
    if authentication["type"] == "bearer":
        fixed["Authorization"] = f"Bearer {hidden['token']}"
    elif authentication["type"] == "basic":
        fixed["Authorization"] = signing.to_basic(authentication["username"], hidden["password"])
    elif authentication["type"] == "api_key":
        fixed[authentication.get("header", "X-API-Key")] = hidden["key"]
    return configuration["url"], Headers(fixed, bool(configuration.get("standard_webhooks")))


def to_headers(id: str, body: str, attempt: int, headers: Headers, live: Keys, at: datetime) -> dict[str, str]:
    """Return the headers of one attempt."""
    exact, seconds = body.encode(), int(at.timestamp())
    signed = {
        signing.HEADER: signing.sign(live.current, exact),
        "Packhouse-Delivery": id,
        "Packhouse-Timestamp": str(seconds),
        "Packhouse-Attempt": str(attempt),
    }
    if headers.by_standard:
        signed |= signing.sign_by_standard(live.to_list(), id, seconds, exact)
    return {**headers.fixed, **signed}
