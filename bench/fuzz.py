"""`python -m bench.fuzz [--requests N] [--seed S] [--database-url URL]`: what generated requests are answered.

Each request is made from the document that describes it (`/openapi.json`), or for a route of the page, and then spoilt
here and there. No answer may be a 5xx but a documented 503, none may take longer than ten seconds, and each must have
the shape that the document promises. The same seed makes the same requests. It talks to an application in this process.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from bench import asgi, fuzzing, servers
from packhouse.accounts import queries, users
from packhouse.app import create_app
from packhouse.kit import clock, logs, security
from packhouse.kit.db import Database
from packhouse.settings import Settings

EMAIL, PASSWORD = "fuzz@example.com", "correct-horse-battery"
_LONGEST_SECONDS = 10.0
_MOST_FAULTS = 20


class Found(NamedTuple):
    statuses: Counter[int]
    faults: list[str]


def fuzz(url: str, requests: int, seed: int) -> Found:
    """Send so many requests to an application on a new database at `url`."""
    servers.prepare(url, 3)
    return asyncio.run(_fuzz(url, requests, seed))


async def _fuzz(url: str, requests: int, seed: int) -> Found:
    await _add_user(url)
    found = Found(Counter(), [])
    app = create_app(Settings(database_url=url, secret_key="fuzz" * 8))  # type: ignore[arg-type]
    async with asgi.Client(app) as client:
        document = await client.get_json("/openapi.json")
        cookie = await client.sign_in(EMAIL, PASSWORD)
        generator = fuzzing.Generator(document, seed, cookie)
        judge = fuzzing.Judge(document)
        for _, (operation, request) in zip(range(requests), generator, strict=False):
            fault = await _send(client, generator, judge, operation, request, found)
            if fault is not None:
                found.faults.append(f"{request}\n    {fault}")
                if len(found.faults) >= _MOST_FAULTS:
                    break
    return found


async def _send(
    client: asgi.Client,
    generator: fuzzing.Generator,
    judge: fuzzing.Judge,
    operation: fuzzing.Operation,
    request: fuzzing.Request,
    found: Found,
) -> str | None:
    """What is wrong with the answer, or None."""
    headers = [("authorization", servers.AUTHORIZATION), *request.headers]
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            answer = await client.send(request.method, request.path, request.query, headers, request.body)
    except TimeoutError:
        return f"was not answered within {_LONGEST_SECONDS:g} seconds"
    found.statuses[answer.status] += 1
    if answer.status < 300:
        generator.learn(answer.body)
    return judge.find_fault(operation, answer.status, answer.headers, answer.body)


async def _add_user(url: str) -> None:
    db = Database(url)
    async with db.begin() as tx:
        account = await queries.get_account(tx, "bench")
        hashed = security.hash_password(PASSWORD)
        await users.create_user(tx, account.account_id, EMAIL, hashed, "owner", now=clock.now())
    await db.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description="Generated requests over every route.")
    parser.add_argument("--requests", type=int, default=20_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same requests")
    parser.add_argument("--database-url", help="of an empty database; a SQLite file of its own without it")
    options = parser.parse_args()
    logs.configure("error", "json")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="packhouse-fuzz-") as folder:
        url = options.database_url or f"sqlite:///{Path(folder, 'fuzz.db')}"
        found = fuzz(url, options.requests, options.seed)
    for fault in found.faults:
        print(fault)
    told = ", ".join(f"{status}: {count:,}" for status, count in sorted(found.statuses.items()))
    took = time.perf_counter() - began
    print(f"{found.statuses.total():,} requests in {took:.0f} s ({told}), {len(found.faults)} faults")
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()
