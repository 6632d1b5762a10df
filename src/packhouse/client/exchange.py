"""One call with its retries and its sign-in, without a network: it says what to send and how long to wait.

`runners.py` sends and waits, once with threads and once with asyncio, so everything that decides is written once.
"""

import base64
import logging
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import httpx

_log = logging.getLogger("packhouse.client")

RETRIED = frozenset({429, 503})
# What the published API answers, as a 400, while another request is writing the same order.
_STILL_PROCESSING = "We are still processing a previous request"
_LONGEST_WAIT = 120.0
_KEY = "Idempotency-Key"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_EARLY = 60.0  # seconds before its end that a token is replaced


class Wait(NamedTuple):
    seconds: float


class Event(NamedTuple):
    """What a hook is told: a `request` that goes out, the `response` to it, an `error` of the network, a `retry` after
    `seconds`. `seconds` of a response and an error is how long it took; `attempt` counts from 1."""

    kind: Literal["request", "response", "error", "retry"]
    method: str
    url: str
    attempt: int = 1
    status: int | None = None
    seconds: float = 0.0
    detail: str = ""


Hook: TypeAlias = Callable[[Event], None]
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
    jitter: Callable[[], float]
    hook: Hook | None
    uses_keys: bool

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> Steps:
        """Ends with the answer. Raises ApiError for what is refused, and for what stays refused after the retries; and
        httpx's own error where no answer came and asking again might do the work twice, or did not help."""
        signed_in_anew = False
        tries = 0
        own = self._make_key(method, path, headers or {})
        is_repeatable = self._is_repeatable(method, path, {**(headers or {}), **own})
        extensions = {} if timeout_seconds is None else {"timeout": httpx.Timeout(timeout_seconds).as_dict()}
        while True:
            if self.sign_in.client is not None and not self.sign_in.has_token():
                yield from self._fetch_token()
            sent = {**self.headers, **own, **self.sign_in.to_header(), **(headers or {})}
            body = {} if json is None else {"json": json}
            url = self.base_url + path
            request = httpx.Request(method, url, params=params, headers=sent, extensions=extensions, **body)
            try:
                response = yield from self._send(request, tries)
            except httpx.TransportError as error:
                if tries >= self.retries or not (is_repeatable or isinstance(error, _NOT_SENT)):
                    raise
                yield from self._wait(request, tries, find_back_off(tries, self.jitter), type(error).__name__)
                tries += 1
                continue
            if response.is_success:
                return response
            if response.status_code == 401 and self.sign_in.client is not None and not signed_in_anew:
                signed_in_anew, self.sign_in.ends_at = True, 0.0  # ended before its time: asked for anew, once
                continue
            if tries >= self.retries or not is_temporary(response):
                raise ApiError(response)
            yield from self._wait(request, tries, find_wait(response, tries, self.jitter), f"{response.status_code}")
            tries += 1

    def _make_key(self, method: str, path: str, headers: Mapping[str, str]) -> dict[str, str]:
        """The key of a call that might otherwise do its work twice: the same at every attempt."""
        has_own = any(name.lower() == _KEY.lower() for name in headers)
        if not self.uses_keys or has_own or method in _SAFE or _is_upsert(method, path):
            return {}
        return {_KEY: str(uuid.uuid4())}

    def _is_repeatable(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        has_key = any(name.lower() == _KEY.lower() for name in headers)
        return method in _SAFE or _is_upsert(method, path) or has_key

    def _send(self, request: httpx.Request, tries: int) -> Steps:
        """One attempt. Raises httpx's TransportError."""
        told = Event("request", request.method, str(request.url), tries + 1)
        began = time.perf_counter()
        self.tell(told)
        try:
            response = yield request
        except httpx.TransportError as error:
            seconds = time.perf_counter() - began
            self.tell(told._replace(kind="error", seconds=seconds, detail=f"{type(error).__name__}: {error}"))
            raise
        seconds = time.perf_counter() - began
        self.tell(told._replace(kind="response", status=response.status_code, seconds=seconds))
        return response

    def _wait(
        self, request: httpx.Request, tries: int, seconds: float, detail: str
    ) -> Generator[httpx.Request | Wait, httpx.Response, None]:
        told = Event("retry", request.method, str(request.url), tries + 1, seconds=seconds, detail=detail)
        self.tell(told)
        yield Wait(seconds)

    def tell(self, event: Event) -> None:
        """Log an event, and tell it to the hook."""
        level = logging.INFO if event.kind in ("retry", "error") else logging.DEBUG
        if _log.isEnabledFor(level):
            _log.log(level, "%s %s %s %s", event.kind, event.method, event.url, event.status or event.detail)
        if self.hook is not None:
            self.hook(event)

    def _fetch_token(self) -> Generator[httpx.Request | Wait, httpx.Response, None]:
        tries = 0
        while True:
            response = yield self.sign_in.ask()
            if tries >= self.retries or not is_temporary(response):
                self.sign_in.take(response)
                return
            yield Wait(find_wait(response, tries, self.jitter))
            tries += 1


def _is_upsert(method: str, path: str) -> bool:
    """Whether a call stores orders, which is the same however often it is done."""
    return method == "POST" and path.rstrip("/") == "/orders"


def is_temporary(response: httpx.Response) -> bool:
    if response.status_code == 400:
        return any(fault.detail.startswith(_STILL_PROCESSING) for fault in _read_faults(response))
    if response.status_code == 409:  # without it, what is there does not fit what is asked, and will not
        return "Retry-After" in response.headers
    return response.status_code in RETRIED


def find_back_off(tries: int, jitter: Callable[[], float]) -> float:
    """Return 1, 2, 4, … seconds, less up to half of them by chance: clients that failed together do not come back
    together."""
    seconds: float = 2.0**tries * (1.0 - jitter() / 2)
    return min(seconds, _LONGEST_WAIT)


def find_wait(response: httpx.Response, tries: int, jitter: Callable[[], float]) -> float:
    """Return what `Retry-After` says, in seconds or as a date, and up to a tenth more by chance; without it what
    `find_back_off` does."""
    sent = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(sent) if sent.isdecimal() else (parsedate_to_datetime(sent) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return find_back_off(tries, jitter)
    return min(max(seconds, 0.0) * (1.0 + jitter() / 10), _LONGEST_WAIT)


def create_exchange(
    base_url: str,
    key: tuple[str, str] | None,
    client: tuple[str, str] | None,
    scopes: Sequence[str],
    token_url: str | None,
    retries: int,
    headers: Mapping[str, str],
    jitter: Callable[[], float],
    hook: Hook | None,
    uses_keys: bool,
) -> Exchange:
    if (key is None) == (client is None):
        raise ValueError("Give either key=(public, secret) or client=(client_id, client_secret).")
    base = base_url.rstrip("/")
    parts = urlsplit(base)
    found = token_url or urlunsplit((parts.scheme, parts.netloc, "/oauth2/token", "", ""))
    return Exchange(base, SignIn(key, client, found, scopes, time.monotonic), retries, headers, jitter, hook, uses_keys)
