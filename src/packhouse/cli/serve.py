"""`packhouse serve`, `packhouse worker` and `packhouse migrate`."""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packhouse.cli import lazy, ports, terminal
from packhouse.cli.terminal import AsJson

with lazy.imports():
    import asyncio

    import uvicorn

    import packhouse.kit.http.protocol
    from packhouse import bootstrap, database_health, migrations, worker
    from packhouse.accounts import demo
    from packhouse.accounts import queries as account_queries
    from packhouse.cli import interpreter, processes
    from packhouse.kit import clock, errors, jobs, logs, messages, security, tracing

if TYPE_CHECKING:
    from packhouse.settings import Settings

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")]

_OVERDUE = timedelta(minutes=5)
_WAITING_CONNECTIONS = 2048
# A process that starts, or works, on a machine that is short of memory may not answer its supervisor for some seconds,
# and killing it then would only make more work.
_HUNG_AFTER_SECONDS = 20


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer requests.")] = 1,
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring the database up to date first.")] = False,
    works: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Run jobs (labels, webhooks) in these processes too.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Answer requests until stopped (Ctrl-C or SIGTERM): then finish what is running and refuse what is new."""
    settings = terminal.load_settings()
    if settings.tracing:
        _require_tracing()
    terminal.run(_prepare(settings, migrate=migrate))
    listener = bind(host, port)
    url = to_url(listener, host)
    if as_json:
        terminal.print_json({"url": url, "profile": settings.profile})
    else:
        typer.echo(f"Packhouse listens on {url} with the profile {settings.profile} (Ctrl-C stops it).")
    run_server(settings, listener, workers, works=works)


def work(
    check: Annotated[bool, typer.Option("--check", help="Only check whether jobs are run in time.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run jobs (labels, webhooks) until stopped (Ctrl-C or SIGTERM): then finish the running ones."""
    settings = terminal.load_settings()
    if check:
        terminal.show_one(terminal.run(_check(settings)), as_json=as_json)
        return
    lazy.load()
    logs.configure(settings.log_level, settings.log_format)
    terminal.run(_work(settings, as_json=as_json))


async def _work(settings: Settings, *, as_json: bool) -> None:
    stopped = asyncio.Event()
    for stopping in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stopping, stopped.set)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(terminal.open_database(settings))
        ctx = await stack.enter_async_context(bootstrap.open_context(settings, db))
        await stack.enter_async_context(worker.running(ctx))
        if as_json:
            terminal.print_json({"worker": "ready"})
        else:
            typer.echo("Packhouse works (Ctrl-C stops it).")
        await stopped.wait()


async def _check(settings: Settings) -> dict[str, Any]:
    """How many jobs there are to do, and by how many seconds the latest is overdue. Raises Unavailable where that is
    too much: the workers are too few, or gone."""
    async with terminal.open_database(settings) as db:
        among = await database_health.Health(db).find_reachable()
        async with db.read() as tx:
            backlog = (await jobs.find_backlog(tx, now=clock.now(), among=among)).values()
    overdue = max((kind.overdue for kind in backlog), default=timedelta())
    if overdue > _OVERDUE:
        raise errors.Unavailable(
            messages.message("A job is overdue by {seconds} seconds.", seconds=f"{overdue.total_seconds():.0f}")
        )
    return {"jobs": sum(kind.jobs for kind in backlog), "overdue_seconds": round(overdue.total_seconds())}


def migrate(as_json: AsJson = False) -> None:
    """Bring the database's schema to this version."""

    async def work() -> dict[str, Any]:
        async with terminal.open_database(terminal.load_settings(), is_made=True) as db:
            before = await migrations.upgrade(db)
        return {"before": before, "after": migrations.HEAD}

    terminal.show_one(terminal.run(work()), as_json=as_json)


def _require_tracing() -> None:
    try:
        tracing.require_installed()
    except tracing.NotInstalled as error:
        terminal.fail(str(error))


async def _prepare(settings: Settings, *, migrate: bool) -> None:
    async with terminal.open_database(settings, is_made=migrate) as db:
        if migrate:
            await migrations.upgrade(db)
        async with db.read() as tx:
            key = await account_queries.find_key(tx, demo.PUBLIC_KEY)
    if key is not None and key.revoked_at is None and security.is_secret(demo.SECRET_KEY, key.secret_hash):
        typer.echo("packhouse: Everybody knows the demo account's key: it opens from this machine only.", err=True)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, made here so that a port that is taken is one clear line."""
    try:
        listener = ports.bind(host, port)
        listener.listen(_WAITING_CONNECTIONS)
    except OSError as error:
        terminal.fail(ports.explain(host, port, error))
    listener.set_inheritable(True)
    return listener


def to_url(listener: socket.socket, host: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def run_server(settings: Settings, listener: socket.socket, workers: int, *, works: bool = True) -> None:
    lazy.load()
    logs.configure(settings.log_level, settings.log_format)
    place = "packhouse.cli.processes:create_app" if workers > 1 else "packhouse.app:create_app_from_environment"
    config = uvicorn.Config(
        place if works else f"{place.partition(':')[0]}:create_app_without_worker",
        factory=True,
        workers=workers,
        http=packhouse.kit.http.protocol.BoundedProtocol,
        ws="none",
        limit_concurrency=settings.max_connections,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=settings.stop_timeout_seconds,
        timeout_worker_healthcheck=_HUNG_AFTER_SECONDS,
        lifespan="on",
    )
    if workers > 1:
        processes.run(config, listener)
        return
    # uvicorn raises the signal that stopped it once more when all is finished: a stop that was asked for is no failure.
    for stopping in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stopping, lambda *_: sys.exit(0))
    interpreter.tune()
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    if not server.started:
        raise typer.Exit(1)
