"""The design of a shop's slips."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from packhouse.shipping.slips import words

MAX_LOGO_BYTES = 2_000_000


class Logo(NamedTuple):
    """A PNG; its sides in pixels."""

    content: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Design:
    """`texts` by language; `otherwise` is the language for customers whose language we do not have, and for missing
    texts. `logo` is a PNG; a digest without one means that the store has it."""

    texts: Mapping[str, str]
    otherwise: str = words.DEFAULT
    digest: str | None = None
    logo: bytes | None = None


PLAIN = Design({})
