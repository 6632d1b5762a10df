"""How often somebody may try: strangers hold up themselves, and never the person whom they pretend to be."""

import asyncio
import sqlite3
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from packhouse.accounts import attempts, browsers
from packhouse.kit.db import Database
from tests.web.conftest import EMAILS, PASSWORD, sign_in, token
from tests.web.world import ELSEWHERE, HERE, World, query, world

__all__ = ["world"]

ADA = EMAILS["owner"]


def use_up(browser: TestClient, email: str = ADA) -> None:
    for _ in range(attempts.FREE):
        assert sign_in(browser, email, "wrong").status_code == 422


def test_the_wait_grows_and_the_right_password_helps_only_after_it(world: World) -> None:
    stranger = world.browser()
    use_up(stranger)
    waits = []
    for _ in range(12):
        answer = sign_in(stranger, ADA.upper(), PASSWORD)
        assert answer.status_code == 429
        waits.append(int(answer.headers["retry-after"]))
        world.wait(waits[-1] - 0.5)
        assert sign_in(stranger, ADA).status_code == 429  # impatience costs nothing
        world.wait(0.5)
        assert sign_in(stranger, ADA, "wrong").status_code == 422
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    world.wait(900)
    assert sign_in(stranger, ADA).status_code == 303
    stranger.cookies.clear()
    use_up(stranger)  # a sign-in forgets the failures before it


def test_the_page_says_how_long_to_wait(world: World) -> None:
    stranger = world.browser()
    use_up(stranger)
    assert "Too many attempts. Try again in 1 second." in sign_in(stranger, ADA).text
    for seconds in (1, 2, 4, 8, 16, 32, 64):
        world.wait(seconds)
        sign_in(stranger, ADA, "wrong")
    answer = sign_in(stranger, ADA)
    assert "Too many attempts. Try again in 3 minutes." in answer.text
    assert f'value="{ADA}"' in answer.text


def test_a_stranger_holds_up_nobody_elsewhere_and_nobody_else_here(world: World) -> None:
    use_up(world.browser())
    assert sign_in(world.browser(), ADA).status_code == 429
    assert sign_in(world.browser(ELSEWHERE), ADA).status_code == 303
    assert sign_in(world.browser(), EMAILS["packer"]).status_code == 303


def test_an_unknown_address_is_counted_as_a_known_one(world: World) -> None:
    stranger = world.browser()
    use_up(stranger, "nobody@example.com")
    answer = sign_in(stranger, "nobody@example.com")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


def test_the_known_browser_of_a_person_is_let_in_whatever_strangers_did(world: World) -> None:
    known, stranger = world.browser(), world.browser()
    assert sign_in(known, ADA).status_code == 303
    known.post("/sign-out", data={"csrf": token(known.get("/orders").text)})
    use_up(stranger)
    assert sign_in(stranger, ADA).status_code == 429
    assert sign_in(known, ADA).status_code == 303
    world.wait(86_400 * 170)
    use_up(stranger)
    assert sign_in(known, ADA).status_code == 303


def test_a_known_browser_has_a_bound_of_its_own(world: World) -> None:
    known = world.browser()
    sign_in(known, ADA)
    del known.cookies["packhouse_session"]
    use_up(known)
    answer = sign_in(known, ADA)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert sign_in(world.browser(), ADA).status_code == 303


def test_a_browser_is_known_for_those_who_signed_in_with_it(world: World) -> None:
    """Two share a bench; of a third the browser knows nothing, nor does a cookie help that somebody made up."""
    shared, stranger = world.browser(), world.browser()
    for email in (ADA, EMAILS["packer"]):
        assert sign_in(shared, email).status_code == 303
        del shared.cookies["packhouse_session"]
    for email in EMAILS.values():
        use_up(stranger, email)
    assert sign_in(shared, EMAILS["viewer"]).status_code == 429
    assert sign_in(shared, EMAILS["packer"]).status_code == 303
    del shared.cookies["packhouse_session"]
    assert sign_in(shared, ADA).status_code == 303
    made_up = "~".join(f"1.{id}.{'A' * 43}" for id in range(1, 9))
    for cookie in (made_up, "1.1.", "~~~", "1.1.x~" * 1_000, "9" * 400 + ".1." + "A" * 43):
        stranger.cookies.set("packhouse_browser", cookie)
        assert sign_in(stranger, ADA).status_code == 429


def test_the_browsers_cookie_is_for_the_server_alone_and_kept_as_a_hash(
    world: World, database_url: str, backend: str
) -> None:
    browser = world.browser()
    [cookie] = [each for each in sign_in(browser, ADA).headers.get_list("set-cookie") if "packhouse_browser" in each]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    secret = browser.cookies["packhouse_browser"].split(".")[2]
    assert len(query(database_url, "SELECT token_hash FROM known_browsers")) == 1
    if backend == "sqlite":
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            assert secret not in "\n".join(connection.iterdump())


