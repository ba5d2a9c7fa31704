"""`netbilld tax coretax/list/set/import/bhp/deduct/rules/stamp/nik/find-nik`."""

import argparse
import asyncio
import csv
import sys
from pathlib import Path
from typing import Any

from netbilld.adapters.documents.coretax_xml import coretax_xml
from netbilld.billing.buyer import FakturKind
from netbilld.billing.faktur import FILE_LIMIT
from netbilld.billing.stamp_duty import stamp_duty_minor
from netbilld.cli.commands.document_files import month
from netbilld.cli.commands.tax_levies import bhp, deduct
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED, add_config_option, add_json_option
from netbilld.cli.money import shown
from netbilld.cli.output import note, print_fields, print_json, print_table
from netbilld.cli.secret_input import add_secret_option, read_secret
from netbilld.daemon.taxes import faktur_form, seller, stamp_duty_rules, tax_policy
from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.services.manage_buyers import ManageBuyers
from netbilld.services.report_taxes import FakturReport, FakturStatus, ReportTaxes


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(
        dest="action", required=True, metavar="coretax|list|set|import|bhp|deduct|rules|stamp|nik|find-nik"
    )
    coretax = verbs.add_parser("coretax", help="a month's fakturs as XML for Coretax")
    coretax.add_argument("--month", type=month, required=True, metavar="YYYY-MM")
    coretax.add_argument("-o", "--output", metavar="DIR", default=".", help="where the files go; default here")
    coretax.add_argument("--again", action="store_true", help="those exported before too")
    coretax.add_argument("--dry-run", action="store_true", help="only tell what would be exported")
    add_json_option(coretax)
    listing = verbs.add_parser("list", help="taxed invoices of a month, and what became of them in Coretax")
    listing.add_argument("--month", type=month, required=True, metavar="YYYY-MM")
    add_json_option(listing)
    change = verbs.add_parser("set", help="what Coretax says of an exported invoice")
    change.add_argument("number", metavar="NUMBER")
    change.add_argument("--status", choices=[status.value for status in FakturStatus])
    change.add_argument("--nsfp", metavar="DIGITS", help="the number of its faktur; printed on the invoice from now on")
    add_config_option(change)
    taking = verbs.add_parser("import", help="numbers (NSFP) and statuses of many, from a CSV file")
    taking.add_argument("file", type=Path, metavar="FILE.csv", help="columns number, nsfp and, if you like, status")
    add_json_option(taking)
    levies = verbs.add_parser("bhp", help="BHP and USO of a year, or a month's documents behind them")
    levies.add_argument("--year", type=_year, metavar="YYYY")
    levies.add_argument("--month", type=month, metavar="YYYY-MM", help="each document's part")
    levies.add_argument("--csv", metavar="FILE", help="months and product classes as CSV")
    add_json_option(levies)
    deducting = verbs.add_parser("deduct", help="what was paid to other operators, off the base of BHP and USO")
    deducting.add_argument("month", type=month, metavar="YYYY-MM")
    deducting.add_argument("amount", metavar="AMOUNT", help="below zero takes an entry back: -- -5000000")
    deducting.add_argument("--note", required=True, metavar="TEXT")
    add_config_option(deducting)
    rules = verbs.add_parser("rules", help="taxes and their rates by date")
    add_json_option(rules)
    stamp = verbs.add_parser("stamp", help="the serial number of a document's e-meterai; printed on it from now on")
    stamp.add_argument("number", metavar="NUMBER", help="of an invoice or receipt")
    stamp.add_argument("serial", metavar="SERIAL")
    add_config_option(stamp)
    reveal = verbs.add_parser("nik", help="a subscriber's NIK; who looks, and why, is on record")
    reveal.add_argument("username", metavar="USERNAME")
    reveal.add_argument("--why", required=True, metavar="TEXT")
    add_config_option(reveal)
    find = verbs.add_parser("find-nik", help="who has a NIK")
    add_secret_option(find, "nik", "the NIK")
    add_json_option(find)


