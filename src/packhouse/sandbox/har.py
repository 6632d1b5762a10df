"""Requests as an HTTP Archive (HAR 1.2), which browsers' developer tools and proxies read."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import packhouse
from packhouse.kit import clock
from packhouse.sandbox.journal import Body, Entry, Headers


def to_har(entries: Iterable[Entry], base_url: str) -> dict[str, Any]:
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "packhouse sandbox", "version": packhouse.__version__},
            "entries": [_to_entry(entry, base_url) for entry in entries],
        }
    }


def _to_entry(entry: Entry, base_url: str) -> dict[str, Any]:
    request = {
        "method": entry.method,
        "url": f"{base_url}{entry.url}",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _to_pairs(entry.request_headers),
        "queryString": _to_pairs(parse_qsl(entry.query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": entry.request_body.size,
    }
    if entry.request_body.size:
        request["postData"] = {"mimeType": _find_type(entry.request_headers), "text": _to_text(entry.request_body)}
    content = {
        "size": entry.response_body.size,
        "mimeType": _find_type(entry.response_headers),
        "text": _to_text(entry.response_body),
    }
    response = {
        "status": entry.status or 0,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _to_pairs(entry.response_headers),
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": entry.response_body.size,
    }
    return {
        "startedDateTime": clock.to_wire(entry.at),
        "time": entry.milliseconds,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": 0, "wait": entry.milliseconds, "receive": 0},
        "_fault": entry.fault,
        "_notes": [note._asdict() for note in entry.notes],
    }


def _to_pairs(values: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values]


def _find_type(headers: Headers) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "application/octet-stream")


def _to_text(body: Body) -> str:
    return body.content.decode("utf-8", "replace")
