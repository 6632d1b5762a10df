"""What the page's handlers need of the running server beside `kit.http.House`, composed once by `packhouse.app`."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from starlette.requests import Request

from packhouse.kit.vault import Vault
from packhouse.web.watches import Watches


@dataclass(frozen=True)
class Front:
    """`session_length` is how long a sign-in lasts; `outside_images` lets pictures of items come from other hosts.
    `max_import_bytes` is the largest file of orders that is taken; `vault` keeps the secrets of second factors;
    `sends_mail` says that there is a mail server, `watches` is what the open pages follow."""

    session_length: timedelta
    outside_images: bool
    max_import_bytes: int
    vault: Vault
    sends_mail: bool
    watches: Watches = field(default_factory=Watches)


def front(request: Request) -> Front:
    return cast("Front", request.app.state.front)
