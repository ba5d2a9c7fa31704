"""`netbilld dunning preview/run/history/list/exempt/end-exemption/extend/rule/fees/waive`."""

import argparse
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from netbilld.billing.dunning import DunningPolicy, StepKind
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.money import count, day, shown
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.policies import dunning_policy
from netbilld.model.errors import InvalidInputError
from netbilld.services.manage_dunning import ManageDunning, PromisePolicy
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults
from netbilld.services.run_dunning import Preview, RunDunning

_SAID: Final = {
    "id": {
        "line": "{when} {time}: {n} akan diisolir, {amount}",
        "promises": ", {n} janji bayar",
        "exempt": ", {n} dikecualikan",
        "today": "hari ini",
        "tomorrow": "besok",
    },
    "en": {
        "line": "{when} {time}: {n} will be walled, {amount}",
        "promises": ", {n} promises to pay",
        "exempt": ", {n} exempt",
        "today": "today",
        "tomorrow": "tomorrow",
    },
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="preview|run|history|list|exempt|…")
    preview = verbs.add_parser("preview", help="whom isolir will concern, and what else is due by then")
    preview.add_argument("--on", type=day, metavar="D", help="default: the next time that somebody may be walled")
    add_json_option(preview)
    run = verbs.add_parser("run", help="do now what is due; the daemon does it by itself")
    add_json_option(run)
    history = verbs.add_parser("history", help="what was done about a subscriber, newest first")
    history.add_argument("username", metavar="USERNAME", help="any user name of the subscriber, or the number")
    history.add_argument("--limit", type=count, default=100, metavar="N")
    add_json_option(history)
    listing = verbs.add_parser("list", help="exemptions, rules that differ from the settings, proposed terminations")
    add_json_option(listing)
    exempt = verbs.add_parser("exempt", help="let nobody be walled, fined or terminated for arrears; reminders go on")
    _add_who(exempt)
    exempt.add_argument("--until", type=day, metavar="D", help="the last day; default until it is taken back")
    exempt.add_argument("--reason", default="", metavar="WORDS")
    add_config_option(exempt)
    end = verbs.add_parser("end-exemption", help="take an exemption back")
    _add_who(end)
    add_config_option(end)
    extend = verbs.add_parser("extend", help="let an invoice be paid later; it stays as it was issued")
    extend.add_argument("number", metavar="NUMBER")
    extend.add_argument("--until", type=day, required=True, metavar="D", help="its last day to pay")
    extend.add_argument("--reason", default="", metavar="WORDS")
    add_config_option(extend)
    rule = verbs.add_parser("rule", help="what differs from the settings for a group or a subscriber")
    _add_who(rule)
    rule.add_argument("--grace", type=int, metavar="DAYS", help="after the last day to pay, before isolir")
    rule.add_argument("--remind", metavar="DAYS", help="such as -7,-3,0,3; `none` for no reminders")
    rule.add_argument("--from-receipt", choices=("yes", "no"), help="days run from when the paper invoice arrived")
    rule.add_argument("--as-settings", action="store_true", help="let everything be as the settings say")
    add_config_option(rule)
    fees = verbs.add_parser("fees", help="late fees of an invoice")
    fees.add_argument("number", metavar="NUMBER")
    add_json_option(fees)
    waive = verbs.add_parser("waive", help="let an invoice's late fees go that are not billed")
    waive.add_argument("number", metavar="NUMBER")
    waive.add_argument("--reason", required=True, metavar="WORDS")
    add_config_option(waive)


