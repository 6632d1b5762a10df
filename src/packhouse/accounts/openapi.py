"""What `/openapi.json` says of the routes about accounts."""

from typing import Any

from packhouse.accounts import audit
from packhouse.kit import openapi

_TEXT = {"type": "string"}

AUDIT_LOG: dict[str, Any] = {
    "parameters": openapi.paging(audit.MAX_PAGE, audit.DEFAULT_PAGE),
    "responses": {
        "200": openapi.answer(
            openapi.shape(
                data=openapi.list_of(
                    openapi.shape(
                        id={"type": "integer"},
                        at=openapi.TIME,
                        actor=openapi.shape(type=_TEXT, name=_TEXT),
                        action=_TEXT,
                        subject=_TEXT,
                    )
                )
            ),
            "A page, newest first.",
            openapi.LINK,
        ),
        **openapi.refusals(400, 404),
    },
}
