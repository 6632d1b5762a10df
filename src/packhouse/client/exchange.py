"""One call with its retries and its sign-in, without a network: it says what to send and how long to wait.

`runners.py` sends and waits, once with threads and once with asyncio, so everything that decides is written once.
"""

import base64
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import httpx

RETRIED = frozenset({429, 503})
# What the published API answers, as a 400, while another request is writing the same order.
_STILL_PROCESSING = "We are still processing a previous request"
_LONGEST_WAIT = 120.0
_EARLY = 60.0  # seconds before its end that a token is replaced


class Wait(NamedTuple):
    seconds: float


Steps: TypeAlias = Generator[httpx.Request | Wait, httpx.Response, httpx.Response]


@dataclass(frozen=True)
class ErrorItem:
    """One entry of an error list; `source` is `{"pointer": …}`, `{"parameter": …}`, `{"header": …}` or empty."""

    status: str
    code: str
    detail: str
    title: str | None
    source: Mapping[str, str]


class ApiError(Exception):
    """The server refused; `faults` says why, with places. `response` is the answer itself."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.response = response
        self.faults = _read_faults(response)
        told = "; ".join(f"{f.detail} {dict(f.source) if f.source else ''}".strip() for f in self.faults)
        super().__init__(f"{self.status}: {told or response.reason_phrase}")


def _read_faults(response: httpx.Response) -> list[ErrorItem]:
    try:
        listed = response.json()["errors"]
        entries = listed if isinstance(listed, list) else [listed]
        return [
            ErrorItem(
                str(entry.get("status", response.status_code)),
                str(entry.get("code", "")),
                str(entry.get("detail", "")),
                entry.get("title"),
                entry.get("source") or {},
            )
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


@dataclass
class SignIn:
    """HTTP Basic with `key`, or tokens for `client` from `token_url`, asked for when they are needed."""

    key: tuple[str, str] | None
    client: tuple[str, str] | None
    token_url: str
    scopes: Sequence[str]
    clock: Callable[[], float]
    token: str = ""
    ends_at: float = 0.0

    def has_token(self) -> bool:
        return self.clock() < self.ends_at - _EARLY

    def to_header(self) -> dict[str, str]:
        if self.key is not None:
            return {"Authorization": to_basic(*self.key)}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def ask(self) -> httpx.Request:
        form = {"grant_type": "client_credentials"} | ({"scope": " ".join(self.scopes)} if self.scopes else {})
        headers = {"Authorization": to_basic(*(self.client or ("", "")))}
        return httpx.Request("POST", self.token_url, data=form, headers=headers)

    def take(self, response: httpx.Response) -> None:
        if not response.is_success:
            raise ApiError(response)
        issued = response.json()
        self.token = issued["access_token"]
        self.ends_at = self.clock() + float(issued.get("expires_in", 3600))


def to_basic(name: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"


@dataclass
class Exchange:
    base_url: str
    sign_in: SignIn
    retries: int
    headers: Mapping[str, str]

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Steps:
        """Ends with the answer. Raises ApiError for what is refused, and for what stays refused after the retries."""
        signed_in_anew = False
        tries = 0
        while True:
            if self.sign_in.client is not None and not self.sign_in.has_token():
                yield from self._fetch_token()
            sent = {**self.headers, **self.sign_in.to_header(), **(headers or {})}
            body = {} if json is None else {"json": json}
            response = yield httpx.Request(method, self.base_url + path, params=params, headers=sent, **body)
            if response.is_success:
                return response
            if response.status_code == 401 and self.sign_in.client is not None and not signed_in_anew:
                signed_in_anew, self.sign_in.ends_at = True, 0.0  # ended before its time: asked for anew, once
                continue
            if tries >= self.retries or not is_temporary(response):
                raise ApiError(response)
            yield Wait(find_wait(response, tries))
            tries += 1

    def _fetch_token(self) -> Generator[httpx.Request | Wait, httpx.Response, None]:
        tries = 0
        while True:
            response = yield self.sign_in.ask()
            if tries >= self.retries or not is_temporary(response):
                self.sign_in.take(response)
                return
            yield Wait(find_wait(response, tries))
            tries += 1


def is_temporary(response: httpx.Response) -> bool:
    if response.status_code == 400:
        return any(fault.detail.startswith(_STILL_PROCESSING) for fault in _read_faults(response))
    if response.status_code == 409:  # without it, what is there does not fit what is asked, and will not
        return "Retry-After" in response.headers
    return response.status_code in RETRIED


def find_wait(response: httpx.Response, tries: int) -> float:
    """Return what `Retry-After` says, in seconds or as a date; without it 1, 2, 4, … seconds."""
    sent = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(sent) if sent.isdecimal() else (parsedate_to_datetime(sent) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        seconds = 2.0**tries
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def create_exchange(
    base_url: str,
    key: tuple[str, str] | None,
    client: tuple[str, str] | None,
    scopes: Sequence[str],
    token_url: str | None,
    retries: int,
    headers: Mapping[str, str],
) -> Exchange:
    if (key is None) == (client is None):
        raise ValueError("Give either key=(public, secret) or client=(client_id, client_secret).")
    base = base_url.rstrip("/")
    parts = urlsplit(base)
    found = token_url or urlunsplit((parts.scheme, parts.netloc, "/oauth2/token", "", ""))
    return Exchange(base, SignIn(key, client, found, scopes, time.monotonic), retries, headers)
