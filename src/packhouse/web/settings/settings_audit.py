"""Settings: who did what about keys, clients and people, and what was refused. Read only."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import audit, users
from packhouse.kit import errors
from packhouse.kit.db import Reader
from packhouse.kit.http.routing import Route
from packhouse.kit.wire import pagination
from packhouse.web.frame import rendering, web_users
from packhouse.web.frame.languages import marked

_SIZE = 50
_OFTEN = "_often"


class Told(NamedTuple):
    """What an action is called in a list of them, and as a sentence about one entry."""

    name: str
    sentence: str


WORDS: Mapping[str, Told] = {
    "user.signed_in": Told(marked("signed in"), marked("%(who)s signed in")),
    "user.sign_in_failed": Told(marked("sign-in failed"), marked("A sign-in as %(what)s failed")),
    "user.created": Told(marked("user added"), marked("%(who)s added the user %(what)s")),
    "user.password_changed": Told(marked("password changed"), marked("%(who)s changed the password of %(what)s")),
    "user.password_change_failed": Told(
        marked("change of password refused"), marked("%(who)s could not change their password: the old one was wrong")
    ),
    "user.role_changed": Told(marked("role changed"), marked("%(who)s changed the role of %(what)s")),
    "user.disabled": Told(marked("user disabled"), marked("%(who)s disabled the user %(what)s")),
    "user.enabled": Told(marked("user let in again"), marked("%(who)s let the user %(what)s in again")),
    "user.deleted": Told(marked("user removed"), marked("%(who)s removed the user %(what)s")),
    "user.code_refused": Told(marked("code refused"), marked("A code of %(what)s was refused")),
    "user.two_factors_set_up": Told(marked("second factor set up"), marked("%(who)s set up their second factor")),
    "user.two_factors_removed": Told(
        marked("second factor taken away"), marked("%(who)s does without a second factor from now on")
    ),
    "user.two_factors_reset": Told(
        marked("second factor reset"), marked("%(who)s took the second factor of %(what)s away")
    ),
    "user.recovery_codes_renewed": Told(
        marked("new recovery codes"), marked("%(who)s made new recovery codes for themselves")
    ),
    "user.recovery_code_used": Told(marked("recovery code used"), marked("%(who)s used a recovery code")),
    "user.reset_link_made": Told(
        marked("link to a new password made"), marked("%(who)s made a link to a new password for %(what)s")
    ),
    "user.reset_link_sent": Told(
        marked("link to a new password sent"), marked("A link to a new password was sent to %(what)s")
    ),
    "user.password_reset": Told(
        marked("password chosen anew"), marked("%(who)s chose a new password by a link that was sent or given to them")
    ),
    "key.created": Told(marked("API key made"), marked("%(who)s made the API key %(what)s")),
    "key.rotated": Told(marked("API key: new secret"), marked("%(who)s gave the API key %(what)s a new secret")),
    "key.revoked": Told(marked("API key revoked"), marked("%(who)s revoked the API key %(what)s")),
    "key.refused": Told(marked("API key refused"), marked("The API key %(what)s was refused")),
    "key.basic_accepted": Told(
        marked("API key: HTTP Basic accepted"), marked("%(who)s let the API key %(what)s sign in by HTTP Basic")
    ),
    "key.basic_refused": Told(
        marked("API key: HTTP Basic refused"), marked("%(who)s let the API key %(what)s sign in by HTTP Basic no more")
    ),
    "client.created": Told(marked("client made"), marked("%(who)s made the OAuth2 client %(what)s")),
    "client.rotated": Told(
        marked("client: new secret"), marked("%(who)s gave the OAuth2 client %(what)s a new secret")
    ),
    "client.revoked": Told(marked("client revoked"), marked("%(who)s revoked the OAuth2 client %(what)s")),
    "token.issued": Told(marked("token given out"), marked("%(who)s got an access token for %(what)s")),
    "token.revoked": Told(marked("token ended"), marked("%(who)s ended the access token %(what)s")),
    "token.refused": Told(marked("token refused"), marked("%(who)s was refused an access token: %(what)s")),
    "account.created": Told(marked("account made"), marked("%(who)s made the account %(what)s")),
    "account.time_zone_changed": Told(
        marked("time zone changed"), marked("%(who)s set the account's time zone to %(what)s")
    ),
    "account.basic_accepted": Told(
        marked("account: HTTP Basic accepted"), marked("%(who)s let the account's keys sign in by HTTP Basic")
    ),
    "account.basic_refused": Told(
        marked("account: HTTP Basic refused"), marked("%(who)s let the account's keys sign in by HTTP Basic no more")
    ),
    "account.two_factors_required": Told(
        marked("second factor required"), marked("%(who)s changed of whom a second factor is required: %(what)s")
    ),
    "connection.paused": Told(
        marked("receiver of webhooks paused"), marked("The %(what)s was paused: it took nothing for days")
    ),
    "connection.resumed": Told(marked("receiver of webhooks resumed"), marked("%(who)s resumed the %(what)s")),
    "signing_key.rotated": Told(
        marked("new key to sign webhooks with"), marked("%(who)s made a new signing key for the %(what)s")
    ),
    "signing_key.activated": Told(
        marked("new key signs webhooks"), marked("%(who)s let the next signing key take over for the %(what)s")
    ),
    "person.erased": Told(marked("person erased"), marked("%(who)s erased a person: %(what)s")),
    "person.exported": Told(marked("person's data given out"), marked("%(who)s took out a person's data: %(what)s")),
    "retention.changed": Told(
        marked("how long data is kept"), marked("%(who)s changed how long data is kept: %(what)s")
    ),
    "bench.created": Told(marked("bench made"), marked("%(who)s made the bench %(what)s")),
    "bench.changed": Told(marked("bench changed"), marked("%(who)s changed the bench %(what)s")),
    "bench.deleted": Told(marked("bench deleted"), marked("%(who)s deleted the bench %(what)s")),
    "bench.token_made": Told(
        marked("token of a bench made"), marked("%(who)s made a token for the print agent of the bench %(what)s")
    ),
}
_OWN_PASSWORD = marked("%(who)s changed their own password")
_MORE = marked("and more like it within the hour, which are not listed")
_GROUPS = (
    (marked("People"), ("user",)),
    (marked("API keys"), ("key",)),
    (marked("OAuth2 clients"), ("client", "token")),
    (marked("Account"), ("account",)),
    (marked("Webhooks"), ("connection", "signing_key")),
    (marked("Personal data"), ("person", "retention")),
)
_ACTORS = {
    "api_key": marked("The API key %(name)s"),
    "oauth_client": marked("The OAuth2 client %(name)s"),
    "command": marked("An operator (%(name)s)"),
    "user": marked("A removed user (%(name)s)"),
}
_SERVER = marked("The server")


class Entry(NamedTuple):
    """A sentence with who did it and what it was about; `further` says of refusals that there are more."""

    id: int
    at: Any
    actor: str
    sentence: str
    who: str
    name: str
    what: str
    further: str
    is_refusal: bool


async def show_audit_log(request: Request) -> Response:
    web_user = await web_users.owner(request)
    given = request.query_params
    action = given.get("event", "") if given.get("event", "").removesuffix(_OFTEN) in WORDS else ""
    actor = given.get("who", "").replace("\0", "")[:300]
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        page = await _find_page(tx, account_id, given.get("cursor", ""), actor, action)
        people = {f"user:{row.id}": row.email for row in await users.list_users(tx, account_id)}
    values: dict[str, Any] = {
        "entries": [_to_entry(row, people) for row in page.rows],
        "event": action,
        "who": actor,
        "people": people,
        "groups": [(name, [code for code in WORDS if code.split(".")[0] in nouns]) for name, nouns in _GROUPS],
        "words": WORDS,
        "following": page.next.encode() if page.next else "",
        "previous": page.previous.encode() if page.previous else "",
    }
    values["whom"] = people.get(actor) or actor.partition(":")[2] or actor
    return rendering.render(request, "settings_audit.html", web_user, **values)


async def _find_page(tx: Reader, account_id: int, cursor: str, actor: str, action: str) -> pagination.Page:
    """A cursor that cannot be read is the first page: a person did not write it."""
    narrowed = {"actor": actor, "action": action}
    try:
        return await audit.list_entries(tx, account_id, pagination.decode(cursor), _SIZE, **narrowed)
    except errors.NotFound:
        return await audit.list_entries(tx, account_id, pagination.Cursor(), _SIZE, **narrowed)


def _to_entry(row: Any, people: Mapping[str, str]) -> Entry:
    kind, _, name = row.actor.partition(":")
    action = row.action.removesuffix(_OFTEN)
    who = people.get(row.actor) or _ACTORS.get(kind, _SERVER)
    told = WORDS.get(action)
    sentence = told.sentence if told else "%(who)s: %(what)s"
    if action == "user.password_changed" and people.get(row.actor) == row.subject:
        sentence = _OWN_PASSWORD
    what = row.subject if told else f"{row.action} {row.subject}"
    further = _MORE if row.action.endswith(_OFTEN) else ""
    return Entry(row.id, row.at, row.actor, sentence, who, name, what, further, action in audit.REFUSED)


ROUTES = [
    Route("GET", "/settings/audit", show_audit_log),
]
