"""A real server and a real browser: Debian's Chromium, driven by playwright."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from packhouse.app import create_app
from packhouse.settings import Settings
from tests import components
from tests.web.conftest import EMAILS, PASSWORD, people

__all__ = ["people"]

# Also where the browser and the server share two busy cores with other tests.
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)
# What is new or changed elsewhere is seen within three seconds: so the page promises.
PROMISED_MS = 3_000

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
# By colour scheme, the rules that a page is held to: all of them once, and again those that colours decide.
RULES: dict[str, tuple[str, ...]] = {"light": (), "dark": ("color-contrast", "link-in-text-block")}
OUTPUT = Path(os.environ.get("PACKHOUSE_SCREENSHOTS", "build/screenshots"))


@pytest.fixture
def backend() -> str:
    """What the page shows is the same on both; the tests of HTTP run on both."""
    return "sqlite"


@contextmanager
def serving(database_url: str) -> Iterator[str]:
    """The URL of a server with a worker inside."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = create_app(Settings(database_url=database_url), works=True)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def served(database_url: str, people: None) -> Iterator[str]:
    assert people is None
    with serving(database_url) as url:
        yield url


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests here: to start it takes as long as many a test. While it is at work, playwright's event loop
    runs in this thread, so those of fixtures run in another (tests/apart.py)."""
    chromium = components.require("chromium", "chromium-browser", package="chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield running
        running.close()


class Desk:
    """`open("/orders")` as a person who is signed in; whatever the page complains of fails the test at its end."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url
        self.complaints: list[str] = []
        self.asked: set[str] = set()
        self.contexts: list[BrowserContext] = []

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def open(self, place: str, role: str = "owner", **options: Any) -> Page:
        context = self.browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", **options})
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.add(request.url))
        page.goto(f"{self.url}/sign-in")
        page.fill("[name=email]", EMAILS[role])
        page.fill("[name=password]", PASSWORD)
        page.click("button")
        page.wait_for_url("**/orders**")
        page.goto(f"{self.url}{place}")
        return page


@pytest.fixture
def desk(browser: Browser, served: str) -> Iterator[Desk]:
    desk = Desk(browser, served)
    yield desk
    for context in desk.contexts:
        context.close()
    assert desk.complaints == []
    hosts = [url for url in desk.asked if url.startswith(("http", "ws"))]  # not the browser's own pages
    assert [url for url in hosts if not url.startswith(served)] == []


def find_violations(page: Page, *rules: str) -> list[tuple[str, str]]:
    """What axe-core objects to, by rule and place, of these rules or of all. It is put in by the debugger, which the
    page's policy lets be."""
    page.evaluate(AXE.read_text("utf-8"))
    found: list[Any] = page.evaluate(
        "async rules => (await axe.run(rules.length ? {runOnly: rules} : {})).violations", list(rules)
    )
    return [(violation["id"], node["html"][:200]) for violation in found for node in violation["nodes"]]


def keep(page: Page, name: str) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=OUTPUT / f"{name}.png")
