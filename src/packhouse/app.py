"""Composes the server: the database, the clock, the rooms' routes, the door around them."""

import asyncio
import hmac
import ipaddress
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from importlib.resources import files
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import ASGIApp

import packhouse
from packhouse import migrations, worker
from packhouse.accounts import api as accounts
from packhouse.accounts import openapi as accounts_openapi
from packhouse.accounts.failures import Failures
from packhouse.integrations import api as integrations
from packhouse.integrations import openapi as integrations_openapi
from packhouse.kit import clock, counters, errors, http, jobs, limits, logs, metrics, redis_counters, tracing
from packhouse.kit.db import Database, Tuning
from packhouse.kit.replica import Lists
from packhouse.orders import api as orders
from packhouse.orders import openapi as orders_openapi
from packhouse.settings import Settings
from packhouse.shipping import api as shipping
from packhouse.shipping import documents_api as documents
from packhouse.shipping import openapi as shipping_openapi
from packhouse.shipping import setup_api as setup
from packhouse.shipping.carriers import Carrier
from packhouse.web import pages
from packhouse.web.front import Front
from packhouse.webhooks import api as webhooks_api
from packhouse.webhooks import openapi as webhooks_openapi

system = APIRouter(tags=["Server"])

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
) -> ASGIApp:
    """With `works`, a worker runs inside and does the jobs."""
    house = _create_house(settings, now)
    db, meters = house.db, house.meters

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            await db.open()
        except errors.Unavailable as away:  # requests are answered so until it comes back
            _log.warning("unavailable", detail=away.faults[0].detail)
        sampling = asyncio.create_task(_sample(db, meters))
        async with AsyncExitStack() as stack:
            app.state.messenger = await stack.enter_async_context(worker.open_messenger(settings, db, now))
            if works:
                await stack.enter_async_context(worker.running(settings, db, now, carriers, door.is_busy))
            yield
        house.ledger.write_down()
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
    app.state.metrics_token = settings.metrics_token
    app.include_router(system)
    app.include_router(accounts.sign_in)
    for room in (orders, integrations, shipping, setup, webhooks_api):
        app.include_router(room.router)
        app.include_router(room.extensions)
    app.include_router(documents.router)
    app.include_router(accounts.extensions)
    _open_page(app, settings)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    door = http.Door(app, [*orders.SHORTCUTS, *shipping.SHORTCUTS], house)
    return tracing.Traced(door, tracing.find_provider()) if settings.tracing else door


def _create_house(settings: Settings, now: clock.Clock) -> http.House:
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
        limits.Limiter(create_counters(settings, db), limits.DOCUMENTED) if settings.rate_limits != "off" else None,
        settings.body_timeout_seconds,
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


def _open_page(app: FastAPI, settings: Settings) -> None:
    app.state.front = Front(timedelta(hours=settings.session_hours), settings.outside_images, settings.max_import_bytes)
    app.include_router(pages.router)


async def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        error = HTTPException(405, headers={"Allow": ", ".join(_find_methods(request))})
    if pages.is_for_people(request):
        return await pages.refuse(request, error)
    return http.to_response(request, error)


def _find_methods(request: Request) -> list[str]:
    """Of all routes at this path: the framework knows only those of the one that it met first."""
    found: set[str] = set()
    for path, operations in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path):
            found |= {method.upper() for method in operations}
    return sorted(found) or ["GET"]


@system.get("/health", summary="Is this process up, and does its database answer?")
async def get_health(request: Request) -> Response:
    """200 when both are well; 503 when the database is away or not at this version's schema."""
    try:
        revision = await migrations.find_revision(http.house(request).db)
    except errors.Unavailable as error:
        return http.json_response(_health("unavailable", error.faults[0].detail), status=503)
    if revision != migrations.HEAD:
        return http.json_response(_health("behind", f"at {revision}, not {migrations.HEAD}"), status=503)
    return http.json_response(_health("ok", None))


def _health(database: str, detail: str | None) -> dict[str, Any]:
    state = {"status": database} if detail is None else {"status": database, "detail": detail}
    overall = "ok" if database == "ok" else "unavailable"
    return {"status": overall, "version": packhouse.__version__, "database": state}


@system.get("/metrics", include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """To callers on this machine, and to those who bring the operator's token as a bearer."""
    if not _may_see_metrics(request):
        fault = errors.Fault("forbidden", "From another machine this needs the token of PACKHOUSE_METRICS_TOKEN.")
        raise errors.Forbidden(fault)
    house = http.house(request)
    house.ledger.write_down()
    readings = await _read_outbox(house)
    house.meters.sample_connections(*house.db.count_connections())
    return Response(house.meters.to_text(readings), media_type=metrics.CONTENT_TYPE)


async def _read_outbox(house: http.House) -> list[metrics.Reading]:
    """What only the database knows; where it does not answer, that is what is told."""
    about_up = "Whether the database answered just now."
    try:
        async with house.db.read() as tx:
            found = await jobs.find_backlog(tx, now=house.clock())
    except errors.Unavailable:
        return [metrics.Reading("database_up", about_up, None, {"": 0})]
    kinds = {**dict.fromkeys(worker.KINDS, jobs.NO_BACKLOG), **found}
    age = {kind: backlog.age.total_seconds() for kind, backlog in kinds.items()}
    overdue = {kind: backlog.overdue.total_seconds() for kind, backlog in kinds.items()}
    return [
        metrics.Reading("database_up", about_up, None, {"": 1}),
        metrics.Reading("outbox_jobs", "Jobs still to be done.", "kind", {k: b.jobs for k, b in kinds.items()}),
        metrics.Reading("outbox_oldest_age_seconds", "Since the oldest of them was written.", "kind", age),
        metrics.Reading("outbox_overdue_seconds", "How long the latest is past its time.", "kind", overdue),
    ]


def _may_see_metrics(request: Request) -> bool:
    """A caller without an IP address came by a socket of this machine or from this very process."""
    token = request.app.state.metrics_token
    if token is not None:
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {token.get_secret_value()}".encode())
    try:
        return request.client is None or ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return True


async def _sample(db: Database, meters: metrics.Meters) -> None:
    """What another process is asked for, this one must have told before."""
    while True:
        meters.sample_connections(*db.count_connections())
        await asyncio.sleep(1)


@system.get("/docs", include_in_schema=False)
async def get_docs(_request: Request) -> Response:
    return HTMLResponse(files("packhouse").joinpath("static", "docs.html").read_text("utf-8"))


@system.get("/static/{name}", include_in_schema=False)
async def get_static(request: Request) -> Response:
    folder = files("packhouse").joinpath("static")
    found = {entry.name: entry for entry in folder.iterdir()}.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return FileResponse(str(found), headers={"Cache-Control": "public, max-age=86400"})


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
        rooms = (accounts_openapi, orders_openapi, integrations_openapi, shipping_openapi, webhooks_openapi)
        shapes = {name: shape for room in rooms for name, shape in room.to_components().items()}
        components["schemas"] = {**shapes, **http.ERROR_SCHEMAS}
        components["securitySchemes"] = accounts_openapi.SECURITY_SCHEMES
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                operation["security"] = accounts_openapi.to_security(method, path)
        app.openapi_schema = document
    return app.openapi_schema
