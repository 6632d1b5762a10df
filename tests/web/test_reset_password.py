"""A forgotten password: links by mail and by command, each good once, and told to nobody who asks for another."""

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from packhouse.accounts import attempts, reset_links
from packhouse.kit import clock
from packhouse.kit.mail import Mailer
from packhouse.settings import Settings
from tests.cli.conftest import run
from tests.concurrency import served
from tests.concurrency.served import wait_until
from tests.web.conftest import EMAILS, PASSWORD, sign_in, token
from tests.web.mail_server import MailServer, run_mail_server
from tests.web.test_two_factors import actions, code, is_in, set_up
from tests.web.world import ELSEWHERE, World, query, world

__all__ = ["run", "world"]

ADA, BO = EMAILS["owner"], EMAILS["packer"]
FORGOTTEN, RESET = "/sign-in/forgotten", "/sign-in/reset"
BASE = "https://orders.example.com"
NEW = "a-new-long-password"
OVER = "This link is good no more"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with run_mail_server() as made:
        yield made


@pytest.fixture
def mailing(people: None, database_url: str, server: MailServer) -> Iterator[World]:
    assert people is None
    url = f"smtp://us%40example.com:a%2Fsecret@127.0.0.1:{server.port}"
    with ExitStack() as stack:
        yield World(
            database_url, stack, smtp_url=url, mail_from="Packhouse <no-reply@example.com>", public_url=f"{BASE}/"
        )


def ask(browser: TestClient, email: str) -> Any:
    sent = {"csrf": token(browser.get(FORGOTTEN).text), "email": email}
    return browser.post(FORGOTTEN, data=sent, follow_redirects=False)


def link_of(server: MailServer, at: int = -1) -> str:
    found = re.search(rf"^{BASE}({RESET}\?link=\S+)$", server.mails[at].get_content(), re.MULTILINE)
    assert found is not None, server.mails[at].get_content()
    return found[1]


def choose(browser: TestClient, link: str, new: str = NEW, again: str | None = None, **fields: str) -> Any:
    csrf = token(browser.get(link).text)
    return send(browser, link, csrf, password=new, again=again or new, **fields)


def send(browser: TestClient, link: str, csrf: str, **fields: str) -> Any:
    sent = {"csrf": csrf, "link": link.partition("=")[2], **fields}
    return browser.post(RESET, data=sent, follow_redirects=False)


