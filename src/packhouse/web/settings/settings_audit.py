"""Settings: who did what about keys, clients and people, and what was refused. Read only."""

from collections.abc import Mapping
from datetime import datetime
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


class Sentence(NamedTuple):
    """What an action is called in a list of them, and as a sentence about one entry."""

    name: str
    sentence: str


WORDS: Mapping[str, Sentence] = {
    "user.signed_in": Sentence(marked("signed in"), marked("%(who)s signed in")),
    "user.sign_in_failed": Sentence(marked("sign-in failed"), marked("A sign-in as %(what)s failed")),
    "user.created": Sentence(marked("user added"), marked("%(who)s added the user %(what)s")),
    "user.password_changed": Sentence(marked("password changed"), marked("%(who)s changed the password of %(what)s")),
    "user.password_change_failed": Sentence(
        marked("change of password refused"), marked("%(who)s could not change their password: the old one was wrong")
    ),
    "user.role_changed": Sentence(marked("role changed"), marked("%(who)s changed the role of %(what)s")),
    "user.disabled": Sentence(marked("user disabled"), marked("%(who)s disabled the user %(what)s")),
    "user.enabled": Sentence(marked("user let in again"), marked("%(who)s let the user %(what)s in again")),
    "user.deleted": Sentence(marked("user removed"), marked("%(who)s removed the user %(what)s")),
    "user.code_refused": Sentence(marked("code refused"), marked("A code of %(what)s was refused")),
    "user.two_factors_set_up": Sentence(marked("second factor set up"), marked("%(who)s set up their second factor")),
    "user.two_factors_removed": Sentence(
        marked("second factor taken away"), marked("%(who)s does without a second factor from now on")
    ),
    "user.two_factors_reset": Sentence(
        marked("second factor reset"), marked("%(who)s took the second factor of %(what)s away")
    ),
    "user.recovery_codes_renewed": Sentence(
        marked("new recovery codes"), marked("%(who)s made new recovery codes for themselves")
    ),
    "user.recovery_code_used": Sentence(marked("recovery code used"), marked("%(who)s used a recovery code")),
    "user.reset_link_made": Sentence(
        marked("link to a new password made"), marked("%(who)s made a link to a new password for %(what)s")
    ),
    "user.reset_link_sent": Sentence(
        marked("link to a new password sent"), marked("A link to a new password was sent to %(what)s")
    ),
    "user.password_reset": Sentence(
        marked("password chosen anew"), marked("%(who)s chose a new password by a link that was sent or given to them")
    ),
    "key.created": Sentence(marked("API key made"), marked("%(who)s made the API key %(what)s")),
    "key.rotated": Sentence(marked("API key: new secret"), marked("%(who)s gave the API key %(what)s a new secret")),
    "key.revoked": Sentence(marked("API key revoked"), marked("%(who)s revoked the API key %(what)s")),
    "key.refused": Sentence(marked("API key refused"), marked("The API key %(what)s was refused")),
    "key.basic_accepted": Sentence(
        marked("API key: HTTP Basic accepted"), marked("%(who)s let the API key %(what)s sign in by HTTP Basic")
    ),
    "key.basic_refused": Sentence(
        marked("API key: HTTP Basic refused"), marked("%(who)s let the API key %(what)s sign in by HTTP Basic no more")
    ),
    "client.created": Sentence(marked("client made"), marked("%(who)s made the OAuth2 client %(what)s")),
    "client.rotated": Sentence(
        marked("client: new secret"), marked("%(who)s gave the OAuth2 client %(what)s a new secret")
    ),
    "client.revoked": Sentence(marked("client revoked"), marked("%(who)s revoked the OAuth2 client %(what)s")),
    "token.issued": Sentence(marked("token given out"), marked("%(who)s got an access token for %(what)s")),
    "token.revoked": Sentence(marked("token ended"), marked("%(who)s ended the access token %(what)s")),
    "token.refused": Sentence(marked("token refused"), marked("%(who)s was refused an access token: %(what)s")),
    "account.created": Sentence(marked("account made"), marked("%(who)s made the account %(what)s")),
    "account.time_zone_changed": Sentence(
        marked("time zone changed"), marked("%(who)s set the account's time zone to %(what)s")
    ),
    "account.basic_accepted": Sentence(
        marked("account: HTTP Basic accepted"), marked("%(who)s let the account's keys sign in by HTTP Basic")
    ),
    "account.basic_refused": Sentence(
        marked("account: HTTP Basic refused"), marked("%(who)s let the account's keys sign in by HTTP Basic no more")
    ),
    "account.two_factors_required": Sentence(
        marked("second factor required"), marked("%(who)s changed of whom a second factor is required: %(what)s")
    ),
    "connection.paused": Sentence(
        marked("receiver of webhooks paused"), marked("The %(what)s was paused: it took nothing for days")
    ),
    "connection.resumed": Sentence(marked("receiver of webhooks resumed"), marked("%(who)s resumed the %(what)s")),
    "signing_key.rotated": Sentence(
        marked("new key to sign webhooks with"), marked("%(who)s made a new signing key for the %(what)s")
    ),
    "signing_key.activated": Sentence(
        marked("new key signs webhooks"), marked("%(who)s let the next signing key take over for the %(what)s")
    ),
    "person.erased": Sentence(marked("person erased"), marked("%(who)s erased a person: %(what)s")),
    "person.exported": Sentence(
        marked("person's data given out"), marked("%(who)s took out a person's data: %(what)s")
    ),
    "retention.changed": Sentence(
        marked("how long data is kept"), marked("%(who)s changed how long data is kept: %(what)s")
    ),
    "bench.created": Sentence(marked("bench made"), marked("%(who)s made the bench %(what)s")),
    "bench.changed": Sentence(marked("bench changed"), marked("%(who)s changed the bench %(what)s")),
    "bench.deleted": Sentence(marked("bench deleted"), marked("%(who)s deleted the bench %(what)s")),
    "bench.token_made": Sentence(
        marked("token of a bench made"), marked("%(who)s made a token for the print agent of the bench %(what)s")
    ),
    "slips.changed": Sentence(marked("packing slips changed"), marked("%(who)s changed the packing slips of %(what)s")),
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
    (marked("Packing"), ("bench", "slips")),
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
    at: datetime
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


async def _find_page(tx: Reader, account_id: int, cursor: str, actor: str, action: str) -> pagination.Page[audit.Entry]:
    """A cursor that cannot be read is the first page: a person did not write it."""
    narrowed = {"actor": actor, "action": action}
    try:
        return await audit.list_entries(tx, account_id, pagination.decode(cursor), _SIZE, **narrowed)
    except errors.NotFound:
        return await audit.list_entries(tx, account_id, pagination.Cursor(), _SIZE, **narrowed)


def _to_entry(row: audit.Entry, people: Mapping[str, str]) -> Entry:
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
