"""`netbilld rate simulate`: what a plan would have charged for real usage."""

import argparse
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from netbilld.adapters.database.unit_of_work import UnitOfWork
from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import parse_plan, plan_from_definition
from netbilld.cli.context import Context
from netbilld.cli.main import DONE, REFUSED, add_json_option
from netbilld.cli.money import count, day, shown
from netbilld.cli.output import note, print_fields, print_json, print_table
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.model.periods import local_date, local_midnight, next_anchor
from netbilld.model.subscriber import unknown_username
from netbilld.services.simulate_plan import Named, Priced, Simulated, SimulatePlan

_SHOWN = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="simulate")
    simulate = verbs.add_parser(
        "simulate",
        help="price past usage by another plan; changes nothing",
        description="What begins from --from to --to is priced: fees and usage of billing periods that begin in it, "
        "as the invoices that bill it have them. Without --plan the services' own terms are priced again, beside what "
        "was billed. Prepaid services count as renewed without a break. Amounts are as the plans write their prices.",
    )
    simulate.add_argument("username", nargs="?", metavar="USERNAME")
    simulate.add_argument("--all", action="store_true", help="every service that lived in these days")
    simulate.add_argument("--having", metavar="CODE", help="with --all: only services that have this plan now")
    simulate.add_argument("--plan", metavar="CODE|FILE.toml", help="a plan that is sold, or a draft of one")
    simulate.add_argument("--from", dest="from_on", type=day, metavar="D", help="default the first day of last month")
    simulate.add_argument("--to", dest="to_on", type=day, metavar="D", help="last day, included; default its month's")
    simulate.add_argument("--limit", type=count, default=_SHOWN, metavar="N", help="winners and losers that are shown")
    add_json_option(simulate)


