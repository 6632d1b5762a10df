"""Events to five receivers, of which one is slow, one answers 500 half of the time and one drops connections, while the
worker is killed again and again: does every event reach every receiver, and do duplicates carry the same id?

    python -m bench.kills [EVENTS] [KILLS] [DATABASE_URL]

with 10,000 events, 10 kills and a SQLite file of its own unless told otherwise: three to four minutes on two cores.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from packhouse import migrations
from packhouse.accounts import operations as accounts
from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.kit.encryption import Encryptor
from packhouse.webhooks import operations
from packhouse.webhooks.schema import ORDER_CREATED, Event

KINDS = ("fast", "fast", "slow", "moody", "rude")
# Starts `packhouse ARGUMENTS` with these options of Popen.
Launch = Callable[..., subprocess.Popen[str]]
_SECRET = "a key for the bench"  # noqa: S105 - of a database that is thrown away
_BATCH = 100
_PATIENCE_SECONDS = 900.0


class Result(NamedTuple):
    """`reached` of each receiver: how many different events; `duplicates`: how often one was taken again."""

    reached: list[int]
    duplicates: int
    strange: int
    seconds: float


@contextmanager
def run_receiver(kind: str, file: Path) -> Iterator[str]:
    """Its URL."""
    command = [sys.executable, "-m", "bench.receivers", kind, str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # noqa: S101
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/"
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def launch(arguments: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "packhouse", *arguments], text=True, **options)


def start_worker(url: str, launch: Launch = launch) -> subprocess.Popen[str]:
    """Once it is ready."""
    settings = {
        "DATABASE_URL": url,
        "SECRET_KEY": _SECRET,
        "WEBHOOKS_ALLOW_PRIVATE": "true",
        "WEBHOOKS_FIRST_WAIT_SECONDS": "0.5",
        "WEBHOOKS_LONGEST_WAIT_SECONDS": "1",
        "WORKER_LEASE_SECONDS": "2",
        "LOG_LEVEL": "error",
    }
    environment = os.environ | {f"PACKHOUSE_{name}": value for name, value in settings.items()}
    process = launch(["worker", "--json"], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None  # noqa: S101
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[str]) -> None:
    """As the power does."""
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


async def prepare(url: str, receivers: list[str], *, migrate: bool) -> int:
    """An account of its own, with these receivers subscribed; its id."""
    db, encryptor, now = Database(url), Encryptor(_SECRET), clock.now()
    if migrate:
        await migrations.upgrade(db)
    async with db.begin() as tx:
        account_id = await accounts.create_account(tx, f"bench-{os.getpid()}", "NL", now=now)
        for receiver in receivers:
            made = await operations.create_connection(tx, encryptor, account_id, {"url": receiver}, now=now)
            wanted = {"connection_id": made, "event_type": ORDER_CREATED}
            await operations.create_subscription(tx, account_id, wanted, now=now)
    await db.close()
    return account_id


async def note_events(url: str, account_id: int, count: int) -> None:
    db = Database(url)
    for first in range(0, count, _BATCH):
        events = [
            Event(ORDER_CREATED, f"order:{n}", {"order": {"id": n}}) for n in range(first, min(first + _BATCH, count))
        ]
        async with db.begin() as tx:
            await operations.notify(tx, account_id, events, now=clock.now())
    await db.close()


def read_taken(file: Path) -> list[Any]:
    """Whole lines only: the last one may be on its way."""
    text = file.read_bytes() if file.exists() else b""
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]


def wait_until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > limit:
            raise TimeoutError
        time.sleep(0.1)


def prove(
    url: str,
    folder: Path,
    events: int,
    kills: int,
    *,
    migrate: bool = True,
    tell: Callable[[str], None] = lambda _: None,
    launch: Launch = launch,
) -> Result:
    files = [folder / f"receiver-{n}" for n in range(len(KINDS))]

    def count() -> int:
        return sum(file.read_bytes().count(b"\n") for file in files if file.exists())

    def reached() -> list[int]:
        return [len({told["data"]["order"]["id"] for told in read_taken(file)}) for file in files]

    with _run_receivers(files) as receivers:
        account_id = asyncio.run(prepare(url, receivers, migrate=migrate))
        asyncio.run(note_events(url, account_id, events))
        began = time.monotonic()
        for kill in range(1, kills + 1):
            worker = start_worker(url, launch)
            wanted = events * len(KINDS) * kill // (kills + 2)
            wait_until(lambda wanted=wanted: count() >= wanted)  # type: ignore[misc]
            end(worker)
            tell(f"killed {kill} times, {count()} taken, {time.monotonic() - began:.0f} s")
        worker = start_worker(url, launch)
        wait_until(lambda: count() >= events * len(KINDS) and reached() == [events] * len(KINDS))
        end(worker)
        seconds = time.monotonic() - began
    return _to_result(files, seconds)


@contextmanager
def _run_receivers(files: list[Path]) -> Iterator[list[str]]:
    started = [run_receiver(kind, file) for kind, file in zip(KINDS, files, strict=True)]
    urls = [receiver.__enter__() for receiver in started]
    try:
        yield urls
    finally:
        for receiver in started:
            receiver.__exit__(None, None, None)


def _to_result(files: list[Path], seconds: float) -> Result:
    reached, duplicates, strange = [], 0, 0
    for file in files:
        taken = read_taken(file)
        ids: dict[int, set[str]] = {}
        for told in taken:
            ids.setdefault(told["data"]["order"]["id"], set()).add(told["id"])
        reached.append(len(ids))
        duplicates += sum(Counter(told["id"] for told in taken).values()) - len(ids)
        strange += sum(len(found) > 1 for found in ids.values())
    return Result(reached, duplicates, strange, seconds)


def main() -> None:
    events, kills = (int(sys.argv[n]) if len(sys.argv) > n else usual for n, usual in ((1, 10_000), (2, 10)))
    with tempfile.TemporaryDirectory(prefix="packhouse-kills-") as folder:
        url = sys.argv[3] if len(sys.argv) > 3 else f"sqlite:///{folder}/kills.db"
        result = prove(url, Path(folder), events, kills, tell=lambda said: print(said, flush=True))
    print(f"{events} events to {len(KINDS)} receivers, {kills} kills, {result.seconds:.0f} s")
    print(f"reached {result.reached}, {result.duplicates} duplicates, {result.strange} under another id")
    sys.exit(result.reached != [events] * len(KINDS) or result.strange > 0)


if __name__ == "__main__":
    main()
