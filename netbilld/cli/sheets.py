"""Writes a table as a file, or as CSV to standard output."""

import sys
from pathlib import Path

from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.services.sheets import Sheet, written


def write_sheet(sheet: Sheet, kind: str, output: Path | None) -> bool:
    """Write the table unless `kind` is table; return whether it was written.

    Raises:
        InvalidInputError: a workbook, and no file to write it to.
        RefusedError: the file can't be written.
    """
    if kind == "table":
        return False
    if kind == "xlsx" and output is None:
        raise InvalidInputError("a workbook needs a file", hint="add --output usage.xlsx")
    octets = written(sheet, "xlsx" if kind == "xlsx" else "csv")
    if output is None:
        sys.stdout.write(octets.decode())
        return True
    try:
        output.write_bytes(octets)
    except OSError as error:
        raise RefusedError(f"{output} can't be written: {error.strerror}", code="file_unwritable") from None
    return True
