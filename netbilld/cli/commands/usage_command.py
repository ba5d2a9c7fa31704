"""`netbilld usage show/top/check/doubts/accept/reject`: octets as metered, from the subscriber's point of view."""

import argparse
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.cli.cells import local_time, octets
from netbilld.cli.commands import charges_explain, usage_crosscheck, usage_doubts
from netbilld.cli.context import Context
from netbilld.cli.main import DONE, REFUSED, add_json_option
from netbilld.cli.output import print_json, print_table
from netbilld.cli.sheets import write_sheet
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.periods import local_date, monthly_period
from netbilld.model.subscriber import FoundService, unknown_username
from netbilld.services.check_usage import CheckUsage
from netbilld.services.usage_sheets import top_sheet, usage_sheet

_FIRST_YEAR = 1990


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(
        dest="action", required=True, metavar="show|top|explain|check|crosscheck|doubts|accept|reject"
    )
    show = verbs.add_parser("show", help="of one service")
    show.add_argument("username", metavar="USERNAME")
    _add_days(show, "default the first day of the billing period")
    show.add_argument("--by", choices=("hour", "day", "month", "session"), default="day")
    _add_formats(show)
    top = verbs.add_parser("top", help="those who used most")
    _add_days(top, "default the first day of the month")
    top.add_argument("--limit", type=int, default=10, metavar="N")
    top.add_argument("--direction", choices=("both", "up", "down"), default="both", help="by what they are ranked")
    top.add_argument("--nas", metavar="NAME", help="of those who had a session there; what they used elsewhere counts")
    _add_formats(top)
    check = verbs.add_parser("check", help="whether roll-ups equal the slices they are made of")
    _add_days(check, "default yesterday")
    add_json_option(check)
    charges_explain.configure_usage(verbs)
    usage_crosscheck.configure(verbs)
    usage_doubts.configure(verbs)