def _year(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 2000 <= int(text) <= 2200:
        raise argparse.ArgumentTypeError(f"{text!r} is not a year, write YYYY")
    return int(text)


async def run(options: argparse.Namespace, context: Context) -> int | None:
    """Run one of the verbs."""
    verbs = {
        "coretax": _coretax,
        "list": _list,
        "set": _set,
        "import": _import,
        "bhp": bhp,
        "deduct": deduct,
        "rules": _rules,
        "stamp": _stamp,
        "nik": _nik,
        "find-nik": _find_nik,
    }
    return await verbs[options.action](options, context)


def _reporting(context: Context, database: Any) -> ReportTaxes:
    settings = context.settings
    return ReportTaxes(
        database, context.box, tax_policy(settings), faktur_form(settings), FakturKind(settings.tax.faktur)
    )


async def _coretax(options: argparse.Namespace, context: Context) -> int | None:
    who = seller(context.settings)
    async with context.database() as database:
        reporting = _reporting(context, database)
        progress = _progress if sys.stderr.isatty() else None
        report = await reporting.month(options.month, again=options.again, progress=progress)
        files = {
            f"coretax-{options.month:%Y-%m}-{at // FILE_LIMIT + 1:03}.xml": report.fakturs[at : at + FILE_LIMIT]
            for at in range(0, len(report.fakturs), FILE_LIMIT)
        }
        directory = Path(options.output)
        if not options.dry_run:
            form = faktur_form(context.settings)
            for name in list(files):
                path = await asyncio.to_thread(_free_path, directory, name)
                files[path.name] = files.pop(name)
                octets = coretax_xml(who, (made for _, made in files[path.name]), form)
                await asyncio.to_thread(_write, path, octets)
            await reporting.exported(files, context.actor, context.now())
    document = _faktur_document(report, [str(directory / name) for name in files], dry_run=options.dry_run)
    if options.json:
        print_json(document)
    else:
        _print_fakturs(document)
    for left in report.faulty:
        note(f"netbilld: {left.reason}")
    for left in report.to_correct:
        note(f"netbilld: {left.number} was {left.reason}: replace or cancel it in Coretax, then `netbilld tax set`")
    return REFUSED if report.faulty else None


def _progress(done: int, total: int) -> None:
    print(f"\r{done} of {total} invoices", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _free_path(directory: Path, name: str) -> Path:
    """Return a path that is not taken: what was exported before stays as it is."""
    path, at = directory / name, 1
    while path.exists():
        at += 1
        path = directory / name.replace(".xml", f"-{at}.xml")
    return path


def _write(path: Path, octets: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
    except OSError as error:
        raise RefusedError(f"{path} can't be written: {error.strerror}", hint="name a directory with -o") from None


def _faktur_document(report: FakturReport, files: list[str], *, dry_run: bool) -> dict[str, Any]:
    fakturs = [made for _, made in report.fakturs]
    return {
        "month": f"{report.month_on:%Y-%m}",
        "dry_run": dry_run,
        "files": [] if dry_run else files,
        "documents": len(fakturs),
        "tax_base": sum(made.tax_base for made in fakturs) // 100,
        "vat": _rounded(sum(made.vat for made in fakturs)),
        "differing": [{"number": number, "hundredths": hundredths} for number, hundredths in report.differing],
        "faulty": [{"number": left.number, "reason": left.reason} for left in report.faulty],
        "exported_before": report.exported_before,
        "to_correct": [{"number": left.number, "reason": left.reason} for left in report.to_correct],
        "retail": {
            "documents": report.retail.documents,
            "tax_base": report.retail.tax_base_minor,
            "vat": report.retail.vat_minor,
        },
        "wallets": {"tax_base": report.wallets.tax_base_minor, "vat": report.wallets.vat_minor},
        "not_reported": report.not_reported,
    }


def _rounded(hundredths: int) -> int:
    return (hundredths + 50) // 100


def _print_fakturs(document: dict[str, Any]) -> None:
    differing = document["differing"]
    off = sum(one["hundredths"] for one in differing) / 100
    retail, wallets = document["retail"], document["wallets"]
    print_fields(
        {
            "month": document["month"],
            "fakturs": document["documents"],
            "tax base": shown(document["tax_base"], "IDR"),
            "VAT": shown(document["vat"], "IDR"),
            "selisih pembulatan": f"{len(differing)} fakturs, {off:+g} rupiah in all" if differing else "none",
            "exported before": document["exported_before"],
            "retail": retail["documents"],
            "retail base": shown(retail["tax_base"], "IDR"),
            "retail VAT": shown(retail["vat"], "IDR"),
            "from wallets": shown(wallets["tax_base"], "IDR"),
            "VAT from wallets": shown(wallets["vat"], "IDR"),
            "not reported": document["not_reported"],
            "not possible": len(document["faulty"]),
            "files": ", ".join(document["files"]) or ("none: --dry-run" if document["dry_run"] else "none"),
        }
    )


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        listed = await _reporting(context, database).listed(options.month)
    if options.json:
        print_json(
            [
                {
                    "number": invoice.number,
                    "issued_on": invoice.issued_on,
                    "tax": invoice.tax_minor,
                    "total": invoice.total_minor,
                    "coretax_status": state.status if state else None,
                    "nsfp": state.nsfp if state else None,
                    "file": state.file if state else None,
                    "exported_at": state.exported_at if state else None,
                }
                for invoice, state in listed
            ],
            context.settings.timezone,
        )
        return
    rows = [
        [
            invoice.number,
            invoice.issued_on,
            shown(invoice.tax_minor, invoice.currency),
            state.status if state else "not exported",
            state.nsfp if state else "",
            state.file if state else "",
        ]
        for invoice, state in listed
    ]
    print_table(["number", "issued", "tax", "Coretax", "NSFP", "file"], rows, right=(2,))


async def _set(options: argparse.Namespace, context: Context) -> None:
    if options.status is None and options.nsfp is None:
        raise InvalidInputError("say --status, --nsfp or both")
    async with context.database() as database:
        reporting = _reporting(context, database)
        await reporting.set_status(options.number, options.status, options.nsfp, context.actor, context.now())
    print(f"{options.number}: {' '.join(word for word in (options.status, options.nsfp) if word)}")


async def _import(options: argparse.Namespace, context: Context) -> int | None:
    rows = await asyncio.to_thread(_read_rows, options.file)
    taken, wrong = 0, []
    async with context.database() as database:
        reporting = _reporting(context, database)
        for line, row in rows:
            number, nsfp, status = (str(row.get(name) or "").strip() for name in ("number", "nsfp", "status"))
            try:
                if status and status not in set(FakturStatus):
                    raise InvalidInputError(f"status {status!r}: allowed are {', '.join(FakturStatus)}")
                if not (nsfp or status):
                    raise InvalidInputError(f"{number or 'the row'} has neither NSFP nor status")
                await reporting.set_status(number, status or None, nsfp or None, context.actor, context.now())
                taken += 1
            except NetbilldError as error:
                wrong.append({"line": line, "number": number, "reason": str(error)})
    if options.json:
        print_json({"taken": taken, "rejected": wrong})
    else:
        print(f"{taken} of {len(rows)} rows taken")
    for one in wrong:
        note(f"netbilld: {options.file}: line {one['line']}: {one['reason']}")
    return REFUSED if wrong else None


def _read_rows(path: Path) -> list[tuple[int, dict[str, str | None]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            delimiter = max(",;\t", key=head.count)
            file.seek(0)
            reader = csv.DictReader(file, delimiter=delimiter)
            names = [name.strip().lower() for name in reader.fieldnames or ()]
            if not {"number", "nsfp"} <= set(names):
                raise InvalidInputError(f"{path}: its first line must name the columns number and nsfp")
            reader.fieldnames = names
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInputError(f"{path} can't be read: {error}") from None


async def _rules(options: argparse.Namespace, context: Context) -> None:
    policy = tax_policy(context.settings)
    rules = sorted(policy.rules, key=lambda rule: (rule.code, rule.valid_from))
    if options.json:
        print_json(
            {
                "is_pkp": policy.is_pkp,
                "rules": [
                    {
                        "code": rule.code,
                        "valid_from": rule.valid_from,
                        "percent": str(rule.percent),
                        "base": str(rule.base),
                        "trx_code": rule.trx_code,
                    }
                    for rule in rules
                ],
            }
        )
        return
    rows = [[rule.code, rule.valid_from, f"{float(rule.percent):g} %", str(rule.base), rule.trx_code] for rule in rules]
    print_table(["tax", "from", "rate", "of the price", "transaction"], rows, right=(2,))
    if not policy.is_pkp:
        print("nothing is taxed: tax.is_pkp is false")


async def _stamp(options: argparse.Namespace, context: Context) -> None:
    serial, now = options.serial.strip(), context.now()
    if not serial or len(serial) > 60 or not serial.isprintable():
        raise InvalidInputError("a serial number has 1 to 60 printable characters")
    async with context.database() as database, database.write() as work:
        number = options.number.strip().upper()
        known = await work.documents.known(number)
        if known is None:
            raise NotFoundError(f"no invoice or receipt {number!r}")
        facts = known.facts
        rules = stamp_duty_rules(context.settings)
        duty_minor = stamp_duty_minor(facts.total_minor, facts.currency, facts.issued_on, rules)
        await work.documents.save_stamp(number, serial, duty_minor, now, str(context.actor))
        await work.changes.record(context.actor, now, "document.stamp", "document", number, {"serial": serial})
    print(f"{number}: e-meterai {serial}")


async def _nik(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database:
        buyers = ManageBuyers(database, context.box)
        print(await buyers.reveal_nik(options.username, options.why, context.actor, context.now()))


async def _find_nik(options: argparse.Namespace, context: Context) -> None:
    nik = await read_secret(options, "nik", "NIK")
    async with context.database() as database:
        found = await ManageBuyers(database, context.box).find_by_nik(nik or "")
    if options.json:
        print_json(found)
    else:
        print("\n".join(found) or "nobody")
