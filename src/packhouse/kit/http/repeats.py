"""Calls that can be repeated with an `Idempotency-Key`: the only place that makes sure that they are done once.

A handler gives its work to `answer_once`. The work makes its changes in one `Call.write`, which returns either the
answer, stored in the same transaction, or what the call goes on with outside of it. A repeat of an unanswered call gets
that value again instead of running the transaction, so nothing is made twice.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar, cast

from starlette.requests import Request
from starlette.responses import Response

from packhouse.kit import errors, http
from packhouse.kit.db import Transaction
from packhouse.kit.http import idempotency
from packhouse.kit.http.idempotency import Answer, Claim, Once

T = TypeVar("T")


class Call:
    """A request, with its key or without one."""

    def __init__(self, ctx: http.HttpContext, once: Once | None) -> None:
        self._ctx = ctx
        self._once = once
        self.claim: Claim | None = None
        self.is_kept = False

    @property
    def has_key(self) -> bool:
        return self._once is not None

    async def look(self) -> Response | None:
        """Return the answer that the request got before. Raises KeyRefused."""
        if self._once is None:
            return None
        async with self._ctx.db.read() as tx:
            found = await idempotency.find(tx, self._once, now=self._ctx.clock())
        return _to_response(found) if isinstance(found, Answer) else None

    async def write(self, begin: Callable[[Transaction], Awaitable[T]]) -> T:
        """Return what `begin` returns: a response, or a value that can be written as JSON. `begin` may run several
        times, of which one counts. Raises _Answered if another request with the key was quicker, and KeyRefused."""
        once = self._once
        if once is None:
            return await self._ctx.db.write(begin)

        async def begin_once(tx: Transaction) -> tuple[T, Claim | None]:
            now = self._ctx.clock()
            found = await idempotency.find(tx, once, now=now)
            if isinstance(found, Answer):
                raise _Answered(found)
            made = cast("T", found.made) if found is not None else await begin(tx)
            if isinstance(made, Response):
                await idempotency.keep_answer(tx, once, _to_answer(made), now=now)
                return made, None
            return made, await idempotency.claim(tx, once, made, now=now)

        made, self.claim = await self._ctx.db.write(begin_once)
        self.is_kept = self.claim is None
        return made

    async def keep(self, response: Response) -> None:
        """Store the answer, unless the transaction of the work has done that."""
        once = self._once
        if once is None or self.is_kept:
            return

        async def end(tx: Transaction) -> None:
            if self.claim is not None:
                await idempotency.end_claim(tx, self.claim, _to_answer(response))
            elif await idempotency.find(tx, once, now=self._ctx.clock()) is None:
                await idempotency.keep_answer(tx, once, _to_answer(response), now=self._ctx.clock())

        with suppress(idempotency.KeyRefused):  # another request was quicker
            await self._ctx.db.write(end)

    async def release(self) -> None:
        """End the lease, so that a repeat need not wait for it. If that fails now, the lease ends by itself."""
        claim = self.claim
        if claim is not None:
            with suppress(errors.Unavailable):
                await self._ctx.db.write(lambda tx: idempotency.release(tx, claim))


class _Answered(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


async def answer_once(
    request: Request, account_id: int, body: bytes | None, work: Callable[[Call], Awaitable[Response]]
) -> Response:
    """Return the answer of `work`, or the one that the same request got before; a refusal counts as an answer. Without
    `body`, the call takes none, and whatever was sent is only compared."""
    operation = f"{request.method} {request.scope['path']}"
    if query := request.scope.get("query_string"):
        operation += f"?{query.decode('latin-1')}"
    sent = request.headers.get(idempotency.HEADER)
    if body is None:
        body = await http.read_whatever(request) if sent is not None else b""
    call = Call(http.context(request), idempotency.read(account_id, operation, sent, body))
    if (known := await call.look()) is not None:
        return known
    try:
        response = await work(call)
    except _Answered as quicker:
        return _to_response(quicker.answer)
    except errors.ApiError as refusal:
        if sent is None or not idempotency.is_kept(refusal):
            await call.release()
            raise
        response = http.to_response(request, refusal)
    except BaseException:
        await call.release()
        raise
    await call.keep(response)
    return response


def _to_answer(response: Response) -> Answer:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
    return Answer(response.status_code, bytes(response.body), headers)


def _to_response(answer: Answer) -> Response:
    headers = {name: value for name, value in answer.headers if name not in ("content-length", "content-type")}
    return http.json_response(answer.body, status=answer.status, headers=headers)
