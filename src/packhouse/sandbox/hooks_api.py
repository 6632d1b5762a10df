"""The sandbox's routes for webhooks: events on request, what was sent, what goes wrong with it, and inboxes."""

import base64
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import foreign
from packhouse.sandbox import deliveries, schema, signature, trigger
from packhouse.sandbox.access import read_number, read_wait, world_of
from packhouse.sandbox.deliveries import Delivery
from packhouse.sandbox.faults import refuse
from packhouse.sandbox.world import World
from packhouse.webhooks import keys, queries, signing


async def trigger_event(request: Request) -> Response:
    """Send an event; the answer lists the deliveries that are made of it."""
    world = await world_of(request)
    sent = schema.read(schema.TRIGGER, await http.read_body(request))
    made = await trigger.trigger(world, sent, lambda name: _to_inbox_url(request, world, name))
    return http.json_response({"data": made}, status=201)


def _to_inbox_url(request: Request, world: World, name: str) -> str:
    world.open_inbox(name)
    return f"{http.base_url(request)}/sandbox/inbox/{name}?account={quote(world.name)}"


async def list_deliveries(request: Request) -> Response:
    """The attempts that were made, oldest first, with the bytes that were sent."""
    world = await world_of(request)
    after, event = read_number(request, "after"), request.query_params.get("event", "")
    found = [each for each in world.deliveries if each.id > after and event in ("", each.event)]
    return http.json_response({"data": [each.to_wire() for each in found]})


async def get_body(request: Request) -> Response:
    """The exact bytes that were signed and sent."""
    delivery = _find_delivery(request, await world_of(request))
    return Response(delivery.body, media_type="application/json")


def _find_delivery(request: Request, world: World) -> Delivery:
    found = world.deliveries.find(http.find_id(request))
    return errors.require(found, errors.ErrorItem("not_found", foreign("There is no such delivery any more.")))


async def explain_signature(request: Request) -> Response:
    """How the signature comes about. A body that is posted is what a receiver has checked: the answer says in what it
    differs from what was sent."""
    world = await world_of(request)
    delivery = _find_delivery(request, world)
    received = await _read_received(request) if request.method == "POST" else None
    live = await _find_keys(world, delivery.url)
    return http.json_response({"data": signature.explain(delivery.headers, delivery.body, live, received)})


async def _read_received(request: Request) -> bytes:
    """The bytes as they are, or in `{"base64": …}` where they had to travel as JSON."""
    body = await http.read_whatever(request)
    try:
        wrapped = orjson.loads(body) if body.startswith(b'{"base64":') else None
        return base64.b64decode(wrapped["base64"], validate=True) if wrapped else body
    except (ValueError, TypeError):
        raise refuse("`base64` is no Base64.") from None


async def _find_keys(world: World, url: str) -> list[str]:
    """The live signing keys of the receiver at a URL."""
    account_id, now = world.access.account_id, world.clock()
    async with world.gate.passing(), world.ctx.db.read() as tx:
        rows = await queries.list_all_connections(tx, account_id)
    for row in rows:
        secrets = keys.open_secrets(world.ctx.encryptor, row)
        if queries.connection_to_wire(row)["configuration"]["url"] == url and "signing_key" in secrets:
            return keys.find_keys(secrets, row, now).to_list()
    return []


async def list_rules(request: Request) -> Response:
    world = await world_of(request)
    return http.json_response({"data": [rule.to_wire() for rule in world.deliveries.rules]})


async def add_rule(request: Request) -> Response:
    """Lose, double, reorder or delay deliveries from now on."""
    world = await world_of(request)
    shape = schema.read(deliveries.RULE, await http.read_body(request))
    return http.json_response({"data": world.deliveries.add_rule(shape).to_wire()}, status=201)


async def clear_rules(request: Request) -> Response:
    (await world_of(request)).deliveries.rules.clear()
    return Response(status_code=204)


async def list_received(request: Request) -> Response:
    """What an inbox has received after `after`, of one `event` where it is named; `wait` is for how long the
    answer waits until there are `count` of them."""
    world = await world_of(request)
    name = request.path_params["name"]
    inbox, url = world.open_inbox(name), _to_inbox_url(request, world, name)
    found = await inbox.list_received(
        after=read_number(request, "after"),
        event=request.query_params.get("event", ""),
        count=read_number(request, "count", 1),
        wait_seconds=read_wait(request),
    )
    return http.json_response({"data": [received.to_wire() for received in found], "meta": {"url": url}})


async def receive(request: Request) -> Response:
    """Take a webhook in: its body as it is, and whether its signature is right."""
    world = await world_of(request)
    inbox = world.open_inbox(request.path_params["name"])
    body = await http.read_whatever(request)
    sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    given = request.headers.get(signing.HEADER, "")
    delivery = _match_delivery(world, request.headers.get("packhouse-delivery", ""), body)
    live = [] if delivery is None else await _find_keys(world, delivery.url)
    is_signed = any(signing.sign(key, body) == given for key in live)
    number = None if delivery is None else delivery.id
    taken = inbox.receive(body, sent, at=world.clock(), delivery=number, is_signed=is_signed)
    return http.json_response({"data": {"id": taken.id}}, status=taken.answered)


def _match_delivery(world: World, message_id: str, body: bytes) -> Delivery | None:
    """The newest attempt that has sent this."""
    made = [each for each in world.deliveries if each.message_id == message_id and each.body == body]
    return made[-1] if made else None


async def set_answer(request: Request) -> Response:
    """Let an inbox answer the next requests with another status, so that they are sent again."""
    world = await world_of(request)
    sent = schema.read(schema.INBOX_ANSWER, await http.read_body(request))
    world.open_inbox(request.path_params["name"]).answer_with(sent["status"], sent.get("times", 1))
    answer: dict[str, Any] = {"status": sent["status"], "times": sent.get("times", 1)}
    return http.json_response({"data": answer})


async def clear_inbox(request: Request) -> Response:
    world = await world_of(request)
    world.open_inbox(request.path_params["name"]).clear()
    return Response(status_code=204)


ROUTES = [
    Route("POST", "/sandbox/trigger", trigger_event),
    Route("GET", "/sandbox/deliveries", list_deliveries),
    Route("GET", "/sandbox/deliveries/{id}/body", get_body),
    Route("GET", "/sandbox/deliveries/{id}/signature", explain_signature),
    Route("POST", "/sandbox/deliveries/{id}/signature", explain_signature),
    Route("GET", "/sandbox/delivery-faults", list_rules),
    Route("POST", "/sandbox/delivery-faults", add_rule),
    Route("DELETE", "/sandbox/delivery-faults", clear_rules),
    Route("GET", "/sandbox/inbox/{name}", list_received),
    Route("POST", "/sandbox/inbox/{name}", receive),
    Route("PUT", "/sandbox/inbox/{name}", set_answer),
    Route("DELETE", "/sandbox/inbox/{name}", clear_inbox),
]
