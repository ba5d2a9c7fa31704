"""Reports: the same as `netbilld report`, with what the ledger says of their sums."""

import io
import json
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from pydantic import Field

from netbilld.model.permissions import Permission
from netbilld.panel.api.call import Call
from netbilld.panel.api.endpoint import REPORT, Answer, Endpoint
from netbilld.panel.api.problem import Problem
from netbilld.panel.api.shapes import Amount, Day, Query, Shape, Word
from netbilld.services.reports.catalogue import REPORTS, report_named
from netbilld.services.reports.writers import JsonWriter

MOST_ROWS: Final = 20_000


class ReportName(Shape):
    name: str
    by: list[str] = Field(description="By what its rows can be told apart; the first unless told.")


class ReportList(Shape):
    items: list[ReportName]


class ReportQuery(Query):
    by: Word | None = None
    from_on: date | None = Field(default=None, alias="from", description="The first local day.")
    to: date | None = Field(default=None, description="The last local day, which counts; default today.")


class LedgerWord(Shape):
    """What the ledger says of a sum."""

    what: str
    currency: str
    report: Amount
    ledger: Amount
    equal: bool


class ReportDocument(Shape):
    """A report: its rows by the names of their columns, money in minor units."""

    report: str
    by: str
    from_on: Day = Field(alias="from")
    to: Day
    timezone: str
    rows: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    ledger: list[LedgerWord]


async def show_list(call: Call) -> Answer:  # noqa: ARG001 - as every operation
    """GET /reports."""
    items = [ReportName(name=one.name, by=[table.by for table in one.tables]) for one in REPORTS.values()]
    return Answer(ReportList(items=items))


async def show(call: Call) -> Answer:
    """GET /reports/{name}."""
    query = call.query(ReportQuery)
    report = report_named(call.params["name"])
    table = report.table(query.by)
    span = report.span(query.from_on, query.to, call.today, call.parts.timezone)
    out = io.StringIO()
    await call.parts.money.make_report.run(table, span, _Bounded(out, call.parts.timezone))
    return Answer(ReportDocument.model_validate(json.loads(out.getvalue())))


class _Bounded(JsonWriter):
    """Writes so many rows and no more: who wants all takes a shorter span, or the command line."""

    def __init__(self, out: io.StringIO, timezone: str) -> None:
        super().__init__(out, timezone)
        self._left = MOST_ROWS

    def row(self, cells: Sequence[Any]) -> None:
        self._left -= 1
        if self._left < 0:
            raise Problem(
                422, "too_many_rows", f"the report has more than {MOST_ROWS} rows", "Ask for fewer days at a time."
            )
        super().row(cells)


_TAG: Final = "Reports"

ENDPOINTS: Final = (
    Endpoint(
        name="listReports",
        method="GET",
        path="/reports",
        tag=_TAG,
        says="List reports",
        handler=show_list,
        scope=Permission.VIEW_MONEY,
        gives=ReportList,
    ),
    Endpoint(
        name="getReport",
        method="GET",
        path="/reports/{name}",
        params=(REPORT,),
        tag=_TAG,
        says="Get a report",
        handler=show,
        scope=Permission.VIEW_MONEY,
        query=ReportQuery,
        gives=ReportDocument,
    ),
)
