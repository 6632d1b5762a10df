"""Whose data it is: a person as somebody names them, and what an order or a shipment tells of whom it is for."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from packhouse.kit.data import emails, phones
from packhouse.kit.redaction import Words
from packhouse.orders import redaction

_HOLDERS = ("customer_details", "shipping_address", "billing_address", "to_address")
# Where a history's value stands: of a part of one of them, or of the whole.
_PLACE = re.compile(rf"/({'|'.join(_HOLDERS)})(?:/(\w+))?")
# A country's sign before a code of digits: `NL-1015 CR`, `D-10115`.
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_SIGN = re.compile(r"^[A-Z]{1,3}(?=\d{4})")


@dataclass(slots=True)
class Facts:
    """What is told of people, in all spellings that there were."""

    emails: set[str] = field(default_factory=set)
    phones: set[tuple[str, str | None]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    postal_codes: set[str] = field(default_factory=set)

    def add_document(self, document: Mapping[str, Any]) -> None:
        """An order's or a shipment's."""
        country = redaction.find_country(document)
        for name in _HOLDERS:
            if isinstance(holder := document.get(name), dict):
                self._add_holder(holder, country)

    def add_changes(self, changes: Iterable[Mapping[str, Any]], country: str | None) -> None:
        """Those of an order's history."""
        for change in changes:
            found = _PLACE.fullmatch(change["path"])
            value = change.get("value")
            if found is None or value is None:
                continue
            if found[2] is not None:
                self._add_holder({found[2]: value}, country)
            elif isinstance(value, dict):
                self._add_holder(value, country)

    def _add_holder(self, holder: Mapping[str, Any], country: str | None) -> None:
        for key, value in holder.items():
            if not isinstance(value, str) or not value:
                continue
            if key == "email":
                self.emails |= {fold(value), *map(fold, emails.find_all(value))}
            elif key == "phone_number":
                self.phones.add((value, holder.get("country_code") or country))
            elif key in ("name", "company_name"):
                self.names.add(to_plain_name(value))
            elif key == "postal_code":
                self.postal_codes.add(to_plain_code(value))


@dataclass(frozen=True)
class Person:
    """Anything of it that is found is theirs: the e-mail address, the telephone number in any spelling, or the name
    together with the postal code. An empty one is not looked for."""

    email: str = ""
    phone: str = ""
    name: str = ""
    postal_code: str = ""

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth reading: a quick look at JSON as it is at rest, which knows most that tells of others."""
        if not text.isascii():
            if _OTHER_DIGIT.search(text):
                return True
            text = unicodedata.normalize("NFKC", text)
        folded = text.casefold()
        if self.email and fold(self.email) in folded:
            return True
        if self.phone and self._last_digits.search(text):
            return True
        return bool(self.name) and self._longest_word in folded

    @cached_property
    def _last_digits(self) -> re.Pattern[str]:
        return re.compile(r"[^0-9,:{}\[\]]{0,3}".join(phones.to_digits(self.phone)[-5:]))

    @cached_property
    def _longest_word(self) -> str:
        return max(to_plain_name(self.name).split(), key=len, default="")

    def is_told_by(self, facts: Facts, origin: str) -> bool:
        """`origin` is the account's country, where a number is dialled that stands beside no address."""
        if self.email and fold(self.email) in facts.emails:
            return True
        if self.phone and any(phones.is_same(self.phone, number, at or origin) for number, at in facts.phones):
            return True
        return bool(
            self.name
            and self.postal_code
            and to_plain_name(self.name) in facts.names
            and to_plain_code(self.postal_code) in facts.postal_codes
        )

    def to_words(self, origin: str) -> Words:
        return self.to_own_words(origin) | Words([self.name] if len(self.name.split()) > 1 else [], self.name.split())

    def to_own_words(self, origin: str) -> Words:
        """Those that nobody else has."""
        numbers = [phones.to_national(self.phone, origin) or re.sub(r"\D", "", self.phone)] if self.phone else []
        return Words([self.email, self.phone], (), numbers)


def fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def to_plain_name(name: str) -> str:
    """Without case, punctuation and spaces that do not count."""
    return " ".join(re.sub(r"[\W_]+", " ", fold(name)).split())


def to_plain_code(postal_code: str) -> str:
    return _SIGN.sub("", "".join(filter(str.isalnum, fold(postal_code))).upper())