def _add_who(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("who", metavar="USERNAME|GROUP", help="a user name or number; with --group a customer group")
    parser.add_argument("--group", action="store_true", help="WHO is a customer group")


def manage_of(context: Context, database: Any) -> ManageDunning:
    """Return the use cases, by the settings."""
    dunning = context.settings.dunning
    policy = PromisePolicy(dunning.promises, dunning.promise_days, context.settings.timezone)
    return ManageDunning(database, policy)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    verbs = {"preview": _preview, "run": _run, "history": _history, "list": _list, "fees": _fees}
    if options.action in verbs:
        await verbs[options.action](options, context)
        return
    async with context.database() as database:
        said = await _change(options, context, manage_of(context, database))
    await context.nudge()
    print(said)


async def _change(options: argparse.Namespace, context: Context, manage: ManageDunning) -> str:
    actor, now = context.actor, context.now()
    match options.action:
        case "exempt":
            who = await manage.exempt(options.who, options.until, options.reason, actor, now, is_group=options.group)
            return f"{who} is exempt" + (f" until {options.until}" if options.until else "")
        case "end-exemption":
            return f"{await manage.end_exemption(options.who, actor, now, is_group=options.group)} is not exempt"
        case "extend":
            await manage.extend(options.number, options.until, options.reason, actor, now)
            return f"invoice {options.number} may be paid until {options.until}"
        case "rule":
            who = await manage.set_rule(options.who, _wanted(options), actor, now, is_group=options.group)
            return f"{who}: set"
        case _:
            done = await manage.waive(options.number, options.reason, actor, now)
            return f"{done} late fees of {options.number} let go"


def _wanted(options: argparse.Namespace) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if options.grace is not None:
        wanted["grace_days"] = options.grace
    if options.remind is not None:
        try:
            days = () if options.remind == "none" else options.remind.split(",")
            wanted["remind_days"] = sorted({int(text) for text in days})
        except ValueError:
            raise InvalidInputError(f"--remind {options.remind!r}: write days such as -7,-3,0,3") from None
    if options.from_receipt is not None:
        wanted["from_receipt"] = options.from_receipt == "yes"
    if bool(wanted) == options.as_settings:
        raise InvalidInputError("say what differs (--grace, --remind, --from-receipt), or --as-settings")
    return wanted


# -- what is to come -------------------------------------------------------------------------------------------------


def _runner(context: Context, database: Any) -> tuple[RunDunning, DunningPolicy]:
    settings = context.settings
    policy = dunning_policy(settings)
    defaults = Defaults(settings.currency, settings.timezone)
    return RunDunning(database, policy, ManageSubscribers(database, context.box, defaults)), policy


async def _preview(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        runner, policy = _runner(context, database)
        now = context.now()
        preview = await runner.preview(_when(options.on, policy, now), now)
    zone = context.settings.timezone
    if options.json:
        print_json(_preview_document(preview), zone)
        return
    print(preview_line(preview, policy, now, context.settings.locale, context.settings.currency))
    rows = [
        [number, name, shown(amount_minor, currency), word]
        for word, found in (("isolir", preview.closing.walled), ("promise", preview.closing.promised))
        for subscriber_id, amount_minor in found.items()
        for number, name, currency in (preview.named[subscriber_id],)
    ]
    if rows:
        print_table(["subscriber", "name", "overdue", ""], sorted(rows), right=(2,))
    for kind, steps in sorted(preview.due.items()):
        print(f"{kind.value}: {steps}")


def _when(on: date | None, policy: DunningPolicy, now: datetime) -> datetime:
    """Return the isolir of that day; the next one without a day."""
    zone = ZoneInfo(policy.standing.timezone)
    today = now.astimezone(zone).date()
    if on is not None:
        if on < today:
            raise InvalidInputError(f"--on {on} is past")
        at = datetime.combine(on, policy.standing.isolir_at, zone)
        return max(at, now) if on == today else at
    at = policy.standing.walls_from(today)
    return at if at > now else policy.standing.walls_from(today + timedelta(days=1))


def preview_line(preview: Preview, policy: DunningPolicy, now: datetime, locale: str, currency: str) -> str:
    """Return one line such as `besok 00:30: 7 akan diisolir, Rp1.162.000, 2 janji bayar`."""
    words = _SAID[locale]
    zone = ZoneInfo(policy.standing.timezone)
    local = preview.at.astimezone(zone)
    days = (local.date() - now.astimezone(zone).date()).days
    when = words["today"] if days == 0 else words["tomorrow"] if days == 1 else local.date().isoformat()
    clock = time(local.hour, local.minute).isoformat("minutes")
    closing = preview.closing
    line = words["line"].format(
        when=when, time=clock, n=len(closing.walled), amount=shown(closing.amount_minor, currency)
    )
    line += words["promises"].format(n=len(closing.promised)) if closing.promised else ""
    return line + (words["exempt"].format(n=len(closing.exempt)) if closing.exempt else "")


def _preview_document(preview: Preview) -> dict[str, Any]:
    def people(found: Any) -> list[dict[str, Any]]:
        return sorted(
            (
                {"subscriber_no": number, "name": name, "overdue": amount_minor, "currency": currency}
                for subscriber_id, amount_minor in found.items()
                for number, name, currency in (preview.named[subscriber_id],)
            ),
            key=lambda one: str(one["subscriber_no"]),
        )

    closing = preview.closing
    return {
        "at": preview.at,
        "count": len(closing.walled),
        "amount": closing.amount_minor,
        "isolir": people(closing.walled),
        "promised": people(closing.promised),
        "exempt": people(closing.exempt),
        "due": {kind.value: preview.due.get(kind, 0) for kind in StepKind if kind is not StepKind.ISOLIR},
    }


async def _run(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        runner, _ = _runner(context, database)
        report = await runner.run(context.now())
    await context.nudge()
    done = [
        {"step": kind.value, "outcome": outcome.value, "count": times} for (kind, outcome), times in report.done.items()
    ]
    if options.json:
        print_json({"done": done, "parked": report.parked})
        return
    for one in done:
        print(f"{one['step']} {one['outcome']}: {one['count']}")
    if not done:
        print("nothing is due")


# -- what was done ----------------------------------------------------------------------------------------------------


async def _history(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        payer = await work.payments.payer(options.username)
        steps = await work.dunning.history(payer.id, options.limit)
        promises = await work.dunning_terms.promises(subscriber_id=payer.id)
    zone = context.settings.timezone
    if options.json:
        found = [
            {"at": one.at, "step": one.step, "outcome": one.outcome, "invoice": one.number, "details": one.details}
            for one in steps
        ]
        said = [{"until": one.until_on, "made_at": one.created_at, "by": one.actor} for one in promises]
        print_json({"subscriber_no": payer.number, "steps": found, "promises": said}, zone)
        return
    rows = [
        [local_time(one.at, zone), one.step, one.outcome, one.number, shown(one.details["amount"], payer.currency)]
        for one in steps
    ]
    print_table(["at", "step", "outcome", "invoice", "amount"], rows, right=(4,))
    for one in promises:
        print(f"promise to pay by {one.until_on}, made {local_time(one.created_at, zone)}, taken by {one.actor}")


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        exemptions = await work.dunning_terms.exemptions()
        rules = await work.dunning_terms.rules()
        proposed = await work.dunning.proposed()
    zone = context.settings.timezone
    if options.json:
        document = {
            "exemptions": [
                {"scope": one.scope, "name": one.name, "until": one.until_on, "reason": one.reason, "by": one.actor}
                for one in exemptions
            ],
            "rules": [
                {
                    "scope": one.scope,
                    "name": one.name,
                    "grace_days": one.grace_days,
                    "remind_days": one.remind_days,
                    "from_receipt": one.from_receipt,
                }
                for one in rules
            ],
            "terminations": [
                {"subscriber_no": number, "name": name, "since": since_at, "overdue": amount_minor}
                for number, name, since_at, amount_minor in proposed
            ],
        }
        print_json(document, zone)
        return
    for one in exemptions:
        print(f"exempt: {one.scope} {one.name} {f'until {one.until_on}' if one.until_on else ''} {one.reason}".rstrip())
    for rule in rules:
        differs = {"grace": rule.grace_days, "remind": rule.remind_days, "from receipt": rule.from_receipt}
        said = ", ".join(f"{name} {value}" for name, value in differs.items() if value is not None)
        print(f"rule: {rule.scope} {rule.name}: {said}")
    for number, name, since_at, amount_minor in proposed:
        walled = f"walled since {local_time(since_at, zone)}"
        print(f"to be terminated: {number} {name}, {walled}, {shown(amount_minor, context.settings.currency)}")


async def _fees(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        fees = await work.late_fees.of_invoice(options.number)
    documents = [
        {
            "invoice": fee.number,
            "stage": fee.stage,
            "amount": fee.amount_minor,
            "currency": fee.currency,
            "decided_on": fee.decided_on,
            "billed": fee.billed_id is not None,
            "waived": fee.waived_because,
        }
        for fee in fees
    ]
    if options.json:
        print_json(documents)
        return
    for fee, document in zip(fees, documents, strict=True):
        print_fields({**document, "amount": shown(fee.amount_minor, fee.currency)})
