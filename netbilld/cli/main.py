"""`netbilld VERB …`: finds the verb's module, runs it, and turns refusals into one line and an exit code."""

import argparse
import asyncio
import gc
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from netbilld import __version__
from netbilld.model.errors import NetbilldError

# verb: (module in cli/commands, one line for --help)
VERBS: Final[dict[str, str]] = {
    "init": "make the data directory, keys, schema and the first staff user",
    "migrate": "bring the schema up to date",
    "serve": "run the daemon",
    "demo": "run everything on loopback with a simulated NAS",
    "certs": "make, renew and list certificates for RadSec and EAP",
    "nas": "add, list, show, set and remove NAS",
    "pool": "add, list, show, set and remove pools of addresses",
    "plan": "add, list, show, set and move plans",
    "group": "customer groups that plans have prices for",
    "area": "areas that plans have prices for",
    "coupon": "coupons that services take a discount by",
    "topup": "sell what is beside the allowance",
    "allowance": "allowances that services of a household, company or class of devices share",
    "subscriber": "add, show, list, set, pause, suspend, resume and terminate subscribers",
    "import": "bring in subscribers from a CSV file",
    "session": "list and disconnect sessions",
    "usage": "octets as metered",
    "meter": "meter services by ports of devices and by readings handed in",
    "journal": "the accounting journal: how far it is applied, what is in it, apply a dead node's",
    "invoice": "make, list, show and correct invoices",
    "dunning": "reminders, isolir and late fees: what is to come, what was done, who is exempt",
    "promise": "promises to pay",
    "holiday": "days on which nobody is walled",
    "paper": "paper invoices on their way",
    "complaint": "complaints: take in, assign, work on, close, and how fast that goes",
    "outage": "outages of an area or a NAS: tell everybody once, gather complaints, end",
    "outbox": "messages to subscribers: list, show, send again",
    "payment": "record, list, allocate, reverse, move and refund payments",
    "gateway": "payments by gateways: list, ask, refund, what came, what differs, links to pay by",
    "voucher": "codes for the hotspot: make, print, sell, find, extend, revoke",
    "bank": "statements of the bank: imported, and matched with invoices",
    "agent": "who sells from a deposit: vouchers, subscribers' money, statements",
    "collector": "who takes cash, what they hold and hand over",
    "tax": "fakturs for Coretax, BHP and USO, stamps",
    "ledger": "check, close and export the books, show an account",
    "rate": "what a plan would have charged for real usage",
    "report": "bills, payments, revenue, receivables, tax, usage, churn and more, as a table or a file",
    "static": "hold and meter subscribers without RADIUS by queues of their router",
    "enforce": "desired and observed state of each service",
    "auth": "log-in attempts with reasons",
    "explain": "why someone can't get online, and what to do",
    "radius": "send a request, watch one subscriber's packets",
    "staff": "add, list and set staff",
    "token": "add, list and revoke tokens of the JSON API",
    "doctor": "check configuration, database and ports",
}
DONE: Final = 0
REFUSED: Final = 1
WRONG_USAGE: Final = 2


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints fit on one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"{self.prog}: {message} (see `{self.prog} --help`)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; return 0 done, 1 refused or not found, 2 wrong usage."""
    words = _general_options_last(list(sys.argv[1:] if arguments is None else arguments))
    if not words or words[0] in {"-h", "--help", "help"}:
        print("usage: netbilld VERB … [--config FILE]   (`netbilld VERB --help` says more)\n")
        for verb, summary in VERBS.items():
            print(f"  {verb:<12}{summary}")
        return DONE if words else WRONG_USAGE
    if words[0] in {"-V", "--version"}:
        print(f"netbilld {__version__}")
        return DONE
    verb = words[0]
    if verb not in VERBS:
        print(f"netbilld: unknown verb {verb!r}; `netbilld --help` lists them", file=sys.stderr)
        return WRONG_USAGE
    gc.disable()  # loading leaves no garbage, and looking for it meanwhile is a tenth of a short command's time
    try:
        module = importlib.import_module(f"netbilld.cli.commands.{verb}_command")
    finally:
        gc.enable()
    parser = Parser(prog=f"netbilld {verb}", description=VERBS[verb])
    module.configure(parser)
    _describe(parser)
    try:
        options = parser.parse_args(words[1:])
    except SystemExit as ended:
        return int(ended.code or 0)
    return run(module, options)


def _describe(parser: argparse.ArgumentParser) -> None:
    """Let the --help of each verb below this one begin with the line its parent's --help has of it."""
    for action in parser._actions:  # noqa: SLF001 - argparse shows its sub-parsers nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for said in action._choices_actions:  # noqa: SLF001 - as above
                below = action.choices[said.dest]
                below.description = below.description or said.help
                _describe(below)


def _general_options_last(words: list[str]) -> list[str]:
    """Move --config and --json from before or just after the verb to the end, where its parser takes them."""
    kept: list[str] = []
    moved: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--config":
            moved += [word, *([value] if (value := next(rest, None)) is not None else [])]
        elif word == "--json" or word.startswith("--config="):
            moved.append(word)
        elif kept or word.startswith("-") or word not in VERBS:
            kept += [word, *rest]
        else:
            kept.append(word)
    end = kept.index("--") if "--" in kept else len(kept)
    return kept[:end] + moved + kept[end:]


def run(module: object, options: argparse.Namespace) -> int:
    """Run a parsed command; a NetbilldError becomes one line on stderr."""
    from netbilld.cli.context import Context  # noqa: PLC0415 - `--help` must not wait for the database driver

    try:
        context = Context(config=options.config, json_wanted=getattr(options, "json", False))
        outcome = asyncio.run(module.run(options, context))  # type: ignore[attr-defined]  # each command has it
    except NetbilldError as error:
        print(f"netbilld: {error}".replace("\n", " "), file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return REFUSED
    return int(outcome or DONE)


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Give a verb --config."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML settings file (or NETBILLD_CONFIG)")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Give a verb that reads --json (and --config)."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")


def add_idempotency_option(parser: argparse.ArgumentParser) -> None:
    """Give a verb that makes money or people --idempotency-key."""
    parser.add_argument("--idempotency-key", metavar="KEY", help="the same key again does nothing and prints the same")
