"""`netbilld invoice explain NUMBER`: where each amount comes from, worked out again."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from netbilld.cli.context import Context
from netbilld.cli.main import DONE, REFUSED, add_json_option
from netbilld.cli.money import count
from netbilld.cli.output import note, print_json
from netbilld.daemon.taxes import tax_policy
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.services.explain_invoice import ExplainInvoice
from netbilld.services.explanation_lines import ExplanationLines, TextLine, as_text, plain

VERB = "explain"
_WIDTH = 110


def configure(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the verb and its options."""
    explain = verbs.add_parser(VERB, help="where each amount comes from, down to sessions and slices; worked out again")
    explain.add_argument("number", metavar="NUMBER")
    explain.add_argument("--line", type=count, metavar="N", help="only this line, with every slice")
    add_text_options(explain)


def add_text_options(parser: argparse.ArgumentParser) -> None:
    """Give an explanation its options."""
    parser.add_argument("--format", choices=("text", "json", "pdf"), default="text")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where to write it; pdf needs one")
    parser.add_argument("--check", metavar="HASH", help="tell whether a hash that was printed is still this one")
    parser.add_argument("--lang", choices=("id", "en"), help="default is the `locale` setting")
    add_json_option(parser)


async def run(options: argparse.Namespace, context: Context) -> int:
    """Explain; exit 1 where a figure differs from what the document says, or the hash from the one given."""
    settings = context.settings
    async with context.database() as database:
        explanation = await ExplainInvoice(database, tax_policy(settings)).run(options.number, options.line)
    document = explanation["document"]
    lines = ExplanationLines(options.lang or settings.locale, settings.timezone, document["currency"])
    show(options, explanation, lines.invoice(explanation), f"{document['number']}", explanation["sha256"])
    if options.check is not None and options.check.lower() not in {
        explanation["sha256"],
        explanation["document_sha256"],
    }:
        note(f"netbilld: the hash of {document['number']} is {explanation['sha256']}, not {plain(options.check)}")
        return REFUSED
    if not explanation["equal"]:
        note(f"netbilld: a figure of {document['number']} comes out differently now; it is marked with !")
        return REFUSED
    return DONE


def show(options: argparse.Namespace, explanation: object, lines: Iterable[TextLine], title: str, sha256: str) -> None:
    """Print an explanation, or write it to a file.

    Raises:
        InvalidInputError: a PDF, and no file to write it to.
        RefusedError: the file can't be written.
    """
    if options.json or options.format == "json":
        print_json(explanation)
        return
    if options.format == "text":
        text = "\n".join(as_text(line._replace(text=plain(line.text)), _WIDTH) for line in lines)
        if options.output is None:
            print(text)
        else:
            _write(options.output, text.encode() + b"\n")
        return
    if options.output is None:
        raise InvalidInputError("a PDF needs a file", hint=f"add --output {title}-explained.pdf")
    from netbilld.adapters.documents.table_pdf import PaperColumn, table_pdf  # noqa: PLC0415 - slow to load

    rows = [["\N{NO-BREAK SPACE}" * 3 * line.depth + line.text, line.amount] for line in lines]
    columns = [PaperColumn("", 6), PaperColumn("", 1, "right")]
    _write(options.output, table_pdf(title, [], columns, rows, foot=f"SHA-256 {sha256}"))


def _write(path: Path, octets: bytes) -> None:
    try:
        path.write_bytes(octets)
    except OSError as error:
        raise RefusedError(f"{path} can't be written: {error.strerror}", code="file_unwritable") from None
