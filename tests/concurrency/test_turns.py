"""Who keeps the event loop for milliseconds does so in turn, and lets quick requests pass in between."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.testclient import TestClient

from tests import make
from tests.concurrency.served import wait_until

URL = "/api/v3/orders"


def test_a_quick_request_passes_batches_that_wait_for_their_turn(client: TestClient) -> None:
    app: Any = client.app
    portal: Any = client.portal
    turn = app.house.long_step

    async def release() -> None:
        turn.release()

    portal.call(turn.acquire)
    with ThreadPoolExecutor(3) as pool:
        posts = [pool.submit(client.post, URL, json=[make.order(f"o-{n}")]) for n in range(3)]
        wait_until(lambda: len(turn._waiters or ()) == 3)
        assert client.get(URL).json() == {"data": []}
        portal.call(release)
        assert [post.result(30).status_code for post in posts] == [200, 200, 200]
    assert len(client.get(URL).json()["data"]) == 3
    assert not turn.locked()


def test_a_batch_that_is_refused_ends_its_turn(client: TestClient) -> None:
    assert client.post(URL, json={"no": "list"}).status_code == 400
    assert client.post(URL, json=[make.order()]).status_code == 200
