"""What an operator asks of a running server: is it well, what are its figures; and the API explained to people."""

import asyncio
import hmac
import time
from importlib.resources import files
from typing import Any, NamedTuple, cast

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

import packhouse
from packhouse import migrations, worker
from packhouse.kit import errors, http, jobs, metrics
from packhouse.kit.db import Database
from packhouse.orders import search
from packhouse.web import rendering

router = APIRouter(tags=["Server"])

_HEALTH_SECONDS = 0.25


class HealthReport(NamedTuple):
    """What the database said of itself: `ok`, `behind`, `newer` or `unavailable`, and why."""

    database: str
    detail: str | None

    def to_wire(self) -> dict[str, Any]:
        state = {"status": self.database} if self.detail is None else {"status": self.database, "detail": self.detail}
        overall = "ok" if self.database == "ok" else "unavailable"
        return {"status": overall, "version": packhouse.__version__, "database": state}


class Health:
    """Looks at the database at most four times a second, whoever asks: so that asking often does not make it ill."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._report: HealthReport | None = None
        self._looked_at = 0.0
        self._looking: asyncio.Task[HealthReport] | None = None

    async def report(self) -> HealthReport:
        if self._report is not None and time.monotonic() - self._looked_at < _HEALTH_SECONDS:
            return self._report
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> HealthReport:
        try:
            self._report = await self._ask()
        finally:
            self._looked_at = time.monotonic()
            self._looking = None
        return self._report

    async def _ask(self) -> HealthReport:
        try:
            revision = await migrations.find_revision(self._db)
        except errors.Busy as busy:  # our own connections are all in use: that says nothing of the database
            return self._report or HealthReport("ok", busy.faults[0].detail)
        except errors.Unavailable as away:
            return HealthReport("unavailable", away.faults[0].detail)
        why = migrations.explain(revision)
        if why is None:
            return HealthReport("ok", None)
        return HealthReport("behind" if migrations.is_known(revision) else "newer", why)


@router.get("/health", summary="Is this process up, and does its database answer?")
async def get_health(request: Request) -> Response:
    """200 when both are well; 503 when the database is away or not at this version's schema."""
    report = await cast("Health", request.app.state.health).report()
    return http.json_response(report.to_wire(), status=200 if report.database == "ok" else 503)


@router.get("/metrics", include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """To callers on this machine, and to those who bring the operator's token as a bearer."""
    if not _may_see_metrics(request):
        fault = errors.Fault("forbidden", "From another machine this needs the token of PACKHOUSE_METRICS_TOKEN.")
        raise errors.Forbidden(fault)
    house = http.house(request)
    house.access_log.flush()
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
    about_search = "How far the index behind search is behind: since the oldest change that is not in it was made."
    kinds = {**dict.fromkeys(worker.KINDS, jobs.NO_BACKLOG), **found}
    age = {kind: backlog.age.total_seconds() for kind, backlog in kinds.items()}
    overdue = {kind: backlog.overdue.total_seconds() for kind, backlog in kinds.items()}
    return [
        metrics.Reading("database_up", about_up, None, {"": 1}),
        metrics.Reading("outbox_jobs", "Jobs still to be done.", "kind", {k: b.jobs for k, b in kinds.items()}),
        metrics.Reading("outbox_oldest_age_seconds", "Since the oldest of them was written.", "kind", age),
        metrics.Reading("search_lag_seconds", about_search, None, {"": age[search.JOB]}),
        metrics.Reading("outbox_overdue_seconds", "How long the latest is past its time.", "kind", overdue),
    ]


def _may_see_metrics(request: Request) -> bool:
    token = request.app.state.metrics_token
    if token is not None:
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {token.get_secret_value()}".encode())
    return http.is_from_this_machine(request)


@router.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> Response:
    text = files("packhouse").joinpath("static", "docs.html").read_text("utf-8")
    return HTMLResponse(text, headers=rendering.headers(request))


@router.get("/static/{name}", include_in_schema=False)
async def get_static(request: Request) -> Response:
    folder = files("packhouse").joinpath("static")
    found = {entry.name: entry for entry in folder.iterdir()}.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return FileResponse(str(found), headers={"Cache-Control": "public, max-age=86400"})
