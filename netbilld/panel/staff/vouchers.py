"""Vouchers: batches made, printed and sold; a code found, extended, taken back. Codes stand in no address."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.model.periods import local_date, local_midnight
from netbilld.model.voucher import (
    MOST_IN_A_BATCH,
    Batch,
    CodeKind,
    ValidFrom,
    VoucherStatus,
    batch_number,
    parse_validity,
    shown_code,
)
from netbilld.panel.forms import once_key
from netbilld.panel.parts import PANEL
from netbilld.panel.selling_parts import SellingParts
from netbilld.panel.staff.money import pdf_response, today_of
from netbilld.panel.staff.subscribers import METHODS
from netbilld.panel.typed import Typed, day_of, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.make_vouchers import NewBatch
from netbilld.services.open_vouchers import OpenVoucher, opened
from netbilld.services.print_vouchers import Layout, check_login_url, printed_sheet
from netbilld.services.refund_vouchers import VoucherRefund
from netbilld.services.sign_in import random_token
from netbilld.services.voucher_views import BatchFigures

_BATCHES: Final = 50
_LINES: Final = 100
_MOST_SOLD: Final = 1_000
_A_MOMENT: Final = timedelta(seconds=1)
_FIELDS: Final = {
    "no_price": "price",
    "bad_price": "price",
    "bad_agent_price": "agent_price",
    "no_validity": "valid",
    "bad_use_by": "use_by",
    "bad_count": "count",
    "bad_length": "length",
    "bad_prefix": "prefix",
    "guessable": "length",
    "not_found": "plan",
    "sold_out": "count",
    "no_voucher": "code",
    "no_end": "code",
    "voucher_over": "code",
    "no_reason": "why",
    "price_too_low": "price",
    "online_password": "online",
}


def selling_of(request: web.Request) -> SellingParts:
    """Return the services behind these pages.

    Raises:
        HTTPNotFound: they are not part of this panel.
    """
    parts = request.app[PANEL].parts.selling
    if parts is None:
        raise web.HTTPNotFound
    return parts


# -- batches -----------------------------------------------------------------------------------------------------------


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /vouchers."""
    return await _show_list(request, Typed(request))


async def _show_list(
    request: web.Request,
    form: Typed,
    *,
    form_name: str = "",
    found: OpenVoucher | None = None,
    done: str = "",
    status: int = 200,
) -> web.Response:
    visit = request[VISIT]
    before = request.query.get("before", "")
    last = int(before) if before.isascii() and before.isdigit() and len(before) <= 9 else None
    async with request.app[PANEL].parts.database.read() as work:
        batches = await work.vouchers.batches(_BATCHES + 1, last)
        figures = await work.vouchers.figures([one.id for one in batches[:_BATCHES]], visit.now)
        refund = await _refund_of(work, found) if found is not None else None
    context = {
        "lines": [(one, figures.get(one.id, BatchFigures())) for one in batches[:_BATCHES]],
        "next_before": batches[_BATCHES - 1].number if len(batches) > _BATCHES else None,
        "form": form,
        "form_name": form_name,
        "found": found,
        "refund": refund,
        "state": None if found is None else found.voucher.status_at(visit.now).value,
        "said": done,
        "once": random_token(request.app[PANEL].parts.entropy),
        **_words(),
    }
    return page(request, "staff/vouchers.html", context, status=status)


async def _refund_of(work: Any, found: OpenVoucher) -> VoucherRefund | None:
    if found.voucher.sale_id is None:
        return None
    refunds: Sequence[VoucherRefund] = await work.vouchers.refunds_of(found.voucher.sale_id)
    return next((one for one in refunds if one.voucher_id == found.voucher.id), None)


def _words() -> dict[str, Any]:
    return {"Status": VoucherStatus, "shown_code": shown_code}


async def show_add(request: web.Request) -> web.Response:
    """Answer GET /vouchers/add."""
    return await _show_add(request, Typed(request))


