"""What an operator needs of a running server: its health, its metrics, and the documentation of the API."""

import hmac
from importlib.resources import files
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from packhouse import context, worker
from packhouse.context import Context
from packhouse.kit import errors, http, jobs, metrics
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import openapi
from packhouse.orders import profile, search
from packhouse.web.frame import rendering

_STATE = openapi.shape(status={"type": "string"})
_HEALTH: dict[str, Any] = {
    "responses": {
        str(status): openapi.answer(
            openapi.shape(status={"type": "string"}, version={"type": "string"}, database=_STATE), description
        )
        for status, description in ((200, "Both are well."), (503, "The database is away, or at another schema."))
    }
    | {"400": openapi.refusals(400)["400"]}
}


async def get_health(request: Request) -> Response:
    """200 when both are well, or a sharded database is but for some nodes; 503 when the database is away or not at this
    version's schema."""
    report = await context.of(request).health.report()
    return http.json_response(report.to_wire(), status=200 if report.is_up else 503)


async def get_metrics(request: Request) -> Response:
    """To callers on this machine, and to those who bring the operator's token as a bearer."""
    if not _may_see_metrics(request):
        fault = errors.ErrorItem(
            "forbidden", message("Requests from another machine need the token in PACKHOUSE_METRICS_TOKEN.")
        )
        raise errors.Forbidden(fault)
    ctx = context.of(request)
    ctx.access_log.flush()
    readings = await _read_outbox(ctx)
    ctx.metrics.sample_connections(*ctx.db.count_connections())
    return Response(ctx.metrics.to_text(readings), media_type=metrics.CONTENT_TYPE)


async def _read_outbox(ctx: Context) -> list[metrics.Sample]:
    """What only the database knows; where it does not answer, that is what is told."""
    about_up = "Whether the database answered just now."
    try:
        among = await ctx.health.find_reachable()
        async with ctx.db.read() as tx:
            found = await jobs.find_backlog(tx, now=ctx.clock(), among=among)
        nodes = (await ctx.health.report()).nodes if ctx.db.is_sharded else {}
    except errors.Unavailable:
        return [metrics.Sample("database_up", about_up, None, {"": 0})]
    about_search = "How far the index behind search is behind: since the oldest change that is not in it was made."
    kinds = {**dict.fromkeys(worker.KINDS, jobs.NO_BACKLOG), **found}
    age = {kind: backlog.age.total_seconds() for kind, backlog in kinds.items()}
    overdue = {kind: backlog.overdue.total_seconds() for kind, backlog in kinds.items()}
    about_nodes = "Whether a node of a sharded database can be reached."
    return [
        metrics.Sample("database_up", about_up, None, {"": 1}),
        metrics.Sample("database_node_up", about_nodes, "node", nodes),
        metrics.Sample("outbox_jobs", "Jobs still to be done.", "kind", {k: b.jobs for k, b in kinds.items()}),
        metrics.Sample("outbox_oldest_age_seconds", "Since the oldest of them was written.", "kind", age),
        metrics.Sample("search_lag_seconds", about_search, None, {"": age[search.JOB]}),
        metrics.Sample("outbox_overdue_seconds", "How long the latest is past its time.", "kind", overdue),
    ]


def _may_see_metrics(request: Request) -> bool:
    token = context.of(request).settings.metrics_token
    if token is not None:
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {token.get_secret_value()}".encode())
    return http.is_from_this_machine(request)


async def get_docs(request: Request) -> Response:
    text = files("packhouse").joinpath("static", "docs.html").read_text("utf-8")
    text = text.replace("<!-- profile -->", _show_profile(context.of(request).settings.profile))
    return HTMLResponse(text, headers=rendering.headers(request))


def _show_profile(name: str) -> str:
    """What this server's profile is, and what the other one does otherwise."""
    heads = "".join(f"<th>{known}{' (on)' if known == name else ''}</th>" for known in profile.PROFILES)
    rows = "".join(
        f"<tr><td>{each.what}</td>{''.join(f'<td>{each.how(kind)}</td>' for kind in profile.PROFILES.values())}</tr>"
        for each in profile.DIFFERENCES
    )
    return f"<details><summary>Profile: {name}</summary><table><tr><th></th>{heads}</tr>{rows}</table></details>"


async def get_static(request: Request) -> Response:
    folder = files("packhouse").joinpath("static")
    found = {entry.name: entry for entry in folder.iterdir()}.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return FileResponse(str(found), headers={"Cache-Control": "public, max-age=86400"})


ROUTES = [
    Route(
        "GET", "/health", get_health, _HEALTH, tag="Server", summary="Is this process up, and does its database answer?"
    ),
    Route("GET", "/metrics", get_metrics),
    Route("GET", "/docs", get_docs),
    Route("GET", "/static/{name}", get_static),
]
