"""What was asked and answered, in memory: the newest requests, bounded in number and in bytes."""

import asyncio
import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from packhouse.sandbox import matching

MOST_ENTRIES = 1_000
MOST_BYTES = 32_000_000
LONGEST_BODY = 1_000_000

Headers = Sequence[tuple[str, str]]
_HIDDEN = "…"
_SECRET_HEADERS = frozenset({"cookie", "set-cookie", "proxy-authorization"})
_KEYS = "access_token|client_secret|secret_key|next_signing_key|signing_key|secret|password"
_SECRETS = re.compile(
    rf'("(?:{_KEYS})"\s*:\s*")[^"]*(?=")|((?:^|&)(?:{_KEYS}|token)=)[^&]*'.encode(),
)


class Note(NamedTuple):
    """What Packhouse thought of a request: `code` is the word for programs, `place` where it is about."""

    code: str
    detail: str
    place: str = ""


@dataclass(slots=True)
class Body:
    """The bytes of a request or an answer, as far as they are kept."""

    content: bytes = b""
    size: int = 0

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if room := LONGEST_BODY - len(self.content):
            self.content += chunk[:room]

    @property
    def is_whole(self) -> bool:
        return self.size == len(self.content)

    def to_value(self) -> Any:
        """Return the JSON of the body; None where it is none."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None

    def to_wire(self) -> Any:
        """Return the JSON as a value, any other text as text, and of what is neither its size."""
        if self.size == 0:
            return None
        value = self.to_value()
        if value is not None:
            return value
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            return f"({self.size} bytes)"


@dataclass(slots=True)
class Entry:
    """One request with its answer. `status` is None where the client got none. `answered` is what Packhouse answered
    where a fault kept it back."""

    id: int
    at: str
    account: str
    method: str
    path: str
    query: str
    request_headers: Headers
    request_body: Body = field(default_factory=Body)
    route: str = "unmatched"
    request_id: str = ""
    status: int | None = None
    answered: int | None = None
    response_headers: Headers = ()
    response_body: Body = field(default_factory=Body)
    milliseconds: float = 0.0
    fault: str | None = None
    notes: list[Note] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def size(self) -> int:
        return len(self.request_body.content) + len(self.response_body.content)

    def to_wire(self, *, is_short: bool = False) -> dict[str, Any]:
        wire = {
            "id": self.id,
            "at": self.at,
            "account": self.account,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "route": self.route,
            "status": self.status,
            "answered": self.answered,
            "milliseconds": round(self.milliseconds, 2),
            "request_id": self.request_id,
            "fault": self.fault,
            "notes": [note._asdict() for note in self.notes],
        }
        if is_short:
            return wire
        for name, headers, body in (
            ("request", self.request_headers, self.request_body),
            ("response", self.response_headers, self.response_body),
        ):
            shown = {"headers": list(map(list, headers)), "body": body.to_wire(), "bytes": body.size}
            wire[name] = {**shown, "is_whole": body.is_whole}
        return wire


@dataclass(frozen=True)
class Wanted:
    """Which requests are meant; what is None is any."""

    method: str | None = None
    path: str | None = None
    status: int | None = None
    query: dict[str, str] | None = None
    headers: dict[str, str] | None = None
    body: Any = None

    def is_met_by(self, entry: Entry) -> bool:
        return self._is_addressed(entry) and not self.find_differences(entry)

    def _is_addressed(self, entry: Entry) -> bool:
        return (
            self.method in (None, entry.method)
            and (self.path is None or matching.is_path(self.path, entry.path, entry.route))
            and self.status in (None, entry.status)
        )

    def find_differences(self, entry: Entry) -> list[matching.Difference]:
        """What of the query, headers and body is not as wanted, of a request that is addressed so."""
        found: list[matching.Difference] = []
        if self.query is not None:
            found += matching.find_differences(self.query, dict(parse_qsl(entry.query)), "query")
        if self.headers is not None and not matching.has_headers(self.headers, entry.request_headers):
            found.append(matching.Difference("headers", self.headers, None))
        if self.body is not None:
            found += matching.find_differences(self.body, entry.request_body.to_value())
        return found

    def find_nearest(self, entries: Iterable[Entry]) -> list[tuple[Entry, list[matching.Difference]]]:
        """The requests to the same place that differ least."""
        near = [(entry, self.find_differences(entry)) for entry in entries if self._is_addressed(entry)]
        return sorted([pair for pair in near if pair[1]], key=lambda pair: len(pair[1]))[:_NEAREST]


_NEAREST = 3


class Journal:
    """The requests of one account, newest last."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._numbers = itertools.count(1)
        self._bytes = 0
        self._has_forgotten = False
        self._news = asyncio.Event()

    @property
    def has_forgotten(self) -> bool:
        """Whether requests went out for lack of room."""
        return self._has_forgotten

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Keep a request that has been answered, in place of the oldest ones where there is no room."""
        entry.id = next(self._numbers)
        self._entries.append(entry)
        self._bytes += entry.size
        while len(self._entries) > MOST_ENTRIES or self._bytes > MOST_BYTES:
            self._bytes -= self._entries.popleft().size
            self._has_forgotten = True
        self._news.set()
        self._news = asyncio.Event()

    def find(self, id: int) -> Entry | None:
        return next((entry for entry in self._entries if entry.id == id), None)

    def list_entries(self, wanted: Wanted, *, after: int = 0, limit: int = 100) -> list[Entry]:
        """The oldest ones after `after`, or without it the newest; in the order in which they were answered."""
        found = [entry for entry in self._entries if entry.id > after and wanted.is_met_by(entry)]
        return found[:limit] if after else found[-limit:]

    async def wait_for_news(self, seconds: float) -> None:
        """Until a request is answered, but no longer than so."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def clear(self) -> None:
        """Forget all; the numbers go on."""
        self._entries.clear()
        self._bytes = 0


def to_headers(sent: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers as texts without secrets: of credentials the scheme and the public key alone."""
    return [
        (name.decode("latin-1"), _hide(name.decode("latin-1").lower(), value.decode("latin-1"))) for name, value in sent
    ]


def _hide(name: str, value: str) -> str:
    if name == "authorization":
        scheme, _, credentials = value.partition(" ")
        return f"{scheme} {_HIDDEN}" if credentials else _HIDDEN
    return _HIDDEN if name in _SECRET_HEADERS or name.endswith(("-token", "-secret")) else value


def hide_secrets(content: bytes) -> bytes:
    """A body without the values of keys that are known to hold secrets."""
    return _SECRETS.sub(lambda found: (found[1] or found[2]) + _HIDDEN.encode(), content)