def test_a_browser_is_forgotten_in_time_and_with_the_password(world: World, database_url: str) -> None:
    owner, packer = world.browser(ELSEWHERE), world.browser()
    sign_in(owner, ADA)
    sign_in(packer, EMAILS["packer"])
    page = owner.get("/settings/users").text
    id = page.split(EMAILS["packer"])[1].split("/settings/users/")[1].split("/")[0]
    sent = {"csrf": token(page), "password": "another-password"}
    assert owner.post(f"/settings/users/{id}/password", data=sent, follow_redirects=False).status_code == 303
    assert len(query(database_url, "SELECT user_id FROM known_browsers")) == 1
    use_up(world.browser(), EMAILS["packer"])
    assert sign_in(packer, EMAILS["packer"], "another-password").status_code == 429
    world.wait(browsers.KEPT.total_seconds() + 1)
    use_up(world.browser(ELSEWHERE))
    assert sign_in(owner, ADA).status_code == 429


def at_once(database_url: str, calls: list[tuple[str, str]], now: datetime, processes: int = 3) -> list[Any]:
    """What `take` says of attempts, each an e-mail address and a host, that several processes count at once."""

    async def work() -> list[Any]:
        several = [Database(database_url) for _ in range(processes)]
        bounds = [attempts.to_bounds(email, host, None) for email, host in calls]
        found: list[Any] = []
        for start in range(0, len(bounds), 20):  # fewer at once than there are connections, however slow the machine
            taken = (attempts.take(several[n % processes], each, now=now) for n, each in enumerate(bounds[start:][:20]))
            found += await asyncio.gather(*taken)
        for db in several:
            await db.close()
        return found

    return asyncio.run(work())


def test_many_attempts_at_once_do_not_pass_together(world: World, database_url: str) -> None:
    found = at_once(database_url, [(ADA, HERE)] * 40, world.now)
    assert found.count(None) == attempts.FREE
    assert set(found) == {None, world.now + timedelta(seconds=1)}
    world.wait(1)
    assert at_once(database_url, [(ADA, HERE)] * 40, world.now).count(None) == 1


def test_a_network_has_a_higher_bound_whoever_is_meant(world: World, database_url: str) -> None:
    known = world.browser()
    assert sign_in(known, EMAILS["packer"]).status_code == 303  # which costs the network nothing
    del known.cookies["packhouse_session"]
    found = at_once(database_url, [(f"{n}@example.com", HERE) for n in range(attempts.FREE_BY_NETWORK)], world.now)
    assert set(found) == {None}
    answer = sign_in(world.browser(), ADA)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert sign_in(known, EMAILS["packer"]).status_code == 303
    assert sign_in(world.browser(ELSEWHERE), ADA).status_code == 303
    world.wait(3_601)
    assert sign_in(world.browser(), ADA).status_code == 303


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8", False),
        ("192.0.2.7", "192.0.2.8", False),
        ("", "192.0.2.8", False),
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_network_of_ipv6_counts_as_one(world: World, first: str, second: str, is_one: bool) -> None:
    use_up(world.browser(first))
    assert (sign_in(world.browser(second), ADA).status_code == 429) is is_one


def test_a_flood_of_attempts_that_come_too_soon_writes_nothing(world: World, database_url: str) -> None:
    """So it takes no turn from those who write, of whom SQLite lets in one at a time."""
    stranger = world.browser()
    use_up(stranger)

    async def count() -> tuple[list[Any], list[str]]:
        db, seen = Database(database_url), []
        engine = db._writer.sync_engine

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        bounds = attempts.to_bounds(ADA, HERE, None)
        found = await asyncio.gather(*(attempts.take(db, bounds, now=world.now) for _ in range(200)))
        await db.close()
        return found, seen

    found, seen = asyncio.run(count())
    assert set(found) == {world.now + timedelta(seconds=1)}
    assert seen == []


def test_attempts_that_are_over_are_taken_away(world: World, database_url: str) -> None:
    at_once(database_url, [(f"{n}@example.com", f"192.0.2.{n}") for n in range(30)], world.now)
    assert len(query(database_url, "SELECT key FROM sign_in_attempts")) == 60
    world.wait(86_400 + 901)
    use_up(world.browser(ELSEWHERE))
    keys = query(database_url, "SELECT key FROM sign_in_attempts")
    assert len(keys) == 2
    assert not any("example.com" in key for key in keys)


def test_a_day_later_the_count_begins_anew(world: World) -> None:
    stranger = world.browser()
    use_up(stranger)
    world.wait(86_401)
    use_up(stranger)
    assert sign_in(stranger, ADA).status_code == 429
