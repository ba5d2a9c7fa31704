"""`netbilld voucher …`: codes made by the thousand, printed, sold, found, extended and taken back."""

# ruff: noqa: PLC0415 - what draws is loaded by those who draw: the other verbs must start fast

import argparse
import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from netbilld.adapters.clock import entropy
from netbilld.cli.cells import local_time
from netbilld.cli.commands.document_files import write_file
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_idempotency_option, add_json_option
from netbilld.cli.money import count, shown
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.vouchers import refund_vouchers, sell_vouchers
from netbilld.model.errors import InvalidInputError
from netbilld.model.periods import local_midnight
from netbilld.model.units import parse_amount
from netbilld.model.voucher import (
    MOST_IN_A_BATCH,
    Batch,
    CodeKind,
    ValidFrom,
    VoucherStatus,
    batch_label,
    batch_number,
    parse_validity,
    shown_code,
    validity_text,
)
from netbilld.services.keep_vouchers import KeepVouchers
from netbilld.services.make_vouchers import MakeVouchers, NewBatch
from netbilld.services.open_vouchers import opened
from netbilld.services.print_vouchers import Layout, check_login_url, printed_sheet
from netbilld.services.subscriber_fields import parse_day
from netbilld.services.voucher_views import BatchFigures

_NOT_PRINTED: Final = frozenset((VoucherStatus.VOID, VoucherStatus.EXPIRED, VoucherStatus.USED_UP))


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(
        dest="action", required=True, metavar="generate|list|show|print|sell|find|extend|revoke|refund|offer"
    )
    _configure_generate(verbs)
    add_json_option(verbs.add_parser("list", help="batches, and where their codes stand"))
    show = verbs.add_parser("show", help="the vouchers of a batch; their codes are only printed")
    show.add_argument("batch", metavar="BATCH")
    show.add_argument("--status", choices=[status.value for status in VoucherStatus])
    add_json_option(show)
    _configure_print(verbs)
    sell = verbs.add_parser("sell", help="sell the next vouchers of a batch at its price, and print their codes")
    sell.add_argument("batch", metavar="BATCH")
    sell.add_argument("--count", type=count, default=1, metavar="N")
    sell.add_argument("--method", default="cash", metavar="METHOD")
    sell.add_argument("--collector", metavar="NAME", help="whose cash it is")
    sell.add_argument("--buyer", default="", metavar="TEXT")
    add_json_option(sell)
    add_idempotency_option(sell)
    find = verbs.add_parser("find", help="what became of a code")
    find.add_argument("code", metavar="CODE")
    add_json_option(find)
    extend = verbs.add_parser("extend", help="let a voucher be valid for longer, or a batch begin later")
    extend.add_argument("what", metavar="CODE|BATCH")
    extend.add_argument("--by", type=parse_validity, metavar="SPAN", help="of a code: 3h, 1d, 7d")
    extend.add_argument("--use-by", metavar="DAY", help="of a batch: the last day to begin; - for none")
    add_json_option(extend)
    revoke = verbs.add_parser("revoke", help="take a code back, or whatever of a batch nobody has used")
    revoke.add_argument("what", metavar="CODE|BATCH")
    revoke.add_argument("--reason", required=True, metavar="WHY")
    add_json_option(revoke)
    refund = verbs.add_parser("refund", help="book that the price of a code that was taken back went back to who paid")
    refund.add_argument("code", metavar="CODE")
    refund.add_argument("--reason", required=True, metavar="WHY")
    add_json_option(refund)
    offer = verbs.add_parser("offer", help="sell a batch on the hotspot's page, a code made for each that is paid")
    offer.add_argument("batch", metavar="BATCH")
    offer.add_argument("--off", action="store_true", help="sell it there no more")
    add_json_option(offer)


