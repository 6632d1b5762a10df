"""What everybody knows opens from this machine only."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.settings import Settings
from tests.cli.conftest import Run, run
from tests.web.conftest import sign_in

__all__ = ["run"]

DEMO = ("demo-public-key", "demo-secret-key")
ELSEWHERE: dict[str, dict[str, str]] = {
    "direct": {},
    "x-forwarded-for": {"X-Forwarded-For": "127.0.0.1"},
    "forwarded": {"Forwarded": "for=203.0.113.7"},
    "via": {"Via": "1.1 proxy.example"},
}


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture
def connect(run: Run, database_url: str) -> Iterator[Callable[..., TestClient]]:
    """`connect("203.0.113.7")` is a client at that address."""
    made = f"account create demo --public-key {DEMO[0]} --secret-key {DEMO[1]}"
    assert run(made).exit_code == 0
    user = "user create --account demo --email demo@example.com --role owner --password-stdin"
    assert run(user, input="demo-password\n").exit_code == 0
    with ExitStack() as stack:

        def enter(address: str, headers: dict[str, str] | None = None) -> TestClient:
            app = create_app(Settings(database_url=database_url))
            sent = dict(headers or {})  # the client adds to it
            client = TestClient(app, client=(address, 50_000), headers=sent, raise_server_exceptions=False)
            return stack.enter_context(client)

        yield enter


@pytest.fixture
def local(connect: Callable[..., TestClient]) -> TestClient:
    return connect("127.0.0.1")


@pytest.fixture(params=list(ELSEWHERE))
def remote(request: pytest.FixtureRequest, connect: Callable[..., TestClient]) -> TestClient:
    """From another machine, or through a proxy on this one."""
    headers = ELSEWHERE[request.param]
    return connect("127.0.0.1" if headers else "203.0.113.7", headers)


def test_the_demo_key_opens_from_this_machine_only(local: TestClient, remote: TestClient) -> None:
    assert local.get("/api/v3/orders", auth=DEMO).status_code == 200
    assert remote.get("/api/v3/orders", auth=DEMO).status_code == 401
    form = {"grant_type": "client_credentials"}
    assert local.post("/oauth2/token", auth=DEMO, data=form).status_code == 200
    assert remote.post("/oauth2/token", auth=DEMO, data=form).json()["error"] == "invalid_client"


def test_the_demo_password_opens_from_this_machine_only(local: TestClient, remote: TestClient) -> None:
    assert sign_in(remote, "demo@example.com", "demo-password").status_code == 422
    assert sign_in(local, "Demo@example.com", "demo-password").status_code == 303


def test_metrics_are_not_for_whom_a_proxy_speaks_for(local: TestClient, remote: TestClient) -> None:
    assert local.get("/metrics").status_code == 200
    assert remote.get("/metrics").status_code == 403
