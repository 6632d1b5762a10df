"""The sandbox's own routes: journal, assertions, faults, accounts, clock, state."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from packhouse.kit import clock, errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import foreign
from packhouse.sandbox import as_test, compare, har, hooks_api, pages, replay, schema, transport
from packhouse.sandbox.access import bench_of, read_number, read_wait, read_wanted, require_own_page, world_of
from packhouse.sandbox.clock import read_moment, read_span
from packhouse.sandbox.faults import NAMED, refuse
from packhouse.sandbox.journal import Entry, Wanted
from packhouse.sandbox.world import World

_WANTED = ("method", "path", "status", "query", "headers", "body")


async def list_requests(request: Request) -> Response:
    """The newest requests, or those later than `after`; `wait` is for how many seconds one is waited for."""
    world = await world_of(request)
    wanted, after = read_wanted(request), read_number(request, "after")
    limit, wait = read_number(request, "limit", 100), read_wait(request)
    found = world.journal.list_entries(wanted, after=after, limit=max(1, limit))
    if not found and wait:
        await world.journal.wait_for_news(wait)
        found = world.journal.list_entries(wanted, after=after, limit=max(1, limit))
    is_short = request.query_params.get("short") == "true"
    return http.json_response({"data": [entry.to_wire(is_short=is_short) for entry in found]})


async def get_request(request: Request) -> Response:
    world = await world_of(request)
    entry = _find_entry(request, world)
    curl = replay.to_curl(entry, world, http.base_url(request))
    return http.json_response({"data": {**entry.to_wire(), "curl": curl}})


async def get_test(request: Request) -> Response:
    """The request as a test for pytest."""
    world = await world_of(request)
    return PlainTextResponse(as_test.to_test(_find_entry(request, world), world))


async def compare_requests(request: Request) -> Response:
    """What differs between two requests and their answers."""
    world = await world_of(request)
    other = world.journal.find(read_number(request, "with"))
    if other is None:
        raise errors.NotFound(
            errors.ErrorItem("not_found", foreign("The journal has no such request to compare with."))
        )
    found = compare.find_differences(_find_entry(request, world), other)
    return http.json_response({"data": [difference.to_wire() for difference in found]})


def _find_entry(request: Request, world: World) -> Entry:
    entry = world.journal.find(http.find_id(request))
    return errors.require(entry, foreign("The journal has no such request any more."))


async def replay_request(request: Request) -> Response:
    world = await world_of(request)
    again = await replay.send_again(_find_entry(request, world), world)
    if "text/html" in request.headers.get("accept", ""):
        return Response(status_code=303, headers={"Location": pages.to_url(world, again)})
    return http.json_response({"data": again.to_wire()}, status=201)


async def clear_requests(request: Request) -> Response:
    (await world_of(request)).journal.clear()
    return Response(status_code=204)


async def get_har(request: Request) -> Response:
    world = await world_of(request)
    content = har.to_har(world.journal, http.base_url(request))
    disposition = f'attachment; filename="{world.name}.har"'
    return http.json_response(content, headers={"Content-Disposition": disposition})


async def verify(request: Request) -> Response:
    """200 where so many requests are in the journal as there must be, else 409 with those that differ least."""
    world = await world_of(request)
    sent = schema.read(schema.VERIFICATION, await http.read_body(request))
    low, high = sent.get("at_least"), sent.get("at_most")
    if "times" in sent:
        low = high = sent["times"]
    elif low is None and high is None:
        low = 1
    wanted = Wanted(**{name: value for name, value in sent.items() if name in _WANTED})  # type: ignore[arg-type]
    found = [entry for entry in world.journal if wanted.is_met_by(entry)]
    is_met = (low or 0) <= len(found) and (high is None or len(found) <= high)
    nearest = [] if is_met else wanted.find_nearest(world.journal)
    answer = {
        "is_met": is_met,
        "matched": len(found),
        "requests": [entry.id for entry in found],
        "nearest": [
            {"id": entry.id, "differences": [difference._asdict() for difference in differences]}
            for entry, differences in nearest
        ],
    }
    return http.json_response({"data": answer}, status=200 if is_met else 409)


async def list_faults(request: Request) -> Response:
    world = await world_of(request)
    return http.json_response({"data": [rule.to_wire() for rule in world.faults.rules], "meta": {"named": NAMED}})


async def add_fault(request: Request) -> Response:
    world = await world_of(request)
    body = await http.read_body(request)
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise refuse("This is no JSON.") from None
    return http.json_response({"data": world.faults.add(sent).to_wire()}, status=201)


async def remove_fault(request: Request) -> Response:
    if not (await world_of(request)).faults.remove(http.find_id(request)):
        raise errors.NotFound(foreign("There is no such fault."))
    return Response(status_code=204)


async def clear_faults(request: Request) -> Response:
    (await world_of(request)).faults.clear()
    return Response(status_code=204)


async def list_carrier_rules(request: Request) -> Response:
    world = await world_of(request)
    told = {"data": [rule.to_wire() for rule in world.transport.rules], "meta": {"named": list(transport.NAMED)}}
    return http.json_response(told)


async def add_carrier_rule(request: Request) -> Response:
    """Let carriers answer otherwise, or track by a script, for shipments that are made from now on."""
    world = await world_of(request)
    rule = world.transport.add(schema.read(transport.RULE, await http.read_body(request)))
    return http.json_response({"data": rule.to_wire()}, status=201)


async def clear_carrier_rules(request: Request) -> Response:
    (await world_of(request)).transport.rules.clear()
    return Response(status_code=204)


async def list_accounts(request: Request) -> Response:
    await world_of(request)
    worlds = bench_of(request).worlds.values()
    return http.json_response({"data": [_to_account(request, world) for world in worlds]})


async def create_account(request: Request) -> Response:
    """An account of its own in this server: nobody else sees its orders, requests, faults and time."""
    require_own_page(request)
    sent = schema.read(schema.ACCOUNT, await http.read_body(request))
    world = await bench_of(request).create_account(sent.get("name"), sent.get("country_code", "NL"))
    if count := sent.get("orders", 0):
        await world.seed(count, sent.get("seed", 0))
        await world.save("first")
    return http.json_response({"data": _to_account(request, world)}, status=201)


def _to_account(request: Request, world: World) -> dict[str, Any]:
    return {**world.access.to_wire(), "url": http.base_url(request)}


async def remove_account(request: Request) -> Response:
    require_own_page(request)
    await bench_of(request).remove_account(request.path_params["name"])
    return Response(status_code=204)


async def get_clock(request: Request) -> Response:
    return http.json_response({"data": _to_clock(await world_of(request))})


async def change_clock(request: Request) -> Response:
    """Advance, freeze or let go. What came due is run in the order of its time and listed in `ran`."""
    world = await world_of(request)
    sent = schema.read(schema.CLOCK, await http.read_body(request))
    try:
        span = read_span(sent["advance"]) if "advance" in sent else None
        if "to" in sent:
            span = read_moment(sent["to"]) - world.clock()
    except ValueError as error:
        raise refuse(str(error)) from None
    if span is not None and span.total_seconds() < 0:
        raise refuse("The clock does not go back. Restore a snapshot, or reset.")
    if sent.get("resume"):
        world.clock.resume()
    if sent.get("freeze"):
        world.clock.freeze()
    ran = await world.advance(span) if span is not None else []
    return http.json_response({"data": {**_to_clock(world), "ran": [run.to_wire() for run in ran]}})


def _to_clock(world: World) -> dict[str, Any]:
    state = world.clock.state
    now = world.clock()
    ahead = (now - clock.now()).total_seconds()
    return {"now": clock.to_wire(now), "is_frozen": state.stands_at is not None, "ahead_seconds": round(ahead, 3)}


async def get_strict(request: Request) -> Response:
    return http.json_response({"data": {"is_on": (await world_of(request)).is_strict}})


async def set_strict(request: Request) -> Response:
    """Reject what is unknown or deprecated, for the account or for all."""
    world, bench = await world_of(request), bench_of(request)
    sent = schema.read(schema.STRICT_MODE, await http.read_body(request))
    if sent.get("for_all"):
        bench.is_strict = sent["is_on"]
    for each in bench.worlds.values() if sent.get("for_all") else [world]:
        each.is_strict = sent["is_on"]
    return http.json_response({"data": {"is_on": sent["is_on"], "for_all": sent.get("for_all", False)}})


async def list_snapshots(request: Request) -> Response:
    world = await world_of(request)
    return http.json_response({"data": [{"name": name} for name in world.snapshots]})


async def save_snapshot(request: Request) -> Response:
    world, name = await _read_snapshot(request)
    await world.save(name)
    return http.json_response({"data": {"name": name}}, status=201)


async def restore_snapshot(request: Request) -> Response:
    world, name = await _read_snapshot(request)
    await world.restore(name)
    return http.json_response({"data": {"name": name}})


async def _read_snapshot(request: Request) -> tuple[World, str]:
    world = await world_of(request)
    return world, schema.read(schema.SNAPSHOT, await http.read_body(request)).get("name", "default")


async def forget_snapshot(request: Request) -> Response:
    if not await (await world_of(request)).forget(request.path_params["name"]):
        raise errors.NotFound(foreign("There is no such snapshot to remove."))
    return Response(status_code=204)


async def reset(request: Request) -> Response:
    """All as it was at first: orders, clock, faults, journal."""
    await (await world_of(request)).reset()
    return Response(status_code=204)


async def seed(request: Request) -> Response:
    world = await world_of(request)
    sent = schema.read(schema.SEED, await http.read_body(request))
    if "orders" in sent:
        stored = await world.store(sent["orders"])
    else:
        stored = await world.seed(sent.get("count", 12), sent.get("seed", 0))
    return http.json_response({"data": {"stored": stored}}, status=201)


ROUTES = [
    Route("GET", "/sandbox", pages.show_journal),
    Route("GET", "/sandbox/requests", list_requests),
    Route("DELETE", "/sandbox/requests", clear_requests),
    Route("GET", "/sandbox/requests/{id}", get_request),
    Route("GET", "/sandbox/requests/{id}/test", get_test),
    Route("GET", "/sandbox/requests/{id}/diff", compare_requests),
    Route("POST", "/sandbox/requests/{id}/replay", replay_request),
    Route("GET", "/sandbox/har", get_har),
    Route("POST", "/sandbox/verify", verify),
    Route("GET", "/sandbox/faults", list_faults),
    Route("POST", "/sandbox/faults", add_fault),
    Route("DELETE", "/sandbox/faults", clear_faults),
    Route("DELETE", "/sandbox/faults/{id}", remove_fault),
    Route("GET", "/sandbox/carriers", list_carrier_rules),
    Route("POST", "/sandbox/carriers", add_carrier_rule),
    Route("DELETE", "/sandbox/carriers", clear_carrier_rules),
    Route("GET", "/sandbox/accounts", list_accounts),
    Route("POST", "/sandbox/accounts", create_account),
    Route("DELETE", "/sandbox/accounts/{name}", remove_account),
    Route("GET", "/sandbox/clock", get_clock),
    Route("POST", "/sandbox/clock", change_clock),
    Route("GET", "/sandbox/strict", get_strict),
    Route("POST", "/sandbox/strict", set_strict),
    Route("GET", "/sandbox/snapshots", list_snapshots),
    Route("POST", "/sandbox/snapshot", save_snapshot),
    Route("POST", "/sandbox/restore", restore_snapshot),
    Route("DELETE", "/sandbox/snapshots/{name}", forget_snapshot),
    Route("POST", "/sandbox/reset", reset),
    Route("POST", "/sandbox/seed", seed, is_large=True),
    *hooks_api.ROUTES,
]
