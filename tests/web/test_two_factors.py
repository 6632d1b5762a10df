"""Two factors: set up by a person, asked for at each sign-in, required by an account, reset by an owner."""

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from html import unescape
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import zxingcpp
from starlette.testclient import TestClient

from packhouse.accounts import attempts
from tests.cli.conftest import run
from tests.concurrency.served import wait_until
from tests.conftest import OWNER
from tests.web.conftest import EMAILS, PASSWORD, sign_in, token
from tests.web.world import ELSEWHERE, World, query, send, world

__all__ = ["run", "world"]

ADA, BO = EMAILS["owner"], EMAILS["packer"]
HERE = "/account/two-factors"
NOT_RIGHT = "This code is not right, or was used before."


def offer(page: TestClient) -> str:
    """The key that the page shows."""
    assert send(page, f"{HERE}/offer").status_code == 303
    found = re.search(r'id="key">([^<]+)<', page.get(HERE).text)
    assert found is not None
    return found[1].replace(" ", "")


def code(world: World, secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).generate_otp(int(world.now.timestamp()) // 30 + steps)


def recovery_codes(page: str) -> list[str]:
    return re.findall(r"<li><code>([a-z2-7-]{19})</code>", page)


def set_up(world: World, page: TestClient) -> tuple[str, list[str]]:
    """The secret and the recovery codes; the code of now is used."""
    secret = offer(page)
    answer = send(page, HERE, code=code(world, secret))
    assert answer.status_code == 200
    world.wait(30)
    return secret, recovery_codes(answer.text)


def give(browser: TestClient, typed: str, then: str = "/orders") -> Any:
    """The second step of a sign-in."""
    page = browser.get("/sign-in/code")
    sent = {"csrf": token(page.text), "code": typed, "then": then}
    return browser.post("/sign-in/code", data=sent, follow_redirects=False)


def is_in(browser: TestClient) -> bool:
    return browser.get("/orders", follow_redirects=False).status_code == 200


def actions(world: World) -> list[str]:
    entries = world.browser().get("/api/packhouse/audit-log", auth=OWNER).json()["data"]
    return [f"{entry['actor']['type']} {entry['action']} {entry['subject']}" for entry in entries]


def read_picture(page: str) -> str:
    """What a camera sees in the QR code."""
    found = re.search(r'<svg class="qr".*?viewBox="0 0 (\d+) \d+".*?fill="#000" d="([^"]+)"', page)
    assert found is not None
    scale, size = 4, int(found[1])
    pixels = bytearray(b"\xff" * (size * scale) ** 2)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", found[2]):
        for row in range(int(y) * scale, (int(y) + 1) * scale):
            at = row * size * scale + int(x) * scale
            pixels[at : at + scale] = bytes(scale)
    image: Any = memoryview(pixels).cast("B", (size * scale, size * scale))
    [read] = zxingcpp.read_barcodes(image)
    return str(read.text)


def test_a_person_sets_it_up_and_signs_in_in_two_steps(world: World) -> None:
    page = world.person("packer")
    assert "Set up a second factor" in page.get(HERE).text
    secret = offer(page)
    answer = send(page, HERE, code=code(world, secret))
    assert len(set(recovery_codes(answer.text))) == 10
    assert recovery_codes(page.get(HERE).text) == []
    assert "10 recovery codes are left." in page.get(HERE).text
    assert secret not in page.get(HERE).text.replace(" ", "")
    browser = world.browser()
    answer = sign_in(browser, BO, then="/orders?shop=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/code?then=%2Forders%3Fshop%3D1")
    assert not is_in(browser)
    world.wait(30)
    form = browser.get(answer.headers["location"]).text
    assert 'value="/orders?shop=1"' in form
    answer = give(browser, code(world, secret), "/orders?shop=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/orders?shop=1")
    assert is_in(browser)
    assert actions(world)[0] == f"user user.signed_in {BO}"
    assert f"user user.two_factors_set_up {BO}" in actions(world)


def test_the_picture_holds_what_an_authenticator_wants(world: World) -> None:
    page = world.person()
    secret = offer(page)
    shown = page.get(HERE)
    read = urlsplit(read_picture(unescape(shown.text)))
    assert (read.scheme, read.netloc) == ("otpauth", "totp")
    assert parse_qs(read.query) == {"secret": [secret], "issuer": ["Packhouse"]}
    assert shown.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in shown.headers["content-security-policy"]


def test_the_secret_and_the_codes_cannot_be_read_at_rest(world: World, database_url: str, backend: str) -> None:
    secret, codes = set_up(world, world.person())
    sealed = query(database_url, "SELECT secret FROM second_factors")
    hashes = query(database_url, "SELECT code_hash FROM recovery_codes")
    assert (len(sealed), len(hashes)) == (1, 10)
    if backend == "sqlite":
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            dump = "\n".join(connection.iterdump())
        assert not any(each in dump or each.replace("-", "") in dump for each in [secret, *codes])


def test_a_code_is_good_once_and_near_its_time(world: World) -> None:
    secret, _ = set_up(world, world.person())
    for wrong in ("", "000", "abcdef", "٣" * 6, code(world, secret, -2), code(world, secret, 2), "x" * 5_000):
        browser = world.browser()
        sign_in(browser, ADA)
        assert give(browser, wrong).status_code == 422
        assert not is_in(browser)
        world.wait(900)
    first, second = world.browser(), world.browser()
    for browser in (first, second):
        sign_in(browser, ADA)
    typed = code(world, secret, 1)
    assert give(first, f"{typed[:3]} {typed[3:]}").status_code == 303
    for late in (typed, code(world, secret), code(world, secret, -1)):  # nor is one before it good any more
        answer = give(second, late)
        assert (answer.status_code, NOT_RIGHT in answer.text) == (422, True)
    world.wait(60)
    assert give(second, code(world, secret)).status_code == 303


def test_of_many_who_use_a_code_at_once_one_is_let_in(world: World) -> None:
    secret, codes = set_up(world, world.person())
    for typed in (code(world, secret), codes[0]):
        browsers = [world.browser() for _ in range(4)]
        for browser in browsers:
            sign_in(browser, ADA)
        with ThreadPoolExecutor(4) as pool:
            found = [answer.status_code for answer in pool.map(give, browsers, [typed] * 4)]
        assert found.count(303) == 1, found
        assert sum(map(is_in, browsers)) == 1


def test_a_recovery_code_is_good_once_and_can_be_renewed(world: World) -> None:
    page = world.person()
    _, codes = set_up(world, page)
    for typed, status in ((codes[0], 303), (codes[0], 422), (f" {codes[1].upper().replace('-', ' ')}", 303)):
        browser = world.browser()
        sign_in(browser, ADA)
        assert give(browser, typed).status_code == status
    assert "8 recovery codes are left." in page.get(HERE).text
    renewed = recovery_codes(send(page, f"{HERE}/recovery-codes").text)
    assert len(renewed) == 10
    assert set(renewed).isdisjoint(codes)
    for typed, status in ((codes[2], 422), (renewed[0], 303)):
        browser = world.browser()
        sign_in(browser, ADA)
        assert give(browser, typed).status_code == status
    told = actions(world)
    assert told.count(f"user user.recovery_code_used {ADA}") == 3
    assert f"user user.recovery_codes_renewed {ADA}" in told
    wait_until(lambda: f"user user.code_refused {ADA}" in actions(world))


def test_guessing_at_codes_costs_a_wait_whichever_network_and_sign_in(world: World) -> None:
    page = world.person()
    secret, _ = set_up(world, page)
    del page.cookies["packhouse_session"]
    for number in range(attempts.FREE):
        browser = world.browser(f"198.51.100.{number}")
        sign_in(browser, ADA)
        assert give(browser, "000000").status_code == 422
    browser = world.browser(ELSEWHERE)
    sign_in(browser, ADA)
    answer = give(browser, code(world, secret))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "Too many attempts. Try again in 1 second." in answer.text
    sign_in(page, ADA)  # a browser that they are known by is held up by nobody
    assert give(page, code(world, secret)).status_code == 303


def test_a_half_done_sign_in_opens_nothing_and_ends(world: World) -> None:
    page = world.person()
    secret, codes = set_up(world, page)
    browser = world.browser()
    assert browser.get("/sign-in/code", follow_redirects=False).headers["location"] == "/sign-in?then=%2Forders"
    sign_in(browser, ADA)
    pending = browser.cookies["packhouse_sign_in"]
    browser.cookies.set("packhouse_session", pending)
    assert not is_in(browser)
    browser.cookies.delete("packhouse_session")
    assert browser.post("/sign-in/code", data={"code": codes[0]}).status_code == 403
    form = token(browser.get("/sign-in/code").text)
    world.wait(601)
    sent = {"csrf": form, "code": codes[0]}
    answer = browser.post("/sign-in/code", data=sent, follow_redirects=False)
    assert answer.headers["location"].startswith("/sign-in?then=")
    sign_in(browser, ADA)
    form = token(browser.get("/sign-in/code").text)
    owner = {"current_password": PASSWORD, "password": "a-new-long-password", "again": "a-new-long-password"}
    assert page.post("/account/password", data={"csrf": token(page.get("/account").text), **owner}).status_code == 200
    answer = browser.post("/sign-in/code", data={"csrf": form, "code": codes[0]}, follow_redirects=False)
    assert answer.headers["location"].startswith("/sign-in?then=")
    assert not is_in(browser)
    assert secret


def test_a_wrong_code_sets_nothing_up_and_an_old_offer_ends(world: World) -> None:
    page = world.person()
    secret = offer(page)
    answer = send(page, HERE, code="000000")
    assert (answer.status_code, "not the code that belongs to the key" in answer.text) == (422, True)
    assert sign_in(world.browser(), ADA).headers["location"] == "/"
    world.wait(901)
    typed = {"code": code(world, secret), "confirm_password": PASSWORD}
    answer = send(page, HERE, **typed)
    assert (answer.status_code, "shown too long ago" in answer.text) == (422, True)


def test_another_authenticator_takes_over_with_its_first_code(world: World) -> None:
    page = world.person()
    before, old_codes = set_up(world, page)
    after = offer(page)
    browser = world.browser()
    sign_in(browser, ADA)
    assert give(browser, code(world, before)).status_code == 303
    answer = send(page, HERE, code=code(world, after))
    assert answer.status_code == 200
    world.wait(60)
    for typed, status in ((code(world, before), 422), (old_codes[0], 422), (code(world, after), 303)):
        browser = world.browser()
        sign_in(browser, ADA)
        assert give(browser, typed).status_code == status


def test_a_person_does_without_again(world: World) -> None:
    page = world.person("viewer")
    set_up(world, page)
    assert send(page, f"{HERE}/remove").status_code == 303
    assert sign_in(world.browser(), EMAILS["viewer"]).headers["location"] == "/"
    assert f"user user.two_factors_removed {EMAILS['viewer']}" in actions(world)
    assert send(page, f"{HERE}/recovery-codes").status_code == 303  # there is nothing to recover


@pytest.mark.parametrize(("group", "held"), [("owners", {"owner"}), ("everybody", {"owner", "packer", "viewer"})])
def test_who_must_have_one_sets_it_up_before_anything_else(world: World, group: str, held: set[str]) -> None:
    signed_in = {role: world.person(role) for role in EMAILS}
    owner = signed_in["owner"]
    assert send(owner, "/settings/users/two-factors", two_factors_for=group).status_code == 303
    assert f"user account.two_factors_required {group}" in actions(world)
    for role, page in {**signed_in, **{f"new {role}": world.person(role) for role in EMAILS}}.items():
        for place in ("/", "/orders", "/shipments", "/account"):
            answer = page.get(place, follow_redirects=False)
            if role.removeprefix("new ") in held:
                assert answer.headers["location"].startswith("/account/two-factors?then="), (role, place)
            else:
                assert answer.status_code == 200, (role, place)
    sent = {"csrf": token(owner.get(HERE).text), "email": "x@example.com", "password": PASSWORD, "role": "owner"}
    answer = owner.post("/settings/users", data=sent, follow_redirects=False)
    assert answer.headers["location"].startswith("/account/two-factors?then=")
    assert owner.get("/orders/live", headers={"accept": "text/event-stream"}).status_code == 403
    assert "Your account requires a second factor of you." in owner.get(HERE).text
    set_up(world, owner)
    assert is_in(owner)
    assert send(owner, f"{HERE}/remove").status_code == 409
    assert send(owner, "/settings/users/two-factors", two_factors_for="nobody").status_code == 303
    assert all(map(is_in, signed_in.values()))


def test_the_way_back_is_kept_over_the_setting_up(world: World) -> None:
    owner, packer = world.person(), world.person("packer")
    send(owner, "/settings/users/two-factors", two_factors_for="everybody")
    place = packer.get("/orders?shop=1", follow_redirects=False).headers["location"]
    assert place == "/account/two-factors?then=%2Forders%3Fshop%3D1"
    assert send(packer, f"{HERE}/offer?then=%2Forders%3Fshop%3D1").headers["location"] == place
    found = re.search(r'id="key">([^<]+)<', packer.get(place).text)
    assert found is not None
    secret = found[1].replace(" ", "")
    answer = send(packer, place, code=code(world, secret))
    assert '<a href="/orders?shop=1" role="button">' in answer.text
    outside = packer.get(f"{HERE}?then=https%3A%2F%2Fexample.org").text
    assert "example.org" not in outside


def test_an_owner_resets_anothers_and_not_their_own(world: World) -> None:
    owner, packer = world.person(), world.person("packer")
    set_up(world, packer)
    page = owner.get("/settings/users").text
    id = {email: re.search(rf"{email}.*?/settings/users/(\d+)/", page, re.DOTALL) for email in (ADA, BO)}
    place = {email: f"/settings/users/{cast('Any', found)[1]}/two-factors" for email, found in id.items()}
    assert place[BO] in page
    assert place[ADA] not in page
    stranger = world.person("stranger@example.org")
    assert send(stranger, place[BO]).status_code == 404
    assert send(packer, place[BO]).status_code == 403
    assert send(owner, place[ADA]).status_code == 409
    assert sign_in(world.browser(), BO).headers["location"].startswith("/sign-in/code")
    assert send(owner, place[BO]).status_code == 303
    assert sign_in(world.browser(), BO).headers["location"] == "/"
    assert f"user user.two_factors_reset {BO}" in actions(world)
    assert send(owner, place[BO]).status_code == 404
    assert send(owner, "/settings/users/two-factors", two_factors_for="kings").status_code == 422


def test_an_operator_resets_it_by_command(world: World, run: Any) -> None:
    set_up(world, world.person())
    words = f"user reset-two-factor --account owner --email {ADA}"
    assert run(f"{words} --json").stdout == f'{{"reset":"{ADA}"}}\n'
    assert sign_in(world.browser(), ADA).headers["location"] == "/"
    assert actions(world)[1] == f"command user.two_factors_reset {ADA}"
    assert (run(words).exit_code, run(words).stderr) == (1, "packhouse: This person has no second factor.\n")
    assert run(words.replace(ADA, "no@example.com")).exit_code == 1
    assert run(words.replace("--account owner", "--account stranger")).exit_code == 1


def test_a_removed_person_leaves_nothing_behind(world: World, run: Any, database_url: str) -> None:
    set_up(world, world.person("packer"))
    sign_in(world.browser(), BO)
    assert run(f"user delete --account owner --email {BO}").exit_code == 0
    for table in ("second_factors", "recovery_codes", "known_browsers", "pending_sign_ins", "sessions"):
        assert query(database_url, f"SELECT user_id FROM {table}") == [], table  # noqa: S608 - names of ours


@pytest.fixture
def keyless(people: None, database_url: str) -> Iterator[World]:
    assert people is None
    with ExitStack() as stack:
        yield World(database_url, stack, secret_key=None)


def test_without_a_key_sqlite_keeps_one_and_postgresql_refuses(keyless: World, backend: str) -> None:
    page = keyless.person()
    answer = send(page, f"{HERE}/offer")
    required = send(page, "/settings/users/two-factors", two_factors_for="owners")
    if backend == "sqlite":
        assert (answer.status_code, required.status_code) == (303, 303)
    else:
        assert (answer.status_code, required.status_code) == (503, 503)
        assert "no PACKHOUSE_SECRET_KEY" in answer.text
        assert "no PACKHOUSE_SECRET_KEY" in required.text
        assert is_in(page)


def test_a_lost_key_leaves_the_recovery_codes(world: World, database_url: str) -> None:
    secret, codes = set_up(world, world.person())
    with ExitStack() as stack:
        other = World(database_url, stack, secret_key="another-key")
        other.now = world.now
        browser = other.browser()
        sign_in(browser, ADA)
        assert give(browser, code(world, secret)).status_code == 503
        assert give(browser, codes[0]).status_code == 303
