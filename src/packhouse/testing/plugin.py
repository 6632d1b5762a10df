"""The pytest plugin: `packhouse` is an account of its own for each test, `packhouse_sandbox` the server of the run."""

from collections.abc import Iterator

import pytest

from packhouse.testing.sandbox import Account, Sandbox


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("packhouse", "a sandbox of Packhouse for tests of an integration")
    group.addoption("--packhouse-url", default=None, help="Use the sandbox that runs there instead of starting one.")
    group.addoption("--packhouse-profile", default="guide", help="guide or reference, of a sandbox that is started.")


@pytest.fixture(scope="session")
def packhouse_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox that is started when the first test wants it and ends with the run."""
    options = request.config.option
    with Sandbox(options.packhouse_url, profile=options.packhouse_profile) as sandbox:
        yield sandbox


@pytest.fixture
def packhouse(packhouse_sandbox: Sandbox) -> Iterator[Account]:
    """An account that no other test sees: its own orders, clock, faults and journal."""
    account = packhouse_sandbox.create_account()
    yield account
    account.close()
