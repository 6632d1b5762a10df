"""Counting in a Redis: to the call as the database counts, and a Redis that is away stops nobody."""

import asyncio
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.kit import errors
from packhouse.kit.counters import Counters, create_counters
from packhouse.kit.db import Database
from packhouse.kit.limits import Limit, Limiter, Policy
from packhouse.kit.redis_counters import PAUSE, RedisCounters
from packhouse.settings import Settings
from tests import make
from tests.cli.conftest import Run, run
from tests.concurrency import served
from tests.conftest import OWNER
from tests.kit.conftest import RedisServer
from tests.kit.test_limits import START, Clock, write

__all__ = ["run"]

KINDS = {"a": Policy(Limit("a", 7, 10), Limit("burst", 3, 1)), "b": Policy(Limit("b", 5, 4))}

LEAPS = (0, 0, 0, 0.01, 0.1, 0.1, 0.3, 0.3, 1, 2.5, -0.7, *([0] * 20), 40)


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(database_url: str, redis: RedisServer, clock: Clock) -> Iterator[TestClient]:
    settings = Settings(database_url=database_url, rate_limits="documented", redis_url=SecretStr(redis.url))
    with TestClient(create_app(settings, now=clock)) as client:
        client.auth = OWNER
        yield client


async def tell(counters: Counters) -> list[str]:
    """What a year of calls is told, at times that go on by leaps, stand still, and once in a while go back."""
    limiter, told, now = Limiter(counters, KINDS), [], START
    chance = random.Random(20260314)
    for _ in range(1500):
        now += timedelta(seconds=chance.choice(LEAPS))
        account_id, kind = chance.randint(1, 2), chance.choice("aab")
        try:
            told.append(str(await limiter.take(account_id, kind, now)))
        except errors.Throttled as refused:
            told.append(f"{refused.headers} {refused.faults}")
    await limiter.close()
    return told


class Nowhere:
    async def count(self, *_: object) -> tuple[bool, list[int]]:
        raise AssertionError("Redis was there")

    async def close(self) -> None:
        pass


def test_redis_and_the_database_say_the_same_of_every_call(redis: RedisServer, tmp_path: Path) -> None:
    async def both() -> tuple[list[str], list[str]]:
        db = Database(f"sqlite:///{tmp_path}/counted.db")
        return await tell(create_counters(db)), await tell(
            RedisCounters(redis.url, Nowhere(), timeout_seconds=served.PATIENCE_SECONDS)
        )

    in_file, in_redis = asyncio.run(both())
    assert in_redis == in_file
    refused = sum("Retry-After" in said for said in in_file)
    assert 300 < refused < 1200


def test_counters_do_not_stay_in_redis(client: TestClient, redis: RedisServer) -> None:
    write(client)
    assert 120 < int(redis.ask("TTL", "packhouse:limits:1:write")[1:]) <= 300


@pytest.mark.parametrize("how", ["killed", "hanging"])
def test_a_redis_that_is_away_stops_no_order(client: TestClient, redis: RedisServer, clock: Clock, how: str) -> None:
    assert [write(client).status_code for _ in range(10)] == [204] * 10
    if how == "killed":
        redis.stop()
    else:
        redis.signal(signal.SIGSTOP)
    answer = client.post("/api/v3/orders", json=[make.order()])
    assert (answer.status_code, answer.headers["RateLimit"]) == (200, '"write";r=99;t=0, "burst";r=14;t=0')
    assert [write(client).status_code for _ in range(15)] == [204] * 14 + [429]  # counted, in the database
    if how == "killed":
        redis.start()
    else:
        redis.signal(signal.SIGCONT)
    clock.now += PAUSE - timedelta(seconds=1)
    assert write(client).headers["RateLimit"].startswith('"write";r=84;')
    clock.now += timedelta(seconds=1)
    left = write(client).headers["RateLimit"].partition(";t=")[0].removeprefix('"write";r=')
    # What it counted before, if it still knows; one that hung may have done what it was asked for meanwhile.
    assert left in (("99",) if how == "killed" else ("89", "88"))


def test_a_redis_is_waited_for_as_long_as_the_operator_says(
    database_url: str, redis: RedisServer, clock: Clock
) -> None:
    url = SecretStr(redis.url)
    patient = Settings(database_url=database_url, rate_limits="documented", redis_url=url, redis_timeout_seconds=60)
    with TestClient(create_app(patient, now=clock)) as client, ThreadPoolExecutor(1) as pool:
        client.auth = OWNER
        assert write(client).headers["RateLimit"].startswith('"write";r=99;')
        redis.signal(signal.SIGSTOP)
        asked = pool.submit(write, client)
        time.sleep(1)
        redis.signal(signal.SIGCONT)
        assert asked.result().headers["RateLimit"].startswith('"write";r=98;')


def test_a_server_starts_without_its_redis_and_not_with_a_url_of_something_else(
    database_url: str, redis: RedisServer, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.stop()
    with (
        served.serve(database_url, tmp_path / "log", rate_limits="documented", redis_url=redis.url) as server,
        server.client() as client,
    ):
        assert client.post("/api/v3/orders", json=[make.order()]).status_code == 200
        told = [line for line in server.lines() if line["event"].startswith("redis")]
        assert [line["level"] for line in told] == ["warning"]
        assert str(redis.port) not in str(told)
    monkeypatch.setenv("PACKHOUSE_REDIS_URL", "http://user:secret@127.0.0.1")
    refused = run("serve --port 0")
    assert (refused.exit_code, refused.stderr.startswith("packhouse: PACKHOUSE_REDIS_URL must be")) == (1, True)
    assert "secret" not in refused.stderr
