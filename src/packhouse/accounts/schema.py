"""Who is calling."""

from dataclasses import dataclass

ALL = "api"
SCOPES = (ALL, "read:order", "write:order", "read:integration", "write:integration", "write:parcel")


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated account of one request. `actor` names who did it in an order's history: the kind and the name,
    `api_key:<public key>` or `command:<its words>`."""

    account_id: int
    country_code: str
    actor: str
    scopes: frozenset[str] = frozenset({ALL})

    def may(self, scope: str) -> bool:
        return ALL in self.scopes or scope in self.scopes