async def _show_add(request: web.Request, form: Typed, status: int = 200) -> web.Response:
    panel = request.app[PANEL]
    async with panel.parts.database.read() as work:
        plans = [one for one in await work.readmodels.plan_lines() if one.on_sale]
    context = {
        "form": form,
        "plans": plans,
        "kinds": [kind.value for kind in CodeKind],
        "starts": [start.value for start in ValidFrom],
        "most": MOST_IN_A_BATCH,
        "today": today_of(request),
        "once": form.values.get("once") or random_token(panel.parts.entropy),
    }
    return page(request, "staff/voucher_add.html", context, status=status)


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /vouchers: the same form sent twice is one batch."""
    selling, panel, visit = selling_of(request), request.app[PANEL], request[VISIT]
    form = await typed(request)
    online = form.values.get("online") == "yes"
    count = form.whole("count", 0 if online else 1, MOST_IN_A_BATCH)
    kind = form.choice("kind", tuple(one.value for one in CodeKind), CodeKind.MIXED.value)
    start = form.choice("valid_from", tuple(one.value for one in ValidFrom), ValidFrom.FIRST_USE.value)
    length = form.whole("length", 4, 32, otherwise=0)
    price_minor = form.amount("price", is_needed=False, least_minor=0)
    agent_minor = form.amount("agent_price", is_needed=False, least_minor=0)
    use_by_on = form.day("use_by")
    seconds = _validity(form)
    if not form.is_right or count is None:
        return await _show_add(request, form, 422)
    new = NewBatch(
        plan=form.text("plan", 64),
        count=count,
        name=form.text("name", 200, is_needed=False),
        kind=CodeKind(kind),
        length=length or None,
        prefix=form.text("prefix", 8, is_needed=False),
        has_password=form.values.get("has_password") == "yes",
        validity_seconds=seconds,
        valid_from=ValidFrom(start),
        is_only_sold=form.values.get("only_sold") == "yes",
        use_by_at=None if use_by_on is None else _end_of(request, use_by_on),
        price_minor=price_minor,
        agent_price_minor=agent_minor,
        is_online=online,
    )
    try:
        batch = await selling.make_vouchers.run(
            new, actor=visit.actor, now=visit.now, idempotency_key=once_key(str(visit.person.id), form.values)
        )
    except NetbilldError as error:
        form.refused(error, _FIELDS)
        return await _show_add(request, form, 422)
    await panel.parts.nudge()
    done = "voucher-made" if batch.count else "voucher-online"
    raise web.HTTPSeeOther(f"/vouchers/{batch.label}?done={done}")


def _validity(form: Typed) -> int | None:
    text = form.text("valid", 10, is_needed=False)
    if not text:
        return None
    try:
        return parse_validity(text)
    except InvalidInputError:
        form.fault("valid", N_("Write 90m, 3h, 1d, 30d or 1w, up to a year."))
        return None


def _end_of(request: web.Request, day: Any) -> datetime:
    return local_midnight(day + timedelta(days=1), request.app[PANEL].parts.timezone)


# -- one batch ---------------------------------------------------------------------------------------------------------


async def show(request: web.Request) -> web.Response:
    """Answer GET /vouchers/{batch}: where its vouchers stand; the codes themselves are only printed or sold."""
    return await _show(request, Typed(request))


async def _show(request: web.Request, form: Typed, form_name: str = "", status: int = 200) -> web.Response:
    panel, visit = request.app[PANEL], request[VISIT]
    wanted = request.query.get("status", "")
    state = VoucherStatus(wanted) if wanted in {one.value for one in VoucherStatus} else None
    after = request.query.get("after", "")
    first = int(after) if after.isascii() and after.isdigit() and len(after) <= 6 else 0
    async with panel.parts.database.read() as work:
        batch = await _batch(request, work)
        figures = (await work.vouchers.figures([batch.id], visit.now)).get(batch.id, BatchFigures())
        lines = await work.vouchers.lines(batch.id, limit=_LINES + 1, after=first, status=state)
        sales = await work.vouchers.sales(batch_id=batch.id, limit=20)
        collectors = [one for one in await work.collectors.all() if one.status == "active"]
    context = {
        "batch": batch,
        "figures": figures,
        "lines": lines[:_LINES],
        "next_after": lines[_LINES - 1].position if len(lines) > _LINES else None,
        "first": first,
        "state": wanted if state else "",
        "sales": sales,
        "collectors": collectors,
        "methods": METHODS,
        "pays": panel.parts.gateways is not None,
        "layouts": [layout.value for layout in Layout],
        "form": form,
        "form_name": form_name,
        "most_sold": _MOST_SOLD,
        "today": today_of(request),
        "once": random_token(panel.parts.entropy),
        "use_by_on": None if batch.use_by_at is None else local_date(batch.use_by_at - _A_MOMENT, panel.parts.timezone),
        **_words(),
    }
    return page(request, "staff/voucher_batch.html", context, status=status)


async def _batch(request: web.Request, work: Any) -> Batch:
    try:
        found: Batch = await work.vouchers.batch(batch_number(request.match_info["batch"]))
    except NotFoundError:
        raise web.HTTPNotFound from None
    return found


async def sheet(request: web.Request) -> web.Response:
    """Answer GET /vouchers/{batch}/sheet.pdf?layout=…&from=…&to=…: those that may still be used."""
    selling, panel, visit = selling_of(request), request.app[PANEL], request[VISIT]
    query = Typed(request, dict(request.query))
    layout = query.choice("layout", tuple(one.value for one in Layout), Layout.CARDS.value)
    first = query.whole("from", 1, MOST_IN_A_BATCH, otherwise=1)
    last = query.whole("to", 1, MOST_IN_A_BATCH, otherwise=MOST_IN_A_BATCH)
    try:
        url = check_login_url(query.values.get("url", ""))
    except InvalidInputError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    if first is None or last is None or not query.is_right:
        raise web.HTTPBadRequest
    async with panel.parts.database.read() as work:
        batch = await _batch(request, work)
        lines = await work.vouchers.lines(batch.id, limit=MOST_IN_A_BATCH, after=first - 1, until=last)
        usable = [one for one in lines if one.status_at(visit.now) in (VoucherStatus.CREATED, VoucherStatus.SOLD)]
        found = await opened(selling.box, work, batch, usable)
    async with panel.parts.database.write() as work:
        details = {"number": batch.label, "count": len(found), "layout": layout, "voucher_ids": []}
        await work.changes.record(visit.actor, visit.now, "voucher.print", "voucher_batch", batch.id, details)
    printed = printed_sheet(
        found, batch, Layout(layout), business=panel.parts.business_name, locale=visit.locale, login_url=url
    )
    return pdf_response(await selling.draw_sheet(printed), f"{batch.label}-{layout}.pdf")


async def sell(request: web.Request) -> web.StreamResponse:
    """Answer POST /vouchers/{batch}/sell: the same form sent twice is one sale."""
    selling, panel, visit = selling_of(request), request.app[PANEL], request[VISIT]
    form = await typed(request)
    count = form.whole("count", 1, _MOST_SOLD)
    method = form.choice("method", METHODS, METHODS[0])
    if count is None or not form.is_right:
        return await _show(request, form, "sell", 422)
    try:
        sold = await selling.sell_vouchers.run(
            batch_number(request.match_info["batch"]),
            count,
            method=method,
            buyer=form.text("buyer", 200, is_needed=False),
            collector=form.values.get("collector") or None,
            actor=visit.actor,
            now=visit.now,
            idempotency_key=once_key(str(visit.person.id), form.values),
        )
    except NotFoundError:
        raise web.HTTPNotFound from None
    except (InvalidInputError, RefusedError) as error:
        form.refused(error, {**_FIELDS, "bad_use_by": "count"})
        return await _show(request, form, "sell", 422)
    await panel.parts.nudge()
    raise web.HTTPSeeOther(f"/vouchers/sales/{sold.sale.id}")


async def show_sale(request: web.Request) -> web.Response:
    """Answer GET /vouchers/sales/{sale}: the receipt with its codes; only who sold it, or may print all, reads them."""
    selling, visit = selling_of(request), request[VISIT]
    try:
        sold = await selling.sell_vouchers.sold(UUID(request.match_info["sale"]))
    except NotFoundError:
        raise web.HTTPNotFound from None
    if sold.sale.actor != visit.actor.name and not visit.may("edit_money"):
        raise web.HTTPNotFound
    return page(request, "staff/voucher_sale.html", {"sold": sold, **_words()})


async def set_use_by(request: web.Request) -> web.StreamResponse:
    """Answer POST /vouchers/{batch}/use-by."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    day = day_of(form.values.get("use_by"))
    if day is None and form.values.get("use_by"):
        form.fault("use_by", N_("Write the day as YYYY-MM-DD."))
        return await _show(request, form, "use-by", 422)
    label = request.match_info["batch"]
    until_at = None if day is None else _end_of(request, day)
    try:
        await selling.keep_vouchers.set_use_by(batch_number(label), until_at, actor=visit.actor, now=visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    await request.app[PANEL].parts.nudge()
    raise web.HTTPSeeOther(f"/vouchers/{label}?done=voucher-use-by")


async def set_online(request: web.Request) -> web.StreamResponse:
    """Answer POST /vouchers/{batch}/online: sold on the hotspot's page, or no more."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    label = request.match_info["batch"]
    online = form.values.get("online") == "yes"
    try:
        await selling.keep_vouchers.set_online(batch_number(label), online=online, actor=visit.actor, now=visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    except InvalidInputError as error:
        form.refused(error, {"price_too_low": "online", "online_password": "online"})
        return await _show(request, form, "online", 422)
    raise web.HTTPSeeOther(f"/vouchers/{label}?done=voucher-online")


async def revoke_unused(request: web.Request) -> web.StreamResponse:
    """Answer POST /vouchers/{batch}/revoke: whatever nobody has used."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    why = form.text("why", 200)
    if not form.is_right:
        return await _show(request, form, "revoke", 422)
    label = request.match_info["batch"]
    try:
        await selling.keep_vouchers.revoke_unused(batch_number(label), why, actor=visit.actor, now=visit.now)
    except NotFoundError:
        raise web.HTTPNotFound from None
    await request.app[PANEL].parts.nudge()
    raise web.HTTPSeeOther(f"/vouchers/{label}?done=voucher-revoked")


# -- one code ----------------------------------------------------------------------------------------------------------


async def find(request: web.Request) -> web.Response:
    """Answer POST /vouchers/find: what became of a code."""
    form = await typed(request)
    return await _found(request, form, "find")


async def extend(request: web.Request) -> web.Response:
    """Answer POST /vouchers/extend."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    seconds = _validity(form)
    if seconds is None:
        form.fault("valid", N_("Write 90m, 3h, 1d, 30d or 1w, up to a year."))
        return await _found(request, form, "extend", status=422)
    try:
        await selling.keep_vouchers.extend(form.values.get("code", ""), seconds, actor=visit.actor, now=visit.now)
    except (NotFoundError, RefusedError) as error:
        form.refused(error, {**_FIELDS, "no_end": "valid", "voucher_over": "valid"})
        return await _found(request, form, "extend", status=422)
    await request.app[PANEL].parts.nudge()
    return await _found(request, form, "find", done="extended")


async def revoke(request: web.Request) -> web.Response:
    """Answer POST /vouchers/revoke."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    why = form.text("why", 200)
    if not form.is_right:
        return await _found(request, form, "revoke", status=422)
    try:
        await selling.keep_vouchers.revoke(form.values.get("code", ""), why, actor=visit.actor, now=visit.now)
    except (NotFoundError, RefusedError) as error:
        form.refused(error, {**_FIELDS, "voucher_over": "why"})
        return await _found(request, form, "revoke", status=422)
    await request.app[PANEL].parts.nudge()
    return await _found(request, form, "find", done="revoked")


async def refund(request: web.Request) -> web.Response:
    """Answer POST /vouchers/refund: the price of a voucher that was taken back; sent twice it is given back once."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    why = form.text("why", 200)
    if not form.is_right:
        return await _found(request, form, "refund", status=422)
    try:
        await selling.refund_vouchers.run(form.values.get("code", ""), why, actor=visit.actor, now=visit.now)
    except (NotFoundError, RefusedError) as error:
        codes = ("voucher_unsold", "voucher_not_void", "voucher_refunded", "paid_by_gateway")
        form.refused(error, {**_FIELDS, **dict.fromkeys(codes, "why")})
        return await _found(request, form, "refund", status=422)
    return await _found(request, form, "find", done="refunded")


async def _found(
    request: web.Request, form: Typed, form_name: str, *, done: str = "", status: int = 200
) -> web.Response:
    try:
        found = await selling_of(request).keep_vouchers.find(form.values.get("code", ""))
    except NotFoundError:
        form.fault("code", N_("No voucher has that code."))
        return await _show_list(request, form, form_name="find", status=422)
    return await _show_list(request, form, form_name=form_name, found=found, done=done, status=status)
