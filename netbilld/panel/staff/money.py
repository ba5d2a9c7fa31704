"""What the pages of money share: the services behind them, and the days that a list is about."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import quote

from aiohttp import web

from netbilld.model.periods import local_date
from netbilld.panel.money_parts import MoneyParts
from netbilld.panel.parts import PANEL
from netbilld.panel.typed import day_of
from netbilld.panel.visit import VISIT
from netbilld.services.reports.table import months_before

PERIODS: Final = ("today", "month", "last_month", "year", "all")
LONGEST_TEXT: Final = 100


@dataclass(frozen=True, slots=True)
class DaysWanted:
    """The days that a list is about: a named period, or from one day to another; `end_on` is the day after the last.

    Attributes:
        period: one of PERIODS; empty where days were named.
    """

    period: str
    from_on: date | None
    end_on: date | None

    @property
    def to_on(self) -> date | None:
        """Return the last day."""
        return None if self.end_on is None else self.end_on - timedelta(days=1)

    @property
    def query(self) -> str:
        """Return these days as a part of an address."""
        if self.period:
            return f"period={self.period}"
        return f"period=&from={self.from_on or ''}&to={self.to_on or ''}"


def money_of(request: web.Request) -> MoneyParts:
    """Return the services of money; where they are not served, there is no such page."""
    money = request.app[PANEL].parts.money
    if money is None:
        raise web.HTTPNotFound
    return money


def today_of(request: web.Request) -> date:
    """Return the local day of a request."""
    return local_date(request[VISIT].now, request.app[PANEL].parts.timezone)


def days_wanted(request: web.Request, otherwise: str) -> DaysWanted:
    """Return the days that an address asks for; those of the period `otherwise` where it names none."""
    asked, today = request.query, today_of(request)
    first_on, last_on = day_of(asked.get("from")), day_of(asked.get("to"))
    period = asked.get("period", "")
    if period not in PERIODS and (first_on or last_on):
        if first_on and last_on and last_on < first_on:
            first_on, last_on = last_on, first_on
        return DaysWanted("", first_on, last_on + timedelta(days=1) if last_on else None)
    return _named(period if period in PERIODS else otherwise, today)


def _named(period: str, today: date) -> DaysWanted:
    tomorrow, first_on = today + timedelta(days=1), today.replace(day=1)
    match period:
        case "today":
            return DaysWanted(period, today, tomorrow)
        case "month":
            return DaysWanted(period, first_on, tomorrow)
        case "last_month":
            return DaysWanted(period, months_before(today, 1), first_on)
        case "year":
            return DaysWanted(period, months_before(today, 11), tomorrow)
        case _:
            return DaysWanted("all", None, None)


def text_wanted(request: web.Request, name: str = "q") -> str:
    """Return a text that an address asks for."""
    return request.query.get(name, "").strip()[:LONGEST_TEXT]


def bill_address(number: str) -> str:
    """Return the address of a document's page."""
    return f"/invoices/{quote(number, safe='/')}"


def pdf_response(octets: bytes, name: str) -> web.Response:
    """Return a PDF to be looked at, which nobody may keep."""
    return web.Response(
        body=octets,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"},
    )
