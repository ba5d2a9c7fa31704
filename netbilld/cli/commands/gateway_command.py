"""`netbilld gateway …`: payments by gateways, what came from them, what differs, and links to pay by."""

import argparse
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from netbilld.adapters.database.engine import Database
from netbilld.adapters.gateways.http_client import GatewayHttp
from netbilld.billing.gateway import GATEWAYS
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_idempotency_option, add_json_option
from netbilld.cli.money import count
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.gateways import book_notice_of, drivers_of, settle_gateways_of
from netbilld.daemon.taxes import payment_taxes
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.units import parse_amount
from netbilld.ports.gateway_records import Refund
from netbilld.ports.gateways import Gateway
from netbilld.services.decide_callbacks import DecideCallbacks
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.gateway_report import read_report
from netbilld.services.pay_links import LinkKind, Target, pay_token, pay_url
from netbilld.services.refund_gateway import RefundGateway

_MOST: Final = 1_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="payments that were begun, newest first")
    listing.add_argument("--text", default="", metavar="REF", help="one ref, number or subscriber number")
    listing.add_argument("--limit", type=count, default=50, metavar="N")
    add_json_option(listing)
    show = verbs.add_parser("show", help="what was said of a payment, and what is booked")
    show.add_argument("ref", metavar="REF")
    add_json_option(show)
    ask = verbs.add_parser("ask", help="ask the gateway how a payment is, and book that")
    ask.add_argument("ref", metavar="REF")
    add_json_option(ask)
    refund = verbs.add_parser("refund", help="give money back through the gateway")
    refund.add_argument("ref", metavar="REF")
    refund.add_argument("amount", metavar="AMOUNT|all")
    refund.add_argument("--why", required=True, metavar="WHY")
    refund.add_argument("--by-hand", action="store_true", help="it was done in the dashboard: only write it down")
    add_json_option(refund)
    add_idempotency_option(refund)
    ending = verbs.add_parser("refund-end", help="end a refund of which nobody knows whether it was done")
    ending.add_argument("ref", metavar="REF")
    ending.add_argument(
        "what", choices=("ask", "done", "not-done"), help="ask once more, or write down what the dashboard says"
    )
    add_json_option(ending)
    inbox = verbs.add_parser("inbox", help="callbacks as they came; by default those that wait for a person")
    inbox.add_argument("--state", default="parked", choices=("parked", "new", "done", "decided", "refused"))
    inbox.add_argument("--limit", type=count, default=50, metavar="N")
    add_json_option(inbox)
    again = verbs.add_parser("again", help="follow a parked callback once more")
    again.add_argument("id", type=int, metavar="ID")
    add_config_option(again)
    give = verbs.add_parser("give", help="record what a parked callback says as a payment of somebody")
    give.add_argument("id", type=int, metavar="ID")
    give.add_argument("--to", required=True, metavar="USERNAME")
    add_json_option(give)
    aside = verbs.add_parser("aside", help="lay a parked callback aside")
    aside.add_argument("id", type=int, metavar="ID")
    aside.add_argument("--why", required=True, metavar="WHY")
    add_config_option(aside)
    report = verbs.add_parser("report", help="compare with a gateway's report, and book the payouts in it")
    report.add_argument("gateway", metavar="GATEWAY")
    report.add_argument("file", type=Path, metavar="FILE.csv")
    add_json_option(report)
    add_json_option(verbs.add_parser("compare", help="hold gateway, bank and ledger against each other now"))
    add_json_option(verbs.add_parser("differences", help="what differs and nobody has seen to"))
    seen = verbs.add_parser("seen", help="write down that somebody has seen to a difference")
    seen.add_argument("id", type=int, metavar="ID")
    seen.add_argument("--why", required=True, metavar="WHY")
    add_config_option(seen)
    link = verbs.add_parser("link", help="the link by which an invoice, or all that somebody owes, is paid")
    link.add_argument("number", metavar="INVOICE|SUBSCRIBER_NO")
    add_json_option(link)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    verbs = {
        "list": _list,
        "show": _show,
        "ask": _ask,
        "refund": _refund,
        "refund-end": _end_refund,
        "inbox": _inbox,
        "again": _again,
        "give": _give,
        "aside": _aside,
        "report": _report,
        "compare": _compare,
        "differences": _differences,
        "seen": _seen,
        "link": _link,
    }
    await verbs[options.action](options, context)


