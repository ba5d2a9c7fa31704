"""How fast complaints are handled, what subscribers think of it, and the categories with their targets."""

import codecs
from dataclasses import asdict, fields
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from aiohttp import web

from netbilld.model.complaint import Category
from netbilld.model.errors import InvalidInputError
from netbilld.model.periods import local_date, local_midnight
from netbilld.panel.complaint_words import complaint_refusal
from netbilld.panel.forms import NO_PROBLEM, Problem, read_form
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.complaints import doing_of, kept, parts_of
from netbilld.panel.visit import VISIT, page, say
from netbilld.services.complaint_report import BY, Taken, report, satisfaction, taken
from netbilld.services.complaint_views import Measured
from netbilld.services.sheets import Sheet, written
from netbilld.services.sign_in import random_token

SPANS: Final = ("month", "last_month", "quarter", "year")
_REMARKS: Final = 100


async def show(request: web.Request) -> web.Response:
    """Answer GET /complaints/report."""
    by, span = _asked(request)
    measured = await _measured(request, span)
    visit, parts = request[VISIT], request.app[PANEL].parts
    async with parts_of(request).store.read() as work:
        categories = {one.code: one for one in await work.complaints.categories()}
    context = {
        "by": by,
        "span": span,
        "bys": BY,
        "spans": SPANS,
        "lines": report(measured, by, visit.now, parts.timezone),
        "whole": taken("", measured, visit.now),
        "categories": categories,
        "first_on": _days(request, span)[0],
        "last_on": _days(request, span)[1] - timedelta(days=1),
    }
    return page(request, "staff/complaint_report.html", context)


async def export(request: web.Request) -> web.Response:
    """Answer GET /complaints/report.csv; times in minutes."""
    by, span = _asked(request)
    lines = report(await _measured(request, span), by, request[VISIT].now, request.app[PANEL].parts.timezone)
    headings = [by if field.name == "name" else field.name for field in fields(Taken)]
    sheet = Sheet("complaints", headings, [list(asdict(line).values()) for line in lines])
    return web.Response(
        body=codecs.BOM_UTF8 + written(sheet, "csv"),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="complaints-{span}-{by}.csv"'},
    )


def _asked(request: web.Request) -> tuple[str, str]:
    by, span = request.query.get("by", ""), request.query.get("span", "")
    return (by if by in BY else "category"), (span if span in SPANS else "month")


async def _measured(request: web.Request, span: str) -> list[Measured]:
    since_at, until_at = _span(request, span)
    async with parts_of(request).store.read() as work:
        return list(await work.complaint_views.measured(since_at, until_at, request[VISIT].areas))


def _days(request: web.Request, span: str) -> tuple[date, date]:
    """Return the first local day of a span, and the day after its last."""
    today = local_date(request[VISIT].now, request.app[PANEL].parts.timezone)
    first = today.replace(day=1)
    match span:
        case "last_month":
            return (first - timedelta(days=1)).replace(day=1), first
        case "quarter":
            return today - timedelta(days=90), today + timedelta(days=1)
        case "year":
            return today - timedelta(days=365), today + timedelta(days=1)
        case _:
            return first, today + timedelta(days=1)


def _span(request: web.Request, span: str) -> tuple[datetime, datetime]:
    timezone = request.app[PANEL].parts.timezone
    first_on, end_on = _days(request, span)
    return local_midnight(first_on, timezone), local_midnight(end_on, timezone)


async def surveys(request: web.Request) -> web.Response:
    """Answer GET /complaints/surveys: what subscribers thought of it."""
    _by, span = _asked(request)
    since_at, until_at = _span(request, span)
    async with parts_of(request).store.read() as work:
        answers = await work.complaint_views.surveys(since_at, until_at, request[VISIT].areas)
    context = {"span": span, "spans": SPANS, "whole": satisfaction(answers), "answers": answers[:_REMARKS]}
    return page(request, "staff/complaint_surveys.html", context)


# -- categories --------------------------------------------------------------------------------------------------------


async def show_categories(request: web.Request) -> web.Response:
    """Answer GET /complaints/categories."""
    return await _show_categories(request, NO_PROBLEM)


async def _show_categories(request: web.Request, problem: Problem, status: int = 200) -> web.Response:
    async with parts_of(request).store.read() as work:
        categories = await work.complaints.categories()
    context = {
        "categories": categories,
        "problem": problem,
        "once": random_token(request.app[PANEL].parts.entropy),
    }
    return page(request, "staff/complaint_categories.html", context, status=status)


async def put_category(request: web.Request) -> web.StreamResponse:
    """Answer POST /complaints/categories: add one, or change one by its code."""
    parts, form = parts_of(request), await read_form(request)
    code = form.get("code", "")
    try:
        category = Category(
            code=code,
            name=form.get("name", ""),
            name_en=form.get("name_en", ""),
            first_response_minutes=_minutes(form.get("response_hours", "")),
            resolution_minutes=_minutes(form.get("resolution_hours", "")),
            about_line=form.get("about_line") == "yes",
            position=_number(form.get("position", "")),
            active=form.get("active") == "yes",
        )
        await parts.categories.put(category, doing_of(request, form, version=False))
    except InvalidInputError as error:
        problem = Problem(code or "new", complaint_refusal(error, partial(say, request)), kept(form))
        return await _show_categories(request, problem, status=422)
    raise web.HTTPSeeOther("/complaints/categories?done=category")


def _minutes(hours: str) -> int:
    """Return hours, written as 4 or 0.5 or 0,5, in whole minutes.

    Raises:
        InvalidInputError: they are none.
    """
    text = hours.replace(",", ".")
    whole, _, part = text.partition(".")
    if not whole.isdecimal() or not whole.isascii() or len(whole) > 4 or (part and not part.isdecimal()):
        raise InvalidInputError("write hours as 4 or 0.5", code="category_targets")
    return round(float(text[:12]) * 60)


def _number(text: str) -> int:
    return min(int(text), 999) if text.isdecimal() and text.isascii() and len(text) < 6 else 99
