"""A sandbox in a process of its own, and what a test asks of it."""

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from packhouse.testing.answers import Answer

_TIMEOUT_SECONDS = 60.0


class SandboxError(Exception):
    """What a sandbox refuses; `status` and `answer` are those of its answer."""

    def __init__(self, status: int, answer: Any) -> None:
        super().__init__(f"The sandbox answered {status}: {json.dumps(answer)}")
        self.status = status
        self.answer = answer


class Sandbox:
    """Starts `packhouse sandbox` on a free port, or uses the one at `url`. Use it in a `with` block."""

    def __init__(self, url: str | None = None, *, profile: str = "guide", options: Sequence[str] = ()) -> None:
        self.url = url or ""
        self._words = ["--port", "0", "--json", "--seed", "0", "--profile", profile, *options]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> "Sandbox":
        """Raises RuntimeError where the command does not start."""
        if self.url:
            return self
        command = [sys.executable, "-m", "packhouse", "sandbox", *self._words]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - words of ours
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            self.stop()
            raise RuntimeError("The sandbox did not start; what it said is on standard error.")
        self.url = json.loads(line)["url"]
        return self

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.stop()

    def create_account(self, *, country_code: str = "NL", orders: int = 0, seed: int = 0) -> "Account":
        """An account that shares nothing with any other, with so many invented orders."""
        wish = {"country_code": country_code, "orders": orders, "seed": seed}
        return Account(call(f"{self.url}/sandbox/accounts", "POST", wish)["data"], self.url)


class Account:
    """One account: its keys, and what a test does with time, faults, state and journal."""

    def __init__(self, access: Mapping[str, Any], url: str) -> None:
        self.url = url
        self.name: str = access["name"]
        self.public_key: str = access["public_key"]
        self.secret_key: str = access["secret_key"]
        self.integration_id: int = access["integration_id"]
        self.signing_key: str = access["signing_key"]

    @property
    def api_url(self) -> str:
        """What a client of the API is pointed at."""
        return f"{self.url}/api/v3"

    @property
    def auth(self) -> tuple[str, str]:
        return self.public_key, self.secret_key

    def close(self) -> None:
        """Remove the account and all that it has."""
        call(f"{self.url}/sandbox/accounts/{self.name}", "DELETE")

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Call the API with the account's key, and return its JSON. Raises SandboxError."""
        return call(f"{self.url}{path}", method, body, {**self._to_headers(), **(headers or {})})

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Call the API with the account's key, and return the answer whatever its status."""
        return send(f"{self.url}{path}", method, body, {**self._to_headers(), **(headers or {})})

    def _to_headers(self) -> dict[str, str]:
        pair = base64.b64encode(":".join(self.auth).encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def add_fault(
        self, name: str = "", *, times: int | None = None, then: Mapping[str, Any] | None = None, **match: Any
    ) -> int:
        """Let something go wrong, by the name of a ready fault or as `then` says, with requests that `match`: `method`,
        `path`, `header`, `nth`, `probability`. Return the fault's id."""
        rule: dict[str, Any] = {"match": match, **({"name": name} if name else {}), **({"then": then} if then else {})}
        if times is not None:
            rule["times"] = times
        return int(self._post("faults", rule)["data"]["id"])

    def clear_faults(self) -> None:
        call(self._to_url("faults"), "DELETE")

    def list_requests(self, **wanted: Any) -> list[dict[str, Any]]:
        """What was asked, oldest first; `method`, `path` and `status` say what of it."""
        return list(call(self._to_url("requests", limit=1_000, **wanted), "GET")["data"])

    def verify(self, **wanted: Any) -> None:
        """Raises AssertionError unless such requests were made: `method`, `path`, `status`, `query`, `headers`, part of
        a `body`; `times`, `at_least`, `at_most`."""
        try:
            self._post("verify", wanted)
        except SandboxError as error:
            if error.status != 409:
                raise
            found = error.answer["data"]
            told = f"{found['matched']} requests are so: {wanted}. Nearest: {json.dumps(found['nearest'])}"
            raise AssertionError(told) from None

    def add_carrier_rule(self, name: str = "", **rule: Any) -> None:
        """Let carriers answer otherwise (`timeout`, `refused-address`, …) or track by a `script`, for shipments of an
        `order_number`, `order_id` or `option`."""
        self._post("carriers", {**({"name": name} if name else {}), **rule})

    def set_strict(self, is_on: bool = True) -> None:
        """Reject unknown keys and parameters and deprecated spellings from now on."""
        self._post("strict", {"is_on": is_on})

    def trigger(self, event: str, **about: Any) -> list[dict[str, Any]]:
        """Send an event: `order` (our id or an `order_id`), `status` of a parcel, `integration_id`, the `inbox` that is
        to receive it. Return the deliveries that are made of it."""
        return list(self._post("trigger", {"event": event, **about})["data"])

    def inbox(
        self, name: str, *, event: str = "", after: int = 0, count: int = 1, wait: str = "5s"
    ) -> list[dict[str, Any]]:
        """Return what an inbox has received, oldest first; wait for so long until there are `count` of them."""
        url = self._to_url(f"inbox/{name}", event=event, after=after, count=count, wait=wait)
        return list(call(url, "GET")["data"])

    def inbox_url(self, name: str) -> str:
        """Where the inbox receives."""
        return self._to_url(f"inbox/{name}")

    def answer_inbox(self, name: str, status: int, times: int = 1) -> None:
        """Let an inbox answer the next requests with this status."""
        call(self._to_url(f"inbox/{name}"), "PUT", {"status": status, "times": times})

    def add_delivery_fault(self, kind: str, **rule: Any) -> int:
        """Let a delivery `drop`, `fail`, `duplicate`, `reorder` or `delay`, or its answer get lost (`answer_lost`);
        once, unless `times` says otherwise. `event`, `url`, `nth`, `probability` say which, `seconds` how late."""
        return int(self._post("delivery-faults", {"kind": kind, **rule})["data"]["id"])

    def advance(self, span: str) -> list[dict[str, Any]]:
        """Move the clock on (`6h`, `1d12h`) and return the jobs that ran because their time had come."""
        return list(self._post("clock", {"advance": span})["data"]["ran"])

    def freeze(self) -> None:
        self._post("clock", {"freeze": True})

    def resume(self) -> None:
        self._post("clock", {"resume": True})

    def snapshot(self, name: str = "default") -> None:
        self._post("snapshot", {"name": name})

    def restore(self, name: str = "default") -> None:
        self._post("restore", {"name": name})

    def reset(self) -> None:
        """Make all what it was when the account was made."""
        self._post("reset", {})

    def seed(self, orders: int | Sequence[Any], seed: int = 0) -> int:
        """Store so many invented orders, or these; return how many."""
        body: dict[str, Any] = {"count": orders, "seed": seed} if isinstance(orders, int) else {"orders": list(orders)}
        return int(self._post("seed", body)["data"]["stored"])

    def _post(self, what: str, body: Any) -> Any:
        return call(self._to_url(what), "POST", body)

    def _to_url(self, what: str, **query: Any) -> str:
        return f"{self.url}/sandbox/{what}?{urllib.parse.urlencode({'account': self.name, **query})}"


def call(url: str, method: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    """Send a request and return the JSON of its answer. Raises SandboxError."""
    answer = send(url, method, body, headers)
    if answer.status >= 400:
        raise SandboxError(answer.status, _read(answer.content))
    return _read(answer.content)


def send(url: str, method: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send a request and return its answer, whatever its status."""
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, sent, {"Content-Type": "application/json", **(headers or {})}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - a sandbox's own URL
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


def _read(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content.decode("utf-8", "replace")
