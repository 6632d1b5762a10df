"""The audit log on the page: every entry is a sentence, narrowed by event and person, page after page."""

import asyncio
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import packhouse
from packhouse.accounts import audit, queries
from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.web.frame import languages
from packhouse.web.settings import settings_audit
from tests.web.conftest import EMAILS
from tests.web.test_settings import send, stored

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

Person = Callable[..., TestClient]
AUDIT = "/settings/audit"


def sentences(page: TestClient, **asked: str) -> list[str]:
    text = page.get(AUDIT, params=asked).text
    rows = re.findall(r'<td class="when">.*?</td>\s*<td[^>]*>(.*?)</td>', text, re.DOTALL)
    return [unescape(row) for row in rows]


def write(database_url: str, entries: list[tuple[str, str, str]]) -> None:
    """Entries of the account `owner`: actor, action, subject."""

    async def work() -> None:
        db = Database(database_url)
        async with db.begin() as tx:
            account = await queries.get_account(tx, "owner")
            for actor, action, subject in entries:
                await audit.record(tx, account.account_id, actor, action, subject, now=clock.now())
        await db.close()

    asyncio.run(work())


def test_what_was_done_is_told_as_sentences(person: Person, database_url: str) -> None:
    page, email = person(), "new@example.com"
    stored(send(page, "/settings/users", email=email, password="a-long-password", role="packer"))
    made = send(page, "/settings/keys", name="till", scopes=["api"])
    public = re.search(r'id="public">([^<]+)<', made.text)
    assert public is not None
    write(
        database_url,
        [
            ("command:user role", "user.role_changed", email),
            ("user:999", "user.deleted", "old <b>@example.com"),
            ("api_key:pk", "key.refused_often", "pk"),
            ("server:webhooks", "connection.paused", "connection 1 (example.com)"),
            ("user:1", "lamp.lit", "red"),
        ],
    )
    ada = EMAILS["owner"]
    assert sentences(page)[:8] == [
        f"{ada}: lamp.lit red",
        "The connection 1 (example.com) was paused: it took nothing for days",
        "The API key pk was refused – and more like it within the hour, which are not listed",
        "A removed user (999) removed the user old <b>@example.com",
        f"An operator (user role) changed the role of {email}",
        f"{ada} made the API key {public[1]}",
        f"{ada} added the user {email}",
        f"{ada} signed in",
    ]


def test_it_is_narrowed_by_event_and_person(person: Person, database_url: str) -> None:
    page = person()
    person("packer")
    write(database_url, [("user:2", "client.created", "one"), ("user:1", "client.created", "two")])
    ada, bo = EMAILS["owner"], EMAILS["packer"]
    one, two = f"{bo} made the OAuth2 client one", f"{ada} made the OAuth2 client two"
    assert sentences(page, event="client.created") == [two, one]
    assert sentences(page, who="user:2") == [one, f"{bo} signed in"]
    assert sentences(page, who="user:2", event="client.created") == [one]
    assert sentences(page, who="api_key:none") == []
    assert "Nothing happened that fits." in page.get(AUDIT, params={"who": "api_key:none"}).text
    everything = sentences(page)
    assert sentences(page, event="no.such", cursor="not one") == everything
    assert sentences(page, who="\0") == everything
    shown = page.get(AUDIT, params={"who": "user:2", "event": "client.created"}).text
    assert '<option value="user:2" selected>' in shown
    assert '<option value="client.created" selected>' in shown
    assert 'href="/settings/audit?event=client.created&amp;who=user%3A2"' in shown


def test_each_page_leads_to_the_next_and_back(person: Person, database_url: str) -> None:
    page = person()
    write(database_url, [("user:1", "key.created", f"k{number}") for number in range(120)])

    def follow(text: str, rel: str) -> str:
        found = re.search(rf'rel="{rel}" href="([^"]+)"', text)
        return page.get(unescape(found[1])).text if found else ""

    def keys(text: str) -> list[int]:
        return [int(key) for key in re.findall(r"made the API key k(\d+)<", text)]

    first = page.get(AUDIT, params={"event": "key.created"}).text
    second = follow(first, "next")
    third = follow(second, "next")
    assert [*keys(first), *keys(second), *keys(third)] == list(range(119, -1, -1))
    assert follow(third, "next") == ""
    assert keys(follow(third, "prev")) == keys(second)


def test_nobody_sees_another_accounts(person: Person, database_url: str) -> None:
    person()
    write(database_url, [("user:1", "key.created", "secretly")])
    stranger = person("stranger@example.org")
    assert sentences(stranger)[0] == "stranger@example.org signed in"
    assert not any("secretly" in sentence for sentence in sentences(stranger))
    assert "secretly" not in stranger.get(AUDIT, params={"who": "user:1"}).text


@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_every_event_that_is_written_has_its_sentence(person: Person, database_url: str, language: str) -> None:
    """In the reader's language, with who did it or what it was about."""
    written = [("api_key:pk-7", action, "thing-7") for action in (*audit.ACTIONS, *audit.REFUSED)]
    written += [("api_key:pk-7", f"{action}_often", "thing-7") for action in audit.REFUSED]
    page = person("owner")
    page.headers["accept-language"] = language
    told: list[str] = []
    for start in range(0, len(written), 40):  # a page of the log holds fifty
        part = written[start : start + 40]
        write(database_url, part)
        told += sentences(page)[: len(part)]
    assert len(set(told)) == len(written)
    assert all("pk-7" in sentence or "thing-7" in sentence for sentence in told)
    assert not any("%" in sentence or "." in sentence for sentence in told)


def test_no_event_is_written_without_being_listed() -> None:
    assert set(settings_audit.WORDS) == {*audit.ACTIONS, *audit.REFUSED}
    nouns = {action.split(".")[0] for action in settings_audit.WORDS} - {"token"}
    pattern = re.compile(rf'"((?:{"|".join(sorted(nouns))})\.[a-z_]+)"')
    found: set[Any] = set()
    for path in Path(packhouse.__file__).parent.rglob("*.py"):
        if "audit." in (text := path.read_text("utf-8")) or "Failure(" in text:
            found |= set(pattern.findall(text))
    assert found <= {*audit.ACTIONS, *audit.REFUSED}
    assert {"user.signed_in", "connection.paused", "key.refused"} <= found
