"""Who keeps the event loop for milliseconds does so in turn, and lets quick requests pass in between."""

import asyncio
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.kit.turns import Turns
from tests import make
from tests.concurrency.served import wait_until

URL = "/api/v3/orders"


def test_between_two_long_steps_everybody_who_is_quick_has_a_turn() -> None:
    async def work() -> list[str]:
        turns, seen, left = Turns(), [], 3

        async def step(name: str) -> None:
            nonlocal left
            await turns.take()
            seen.append(name)
            left -= 1

        async def quick() -> None:
            while left:
                seen.append("quick")
                await asyncio.sleep(0)

        await asyncio.gather(*[step(name) for name in ("a", "b", "c")], quick())
        await turns.take()  # and nobody waits for ever when all are through
        return seen

    seen = asyncio.run(work())
    assert [name for name in seen if name != "quick"] == ["a", "b", "c"]
    assert not any(one != "quick" and other != "quick" for one, other in itertools.pairwise(seen))


def test_one_that_leaves_the_queue_keeps_nobody() -> None:
    async def work() -> list[int]:
        turns, seen = Turns(), []

        async def step(number: int) -> None:
            await turns.take()
            seen.append(number)

        tasks = [asyncio.create_task(step(number)) for number in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[1].cancel()
        await asyncio.wait(tasks, timeout=30)
        return seen

    assert asyncio.run(work()) == [2]


def test_a_batch_takes_a_turn_for_each_of_its_long_steps(
    client: TestClient, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = client.app
    turns = app.house.db.turns
    taken: list[None] = []
    take = turns.take

    async def counted() -> None:
        taken.append(None)
        await take()

    monkeypatch.setattr(turns, "take", counted)
    assert client.post(URL, json=[make.order()]).status_code == 200
    # It is validated, and its warnings found. Rows come at once on SQLite, and its file is locked meanwhile.
    assert len(taken) == 2 if backend == "sqlite" else len(taken) >= 5
    taken.clear()
    assert client.get(URL).status_code == 200
    assert client.get(f"{URL}/1").status_code in (200, 404)
    assert taken == []


def test_a_server_is_busy_while_somebody_is_in_it(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that takes: then its worker leaves what can wait."""
    app: Any = client.app
    release = asyncio.Event()

    async def wait() -> None:
        await release.wait()

    monkeypatch.setattr(app.house.db.turns, "take", wait)
    portal: Any = client.portal
    with ThreadPoolExecutor(1) as pool:
        post = pool.submit(client.post, URL, json=[make.order()])
        wait_until(app.is_busy)
        time.sleep(0.2)
        assert app.is_busy()
        portal.call(release.set)
        assert post.result(30).status_code == 200
    wait_until(lambda: not app.is_busy())
