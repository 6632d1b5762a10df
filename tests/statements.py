"""What SQLAlchemy asks of databases while a test looks on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def recording(*engines: Engine) -> Iterator[list[str]]:
    """The statements that these engines are sent, or all engines of this process, as they come."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    targets: Any = engines or (Engine,)
    for target in targets:
        event.listen(target, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for target in targets:
            event.remove(target, "before_cursor_execute", note)