def _configure_generate(verbs: Any) -> None:
    make = verbs.add_parser("generate", help=f"make a batch of up to {MOST_IN_A_BATCH} codes")
    make.add_argument(
        "--plan", required=True, metavar="CODE", help="its allowances are each voucher's for all its time"
    )
    make.add_argument("--count", required=True, type=_count, metavar="N")
    make.add_argument("--name", default="", metavar="TEXT", help="what is printed on it")
    make.add_argument("--kind", choices=[kind.value for kind in CodeKind], default=CodeKind.MIXED.value)
    make.add_argument("--length", type=count, metavar="N", help="of a code")
    make.add_argument("--prefix", default="", metavar="TEXT")
    make.add_argument("--password", dest="has_password", action="store_true", help="a password of its own beside it")
    make.add_argument("--valid", type=parse_validity, metavar="SPAN", help="3h, 1d, 30d; default the plan's period")
    make.add_argument("--from", dest="valid_from", choices=("first_use", "sale"), default="first_use")
    make.add_argument("--only-sold", action="store_true", help="works only once its sale is on record")
    make.add_argument("--online", action="store_true", help="sold on the hotspot's page too; then --count may be 0")
    make.add_argument("--use-by", metavar="DAY", help="the last day to begin")
    make.add_argument("--price", metavar="AMOUNT", help="default the plan's")
    make.add_argument("--agent-price", metavar="AMOUNT", help="what an agent pays; default the price")
    add_json_option(make)
    add_idempotency_option(make)


def _configure_print(verbs: Any) -> None:
    sheet = verbs.add_parser("print", help="a batch as PDF: cards, strips, or a roll for a thermal printer")
    sheet.add_argument("batch", metavar="BATCH")
    sheet.add_argument("--layout", choices=[layout.value for layout in Layout], default=Layout.CARDS.value)
    sheet.add_argument("--from", dest="first", type=count, default=1, metavar="N", help="the first of the batch")
    sheet.add_argument("--to", dest="last", type=count, metavar="N", help="the last")
    sheet.add_argument("--login-url", default="", metavar="URL", help="what a scan opens: http://hotspot.example/login")
    sheet.add_argument("--locale", metavar="LOCALE")
    sheet.add_argument("-o", "--output", metavar="FILE", help="default named by the batch; - is standard output")
    add_config_option(sheet)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    verbs = {
        "generate": _generate,
        "list": _list,
        "show": _show,
        "print": _print,
        "sell": _sell,
        "find": _find,
        "extend": _extend,
        "revoke": _revoke,
        "refund": _refund,
        "offer": _offer,
    }
    await verbs[options.action](options, context)


