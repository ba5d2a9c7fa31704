"""`netbilld tax bhp/deduct`: levies on telecom revenue."""

import argparse
import asyncio
import csv
from datetime import date
from pathlib import Path
from typing import Any

from netbilld.billing.bhp import DUE
from netbilld.cli.context import Context
from netbilld.cli.money import shown
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.taxes import levy_rates
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.units import parse_amount
from netbilld.services.report_levies import Deduction, LevyMonth, LevyReport, ReportLevies


async def bhp(options: argparse.Namespace, context: Context) -> None:
    """Run `tax bhp`."""
    settings = context.settings
    if (options.year is None) == (options.month is None):
        raise InvalidInputError("say --year YYYY, or --month YYYY-MM for its documents")
    async with context.database() as database:
        reporting = ReportLevies(database, levy_rates(settings), settings.tax.other_revenue)
        if options.month is not None:
            _print_lines(await reporting.lines(options.month), options, context)
            return
        report = await reporting.year(options.year)
    if options.csv:
        await asyncio.to_thread(_write_csv, Path(options.csv), report)
    if options.json:
        print_json(_levy_document(report, settings.currency))
    else:
        _print_levies(report, settings.currency)


def _print_lines(lines: list[dict[str, Any]], options: argparse.Namespace, context: Context) -> None:
    if options.json:
        print_json(lines)
        return
    currency = context.settings.currency
    rows = [
        [one["document"], one["product"], "yes" if one["telecom"] else "no", shown(one["net"], currency)]
        for one in lines
    ]
    print_table(["document", "product", "telecom", "net"], rows, right=(3,))


def _figures(month: LevyMonth) -> dict[str, int]:
    return {
        "invoiced": month.invoiced_minor,
        "credited": month.credited_minor,
        "written_off": month.written_off_minor,
        "to_others": month.to_others_minor,
        "base": month.base_minor,
        "other": month.other_minor,
    }


def _levy_document(report: LevyReport, currency: str) -> dict[str, Any]:
    due = report.levy
    return {
        "year": report.year,
        "currency": currency,
        "revenue": "as invoiced, without tax, stamp duty and deposits",
        "due_on": date(report.year + 1, *DUE),
        **_figures(report.total),
        "bhp": due.bhp_minor,
        "uso": due.uso_minor,
        "bhp_percent": float(report.rates.bhp * 100),
        "uso_percent": float(report.rates.uso * 100),
        "months": [
            {
                "month": f"{month_on:%Y-%m}",
                **_figures(month),
                "products": {word: _figures(one) for word, one in sorted(report.products[month_on].items())},
            }
            for month_on, month in report.months.items()
        ],
    }


def _print_levies(report: LevyReport, currency: str) -> None:
    print(f"Telecom revenue of {report.year} as invoiced, without tax, stamp duty and deposits")
    headings = ["month", "invoiced", "credited", "written off", "to others", "base", "other revenue"]
    rows = [
        [name, *(shown(amount, currency) for amount in _figures(month).values())]
        for name, month in [(f"{on:%Y-%m}", month) for on, month in report.months.items()] + [("total", report.total)]
    ]
    print_table(headings, rows, right=(1, 2, 3, 4, 5, 6))
    due = report.levy
    print()
    print_fields(
        {
            f"BHP {float(report.rates.bhp * 100):g} %": shown(due.bhp_minor, currency),
            f"USO {float(report.rates.uso * 100):g} %": shown(due.uso_minor, currency),
            "due on": date(report.year + 1, *DUE),
        }
    )


def _write_csv(path: Path, report: LevyReport) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["month", "product", *_figures(LevyMonth())])
            for month_on, month in report.months.items():
                writer.writerow([f"{month_on:%Y-%m}", "", *_figures(month).values()])
                for word, one in sorted(report.products[month_on].items()):
                    writer.writerow([f"{month_on:%Y-%m}", word, *_figures(one).values()])
    except OSError as error:
        raise RefusedError(f"{path} can't be written: {error.strerror}") from None


async def deduct(options: argparse.Namespace, context: Context) -> None:
    """Run `tax deduct`."""
    settings = context.settings
    amount_minor = parse_amount(options.amount, settings.currency)
    deduction = Deduction(options.month, amount_minor, options.note.strip(), str(context.actor))
    async with context.database() as database:
        reporting = ReportLevies(database, levy_rates(settings), settings.tax.other_revenue)
        await reporting.deduct(deduction, context.actor, context.now())
    print(f"{options.month:%Y-%m}: {shown(amount_minor, settings.currency)} off the base")
