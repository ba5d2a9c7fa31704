"""`netbilld subscriber set`: what invoices and fakturs say of the subscriber."""

import argparse

from netbilld.cli.context import Context
from netbilld.cli.secret_input import add_secret_option, read_secret

_YES_NO = ("yes", "no")


def add_buyer_options(parser: argparse.ArgumentParser) -> None:
    """Give `subscriber set` what is told of a buyer; the group is shown by itself in --help."""
    group = parser.add_argument_group("as a buyer", "on invoices and fakturs from now on; empty text clears")
    group.add_argument("--buyer", choices=("person", "company"))
    group.add_argument("--invoice-name", metavar="TEXT", help="default the subscriber's")
    group.add_argument("--invoice-address", metavar="TEXT", help="default the subscriber's")
    group.add_argument("--tax-id", metavar="NPWP", help="16 digits, or the 15 of an old one")
    group.add_argument("--branch", metavar="DIGITS", help="the last 6 of the buyer's IDTKU; default the head office")
    group.add_argument("--po", metavar="NUMBER", help="purchase order, printed on each invoice")
    group.add_argument("--faktur", choices=("none", "retail", "full", ""), help="how sales to it are reported")
    group.add_argument("--trx-code", metavar="01..10", help="of its fakturs, where it is not the tax rule's")
    group.add_argument("--withholds-pph23", choices=_YES_NO, help="it keeps PPh 23 of what it pays")
    group.add_argument("--tax-exempt", choices=_YES_NO, help="nothing sold to it is taxed")
    add_secret_option(parser, "nik", "NIK of a person, kept sealed; empty text clears")


async def set_buyer(options: argparse.Namespace, context: Context, name: str) -> list[str]:
    """Change what the options name; return the names of what did change."""
    from netbilld.services.manage_buyers import BuyerChanges, ManageBuyers  # noqa: PLC0415 - few changes need it

    wanted = BuyerChanges(
        kind=options.buyer,
        name=options.invoice_name,
        address=options.invoice_address,
        tax_id=options.tax_id,
        branch=options.branch,
        nik=await read_secret(options, "nik", None),
        po_number=options.po,
        faktur=options.faktur,
        trx_code=options.trx_code,
        withholds_pph23=_switch(options.withholds_pph23),
        exempt=_switch(options.tax_exempt),
    )
    if wanted == BuyerChanges():
        return []
    async with context.database() as database:
        return await ManageBuyers(database, context.box).set(name, wanted, context.actor, context.now())


def is_asked(options: argparse.Namespace) -> bool:
    """Tell whether any of the options is used."""
    names = ("buyer", "invoice_name", "invoice_address", "tax_id", "branch", "po", "faktur", "trx_code")
    switches = ("withholds_pph23", "tax_exempt", "nik")
    return options.nik_stdin or any(getattr(options, name) is not None for name in (*names, *switches))


def _switch(text: str | None) -> bool | None:
    return None if text is None else text == "yes"
