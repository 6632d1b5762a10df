"""The table of routes. A route says which requests it matches, how their credentials and body are checked, and what
`/openapi.json` says of it (docs/decisions/0043-one-table-of-routes.md)."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl, quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

ANY_SCOPE = ""
"""Credentials are needed, whatever their scope."""

_WATCHED = "/api/v3/"
_INDEX = re.compile(r"\[\d*\]$")
_MOST_IGNORED = 20
_LONGEST_NAME = 60
_PARAMETER = re.compile(r"\{(\w+)(:path)?\}")


@dataclass(frozen=True)
class Route:
    """`operation` is OpenAPI's operation object, None for a route outside the API. `scope` is what the credentials
    need; None for a route without credentials or with its own check. An `is_large` body may be as large as the setting
    allows. `name` is the operation's id, by default that of the handler; the summary comes from the name and the
    description from its docstring."""

    method: str
    path: str
    handler: Handler
    operation: Mapping[str, Any] | None = None
    tag: str = ""
    scope: str | None = None
    is_large: bool = False
    name: str = ""
    summary: str = ""
    description: str = ""

    @property
    def label(self) -> str:
        """The path as OpenAPI, the access log and the metrics write it."""
        return self.path.replace(":path}", "}")

    @cached_property
    def query_names(self) -> frozenset[str]:
        """Return the query parameters that the operation declares."""
        declared = (self.operation or {}).get("parameters", ())
        return frozenset(parameter["name"] for parameter in declared if parameter["in"] == "query")

    def find_ignored(self, query: str) -> str:
        """Return the unknown query parameters for the header `Packhouse-Ignored`: `stauts (did you mean status?)`. It
        is empty if there are none, and outside version 3."""
        if self.operation is None or not self.path.startswith(_WATCHED):
            return ""
        names = dict.fromkeys(_INDEX.sub("", name) for name, _ in parse_qsl(query, keep_blank_values=True))
        ignored = [name for name in names if name not in self.query_names][:_MOST_IGNORED]
        return ", ".join(map(self._suggest, ignored))

    def _suggest(self, name: str) -> str:
        alike = get_close_matches(name.lower(), sorted(self.query_names), 1, 0.7)
        shown = quote(name[:_LONGEST_NAME], safe="")
        return f"{shown} (did you mean {alike[0]}?)" if alike else shown


def route_of(request: Request) -> Route:
    return cast("Route", request.scope["packhouse.route"])


class Router:
    """Finds the route of a request: a literal path has priority over a pattern."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._literal: dict[str, dict[str, Route]] = {}
        self._patterns: dict[int, dict[str, tuple[re.Pattern[str], dict[str, Route]]]] = {}
        for route in routes:
            if not _PARAMETER.search(route.path):
                self._literal.setdefault(route.path, {})[route.method] = route
                continue
            slashes = -1 if ":path}" in route.path else route.path.count("/")
            known = self._patterns.setdefault(slashes, {})
            known.setdefault(route.path, (_to_pattern(route.path), {}))[1][route.method] = route

    def knows(self, path: str) -> bool:
        """Return whether any method is allowed at this path."""
        patterns = (self._patterns.get(slashes, {}).values() for slashes in (path.count("/"), -1))
        return path in self._literal or any(pattern.fullmatch(path) for some in patterns for pattern, _ in some)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Return the route and the values of its path. Raises HTTPException: 404, or 405 with the header Allow."""
        literal = self._literal.get(path, {})
        if method in literal:
            return literal[method], {}
        allowed = set(literal)
        for slashes in (path.count("/"), -1) if not literal else ():
            for pattern, routes in self._patterns.get(slashes, {}).values():
                if (found := pattern.fullmatch(path)) is None:
                    continue
                if method in routes:
                    return routes[method], found.groupdict()
                allowed |= set(routes)
        if not allowed:
            raise HTTPException(404)
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(_with_head(allowed)))})


def _with_head(methods: set[str]) -> set[str]:
    """HEAD is allowed wherever GET is."""
    return methods | {"HEAD"} if "GET" in methods else methods


def _to_pattern(path: str) -> re.Pattern[str]:
    parts, at = [], 0
    for found in _PARAMETER.finditer(path):
        parts += [re.escape(path[at : found.start()]), f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"]
        at = found.end()
    return re.compile("".join([*parts, re.escape(path[at:])]))