async def _generate(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    new = NewBatch(
        plan=options.plan,
        count=options.count,
        name=options.name,
        kind=CodeKind(options.kind),
        length=options.length,
        prefix=options.prefix,
        has_password=options.has_password,
        validity_seconds=options.valid,
        valid_from=ValidFrom(options.valid_from),
        is_only_sold=options.only_sold,
        use_by_at=_end_of(options.use_by, settings.timezone) if options.use_by else None,
        price_minor=_amount(options.price, settings.currency),
        agent_price_minor=_amount(options.agent_price, settings.currency),
        is_online=options.online,
    )
    async with context.database() as database:
        make = MakeVouchers(
            database, context.box, timezone=settings.timezone, currency=settings.currency, entropy=entropy
        )
        batch = await make.run(new, actor=context.actor, now=context.now(), idempotency_key=options.idempotency_key)
    await context.nudge()
    if options.json:
        print_json(_batch_document(batch, BatchFigures({VoucherStatus.CREATED: batch.count})), settings.timezone)
        return
    print(f"batch {batch.label}: {batch.count} vouchers of {batch.plan}; `netbilld voucher print {batch.label}`")


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        found = await work.vouchers.batches(1000)
        figures = await work.vouchers.figures([one.id for one in found], context.now())
    if options.json:
        documents = [_batch_document(one, figures.get(one.id, BatchFigures())) for one in found]
        print_json(documents, context.settings.timezone)
        return
    rows = []
    for one in found:
        stand = figures.get(one.id, BatchFigures())
        rows.append(
            [
                one.label,
                one.name,
                one.plan,
                validity_text(one.validity_seconds),
                shown(one.price_minor, one.currency),
                one.count,
                stand.of(VoucherStatus.CREATED),
                stand.of(VoucherStatus.SOLD),
                stand.of(VoucherStatus.ACTIVE),
                stand.of(VoucherStatus.EXPIRED) + stand.of(VoucherStatus.USED_UP),
                stand.of(VoucherStatus.VOID),
            ]
        )
    heads = ["batch", "name", "plan", "valid", "price", "made", "unsold", "sold", "in use", "over", "void"]
    print_table(heads, rows, right=(4, 5, 6, 7, 8, 9, 10))


async def _show(options: argparse.Namespace, context: Context) -> None:
    now, timezone = context.now(), context.settings.timezone
    status = VoucherStatus(options.status) if options.status else None
    async with context.database() as database, database.read() as work:
        batch = await work.vouchers.batch(batch_number(options.batch))
        found = await work.vouchers.lines(batch.id, limit=MOST_IN_A_BATCH, status=status)
    if options.json:
        documents = [
            {
                "voucher": f"{batch.label}-{one.position:05d}",
                "status": one.status_at(now).value,
                "sold_at": one.sold_at,
                "first_used_at": one.first_used_at,
                "valid_until": one.valid_until_at,
                "ended_reason": one.ended_reason,
            }
            for one in found
        ]
        print_json(documents, timezone)
        return
    rows = [
        [
            f"{batch.label}-{one.position:05d}",
            one.status_at(now).value,
            *(local_time(at, timezone) for at in (one.sold_at, one.first_used_at, one.valid_until_at)),
            one.ended_reason or "",
        ]
        for one in found
    ]
    print_table(["voucher", "status", "sold", "first used", "valid until", "why"], rows)


async def _print(options: argparse.Namespace, context: Context) -> None:
    from netbilld.adapters.documents.voucher_sheet import voucher_sheet_pdf

    settings = context.settings
    url = check_login_url(options.login_url)
    async with context.database() as database, database.read() as work:
        batch = await work.vouchers.batch(batch_number(options.batch))
        lines = await work.vouchers.lines(batch.id, limit=MOST_IN_A_BATCH, after=options.first - 1, until=options.last)
        wanted = [one for one in lines if one.status_at(context.now()) not in _NOT_PRINTED]
        found = await opened(context.box, work, batch, wanted)
    locale = options.locale or settings.locale
    sheet = printed_sheet(
        found, batch, Layout(options.layout), business=settings.business_name, locale=locale, login_url=url
    )
    octets = await asyncio.to_thread(voucher_sheet_pdf, sheet)
    if options.output == "-":
        sys.stdout.buffer.write(octets)
        sys.stdout.buffer.flush()
        return
    path = Path(options.output or f"{batch.label}-{options.layout}.pdf")
    await asyncio.to_thread(write_file, path, octets)
    print(f"{len(found)} vouchers of {batch.label}: {path}")


async def _sell(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        sold = await sell_vouchers(settings, database, context.box).run(
            batch_number(options.batch),
            options.count,
            method=options.method,
            buyer=options.buyer,
            collector=options.collector,
            actor=context.actor,
            now=context.now(),
            idempotency_key=options.idempotency_key,
        )
    await context.nudge()
    if options.json:
        document = {
            "receipt_no": sold.sale.receipt_no,
            "batch": sold.batch.label,
            "paid": sold.sale.paid_minor,
            "currency": sold.sale.currency,
            "method": sold.sale.method,
            "collector": sold.sale.collector,
            "vouchers": [{"code": one.code, "password": one.password} for one in sold.vouchers],
        }
        print_json(document, settings.timezone)
        return
    print(f"{sold.sale.receipt_no}: {shown(sold.sale.paid_minor, sold.sale.currency)}")
    for one in sold.vouchers:
        print(f"  {shown_code(one.code)}" + (f"  {one.password}" if sold.batch.has_password else ""))


async def _find(options: argparse.Namespace, context: Context) -> None:
    settings, now = context.settings, context.now()
    async with context.database() as database:
        found = await KeepVouchers(database, context.box).find(options.code)
        async with database.read() as work:
            at = await work.nas.by_id(found.voucher.first_nas_id) if found.voucher.first_nas_id else None
    one, batch = found.voucher, found.batch
    fields = {
        "voucher": f"{batch.label}-{one.position:05d}",
        "plan": batch.plan,
        "status": one.status_at(now).value,
        "sold_at": one.sold_at,
        "first_used_at": one.first_used_at,
        "first_used_on": None if at is None else at.name,
        "valid_until": one.valid_until_at,
        "ended_reason": one.ended_reason,
    }
    if options.json:
        print_json(fields, settings.timezone)
        return
    print_fields(
        {
            name.replace("_", " "): local_time(value, settings.timezone) if isinstance(value, datetime) else value or ""
            for name, value in fields.items()
        }
    )


async def _extend(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        keep = KeepVouchers(database, context.box)
        if options.use_by:
            day = None if options.use_by == "-" else _end_of(options.use_by, settings.timezone)
            number = batch_number(options.what)
            await keep.set_use_by(number, day, actor=context.actor, now=context.now())
            said: dict[str, Any] = {"batch": options.what, "use_by": day}
        elif options.by:
            until_at = await keep.extend(options.what, options.by, actor=context.actor, now=context.now())
            said = {"valid_until": until_at}
        else:
            raise InvalidInputError("give --by of a code, or --use-by of a batch")
    await context.nudge()
    if options.json:
        print_json(said, settings.timezone)
        return
    until = said.get("valid_until") or said.get("use_by")
    print(f"until {local_time(until, settings.timezone)}" if until else "no last day to begin")


async def _revoke(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        keep = KeepVouchers(database, context.box)
        if _is_batch(options.what):
            number = batch_number(options.what)
            revoked = await keep.revoke_unused(number, options.reason, actor=context.actor, now=context.now())
        else:
            await keep.revoke(options.what, options.reason, actor=context.actor, now=context.now())
            revoked = 1
    await context.nudge()
    if options.json:
        print_json({"revoked": revoked}, settings.timezone)
        return
    print(f"{revoked} taken back")


async def _refund(options: argparse.Namespace, context: Context) -> None:
    settings = context.settings
    async with context.database() as database:
        done = await refund_vouchers(settings, database, context.box).run(
            options.code, options.reason, actor=context.actor, now=context.now()
        )
    if options.json:
        document = {
            "amount": done.amount_minor,
            "commission": done.commission_minor,
            "currency": done.currency,
            "method": done.method,
            "collector": done.collector,
            "agent": done.agent,
            "refunded_at": done.refunded_at,
        }
        print_json(document, settings.timezone)
        return
    print(f"{shown(done.amount_minor, done.currency)} given back as it was paid: {done.agent or done.method}")


async def _offer(options: argparse.Namespace, context: Context) -> None:
    number, online = batch_number(options.batch), not options.off
    async with context.database() as database:
        keep = KeepVouchers(database, context.box)
        await keep.set_online(number, online=online, actor=context.actor, now=context.now())
    if options.json:
        print_json({"batch": batch_label(number), "online": online}, context.settings.timezone)
        return
    print("sold on the hotspot's page" if online else "sold there no more")


def _count(text: str) -> int:
    """Return how many to make; none of a batch that is sold on the hotspot's page alone."""
    return 0 if text == "0" else count(text)


def _is_batch(text: str) -> bool:
    written = text.strip().upper()
    return len(written) <= 6 and written.startswith("V") and written[1:].isdecimal()


def _amount(text: str | None, currency: str) -> int | None:
    return parse_amount(text, currency) if text else None


def _end_of(text: str, timezone: str) -> datetime:
    return local_midnight(parse_day("use_by", text) + timedelta(days=1), timezone)


def _batch_document(batch: Batch, figures: BatchFigures) -> dict[str, Any]:
    return {
        "batch": batch.label,
        "name": batch.name,
        "plan": batch.plan,
        "count": batch.count,
        "kind": batch.code_kind.value,
        "validity_seconds": batch.validity_seconds,
        "valid_from": batch.valid_from.value,
        "only_sold": batch.is_only_sold,
        "online": batch.is_online,
        "use_by": batch.use_by_at,
        "price": batch.price_minor,
        "agent_price": batch.agent_price_minor,
        "currency": batch.currency,
        "created_at": batch.created_at,
        "by": batch.actor,
        "vouchers": {status.value: figures.of(status) for status in VoucherStatus},
        "used_unsold": figures.used_unsold,
    }
