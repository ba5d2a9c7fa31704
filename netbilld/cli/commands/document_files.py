"""`netbilld invoice pdf` and `netbilld payment receipt`: documents on paper, one or a whole month."""

# ruff: noqa: PLC0415 - what draws is loaded by those who draw: the other verbs must start fast

import argparse
import asyncio
import sys
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.output import print_json
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.model.periods import next_anchor

if TYPE_CHECKING:
    from netbilld.services.print_documents import PrintedFile

_FEW: Final = 20  # fewer are drawn before further processes would have begun
_STDOUT: Final = "-"


def configure_pdf(verbs: Any) -> None:
    """Describe `invoice pdf`."""
    pdf = verbs.add_parser("pdf", help="an invoice or credit note as PDF, or all of a month")
    pdf.add_argument("number", metavar="NUMBER", nargs="?")
    pdf.add_argument("--all", action="store_true", help="all that were issued in --month, into a directory")
    pdf.add_argument("--month", type=month, metavar="YYYY-MM")
    _add_file_options(pdf, "file, or directory with --all; - is standard output")


def configure_receipt(verbs: Any) -> None:
    """Describe `payment receipt`."""
    receipt = verbs.add_parser("receipt", help="the receipt of a payment as PDF")
    receipt.add_argument("payment", metavar="RECEIPT_NO|ID")
    _add_file_options(receipt, "file; - is standard output")


def _add_file_options(parser: argparse.ArgumentParser, said: str) -> None:
    parser.add_argument("-o", "--output", metavar="FILE", help=f"{said}; default named by the number, here")
    parser.add_argument("--locale", metavar="LOCALE", help="default the subscriber's")
    add_json_option(parser)


def month(text: str) -> date:
    """Return the first day of an option's YYYY-MM; for argparse."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a month, write YYYY-MM") from None


async def pdf(options: argparse.Namespace, context: Context) -> None:
    """Run `invoice pdf`."""
    if options.all:
        if options.month is None or options.number is not None:
            raise InvalidInputError("--all goes with --month YYYY-MM and without a number")
        await _month(options, context)
        return
    if options.number is None or options.month is not None:
        raise InvalidInputError("name an invoice, or give --all --month YYYY-MM")
    from netbilld.daemon.documents import print_documents

    async with context.database() as database:
        printing = print_documents(context.settings, database, context.box)
        file = await printing.invoice(options.number, context.now(), options.locale)
    await asyncio.to_thread(_give, file, options.output, context)


async def receipt(options: argparse.Namespace, context: Context) -> None:
    """Run `payment receipt`."""
    from netbilld.daemon.documents import print_documents

    async with context.database() as database:
        printing = print_documents(context.settings, database, context.box)
        file = await printing.receipt(options.payment, context.now(), options.locale)
    await asyncio.to_thread(_give, file, options.output, context)


def _give(file: "PrintedFile", output: str | None, context: Context) -> None:
    if output == _STDOUT:
        sys.stdout.buffer.write(file.octets)
        sys.stdout.buffer.flush()
        return
    path = Path(output or file.name)
    if path.is_dir():
        path /= file.name
    write_file(path, file.octets)
    said = {"number": file.number, "file": str(path), "octets": len(file.octets)}
    if context.json_wanted:
        print_json(said)
    else:
        print(f"{file.number}: {path}")


async def _month(options: argparse.Namespace, context: Context) -> None:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from netbilld.daemon.documents import print_documents

    first_on: date = options.month
    directory = Path(options.output or f"documents-{first_on:%Y-%m}")
    async with context.database() as database:
        ids = await print_documents(context.settings, database, context.box).issued(first_on, next_anchor(first_on, 1))
        await asyncio.to_thread(_make_directory, directory)
        # a process of its own imports the library anew: forking one with threads and connections is not safe
        pool = ProcessPoolExecutor(context.settings.documents.workers, multiprocessing.get_context("spawn"))
        with pool if len(ids) > _FEW else nullcontext() as executor:
            printing = print_documents(context.settings, database, context.box, executor)
            done = 0
            async for file in printing.many(ids, context.now(), options.locale):
                await asyncio.to_thread(write_file, directory / file.name, file.octets)
                done += 1
                if sys.stderr.isatty():
                    print(f"\r{done} of {len(ids)} documents", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty() and ids:
        print(file=sys.stderr)
    if context.json_wanted:
        print_json({"month": f"{first_on:%Y-%m}", "directory": str(directory), "documents": len(ids)})
    else:
        print(f"{len(ids)} documents of {first_on:%Y-%m} in {directory}")


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"{directory} can't be made: {error.strerror}") from None


def write_file(path: Path, octets: bytes) -> None:
    """Write a file.

    Raises:
        RefusedError: it can't be written.
    """
    try:
        path.write_bytes(octets)
    except OSError as error:
        raise RefusedError(f"{path} can't be written: {error.strerror}", hint="name another with -o") from None