async def run(options: argparse.Namespace, context: Context) -> int:
    """Simulate; without a plan exit 1 where own terms and what was billed differ."""
    settings, now = context.settings, context.now()
    if (options.username is None) is not options.all:
        raise InvalidInputError("one subscriber or all", hint="name a USERNAME, or give --all")
    today = local_date(now, settings.timezone)
    from_on = options.from_on or (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    to_on = options.to_on or next_anchor(from_on, 1) - timedelta(days=1)
    if to_on < from_on:
        raise InvalidInputError(f"--to {to_on} is before --from {from_on}")
    async with context.database() as database:
        async with database.read() as work:
            draft = await _draft(work, options.plan, settings.currency) if options.plan else None
            if options.all:
                from_at = local_midnight(from_on, settings.timezone)
                services = await work.simulations.named(from_at, to_on, options.having)
            else:
                services = [await _named(work, options.username)]
        simulated = SimulatePlan(database).run(services, draft, from_on, to_on, now=now, progress=_progress())
        found = [one async for one in simulated]
    head = {"from": from_on, "to": to_on, "plan": draft.code if draft else None, "currency": settings.currency}
    document = _document(head, found)
    if context.json_wanted:
        print_json(document | {"services": [_service(one) for one in found]})
    else:
        _print(document, found, options.limit, is_draft=draft is not None)
    if draft is None and document["billed"] != document["own"]["total"]:
        note("netbilld: what was billed differs from what the terms say; it may not all be billed yet")
        return REFUSED
    return DONE


async def _draft(work: UnitOfWork, what: str, currency: str) -> Plan:
    if what.endswith(".toml") or "/" in what:
        return plan_from_definition(parse_plan(_read(Path(what)), Path(what).name, currency))
    version = await work.plans.by_code(what)
    if version is None:
        raise NotFoundError(f"no plan {what!r}", hint="`netbilld plan list` shows all; a draft is named as FILE.toml")
    return version.plan


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InvalidInputError(f"{path}: can't be read: {reason}") from None


async def _named(work: UnitOfWork, username: str) -> Named:
    found = await work.subscribers.by_credential_name(username)
    if found is None:
        raise unknown_username(username)
    version = await work.plans.version(found.service.plan_version_id)
    return Named(found.service.id, found.subscriber.number, found.credential.name, version.code if version else "")


def _progress() -> Callable[[int, int], None]:
    if not sys.stderr.isatty():
        return lambda _done, _all: None
    return lambda done, all_: print(
        f"\r{done} of {all_} services", end="\n" if done == all_ else "", file=sys.stderr, flush=True
    )


def _document(head: dict[str, Any], found: list[Simulated]) -> dict[str, Any]:
    own, draft = (_sums([one.own for one in found]), _sums([one.draft for one in found]))
    return head | {
        "count": len(found),
        "billed": sum(one.billed_minor for one in found),
        "own": own,
        "draft": draft,
        "change": draft["total"] - own["total"],
        "winners": sum(one.change_minor < 0 for one in found),  # who would pay less
        "losers": sum(one.change_minor > 0 for one in found),
        "same": sum(one.change_minor == 0 for one in found),
    }


def _sums(priced: list[Priced]) -> dict[str, int]:
    return {
        "fees": sum(one.fees_minor for one in priced),
        "usage": sum(one.usage_minor for one in priced),
        "total": sum(one.total_minor for one in priced),
        "allowance_used_up": sum(one.used_up > 0 for one in priced),
        "slowed_days": sum(one.slowed_days for one in priced),
    }


def _service(one: Simulated) -> dict[str, Any]:
    return {
        "subscriber_no": one.service.subscriber_no,
        "username": one.service.username,
        "plan": one.service.plan,
        "billed": one.billed_minor,
        "own": _priced(one.own),
        "draft": _priced(one.draft),
        "change": one.change_minor,
    }


def _priced(priced: Priced) -> dict[str, int]:
    return {
        "fees": priced.fees_minor,
        "usage": priced.usage_minor,
        "total": priced.total_minor,
        "allowance_used_up": priced.used_up,
        "slowed_days": priced.slowed_days,
    }


def _print(document: dict[str, Any], found: list[Simulated], limit: int, *, is_draft: bool) -> None:
    currency = document["currency"]
    own, draft = document["own"], document["draft"]
    print(f"{document['from']} to {document['to']}, {document['count']} services\n")
    columns = [("billed", {"total": document["billed"]}), ("own terms", own)]
    if is_draft:
        columns.append((document["plan"], draft))
    rows: list[list[str]] = [
        [key, *(shown(figures[key], currency) if key in figures else "" for _, figures in columns)]
        for key in ("fees", "usage", "total")
    ]
    rows += [
        [label, *(str(figures.get(key, "")) for _, figures in columns)]
        for key, label in (("allowance_used_up", "allowance used up by"), ("slowed_days", "days of it"))
    ]
    print_table(("", *(name for name, _ in columns)), rows, right=(1, 2, 3)[: len(columns)])
    if not is_draft:
        return
    print()
    fields = {"revenue": f"{'+' if document['change'] > 0 else ''}{shown(document['change'], currency)}"}
    fields |= {"pay less": document["winners"], "pay more": document["losers"], "pay the same": document["same"]}
    print_fields(fields)
    ranked = sorted(found, key=lambda one: one.change_minor)
    for title, some in (("less", ranked[:limit]), ("more", ranked[::-1][:limit])):
        moved = [one for one in some if (one.change_minor < 0) is (title == "less") and one.change_minor]
        if moved and document["count"] > 1:
            print(f"\npay {title}:")
            lines = [
                [
                    one.service.subscriber_no,
                    one.service.username,
                    one.service.plan,
                    shown(one.own.total_minor, currency),
                    shown(one.draft.total_minor, currency),
                    shown(one.change_minor, currency),
                ]
                for one in moved
            ]
            print_table(("number", "username", "plan", "now", "draft", "change"), lines, right=(3, 4, 5))
