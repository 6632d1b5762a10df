"""English, Dutch, German and French: every text, and numbers, dates, money and countries as the reader writes them."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from packhouse.web.frame import languages
from tests import make
from tests.web import catalogues
from tests.web.conftest import token

Person = Callable[..., TestClient]

TRANSLATED = [code for code in languages.LANGUAGES if code != "en"]
TEMPLATES = sorted((catalogues.WEB / "templates").glob("*.html"))
# What is written alike in all languages: our name, what an operator types, keys, units of measure.
SAME = {"Packhouse", "esc", "enter", "kg", "lbs", "oz", "cm", "mm", "packhouse"}
TOLD_BY = ("title", "aria-label", "placeholder", "alt", "label")


@pytest.fixture
def backend() -> str:
    """None of this depends on the database."""
    return "sqlite"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_no_other(language: str) -> None:
    catalogue = catalogues.read(language)
    held = {message.id for message in catalogue if message.id}
    assert held == catalogues.find_texts(), "make catalogues brings them up to date"
    assert [message.id for message in catalogue if message.fuzzy and message.id] == []
    for texts, forms in catalogues.list_texts(language):
        assert all(forms), texts
        assert len(forms) == (catalogue.num_plurals if len(texts) > 1 else 1), texts


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_says_what_the_text_says(language: str) -> None:
    """The same things are put into it, and it ends as the text does."""
    for texts, forms in catalogues.list_texts(language):
        for text, form in zip(texts, forms, strict=True):
            assert placeholders(form) == placeholders(text), form
            assert form == form.strip()
            assert (form[-1] in ".:?") == (text[-1] in ".:?"), form


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)s|%\(\w+\)d|%.|\{\w+\}", text))


class Reader(HTMLParser):
    """The words that a reader sees or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("code", "script", "style")
        self.told += [value for name, value in attrs if name in TOLD_BY and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("code", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.told.append(re.sub(r"""[\w-]+=(?:"[^"]*"|'[^']*')""", "", data))  # of a macro that makes attributes


def find_unmarked(path: Path) -> Iterator[str]:
    source = re.sub(r"\{% block body_class %\}.*?\{% endblock %\}", "", path.read_text("utf-8"))
    source = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", source, flags=re.DOTALL)
    reader = Reader()
    reader.feed(source)
    for told in reader.told:
        yield from (word for word in re.findall(r"[A-Za-z]{2,}", told) if word not in SAME)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_text_of_a_template_is_marked(path: Path) -> None:
    assert list(find_unmarked(path)) == []


def test_an_unmarked_text_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "new.html"
    path.write_text('<p title="A tip">{{ _("Marked") }} plain <code>curl</code>{# no #}</p>')
    assert list(find_unmarked(path)) == ["tip", "plain"]


READ = {
    "en-GB": ("Incoming orders", "€25.50", "Netherlands", "14 Mar 2026", "1.50 kg"),
    "en-US": ("Incoming orders", "€25.50", "Netherlands", "Mar 14, 2026", "1.50 kg"),
    "nl-NL": ("Te verzenden orders", "€ 25,50", "Nederland", "14 mrt 2026", "1,50 kg"),
    "nl-BE": ("Te verzenden orders", "€ 25,50", "Nederland", "14 mrt 2026", "1,50 kg"),
    "de-DE": ("Offene Bestellungen", "25,50 €", "Niederlande", "14.03.2026", "1,50 kg"),
    "de-CH": ("Offene Bestellungen", "EUR 25.50", "Niederlande", "14.03.2026", "1.50 kg"),
    "fr-FR": ("Commandes à expédier", "25,50 €", "Pays-Bas", "14 mars 2026", "1,50 kg"),
}


@pytest.fixture
def shown(person: Person, client: TestClient) -> TestClient:
    order = make.order(
        shipping_address=make.address(),
        shipping_details={"measurement": {"weight": {"value": 1.5, "unit": "kg"}}},
        payment_details={"total_price": {"value": 25.5, "currency": "EUR"}, "status": {"code": "paid"}},
    )
    assert client.post("/api/v3/orders", json=[order]).status_code == 200
    return person()


def flat(text: str) -> str:
    return re.sub(r"[\u00a0\u202f]", " ", text)


@pytest.mark.parametrize("tag", READ)
def test_a_page_is_written_as_its_reader_writes(shown: TestClient, tag: str) -> None:
    text = flat(shown.get("/orders", headers={"accept-language": f"{tag},en;q=0.3"}).text)
    assert f'<html lang="{tag}"' in text
    title, money, country, day, weight = READ[tag]
    for told in (f">{title}<", f">{money}<", f'title="{country}"', f">{day}<", f">{weight}<"):
        assert told in text


@pytest.mark.parametrize("asked", ["nl; q=0.9", "fr ; q = 0.1 , nl;q=0.9", "de;q=0, nl ;q=0.5", "nl;level=1"])
def test_a_language_is_asked_for_with_spaces_too(shown: TestClient, asked: str) -> None:
    assert '<html lang="nl-NL"' in shown.get("/orders", headers={"accept-language": asked}).text


def test_a_form_that_does_not_say_how_long_it_is_is_read(shown: TestClient) -> None:
    form = {"csrf": token(shown.get("/orders").text), "language": "nl", "theme": "auto", "then": "/orders"}
    sent = urlencode(form).encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert "Te verzenden orders" in shown.post("/preferences", content=iter([sent[:9], sent[9:]]), headers=kind).text
    endless = iter([sent, b"&more=" + b"a" * 11_000_000])
    assert shown.post("/preferences", content=endless, headers=kind).status_code == 413


def test_a_choice_is_kept_whatever_the_browser_asks_for(shown: TestClient) -> None:
    form = {"csrf": token(shown.get("/orders").text), "language": "nl", "theme": "auto", "then": "/orders"}
    assert "Te verzenden orders" in shown.post("/preferences", data=form).text
    assert "Te verzenden orders" in shown.get("/orders", headers={"accept-language": "fr"}).text
    flemish = shown.get("/orders", headers={"accept-language": "nl-BE,fr;q=0.5"}).text
    assert '<html lang="nl-BE"' in flemish
    form["language"] = "xx"
    assert "Te verzenden orders" in shown.post("/preferences", data=form).text


def test_what_was_changed_is_told_in_the_readers_language(shown: TestClient, client: TestClient) -> None:
    changes = {
        "shipping_address": {"city": "Delft"},
        "shipping_details": {"measurement": {"weight": {"value": 2, "unit": "kg"}}},
    }
    assert client.patch("/api/v3/orders/1", json=changes).status_code == 200
    text = shown.get("/orders/1", headers={"accept-language": "de"}).text
    assert re.search(r"Lieferadresse › Ort</span> <del>Amsterdam</del> → <ins>Delft</ins>", text)
    assert re.search(r"Maße › Gewicht › Wert</span> <del>1.5</del> → <ins>2</ins>", text)


def test_a_refusal_is_told_in_the_readers_language(person: Person) -> None:
    viewer = person("viewer")
    form = {"csrf": token(viewer.get("/orders").text), "id": "1"}
    answer = viewer.post("/orders/labels", data=form, headers={"accept-language": "fr"})
    assert (answer.status_code, "Votre rôle ne le permet pas." in answer.text) == (403, True)
