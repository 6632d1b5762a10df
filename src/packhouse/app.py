"""Composes the server: the database, the clock, the rooms' routes, the door around them."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

import packhouse
from packhouse import ops, worker
from packhouse.accounts import api as accounts
from packhouse.accounts import openapi as accounts_openapi
from packhouse.accounts.failures import Failures
from packhouse.integrations import api as integrations
from packhouse.integrations import openapi as integrations_openapi
from packhouse.kit import clock, counters, errors, http, limits, logs, metrics, middleware, redis_counters, tracing
from packhouse.kit.db import Database, Tuning
from packhouse.kit.replica import Lists
from packhouse.orders import api as orders
from packhouse.orders import openapi as orders_openapi
from packhouse.privacy import api as privacy
from packhouse.privacy import openapi as privacy_openapi
from packhouse.settings import Settings
from packhouse.shipping import api as shipping
from packhouse.shipping import documents_api as documents
from packhouse.shipping import openapi as shipping_openapi
from packhouse.shipping import setup_api as setup
from packhouse.shipping.carriers import Carrier
from packhouse.web import pages, visitors
from packhouse.web.front import Front
from packhouse.webhooks import api as webhooks_api
from packhouse.webhooks import openapi as webhooks_openapi

_API = "/api/v3/"
_log = structlog.get_logger()


def create_database(settings: Settings, url: str | None = None) -> Database:
    """The one that is written to, or the one at `url`. Raises DatabaseUrlError."""
    tuning = Tuning(
        settings.lock_timeout_seconds,
        settings.statement_timeout_seconds,
        settings.pool_size,
        settings.prepared_statements,
    )
    return Database(url or settings.database_url, tuning)


def create_app(
    settings: Settings,
    *,
    now: clock.Clock = clock.now,
    works: bool = False,
    carriers: Sequence[Carrier] | None = None,
    policies: dict[str, limits.Policy] = limits.DOCUMENTED,
) -> ASGIApp:
    """With `works`, a worker runs inside and does the jobs. `policies` hold where rate limits are on."""
    house = _create_house(settings, now, policies)
    db, meters = house.db, house.meters

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        try:
            await db.open()
        except errors.Unavailable as away:  # requests are answered so until it comes back
            _log.warning("unavailable", detail=away.faults[0].detail)
        sampling = asyncio.create_task(_sample(db, meters))
        async with AsyncExitStack() as stack:
            app.state.messenger = await stack.enter_async_context(worker.open_messenger(settings, db, now))
            if works:
                await stack.enter_async_context(worker.running(settings, db, now, carriers, door.is_busy))
            yield {"stopping": house.stopping}  # where `kit.protocol` finds it
        house.access_log.flush()
        await app.state.failures.close()
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
        if house.limits is not None:
            await house.limits.close()
        await house.lists.close()
        await db.close()

    app = FastAPI(
        title="Packhouse",
        version=packhouse.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={Exception: _refuse, errors.Refusal: _refuse, HTTPException: _refuse},
    )
    app.state.failures = Failures(db, now)
    app.state.desk = worker.create_desk(settings, db, now, carriers)
    app.state.health = ops.Health(db)
    app.state.metrics_token = settings.metrics_token
    app.include_router(ops.router)
    app.include_router(accounts.sign_in)
    for room in (orders, integrations, shipping, setup, webhooks_api):
        app.include_router(room.router)
        app.include_router(room.extensions)
    app.include_router(documents.router)
    app.include_router(accounts.extensions)
    app.include_router(privacy.extensions)
    _open_page(app, settings, db)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    door = middleware.ServerMiddleware(app, [*orders.SHORTCUTS, *shipping.SHORTCUTS], house)
    return tracing.Traced(door, tracing.find_provider()) if settings.tracing else door


def _create_house(settings: Settings, now: clock.Clock, policies: dict[str, limits.Policy]) -> http.House:
    db = create_database(settings)
    return http.House(
        db,
        now,
        settings.profile,
        settings.partner_ids,
        settings.public_url,
        settings.max_body_bytes,
        metrics.Meters(orders.COUNTED),
        Lists(db, create_database(settings, url) if (url := settings.read_database_url) else None),
        limits.Limiter(create_counters(settings, db), policies) if settings.rate_limits != "off" else None,
        settings.body_timeout_seconds,
        settings.body_total_timeout_seconds,
    )


def create_counters(settings: Settings, db: Database) -> counters.Counters:
    """Of the rate limits. Raises RedisUrlError."""
    found = counters.create_counters(db)
    if settings.redis_url is None:
        return found
    url = settings.redis_url.get_secret_value()
    return redis_counters.RedisCounters(url, found, timeout_seconds=settings.redis_timeout_seconds)


def create_app_from_environment(*, works: bool = True) -> ASGIApp:
    """What each server process calls."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    return create_app(settings, works=works)


def create_app_without_worker() -> ASGIApp:
    return create_app_from_environment(works=False)


def _open_page(app: FastAPI, settings: Settings, db: Database) -> None:
    app.state.front = Front(
        timedelta(hours=settings.session_hours),
        settings.outside_images,
        settings.max_import_bytes,
        worker.open_vault(settings, db),
        settings.smtp_url is not None,
    )
    app.include_router(pages.router)


async def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        error = HTTPException(405, headers={"Allow": ", ".join(_find_methods(request))})
    if pages.is_for_people(request):
        return await pages.refuse(request, error)
    is_nowhere = isinstance(error, HTTPException | visitors.SignInNeeded)
    if is_nowhere and (path := _find_api_path(request)) is not None:
        fault = errors.Fault("not_found", f"There is no API at this path. It is at {path}.", title="Not found")
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
    routes = iter_route_contexts(request.app.routes)
    is_known = any(route.path.startswith(_API) and route.path_regex.fullmatch(meant) for route in routes)
    return meant if is_known else None


def _find_methods(request: Request) -> list[str]:
    """Of the routes at this very path: where one names it literally, those that match it by a pattern say nothing."""
    path = request.scope["path"]
    matching = [route for route in iter_route_contexts(request.app.routes) if route.path_regex.fullmatch(path)]
    fewest = min((len(route.param_convertors) for route in matching), default=0)
    found = {method for route in matching if len(route.param_convertors) == fewest for method in route.methods or ()}
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


async def _sample(db: Database, meters: metrics.Meters) -> None:
    """What another process is asked for, this one must have told before."""
    while True:
        meters.sample_connections(*db.count_connections())
        await asyncio.sleep(1)


def _describe(app: FastAPI) -> dict[str, Any]:
    """The document is made once: nothing in it depends on who asks."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="Packhouse",
            version=packhouse.__version__,
            summary="An order service, compatible with the Sendcloud Orders API v3.",
            routes=app.routes,
        )
        components = document.setdefault("components", {})
        rooms = (
            accounts_openapi,
            orders_openapi,
            integrations_openapi,
            shipping_openapi,
            webhooks_openapi,
            privacy_openapi,
        )
        shapes = {name: shape for room in rooms for name, shape in room.to_components().items()}
        components["schemas"] = {**shapes, **http.ERROR_SCHEMAS}
        components["securitySchemes"] = accounts_openapi.SECURITY_SCHEMES
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                operation["security"] = accounts_openapi.to_security(method, path)
        app.openapi_schema = document
    return app.openapi_schema
