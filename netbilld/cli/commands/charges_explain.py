"""`netbilld usage explain` and `netbilld ledger explain`: where a charge comes from that no document tells."""

import argparse

from netbilld.cli.commands.invoice_explain import add_text_options, show
from netbilld.cli.context import Context
from netbilld.cli.main import DONE, REFUSED
from netbilld.cli.money import count, day
from netbilld.cli.output import note
from netbilld.daemon.taxes import tax_policy
from netbilld.model.periods import local_date
from netbilld.services.explain_amounts import Json
from netbilld.services.explain_charges import ExplainEntry, ExplainUsage
from netbilld.services.explanation_lines import ExplanationLines, plain

VERB = "explain"


def configure_usage(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe `usage explain`."""
    explain = verbs.add_parser(VERB, help="what the usage of a billing period costs, down to sessions and slices")
    explain.add_argument("username", metavar="USERNAME")
    explain.add_argument("--on", type=day, metavar="D", help="a day of the period; default today")
    explain.add_argument("--slices", action="store_true", help="each slice, too")
    add_text_options(explain)


def configure_entry(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe `ledger explain`."""
    explain = verbs.add_parser(VERB, help="an entry, and the document or the usage behind it")
    explain.add_argument("entry", type=count, metavar="ENTRY", help="its number; `ledger statement` shows them")
    add_text_options(explain)


async def explain_usage(options: argparse.Namespace, context: Context) -> int:
    """Explain a billing period; exit 1 where the wallet or the documents say something else."""
    settings = context.settings
    on = options.on or local_date(context.now(), settings.timezone)
    async with context.database() as database:
        explanation = await ExplainUsage(database).run(options.username, on, with_slices=options.slices)
    lines = ExplanationLines(options.lang or settings.locale, settings.timezone, settings.currency)
    title = f"{explanation['subscriber_no']} {explanation['usage']['period'][0]}"
    show(options, explanation, lines.period(explanation), title, explanation["sha256"])
    return _outcome(options, explanation)


async def explain_entry(options: argparse.Namespace, context: Context) -> int:
    """Explain an entry; exit 1 where what it is explained by comes out differently now."""
    settings = context.settings
    async with context.database() as database:
        explanation = await ExplainEntry(database, tax_policy(settings)).run(options.entry)
    currency = explanation["entry"]["currency"]
    lines = ExplanationLines(options.lang or settings.locale, settings.timezone, currency)
    show(options, explanation, lines.entry(explanation), f"entry {options.entry}", explanation["sha256"])
    return _outcome(options, explanation)


def _outcome(options: argparse.Namespace, explanation: Json) -> int:
    if options.check is not None and options.check.lower() != explanation["sha256"]:
        note(f"netbilld: the hash is {explanation['sha256']}, not {plain(options.check)}")
        return REFUSED
    if not explanation["equal"]:
        note("netbilld: a figure comes out differently now; it is marked with !")
        return REFUSED
    return DONE
