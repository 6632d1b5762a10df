"""A recorded request once more: as a command for a shell, and sent again."""

import base64
import shlex
from contextlib import suppress

from starlette.types import Message

from packhouse.kit import errors
from packhouse.kit.messages import foreign
from packhouse.sandbox import recorder
from packhouse.sandbox.journal import Entry
from packhouse.sandbox.world import World

NOT_REPEATED = frozenset({"authorization", "content-length", "host", "connection", "cookie", "accept-encoding"})
_OF_CLIENTS = NOT_REPEATED | {"user-agent", "accept"}


def to_curl(entry: Entry, world: World, base_url: str) -> str:
    """The command that sends the request with the account's own key."""
    words = ["curl", "-i", "-X", entry.method, "-u", f"{world.access.public_key}:{world.access.secret_key}"]
    for name, value in entry.request_headers:
        if name.lower() not in _OF_CLIENTS:
            words += ["-H", f"{name}: {value}"]
    if entry.request_body.size:
        words += ["--data-binary", entry.request_body.content.decode("utf-8", "replace")]
    return shlex.join([*words, f"{base_url}{entry.url}"])


async def send_again(entry: Entry, world: World) -> Entry:
    """Send the request again with the account's own key; return what the journal has of it. Raises Conflict where its
    body was too long to be kept."""
    if not entry.request_body.is_whole:
        raise errors.Conflict(errors.ErrorItem("conflict", foreign("The body was too long to be kept.")))
    pair = f"{world.access.public_key}:{world.access.secret_key}".encode()
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in entry.request_headers
        if name.lower() not in NOT_REPEATED
    ]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": entry.method,
        "scheme": "http",
        "path": entry.path,
        "raw_path": entry.path.encode(),
        "query_string": entry.query.encode("latin-1"),
        "root_path": "",
        "client": None,
        "server": None,
        "headers": [*headers, (b"authorization", b"Basic " + base64.b64encode(pair)), (b"host", b"localhost")],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": entry.request_body.content, "more_body": False}

    async def send(_message: Message) -> None:
        return

    with suppress(ConnectionResetError):  # a fault dropped it, which the journal tells
        await recorder.handle(world, scope, receive, send)
    return list(world.journal)[-1]
