"""Static files: named by what is in them, so that a browser keeps each for good."""

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse.kit.http.routing import Route

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    content: bytes
    compressed: bytes | None
    media_type: str
    digest: str


def _walk(folder: Traversable, at: str = "") -> dict[str, Asset]:
    found: dict[str, Asset] = {}
    for entry in folder.iterdir():
        name = f"{at}{entry.name}"
        if entry.is_dir():
            found |= _walk(entry, f"{name}/")
        elif (kind := name.rpartition(".")[2]) in _TYPES:
            content = entry.read_bytes()
            smaller = gzip.compress(content, 9, mtime=0) if kind != "png" and len(content) > 2_000 else None
            found[name] = Asset(content, smaller, _TYPES[kind], hashlib.sha256(content).hexdigest()[:12])
    return found


@cache
def assets() -> dict[str, Asset]:
    return _walk(files("packhouse").joinpath("web", "static"))


def url(name: str) -> str:
    """Raises KeyError for a file that is not there: a template names only what is."""
    return f"/assets/{assets()[name].digest}/{name}"


def flag(country: str) -> str | None:
    """The URL of a country's flag, by its ISO 3166-1 code."""
    name = f"vendor/flags/{country}.svg"
    return url(name) if name in assets() else None


async def get_asset(request: Request) -> Response:
    found = assets().get(request.path_params["name"])
    if found is None or found.digest != request.path_params["digest"]:
        raise HTTPException(404)
    headers = {"Cache-Control": _FOR_GOOD, "X-Content-Type-Options": "nosniff"}
    if found.compressed is None:
        return Response(found.content, media_type=found.media_type, headers=headers)
    headers["Vary"] = "Accept-Encoding"
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.compressed, media_type=found.media_type, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


ROUTES = [
    Route("GET", "/assets/{digest}/{name:path}", get_asset),
]
