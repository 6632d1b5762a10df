"""Which account a request to the sandbox's own routes means, and which requests of its journal."""

from typing import cast

from starlette.requests import Request

from packhouse.kit import errors
from packhouse.kit.messages import foreign
from packhouse.sandbox.bench import Bench
from packhouse.sandbox.clock import read_span
from packhouse.sandbox.faults import refuse
from packhouse.sandbox.journal import Wanted
from packhouse.sandbox.world import World

_LONGEST_WAIT_SECONDS = 30.0


def bench_of(request: Request) -> Bench:
    return cast("Bench", request.scope["packhouse.bench"])


async def world_of(request: Request) -> World:
    """The account that the query names, or whose key is sent; the first one where neither is. Raises NotFound,
    Unauthenticated, and Forbidden for a page of another site."""
    require_own_page(request)
    bench = bench_of(request)
    if name := request.query_params.get("account"):
        if name not in bench.worlds:
            raise errors.NotFound(foreign(f"There is no account {name!r}."))
        return bench.worlds[name]
    if "authorization" not in request.headers:
        return bench.main
    found = await bench.find_by_credentials(request.scope)
    if found is None:
        fault = errors.ErrorItem("authentication_failed", foreign("No account of the sandbox has this key."))
        raise errors.Unauthenticated(fault)
    return found


def require_own_page(request: Request) -> None:
    """A page that a browser shows elsewhere must not change what is here."""
    origin = request.headers.get("origin")
    if origin and origin.partition("://")[2] != request.headers.get("host"):
        raise errors.Forbidden(errors.ErrorItem("forbidden", foreign("This comes from a page of another site.")))


def read_wanted(request: Request) -> Wanted:
    """Which requests the query string asks for. Raises Invalid."""
    sent = request.query_params
    status = sent.get("status") or None
    if status is not None and not (status.isascii() and status.isdecimal() and len(status) == 3):
        raise refuse("A status has three digits.", parameter="status")
    method = sent.get("method") or None
    return Wanted(method and method.upper(), sent.get("path") or None, int(status) if status else None)


def read_number(request: Request, name: str, default: int = 0) -> int:
    """Raises Invalid."""
    text = request.query_params.get(name, "")
    if text and not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise refuse("This is no number.", parameter=name)
    return int(text) if text else default


def read_wait(request: Request) -> float:
    """For how many seconds the caller waits for news: `5` or `5s`, half a minute at most. Raises Invalid."""
    text = request.query_params.get("wait", "")
    if not text:
        return 0.0
    try:
        seconds = float(text) if text.isascii() and text.isdecimal() else read_span(text).total_seconds()
    except ValueError as error:
        raise refuse(str(error), parameter="wait") from None
    return min(seconds, _LONGEST_WAIT_SECONDS)