def test_who_forgot_their_password_chooses_a_new_one_by_mail(mailing: World, server: MailServer) -> None:
    signed_in, browser = mailing.person(), mailing.browser(ELSEWHERE)
    assert f'href="{FORGOTTEN}"' in browser.get("/sign-in").text
    assert "a mail with a link is on its way" in ask(browser, ADA.upper()).text
    assert server.mails == []  # nothing is sent while somebody waits
    mailing.work()
    [mail] = server.mails
    assert (mail["To"], mail["From"]) == (ADA, "Packhouse <no-reply@example.com>")
    assert mail["Subject"] == "A new password for Packhouse"
    assert mail["Message-ID"].endswith("@example.com>")
    assert server.seen == ["us@example.com a/secret", "<no-reply@example.com>", f"<{ADA}>"]
    link = link_of(server)
    for _ in range(2):  # looking uses nothing up
        assert 'autocomplete="new-password"' in browser.get(link).text
    answer = choose(browser, link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?reset=1")
    assert "Your password is changed. Please sign in with it." in browser.get(answer.headers["location"]).text
    assert not is_in(signed_in)
    assert sign_in(browser, ADA).status_code == 422
    assert sign_in(browser, ADA, NEW).status_code == 303
    page = browser.get(link)
    assert (page.status_code, OVER in page.text) == (404, True)
    told = [each for each in actions(mailing) if "sign" not in each]
    assert told[:2] == [f"user user.password_reset {ADA}", f"server user.reset_link_sent {ADA}"]


def test_an_unknown_address_is_told_the_same_and_written_to_as_much(
    mailing: World, server: MailServer, database_url: str, run: Any
) -> None:
    assert run(f"user disable --account owner --email {BO}").exit_code == 0
    texts = []
    for email in (ADA, "nobody@example.com", BO, "no address", "", "x\0@example.com", "x" * 5_000):
        answer = ask(mailing.browser(), email)
        texts.append((answer.status_code, answer.text))
    assert set(texts) == {texts[0]}
    assert len(query(database_url, "SELECT id FROM jobs")) == 7
    mailing.work()
    assert [mail["To"] for mail in server.mails] == [ADA]
    assert query(database_url, "SELECT id FROM jobs") == []
    assert len(query(database_url, "SELECT token_hash FROM reset_links")) == 1


def test_the_mail_is_in_the_language_of_who_asks(mailing: World, server: MailServer) -> None:
    browser = mailing.browser()
    browser.headers["accept-language"] = "de-DE"
    ask(browser, ADA)
    mailing.work()
    assert server.mails[0]["Subject"] == "Ein neues Passwort für Packhouse"
    assert "innerhalb einer Stunde" in server.mails[0].get_content()
    assert "Neues Passwort" in browser.get(link_of(server)).text


def test_nobody_is_flooded_with_mail_and_no_network_asks_without_end(mailing: World, server: MailServer) -> None:
    for _ in range(reset_links.MOST_MAILS + 2):
        ask(mailing.browser(), ADA)
    mailing.work()
    assert len(server.mails) == reset_links.MOST_MAILS
    for number in range(attempts.FREE_FORGOTTEN - reset_links.MOST_MAILS - 2):
        assert ask(mailing.browser(), f"{number}@example.com").status_code == 200
    answer = ask(mailing.browser(), BO)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "Too many attempts. Try again in 1 second." in answer.text
    assert ask(mailing.browser(ELSEWHERE), BO).status_code == 200
    mailing.wait(3_601)
    ask(mailing.browser(), ADA)
    mailing.work()
    assert len(server.mails) == reset_links.MOST_MAILS + 1


def test_a_mail_that_is_refused_for_now_is_sent_later(mailing: World, server: MailServer, database_url: str) -> None:
    ask(mailing.browser(), ADA)
    server.refuse = "451 not now"
    for _ in range(4):
        mailing.work()
        assert query(database_url, "SELECT token_hash FROM reset_links") == []
        mailing.wait(60)
    server.refuse = ""
    mailing.work()
    assert len(server.mails) == 1
    assert choose(mailing.browser(), link_of(server)).status_code == 303


@pytest.mark.usefixtures("people")
def test_no_address_password_or_link_is_in_a_log(database_url: str, server: MailServer, tmp_path: Path) -> None:
    settings = {
        "smtp_url": f"smtp://user:smtp-secret@127.0.0.1:{server.port}",
        "mail_from": "no-reply@example.com",
        "public_url": "http://orders.example.com",
        "log_level": "debug",
    }
    server.refuse = "451 not now"
    log = tmp_path / "log"
    with served.serve(database_url, log, **settings) as running:
        with running.client(auth=None, headers={"accept": "text/html"}) as client:
            browser: Any = client
            assert sign_in(browser, ADA, "wrong-password").status_code == 422
            assert ask(browser, ADA).status_code == 200
            wait_until(lambda: "SMTPRecipientsRefused" in log.read_text("utf-8"))
            server.refuse = ""
            wait_until(lambda: bool(server.mails))
            link = re.search(r"(/sign-in/reset\?link=\S+)$", server.mails[0].get_content(), re.MULTILINE)
            assert link is not None
            assert choose(browser, link[1]).status_code == 303
            assert sign_in(browser, ADA, NEW).status_code == 303
        running.stop()
    told = log.read_text("utf-8")
    assert "/sign-in/reset" in told
    secret = link[1].rpartition(".")[2]
    for word in ("ada@", "example.com", "wrong-password", NEW, secret, "smtp-secret", "link="):
        assert word not in told, word


def test_a_mail_that_nobody_takes_is_given_up(mailing: World, server: MailServer, database_url: str) -> None:
    ask(mailing.browser(), ADA)
    server.refuse = "550 no such box"
    mailing.work()
    ask(mailing.browser(), BO)
    server.refuse = "451 not now"
    mailing.work()
    mailing.wait(3_601)  # who asked has asked again by now
    server.refuse = ""
    mailing.work()
    assert server.mails == []
    for table in ("jobs", "reset_links"):
        assert query(database_url, f"SELECT account_id FROM {table}") == []  # noqa: S608 - names of ours
    assert not any("reset_link_sent" in told for told in actions(mailing))


def test_a_worker_without_a_mail_server_leaves_the_mail_to_others(
    mailing: World, server: MailServer, database_url: str
) -> None:
    ask(mailing.browser(), ADA)
    with ExitStack() as stack:
        other = World(database_url, stack)
        other.work()
    assert len(query(database_url, "SELECT id FROM jobs")) == 1
    mailing.wait(10)
    mailing.work()
    assert len(server.mails) == 1


def test_without_a_mail_server_the_page_says_whom_to_ask(world: World, database_url: str) -> None:
    browser = world.browser()
    page = browser.get(FORGOTTEN)
    assert "This server sends no mail." in page.text
    assert 'name="email"' not in page.text
    csrf = token(browser.get("/sign-in").text)
    answer = browser.post(FORGOTTEN, data={"csrf": csrf, "email": ADA})
    assert "This server sends no mail." in answer.text
    assert query(database_url, "SELECT id FROM jobs") == []


def make(run: Any, email: str = ADA) -> str:
    """A link by command."""
    done = run(f"user reset-link --account owner --email {email} --url {BASE} --json")
    return str(orjson.loads(done.stdout)["link"]).removeprefix(BASE)


@pytest.fixture
def now(people: None, database_url: str) -> Iterator[World]:
    """A world whose clock is at the time of commands."""
    assert people is None
    with ExitStack() as stack:
        made = World(database_url, stack)
        made.now = clock.now()
        yield made


def test_an_operator_prints_a_link(now: World, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    words = f"user reset-link --account owner --email {ADA}"
    refused = run(words)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "The link needs PACKHOUSE_PUBLIC_URL or --url" in refused.stderr
    assert run(f"{words} --url orders.example.com").exit_code == 1
    made = orjson.loads(run(f"{words} --url {BASE}/ --json").stdout)
    assert set(made) == {"email", "link", "expires_at"}
    assert made["link"].startswith(f"{BASE}{RESET}?link=")
    monkeypatch.setenv("PACKHOUSE_PUBLIC_URL", "https://named.example.com")
    assert f"https://named.example.com{RESET}?link=" in run(words).stdout
    assert run(words.replace(ADA, "no@example.com")).exit_code == 1
    assert run(words.replace("owner", "stranger")).exit_code == 1
    assert choose(now.browser(), made["link"].removeprefix(BASE)).status_code == 303
    assert sign_in(now.browser(), ADA, NEW).status_code == 303
    assert actions(now).count(f"command user.reset_link_made {ADA}") == 2
    run(f"user disable --account owner --email {BO}")
    assert "may not sign in" in run(words.replace(ADA, BO)).stderr


def test_what_is_wrong_stands_at_its_field_and_leaves_the_link_good(now: World, run: Any) -> None:
    link, browser = make(run), now.browser()
    for new, again, field, words in (
        ("short", "short", "password", "A password has 10 to 200 characters."),
        (NEW, f"{NEW}!", "again", "The two new passwords differ."),
    ):
        answer = choose(browser, link, new, again)
        assert answer.status_code == 422
        assert f'id="m-reset-{field}" class="told fault">{words}<' in answer.text
        assert f'value="{new}"' not in answer.text
    assert browser.post(RESET, data={"link": link, "password": NEW, "again": NEW}).status_code == 403
    assert choose(browser, link).status_code == 303


def test_a_link_ends_after_an_hour_after_a_change_and_with_its_person(now: World, run: Any, database_url: str) -> None:
    old, other = make(run), make(run)
    now.wait(3_602)
    assert OVER in now.browser().get(old).text
    now.wait(-3_602)
    assert choose(now.browser(), old).status_code == 303
    assert OVER in now.browser().get(other).text
    for words in (
        f"user password --account owner --email {BO} --password-stdin",
        f"user disable --account owner --email {BO}",
    ):
        link = make(run, BO)
        assert run(words, input="another-long-password\n").exit_code == 0
        assert OVER in now.browser().get(link).text
    assert query(database_url, "SELECT token_hash FROM reset_links") == []
    for made_up in ("", "1", "1.", "1.x", "x.y", "-1.y", f"{'9' * 30}.y", "1.\u00e9", "1.%00"):
        assert now.browser().get(f"{RESET}?link={made_up}").status_code == 404


def test_of_two_who_use_a_link_at_once_one_does(now: World, run: Any) -> None:
    link = make(run)
    opened = [(browser, token(browser.get(link).text)) for browser in (now.browser() for _ in range(4))]
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(send, browser, link, csrf, password=NEW, again=NEW) for browser, csrf in opened]
        found = [answer.result().status_code for answer in sent]
    assert sorted(found) == [303, 404, 404, 404]


@pytest.mark.usefixtures("people")
def test_a_link_is_kept_as_a_hash(run: Any, database_url: str, backend: str) -> None:
    secret = make(run).rpartition(".")[2]
    [kept] = query(database_url, "SELECT token_hash FROM reset_links")
    assert secret not in kept
    if backend == "sqlite":
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            assert secret not in "\n".join(connection.iterdump())


def test_a_link_asks_for_the_second_factor(now: World, run: Any) -> None:
    secret, codes = set_up(now, now.person())
    link, browser = make(run), now.browser()
    assert 'name="code"' in browser.get(link).text
    for typed in ({}, {"code": ""}, {"code": "000000"}):
        answer = choose(browser, link, **typed)
        assert (answer.status_code, "This code is not right" in answer.text) == (422, True)
    assert sign_in(now.browser(), ADA).status_code == 303  # the password is as it was
    for _ in range(attempts.FREE - 3):
        choose(browser, link, code="000000")
    answer = choose(browser, link, code=code(now, secret))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    now.wait(1)
    assert choose(browser, link, code=codes[0]).status_code == 303
    assert sign_in(now.browser(), ADA, NEW).headers["location"].startswith("/sign-in/code")  # which stays


def test_what_strangers_did_before_is_no_hindrance(now: World, run: Any) -> None:
    browser = now.browser()
    for _ in range(attempts.FREE):
        sign_in(browser, ADA, "wrong")
    assert choose(browser, make(run)).status_code == 303
    now.wait(1)
    assert sign_in(browser, ADA, NEW).status_code == 303


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"smtp_url": "smtp://127.0.0.1"}, "smtp_url"),
        ({"smtp_url": "smtp://127.0.0.1", "mail_from": "a@example.com"}, "smtp_url"),
        ({"smtp_url": "smtp://127.0.0.1", "public_url": BASE}, "smtp_url"),
        ({"smtp_url": "http://127.0.0.1", "public_url": BASE, "mail_from": "a@example.com"}, "smtp_url"),
        ({"smtp_url": "smtp://", "public_url": BASE, "mail_from": "a@example.com"}, "smtp_url"),
        ({"smtp_url": "smtp://x:port", "public_url": BASE, "mail_from": "a@example.com"}, "smtp_url"),
        ({"mail_from": "nobody"}, "mail_from"),
        ({"mail_from": "a@example.com\nBcc: b@example.com"}, "mail_from"),
    ],
)
def test_settings_that_could_send_nothing_are_refused(given: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(**given)  # type: ignore[arg-type]
    assert named in [error["loc"][0] for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("url", "must"),
    [
        ("smtp://user:secret@mail.example.com:587", True),
        ("smtp://user:secret@mail.example.org", True),
        ("smtp://user:secret@127.0.0.1", None),
        ("smtp://user:secret@[::1]:25", None),
        ("smtp://user:secret@localhost", None),
        ("smtp://mail.example.com", None),
        ("smtps://user:secret@mail.example.com", False),
    ],
)
def test_a_password_goes_to_another_machine_by_tls_alone(url: str, must: bool | None) -> None:
    assert Mailer(url, "a@example.com")._must_start_tls() is must


def test_the_password_of_the_mail_server_is_in_no_text_of_the_settings(mailing: World) -> None:
    assert "secret" not in repr(mailing._settings).replace("secret_key", "")
    assert sign_in(mailing.browser(), ADA, PASSWORD).status_code == 303