@asynccontextmanager
async def _drivers(context: Context) -> AsyncIterator[tuple[Gateway, ...]]:
    https: list[GatewayHttp] = []
    try:
        yield drivers_of(context.settings.gateways, context.clock, https)
    finally:
        for http in https:
            await http.close()


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        lines, _ = await work.gateways.page((), options.text, min(options.limit, _MOST), 0)
    zone = context.settings.timezone
    if context.json_wanted:
        print_json([{**asdict(one), "subscriber_no": number, "name": name} for one, number, name in lines], zone)
        return
    rows = [
        (local_time(one.created_at, zone), one.ref, number, f"{one.gateway} {one.method}", one.amount_minor, one.state)
        for one, number, _ in lines
    ]
    print_table(("BEGUN", "REF", "SUBSCRIBER", "WAY", "AMOUNT", "STATE"), rows)


async def _show(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        attempt = await work.gateways.find(options.ref)
        if attempt is None:
            raise NotFoundError(f"no payment {options.ref!r} by a gateway")
        facts = await work.gateways.facts(attempt.ref)
        booked = await work.gateways.transactions(attempt.ref)
        refunds = await work.gateways.refunds(attempt.ref)
    zone = context.settings.timezone
    said = {name: sorted(one.state.value for one in some) for name, some in facts.items()}
    if context.json_wanted:
        document = {
            "said": said,
            "booked": [asdict(one) for one in booked],
            "refunds": [asdict(one) for one in refunds],
        }
        print_json({**asdict(attempt), **document}, zone)
        return
    print_fields(
        {
            "ref": attempt.ref,
            "state": f"{attempt.state} {attempt.raw_status}".strip(),
            "amount": attempt.amount_minor,
            "way": f"{attempt.gateway} {attempt.method}",
            "number": " ".join(filter(None, (attempt.number_at, attempt.biller_code, attempt.number))),
            "begun": local_time(attempt.created_at, zone),
            "until": local_time(attempt.expires_at, zone),
            "asked again": local_time(attempt.next_look_at, zone),
            "trouble": attempt.trouble,
            "said": "; ".join(f"{name}: {', '.join(some)}" for name, some in said.items()),
            "booked": "; ".join(f"{one.name}: {one.books.kept_minor}" for one in booked),
        }
    )


async def _ask(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, _drivers(context) as drivers:
        book = book_notice_of(context.settings, database, context.box)
        follow = FollowGateways(database, drivers, book, context.now, lambda: None)
        async with database.read() as work:
            attempt = await work.gateways.find(options.ref)
        if attempt is None:
            raise NotFoundError(f"no payment {options.ref!r} by a gateway")
        booked = await follow.ask(attempt)
        async with database.read() as work:
            attempt = await work.gateways.find(options.ref) or attempt
    await context.nudge()
    verdict = booked.verdict if booked else "nothing said"
    if context.json_wanted:
        print_json({"ref": attempt.ref, "state": attempt.state.value, "result": verdict, "trouble": attempt.trouble})
    else:
        print(f"{attempt.ref}: {attempt.state} ({verdict}) {attempt.trouble}".rstrip())


async def _refund(options: argparse.Namespace, context: Context) -> None:
    amount_minor = None if options.amount == "all" else parse_amount(options.amount, context.settings.currency)
    key = uuid5(NAMESPACE_URL, options.idempotency_key) if options.idempotency_key else uuid4()
    async with context.database() as database, _drivers(context) as drivers:
        refund = await RefundGateway(database, drivers, book_notice_of(context.settings, database, context.box)).run(
            options.ref,
            amount_minor,
            key=key,
            because=options.why,
            by_hand=options.by_hand,
            actor=context.actor,
            now=context.now(),
        )
    await context.nudge()
    _print_refund(refund, context)


async def _end_refund(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, _drivers(context) as drivers:
        service = RefundGateway(database, drivers, book_notice_of(context.settings, database, context.box))
        if options.what == "not-done":
            refund = await service.give_up(options.ref, actor=context.actor, now=context.now())
        else:
            by_hand = options.what == "done"
            refund = await service.take_up(options.ref, by_hand=by_hand, actor=context.actor, now=context.now())
    await context.nudge()
    _print_refund(refund, context)


def _print_refund(refund: Refund, context: Context) -> None:
    if context.json_wanted:
        print_json(asdict(refund), context.settings.timezone)
    else:
        print(f"{refund.ref}: {refund.amount_minor}, {refund.state} {refund.detail}".rstrip())


async def _inbox(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        lines, _ = await work.gateway_inbox.page(options.state, min(options.limit, _MOST), 0)
    zone = context.settings.timezone
    if context.json_wanted:
        print_json([asdict(one) for one in lines], zone)
        return
    rows = [
        (one.id, local_time(one.received_at, zone), one.gateway, one.ref, _amount(one.notice), one.verdict, one.detail)
        for one in lines
    ]
    print_table(("ID", "RECEIVED", "GATEWAY", "REF", "AMOUNT", "RESULT", "DETAIL"), rows)


def _amount(notice: dict[str, Any] | None) -> object:
    return None if notice is None else notice.get("amount_minor")


def _deciding(context: Context, database: Database) -> DecideCallbacks:
    settings = context.settings
    return DecideCallbacks(database, timezone=settings.timezone, taxes=payment_taxes(settings))


async def _again(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        await _deciding(context, database).again(options.id, actor=context.actor, now=context.now())
    print(f"callback {options.id} is followed once more")


async def _give(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        decide = _deciding(context, database)
        receipt = await decide.give(options.id, options.to, actor=context.actor, now=context.now())
    await context.nudge()
    if context.json_wanted:
        print_json(asdict(receipt), context.settings.timezone)
    else:
        print(
            f"callback {options.id}: {receipt.amount_minor} for {receipt.subscriber_no}, receipt {receipt.receipt_no}"
        )


async def _aside(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        await _deciding(context, database).lay_aside(options.id, options.why, actor=context.actor, now=context.now())
    print(f"callback {options.id} is laid aside")


async def _report(options: argparse.Namespace, context: Context) -> None:
    try:
        lines = options.file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{options.file}: can't be read as CSV: {error}") from None
    if options.gateway not in GATEWAYS:
        raise InvalidInputError(f"{options.gateway!r} is no gateway; there are {', '.join(GATEWAYS)}")
    report = read_report(lines, context.settings.gateways.layout_of(options.gateway), str(options.file))
    async with context.database() as database:
        settle = settle_gateways_of(context.settings, database)
        done = await settle.take_report(options.gateway, report, actor=context.actor, now=context.now())
    if context.json_wanted:
        print_json(asdict(done))
    else:
        booked = f"payouts booked: {len(done.payouts)}, known before: {len(done.known)}"
        print(f"{done.rows} payments; {booked}; rows left out: {done.left_out}")
        _print_differences([asdict(one) for one in done.differences])
    if done.differences:
        raise RefusedError(f"{len(done.differences)} differences", hint="`netbilld gateway differences` keeps them")


async def _compare(options: argparse.Namespace, context: Context) -> None:
    del options
    found: list[dict[str, Any]] = []
    async with context.database() as database, _drivers(context) as drivers:
        for gateway in drivers:
            differences = await settle_gateways_of(context.settings, database).compare(gateway.name, context.now())
            found += [{"gateway": gateway.name, **asdict(one)} for one in differences]
    if context.json_wanted:
        print_json(found)
    else:
        _print_differences(found)
    if found:
        raise RefusedError(f"{len(found)} differences", hint="`netbilld gateway seen ID --why …` once they are seen to")


def _print_differences(found: Sequence[dict[str, Any]]) -> None:
    rows = [(one.get("gateway"), one["kind"], one["subject"], one["theirs_minor"], one["ours_minor"]) for one in found]
    print_table(("GATEWAY", "WHAT", "ABOUT", "THEIRS", "OURS"), rows)


async def _differences(options: argparse.Namespace, context: Context) -> None:
    del options
    async with context.database() as database, database.read() as work:
        found = await work.settlements.waiting(_MOST)
    zone = context.settings.timezone
    if context.json_wanted:
        print_json([asdict(one) for one in found], zone)
        return
    rows = [
        (one.id, local_time(one.found_at, zone), one.gateway, one.kind, one.subject, one.theirs_minor, one.ours_minor)
        for one in found
    ]
    print_table(("ID", "FOUND", "GATEWAY", "WHAT", "ABOUT", "THEIRS", "OURS"), rows)


async def _seen(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        settle = settle_gateways_of(context.settings, database)
        await settle.see_to(options.id, options.why, actor=context.actor, now=context.now())
    print(f"difference {options.id} is seen to")


async def _link(options: argparse.Namespace, context: Context) -> None:
    public_url = context.settings.portal.public_url
    if public_url is None:
        raise RefusedError("nobody knows where the portal is reached", hint="set portal.public_url")
    async with context.database() as database, database.read() as work:
        document = await work.invoices.by_number(options.number)
        subscriber = None if document else await work.subscribers.by_number(options.number.strip())
    if document is not None and document.invoice.number:
        target = Target(LinkKind.INVOICE, document.invoice.number)
    elif subscriber is not None:
        target = Target(LinkKind.SUBSCRIBER, subscriber.number)
    else:
        raise NotFoundError(f"no invoice and no subscriber {options.number!r}")
    url = pay_url(public_url, pay_token(context.box, target))
    print(json.dumps({"kind": target.kind, "number": target.number, "url": url}) if context.json_wanted else url)
