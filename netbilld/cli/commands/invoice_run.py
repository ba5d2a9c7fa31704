"""`netbilld invoice run/parked/allow`: the billing run, and the bills it has put aside for a person."""

import argparse
import sys
from typing import Any, Final

from netbilld.billing.invoice import DocumentKind
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED, add_idempotency_option, add_json_option
from netbilld.cli.money import day, shown
from netbilld.cli.output import note, print_json, print_table
from netbilld.daemon.billing import billing_run, collect_seldom
from netbilld.model.errors import NotFoundError
from netbilld.services.idempotency import digest
from netbilld.services.run_billing import BillingReport

VERBS: Final = ("run", "parked", "allow")
_VERB = "invoice run"
_BAR: Final = 30


def configure(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verbs and their options."""
    running = verbs.add_parser("run", help="bill what has come due; safe to repeat")
    running.add_argument("--as-of", type=day, metavar="D", help="bill as on this day; default today")
    running.add_argument("--username", metavar="U", help="only this subscriber (any user name, or the number)")
    running.add_argument("--dry-run", action="store_true", help="only tell what would be billed")
    add_json_option(running)
    add_idempotency_option(running)
    parked = verbs.add_parser("parked", help="bills that were put aside, since they look wrong")
    add_json_option(parked)
    allow = verbs.add_parser("allow", help="let a parked bill through; the next run makes it")
    allow.add_argument("username", metavar="USERNAME", help="any user name, or the subscriber's number")


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Run the verb."""
    if options.action == "run":
        return await _run(options, context)
    if options.action == "parked":
        await _parked(options, context)
    else:
        await _allow(options, context)
    return None


async def _run(options: argparse.Namespace, context: Context) -> int | None:
    settings, now = context.settings, context.now()
    key = None if options.dry_run else options.idempotency_key
    async with context.database() as database:
        document: dict[str, Any] = {}
        if key:
            async with database.write() as work:
                asked = digest({"as_of": options.as_of, "username": options.username})
                document = await work.idempotency.claim(key, _VERB, asked, now) or {}
        if not document:  # a run that was killed has left none, and is safe to repeat
            only = None
            if options.username:
                async with database.read() as work:
                    only = {(await work.payments.payer(options.username)).id}
            collect_seldom()
            report = await billing_run(settings, database).run(
                as_of=options.as_of,
                now=now,
                actor=context.actor,
                dry_run=options.dry_run,
                progress=_progress if sys.stderr.isatty() else None,
                only=only,
            )
            document = _report(report, settings.currency)
            if key:
                async with database.write() as work:
                    await work.idempotency.complete(key, _VERB, document)
    if not options.dry_run:
        await context.nudge()
    if options.json:
        print_json(document, settings.timezone)
    else:
        _print_report(document)
    for parked in document["parked"]:
        note(f"netbilld: subscriber {parked['subscriber_no']} is not billed: {parked['reason']}")
    return REFUSED if document["parked"] else None


def _progress(done: int, total: int) -> None:
    full = _BAR * done // total
    bar = "#" * full + "." * (_BAR - full)
    print(f"\r[{bar}] {done} of {total} subscribers", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _report(report: BillingReport, currency: str) -> dict[str, Any]:
    return {
        "as_of": report.as_of.isoformat(),
        "dry_run": report.dry_run,
        "currency": currency,
        "total": report.total_minor,
        "invoices": [
            {
                "number": one.number,
                "kind": one.kind.value,
                "subscriber_no": one.subscriber_no,
                "issued_on": one.issued_on.isoformat(),
                "due_on": one.due_on.isoformat(),
                "period": {"start": one.period_start_on.isoformat(), "end": one.period_end_on.isoformat()},
                "currency": one.currency,
                "tax": one.tax_minor,
                "total": one.total_minor,
                "from_wallet": one.from_wallet_minor,
                "final": one.is_final,
            }
            for one in report.invoices
        ],
        "renewals": [
            {
                "subscriber_no": one.subscriber_no,
                "service_id": str(one.service_id),
                "plan": one.plan,
                "price": one.price_minor,
                "paid_until": one.paid_until_on.isoformat(),
            }
            for one in report.renewals
        ],
        "parked": [{"subscriber_no": one.subscriber_no, "reason": one.reason} for one in report.parked],
    }


def _print_report(document: dict[str, Any]) -> None:
    invoices, currency = document["invoices"], document["currency"]
    if invoices:
        rows = [
            [
                one["number"] or "(new)",
                one["subscriber_no"],
                one["period"]["start"],
                one["period"]["end"],
                one["due_on"],
                shown(_signed(one), one["currency"]),
                shown(one["from_wallet"], one["currency"]),
            ]
            for one in invoices
        ]
        print_table(["number", "subscriber", "from", "until", "due", "total", "from wallet"], rows, right=(5, 6))
    if document["renewals"]:
        rows = [
            [one["subscriber_no"], one["plan"], one["paid_until"], shown(one["price"], currency)]
            for one in document["renewals"]
        ]
        print_table(["subscriber", "renewed", "paid until", "price"], rows, right=(3,))
    would = "would be " if document["dry_run"] else ""
    print(f"as of {document['as_of']}: invoices {would}issued: {len(invoices)}, {shown(document['total'], currency)}")
    if document["renewals"]:
        print(f"prepaid services {would}renewed: {len(document['renewals'])}")


def _signed(one: dict[str, Any]) -> int:
    """Return a document's total, below zero where it gives something back."""
    total_minor: int = one["total"]
    return -total_minor if one["kind"] == DocumentKind.CREDIT_NOTE.value else total_minor


async def _parked(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        found = await work.billing.parked()
    if options.json:
        print_json(
            [
                {
                    "subscriber_no": one.subscriber_no,
                    "subscriber_name": one.name,
                    "since": one.parked_at,
                    "as_of": one.as_of,
                    "reason": one.reason,
                    "total": one.total_minor,
                    "allowed": one.allowed_minor,
                }
                for one in found
            ],
            context.settings.timezone,
        )
        return
    rows = [[one.subscriber_no, one.name, one.as_of, one.reason] for one in found]
    print_table(["subscriber", "name", "as of", "why"], rows)


async def _allow(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.write() as work:
        payer = await work.payments.payer(options.username)
        allowed_minor = await work.billing.allow(payer.id, context.now(), context.actor.name)
        if allowed_minor is None:
            raise NotFoundError(
                f"no bill of {options.username!r} is parked", hint="`netbilld invoice parked` shows them"
            )
        details = {"number": payer.number, "up_to": allowed_minor}
        await work.changes.record(context.actor, context.now(), "invoice.allow", "subscriber", payer.id, details)
    print(f"subscriber {payer.number}: a bill up to {shown(allowed_minor, payer.currency)} is made by the next run")
