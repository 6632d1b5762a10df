"""Puts the server together: its context, the table of routes, and what surrounds them."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import cache
from typing import Any

import orjson
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from packhouse import bootstrap, document, ops, worker
from packhouse.accounts import api as accounts
from packhouse.carriers import Carrier
from packhouse.context import Context
from packhouse.integrations import api as integrations
from packhouse.kit import clock, errors, http, logs, tracing
from packhouse.kit.http import limits, middleware
from packhouse.kit.http.routing import Route, Router
from packhouse.kit.messages import message
from packhouse.orders import api as orders
from packhouse.packing_station import api as packing_station
from packhouse.privacy import api as privacy
from packhouse.settings import Settings
from packhouse.shipping import addresses_api as addresses
from packhouse.shipping import api as shipping
from packhouse.shipping import contracts_api as contracts
from packhouse.shipping import documents_api as documents
from packhouse.shipping import options_api as options
from packhouse.shipping import parcels_api as parcels
from packhouse.shipping import setup_api as setup
from packhouse.shipping import validate_api as validation
from packhouse.shipping.direct import api as direct
from packhouse.shipping.following import api as following
from packhouse.shipping.rates import api as rates
from packhouse.shipping.returns import api as returns
from packhouse.shipping.service_points import api as service_points
from packhouse.web import pages
from packhouse.web.frame import web_users
from packhouse.webhooks import api as webhooks
from packhouse.webhooks.sender import Sender

_API, _OLD_API = "/api/v3/", "/api/v2/"
_log = structlog.get_logger()

_SHIPPING = (
    shipping, direct, returns, documents, setup, addresses, contracts, options, rates, validation, parcels, following,
    service_points,
)  # fmt: skip
_PACKAGES = (orders, *_SHIPPING, integrations, webhooks, privacy, accounts, packing_station, ops, pages)


@cache
def _to_document() -> bytes:
    """The document is made once: nothing in it depends on who asks."""
    return orjson.dumps(document.describe(ROUTES))


async def get_openapi(_request: Request) -> Response:
    return http.json_response(_to_document())


ROUTES = (
    *(route for package in _PACKAGES for route in package.ROUTES),
    Route("GET", "/openapi.json", get_openapi),
)
ROUTER = Router(ROUTES)


def create_app(
    settings: Settings,
    *,
    now: clock.Clock = clock.now,
    works: bool = False,
    carriers: Sequence[Carrier] | None = None,
    policies: dict[str, limits.Policy] = limits.DOCUMENTED,
    sender: Sender | None = None,
) -> ASGIApp:
    """With `works`, a worker runs inside and does the jobs. `policies` hold where rate limits are on; `sender` sends
    events to their receivers."""
    ctx = bootstrap.create_context(settings, now=now, carriers=carriers, policies=policies, sender=sender)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        try:
            await ctx.db.open()
        except errors.Unavailable as away:  # requests are answered so until it comes back
            _log.warning("unavailable", detail=away.faults[0].detail)
        sampling = asyncio.create_task(_sample(ctx))
        async with AsyncExitStack() as stack:
            if works:
                await stack.enter_async_context(worker.running(ctx, server.is_busy))
            yield {"stopping": ctx.stopping}  # where `kit.protocol` finds it
        ctx.access_log.flush()
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
        await bootstrap.close(ctx)

    server = middleware.ServerMiddleware(Starlette(lifespan=lifespan), ROUTER, _refuse, ctx)
    return tracing.Traced(server, tracing.find_provider()) if settings.tracing else server


def create_app_from_environment(*, works: bool = True) -> ASGIApp:
    """What each server process calls."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    return create_app(settings, works=works)


def create_app_without_worker() -> ASGIApp:
    return create_app_from_environment(works=False)


async def _refuse(request: Request, error: Exception) -> Response:
    if pages.is_for_people(request):
        return await pages.refuse(request, error)
    if isinstance(error, HTTPException) and request.scope["path"].startswith(_OLD_API):
        error = HTTPException(404)  # whatever else version 2 has at a path is not here
    is_nowhere = isinstance(error, HTTPException | web_users.SignInNeeded)
    if is_nowhere and (path := _find_api_path(request)) is not None:
        fault = errors.not_found(message("There is no API at this path. It is at {path}.", path=path))
        error = errors.NotFound(fault)
    return http.to_response(request, error)


_PREFIX = re.compile(r"/(api/)?(v[0-9]+/)?")


def _find_api_path(request: Request) -> str | None:
    """The path that a program means which left out /api/v3, or wrote another version. The page's own scripts, whose
    requests bring a cookie, mean the path that they ask for."""
    path = request.scope["path"]
    if path.startswith(_API) or request.cookies:
        return None
    meant = _API + _PREFIX.sub("", path, count=1)
    return meant if ROUTER.knows(meant) else None


async def _sample(ctx: Context) -> None:
    """What another process is asked for, this one must have told before."""
    while True:
        ctx.metrics.sample_connections(*ctx.db.count_connections())
        await asyncio.sleep(1)