def _add_days(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--from", dest="from_on", metavar="D", help=f"first local day, such as 2026-11-01; {default}")
    parser.add_argument("--to", dest="to_on", metavar="D", help="last local day, which counts as well; default today")


def _add_formats(parser: argparse.ArgumentParser) -> None:
    add_json_option(parser)
    parser.add_argument("--format", choices=("table", "csv", "xlsx"), default="table")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it; xlsx needs one")


async def run(options: argparse.Namespace, context: Context) -> int:
    """Run one of the verbs."""
    if options.action in usage_doubts.ACTIONS:
        await usage_doubts.run(options, context)
    elif options.action == charges_explain.VERB:
        return await charges_explain.explain_usage(options, context)
    elif options.action == usage_crosscheck.ACTION:
        await usage_crosscheck.run(options, context)
    elif options.action == "show":
        await _show(context, options)
    elif options.action == "top":
        await _top(context, options)
    else:
        return await _check(context, options)
    return DONE


async def _show(context: Context, options: argparse.Namespace) -> None:
    now = context.now()
    async with context.database() as database, database.read() as work:
        found = await work.subscribers.by_credential_name(options.username)
        if found is None:
            raise unknown_username(options.username)
        zone = found.service.timezone
        period = monthly_period(now, found.service.billing_day, zone)
        first_on, last_on = _days(options, period.start_on, local_date(now, zone))
        end_on = last_on + timedelta(days=1)
        totals = await work.usage.totals(found.service.id, first_on, end_on, zone)
        buckets = await work.usage.buckets(found.service.id, first_on, end_on, options.by, zone)
        quota = await _quota(work, found, now)
    if context.json_wanted:
        document = {
            "username": found.credential.name,
            "from": first_on,
            "to": last_on,
            "upload_octets": totals.upload_octets,
            "download_octets": totals.download_octets,
            "buckets": [
                {
                    "start": bucket.start_at,
                    "upload_octets": bucket.upload_octets,
                    "download_octets": bucket.download_octets,
                    "charged": bucket.charged_minor,
                    **({"session_id": bucket.session_id} if options.by == "session" else {}),
                }
                for bucket in buckets
            ],
            "quota": quota,
        }
        print_json(document, zone)
        return
    if write_sheet(usage_sheet(buckets, options.by, zone), options.format, options.output):
        return
    starts = [local_time(bucket.start_at, zone)[: 10 if options.by in {"day", "month"} else 19] for bucket in buckets]
    rows = [
        [start, octets(bucket.upload_octets), octets(bucket.download_octets), bucket.charged_minor]
        for start, bucket in zip(starts, buckets, strict=True)
    ]
    rows.append(["total", octets(totals.upload_octets), octets(totals.download_octets), totals.charged_minor])
    print_table(("FROM", "UPLOAD", "DOWNLOAD", "CHARGED"), rows, right=(1, 2, 3))
    if quota is not None:
        used, limit = octets(quota["used_octets"]), octets(quota["limit_octets"])
        print(f"allowance: {used} of {limit}, resets {local_time(quota['resets_at'], zone)}")


async def _quota(work: UnitOfWork, found: FoundService, now: datetime) -> dict[str, Any] | None:
    """Return the allowance of the running billing period; None where the plan has none."""
    version = await work.plans.version(found.service.plan_version_id)
    plan = version.plan if version else None
    if plan is None or plan.allowance is None:
        return None
    period = monthly_period(now, found.service.billing_day, found.service.timezone)
    used = await work.usage.period_usage(found.service.id, local_date(now, found.service.timezone))
    limits = await work.rating.limits(found.service.id, plan, now)
    used_octets = limits.others_octets
    if used is not None and used.start_on == period.start_on:
        counted = used.counted_octets
        used_octets += plan.counted_octets(used.upload_octets, used.download_octets) if counted is None else counted
    return {
        "limit_octets": plan.allowance.data_octets if limits.octets is None else limits.octets,
        "used_octets": used_octets,
        "resets_at": period.end_at,
    }


async def _top(context: Context, options: argparse.Namespace) -> None:
    zone = context.settings.timezone
    today = local_date(context.now(), zone)
    first_on, last_on = _days(options, today.replace(day=1), today)
    if options.limit < 1:
        raise InvalidInputError(f"--limit {options.limit} is not 1 or more")
    async with context.database() as database, database.read() as work:
        nas = await work.nas.by_name(options.nas) if options.nas else None
        if options.nas and nas is None:
            raise NotFoundError(f"no NAS is called {options.nas!r}", hint="`netbilld nas list` shows them")
        most = await work.usage.top(
            first_on,
            last_on + timedelta(days=1),
            options.limit,
            direction=options.direction,
            nas_id=nas.id if nas else None,
        )
    if context.json_wanted:
        document = [
            {
                "username": one.username,
                "subscriber_no": one.subscriber_no,
                "name": one.name,
                "service_id": one.service_id,
                "plan": one.plan,
                "upload_octets": one.upload_octets,
                "download_octets": one.download_octets,
            }
            for one in most
        ]
        print_json(document, zone)
        return
    if write_sheet(top_sheet(most), options.format, options.output):
        return
    rows = [
        [one.subscriber_no, one.username, one.name, octets(one.upload_octets), octets(one.download_octets)]
        for one in most
    ]
    print_table(("NUMBER", "USERNAME", "NAME", "UPLOAD", "DOWNLOAD"), rows, right=(3, 4))


async def _check(context: Context, options: argparse.Namespace) -> int:
    """Compare roll-ups with what they are made of, day by day."""
    yesterday = local_date(context.now(), context.settings.timezone) - timedelta(days=1)
    first_on, last_on = _days(options, yesterday, yesterday)
    async with context.database() as database:
        checks = await CheckUsage(database, context.settings.timezone).run(first_on, last_on + timedelta(days=1))
    is_ok = all(check.is_ok for check in checks)
    if context.json_wanted:
        lines = [{"name": check.name, "ok": check.is_ok, "detail": check.detail} for check in checks]
        print_json({"ok": is_ok, "from": first_on, "to": last_on, "checks": lines})
    else:
        rows = [[check.name, "ok" if check.is_ok else "WRONG", check.detail] for check in checks]
        print_table(("CHECK", "", "DETAIL"), rows)
    return DONE if is_ok else REFUSED


def _days(options: argparse.Namespace, first_on: date, last_on: date) -> tuple[date, date]:
    if options.from_on is not None:
        first_on = _day("--from", options.from_on)
    if options.to_on is not None:
        last_on = _day("--to", options.to_on)
        if options.from_on is None:
            first_on = min(first_on, last_on)
    if last_on < first_on:
        raise InvalidInputError(f"--to {last_on} is before --from {first_on}")
    return first_on, last_on


def _day(option: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{option} {text!r} is no day", hint="write 2026-11-30") from None
    if not _FIRST_YEAR <= day.year < 2200:
        raise InvalidInputError(f"{option} {day} is not between {_FIRST_YEAR} and 2199")
    return day
