"""Paper invoices on their way: the list, what has not arrived, and each step with who, when and a proof."""

from typing import Any, Final
from urllib.parse import quote, urlencode

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import days_wanted, money_of, text_wanted, today_of
from netbilld.panel.staff.sessions import page_offset
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.delivery_views import DELIVERY_STATES, DeliveryFile, DeliveryFilter
from netbilld.services.readmodels import PAGE_LENGTH

LARGEST_OCTETS: Final = 11 * 1024 * 1024  # of the form with a proof of ten
MOST_PRINTED: Final = 2_000  # lines of the page that is printed
_MOST_NUMBERS: Final = 100
_KINDS: Final = {"png": "image/png", "jpg": "image/jpeg", "pdf": "application/pdf"}
_FIELDS: Final = {"bad_date": "on", "bad_proof": "proof", "proof_too_large": "proof"}


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /deliveries (ICON-3); with ?print=yes all of its lines on one page (ICON-11)."""
    state = request.query.get("state", "")
    state = state if state in DELIVERY_STATES else ""
    days = days_wanted(request, "all")
    wanted = DeliveryFilter(
        text=text_wanted(request),
        state=state,
        area=text_wanted(request, "area"),
        from_on=days.from_on,
        end_on=days.end_on,
        areas=request[VISIT].areas,
    )
    is_printed = request.query.get("print") == "yes"
    offset, length = (0, MOST_PRINTED) if is_printed else (page_offset(request), PAGE_LENGTH)
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.money_views.delivery_page(wanted, offset, length)
        areas = await work.money_views.areas(wanted.areas)
    query = {"q": wanted.text, "state": wanted.state, "area": wanted.area}
    context = {
        "found": found,
        "wanted": wanted,
        "days": days,
        "areas": areas,
        "states": DELIVERY_STATES,
        "today": today_of(request),
        "offset": offset,
        "length": length,
        "is_printed": is_printed,
        "query": f"{urlencode(query)}&{days.query}",
        "failed": request.query.getall("failed", []),
    }
    return page(request, "staff/deliveries.html", context)


async def show(request: web.Request) -> web.Response:
    """Answer GET /deliveries/{number}: the way of one, and its next step."""
    return _show(request, await _found(request), Typed(request))


async def _found(request: web.Request) -> DeliveryFile:
    async with request.app[PANEL].parts.database.read() as work:
        found = await work.money_views.delivery_file(request.match_info["number"])
    if found is None:
        raise web.HTTPNotFound
    return found


def _show(request: web.Request, found: DeliveryFile, form: Typed, name: str = "", status: int = 200) -> web.Response:
    context: dict[str, Any] = {
        "file": found,
        "address": _address(found.number),
        "form": form,
        "form_name": name,
        "today": today_of(request),
    }
    return page(request, "staff/delivery.html", context, status=status)


def _address(number: str) -> str:
    return f"/deliveries/{quote(number, safe='/')}"


async def move(request: web.Request) -> web.StreamResponse:
    """Answer POST /deliveries/{number}/{step}: printed, handed over, received or returned; no state is skipped."""
    found, form, visit = await _found(request), await typed(request), request[VISIT]
    paper, step = money_of(request).manage_paper, request.path.rpartition("/")[2]
    proof = await _proof(request) if step in {"received", "returned"} else None
    try:
        match step:
            case "printed":
                await paper.printed(found.number, visit.actor, visit.now)
            case "with_courier":
                courier, tracking = form.text("courier", 100), form.text("tracking", 100, is_needed=False)
                if form.is_right:
                    await paper.handed_over(found.number, courier, tracking or None, visit.actor, visit.now)
            case "received":
                receiver, on = form.text("receiver", 200), form.day("on")
                if form.is_right:
                    await paper.received(found.number, receiver, on, proof, visit.actor, visit.now)
            case _:
                on = form.day("on")
                if form.is_right:
                    await paper.returned(found.number, on, proof, visit.actor, visit.now)
    except (InvalidInputError, RefusedError) as error:
        form.refused(error, _FIELDS)
    if form.is_right:
        await request.app[PANEL].parts.nudge()
        raise web.HTTPSeeOther(f"{_address(found.number)}?done=paper-moved")
    return _show(request, await _found(request), form, step, status=422)


async def _proof(request: web.Request) -> bytes | None:
    field = (await request.post()).get("proof")
    if not isinstance(field, web.FileField) or not field.filename:
        return None
    content: bytes = field.file.read()
    return content


async def move_many(request: web.Request) -> web.StreamResponse:
    """Answer POST /deliveries: the chosen or written numbers are printed, or handed to one courier."""
    form, visit = await typed(request), request[VISIT]
    paper = money_of(request).manage_paper
    numbers = await _numbers(request)
    courier = form.text("courier", 100) if form.values.get("step") == "with_courier" else ""
    if not numbers or not form.is_right:
        raise RefusedError(say(request, N_("Choose invoices first, and for a hand-over write the courier.")))
    failed = []
    for number in numbers:
        try:
            if courier:
                await paper.handed_over(number, courier, None, visit.actor, visit.now)
            else:
                await paper.printed(number, visit.actor, visit.now)
        except (InvalidInputError, NotFoundError, RefusedError):
            failed.append(number)
    await request.app[PANEL].parts.nudge()
    told = urlencode([("done", "papers-moved"), *(("failed", number[:60]) for number in failed[:20])])
    raise web.HTTPSeeOther(f"/deliveries?{told}")


async def _numbers(request: web.Request) -> list[str]:
    """Return the numbers of a form: those that were chosen, and those that were written, one on a line."""
    form = await request.post()
    chosen = [value for value in form.getall("number", []) if isinstance(value, str)]
    written = form.get("numbers", "")
    chosen += written.replace(",", "\n").split("\n") if isinstance(written, str) else []
    tidied = [number.strip().upper()[:60] for number in chosen]
    return list(dict.fromkeys(number for number in tidied if number))[:_MOST_NUMBERS]


async def proof(request: web.Request) -> web.Response:
    """Answer GET /deliveries/{number}/proof: the photo or scan, as what it is by its content."""
    found = await _found(request)
    name = found.line.proof if found.line else None
    if name is None:
        raise web.HTTPNotFound
    try:
        content = money_of(request).proofs.read(name)
    except NetbilldError:
        raise web.HTTPNotFound from None
    kind = name.rpartition(".")[2]
    shown = "attachment" if kind == "pdf" else "inline"
    return web.Response(
        body=content,
        content_type=_KINDS.get(kind, "application/octet-stream"),
        headers={
            "Content-Disposition": f'{shown}; filename="{name}"',
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
