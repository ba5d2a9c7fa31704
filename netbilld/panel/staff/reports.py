"""Reports: each as a table with what the ledger says of its sums, a picture where it is a series, and as a file."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.panel.parts import PANEL
from netbilld.panel.report_plot import SERIES, ages, column_plot, share_of
from netbilld.panel.staff.money import DaysWanted, days_wanted, money_of, today_of
from netbilld.panel.visit import VISIT, page, say
from netbilld.panel.words import N_
from netbilld.services.reports.catalogue import REPORTS, Days, Report, report_named
from netbilld.services.reports.make import Made
from netbilld.services.reports.table import Control, Span, Sums, Table
from netbilld.services.reports.words import Locale, Words

ROWS_SHOWN: Final = 200  # on the page; the file has them all
PERIODS: Final = ("today", "month", "last_month", "year")
_TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


class _Kept:
    """Keeps the rows of a report for a file."""

    def __init__(self, most: int) -> None:
        self.rows: list[Sequence[Any]] = []
        self._most = most

    def begin(self, table: Table, span: Span) -> None:
        """Nothing is needed."""

    def row(self, cells: Sequence[Any]) -> None:
        """Keep a row.

        Raises:
            RefusedError: there are more than a file may have.
        """
        if len(self.rows) >= self._most:
            raise RefusedError(f"more than {self._most} rows", code="report_too_long")
        self.rows.append(cells)

    def end(self, sums: Sums, controls: Sequence[Control]) -> None:
        """Nothing is needed."""


async def show_list(request: web.Request) -> web.Response:
    """Answer GET /reports: all there are, each with what it can be told apart by."""
    words = _words(request)
    lines = [
        (report.name, words.title(report.tables[0]), [table.by for table in report.tables])
        for report in REPORTS.values()
    ]
    return page(request, "staff/reports.html", {"lines": lines, "series": set(SERIES)})


async def show(request: web.Request) -> web.Response:
    """Answer GET /reports/{report}?by=…&period=…: its rows, sums, the ledger's word, and a picture of a series."""
    report, table, span, days = _wanted(request)
    rows, made = await money_of(request).make_report.first(table, span, ROWS_SHOWN)
    words = _words(request)
    cells = made.sums.cells() if made.sums.is_summed else []
    shown = [place for place in range(len(table.columns)) if place != table.currency_at]
    context = {
        "report": report,
        "table": table,
        "span": span,
        "days": days,
        "periods": PERIODS,
        "words": words,
        "rows": rows,
        "made": made,
        "sums": cells,
        "shown": shown,
        "plot": column_plot(table, span, rows),
        "share": share_of(table, rows),
        "ages": ages(table, cells[0] if cells else None),
        "query": urlencode({"by": table.by, "period": "", "from": span.from_on, "to": span.to_on}),
    }
    return page(request, "staff/report.html", context)


async def give_file(request: web.Request) -> web.Response:
    """Answer GET /reports/{report}/csv, /xlsx and /pdf."""
    report, table, span, _days = _wanted(request)
    kind, money = request.path.rpartition("/")[2], money_of(request)
    most = money.report_files.most_rows(kind)
    kept = _Kept(most)
    try:
        made: Made = await money.make_report.run(table, span, kept)
    except RefusedError as error:
        if error.code != "report_too_long":
            raise
        message = N_("That is more than the %(most)s rows of such a file: take fewer days, or another kind of file.")
        raise RefusedError(say(request, message, most=most)) from None
    octets = await money.report_files.written(kind, _locale(request), table, span, kept.rows, made.sums, made.controls)
    shown = "inline" if kind == "pdf" else "attachment"
    name = f"{report.name}-{table.by}-{span.from_on}-{span.to_on}.{kind}"
    return web.Response(
        body=octets,
        headers={
            "Content-Type": _TYPES[kind] + ("; charset=utf-8" if kind == "csv" else ""),
            "Content-Disposition": f'{shown}; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _wanted(request: web.Request) -> tuple[Report, Table, Span, DaysWanted]:
    """Return the report in the address, its table and its days."""
    timezone = request.app[PANEL].parts.timezone
    try:
        report = report_named(request.match_info["report"])
        table = report.table(request.query.get("by") or None)
    except (NotFoundError, InvalidInputError):
        raise web.HTTPNotFound from None
    days = days_wanted(request, "month" if report.days is Days.MONTH else "year")
    try:
        span = report.span(days.from_on, days.to_on, today_of(request), timezone)
    except InvalidInputError:
        raise InvalidInputError(
            say(request, N_("Choose days of at most twenty years, the first before the last."))
        ) from None
    return report, table, span, days


def _locale(request: web.Request) -> Locale:
    return "id" if request[VISIT].locale == "id" else "en"


def _words(request: web.Request) -> Words:
    return Words(_locale(request), request.app[PANEL].parts.timezone)
