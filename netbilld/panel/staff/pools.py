"""Address pools: how full each is, who has and had an address, and what staff do about one."""

import re
from typing import Final
from uuid import UUID

from aiohttp import web

from netbilld.model.address_pool import PoolKind
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.panel.forms import NO_PROBLEM, Problem, read_form, refusal_text
from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.address_pools import LEASE_STATES, PoolFile
from netbilld.services.manage_pools import PoolChanges
from netbilld.services.readmodels import PAGE_LENGTH

KINDS: Final = tuple(kind.value for kind in PoolKind)
_LONGEST_FILTER: Final = 100
_SEPARATORS: Final = re.compile(r"[\n,;]")

# conflicts are found by looking at every lease
LINES: Final = Part("pools", "pools.lines", lambda work: work.readmodels.pool_lines(), "partials/pools.html", 15)


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /pools; with ?q=ADDRESS also who has and had it."""
    asked = _given(request)
    _version, lines = await request.app[LIVE].latest(LINES)
    answer = None
    if asked:
        async with request.app[PANEL].parts.database.read() as work:
            answer = await work.readmodels.who_has(asked)
    return page(request, "staff/pools.html", {"shown": lines, "asked": asked, "answer": answer})


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/pools."""
    return await stream(request, [LINES])


async def show_add(request: web.Request) -> web.Response:
    """Answer GET /pools/add."""
    return _show_add(request, NO_PROBLEM)


def _show_add(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    return page(request, "staff/pool_add.html", {"problem": problem, "kinds": KINDS}, status=status)


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /pools."""
    panel, visit = request.app[PANEL], request[VISIT]
    form = await _form(request)
    try:
        kept = await panel.parts.manage_pools.add(
            form.get("name", ""),
            form.get("network", ""),
            form.get("kind", ""),
            _length(request, form.get("prefix_length", "")),
            _entries(form.get("excluded", "")),
            visit.actor,
            visit.now,
        )
    except (InvalidInputError, RefusedError) as error:
        return _show_add(request, Problem("add", _message(request, error), form), status=422)
    await _changed(request)
    raise web.HTTPSeeOther(f"/pools/{kept.pool.id}?done=pool-added")


async def show(request: web.Request) -> web.Response:
    """Answer GET /pools/{pool}."""
    return await _show(request, NO_PROBLEM)


async def _show(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    text, offset = _given(request), page_offset(request)
    wanted = request.query.get("state", "")
    state = wanted if wanted in LEASE_STATES else None
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.readmodels.pool_file(_pool_id(request))
        if found is None:
            raise web.HTTPNotFound
        leases = await work.readmodels.lease_lines(found.line.pool.id, text, state, offset)
    context = {
        "file": found,
        "leases": leases,
        "text": text,
        "state": state or "",
        "states": LEASE_STATES,
        "offset": offset,
        "length": PAGE_LENGTH,
        "problem": problem,
    }
    return page(request, "staff/pool.html", context, status=status)


async def change(request: web.Request) -> web.StreamResponse:
    """Answer POST /pools/{pool}: name, network and the whole list of what is reserved."""
    panel, visit = request.app[PANEL], request[VISIT]
    found, form = await _found(request), await _form(request)
    wanted = PoolChanges(
        name=form.get("name", ""),
        network=form.get("network", ""),
        excluded=tuple(_entries(form.get("excluded", ""))),
    )
    try:
        await panel.parts.manage_pools.set(found.line.pool.name, wanted, visit.actor, visit.now)
    except NotFoundError:
        raise
    except (InvalidInputError, RefusedError) as error:
        return await _show(request, Problem("change", _message(request, error), form), status=422)
    await _changed(request)
    raise web.HTTPSeeOther(f"/pools/{found.line.pool.id}?done=pool-changed")


async def ask_release(request: web.Request) -> web.Response:
    """Answer GET /pools/{pool}/release?address=…: what it would mean."""
    return await _ask_release(request, request.query.get("address", ""), "")


async def _ask_release(request: web.Request, address: str, message: str, status: int = 200) -> web.Response:
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.readmodels.pool_file(_pool_id(request))
        lease = await work.readmodels.lease_line(_pool_id(request), address[:_LONGEST_FILTER])
    if found is None or lease is None:
        raise web.HTTPNotFound
    context = {"pool": found.line.pool, "lease": lease, "message": message}
    return page(request, "staff/pool_release.html", context, status=status)


async def release(request: web.Request) -> web.StreamResponse:
    """Answer POST /pools/{pool}/release: only for the service that had it when this was decided."""
    panel, visit = request.app[PANEL], request[VISIT]
    found, form = await _found(request), await _form(request)
    address = form.get("address", "")
    try:
        service_id = UUID(form.get("service", ""))
    except ValueError:
        raise web.HTTPNotFound from None
    try:
        await panel.parts.manage_pools.release(
            found.line.pool.name, address, visit.actor, visit.now, service_id=service_id
        )
    except NotFoundError:
        raise
    except RefusedError as error:
        return await _ask_release(request, address, _message(request, error), status=409)
    await _changed(request)
    raise web.HTTPSeeOther(f"/pools/{found.line.pool.id}?done=pool-released")


async def ask_remove(request: web.Request) -> web.Response:
    """Answer GET /pools/{pool}/remove: what it would mean."""
    return await _ask_remove(request, "")


async def _ask_remove(request: web.Request, message: str, status: int = 200) -> web.Response:
    return page(request, "staff/pool_remove.html", {"file": await _found(request), "message": message}, status=status)


async def remove(request: web.Request) -> web.StreamResponse:
    """Answer POST /pools/{pool}/remove; with `force` although addresses are in use."""
    panel, visit = request.app[PANEL], request[VISIT]
    found, form = await _found(request), await _form(request)
    try:
        await panel.parts.manage_pools.remove(
            found.line.pool.name, visit.actor, visit.now, force=form.get("force") == "yes"
        )
    except NotFoundError:
        raise
    except RefusedError as error:
        return await _ask_remove(request, _message(request, error), status=409)
    await _changed(request)
    raise web.HTTPSeeOther("/pools?done=pool-removed")


async def _changed(request: web.Request) -> None:
    request.app[LIVE].outdated(LINES)
    await request.app[PANEL].parts.nudge()


def _pool_id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["pool"])
    except ValueError:
        raise web.HTTPNotFound from None


async def _found(request: web.Request) -> PoolFile:
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.readmodels.pool_file(_pool_id(request))
    if found is None:
        raise web.HTTPNotFound
    return found


async def _form(request: web.Request) -> dict[str, str]:
    """Return the fields; of what is reserved every line, since a list that is cut would give out what it left out."""
    form = {name: value for name, value in (await read_form(request)).items() if name != "csrf"}
    excluded = (await request.post()).get("excluded", "")
    return form | {"excluded": excluded.replace("\r", "").strip() if isinstance(excluded, str) else ""}


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in _SEPARATORS.split(text) if entry.strip()]


def _length(request: web.Request, text: str) -> int | None:
    cleaned = text.strip().removeprefix("/")
    if not cleaned:
        return None
    if not (cleaned.isascii() and cleaned.isdigit() and len(cleaned) <= 3):
        raise InvalidInputError(say(request, N_("Write the prefix length as a number, such as 56.")))
    return int(cleaned)


def _message(request: web.Request, error: NetbilldError) -> str:
    def in_words(message: str, **values: object) -> str:
        return say(request, message, **values)

    return refusal_text(error, in_words)


def _given(request: web.Request) -> str:
    return request.query.get("q", "").strip()[:_LONGEST_FILTER]
