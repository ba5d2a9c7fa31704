"""Invoice numbers: a series a month, without gaps, fit for file names and bank references."""

from datetime import date


def invoice_series(issued_on: date) -> str:
    """Return the name of the counter that numbers invoices issued on that day."""
    return f"invoice:{issued_on:%Y%m}"


def invoice_number(issued_on: date, sequence: int) -> str:
    """Return the number of the sequence-th invoice of its month, such as INV-202601-000123."""
    return f"INV-{issued_on:%Y%m}-{sequence:06}"


def number_prefix(series: str) -> str:
    """Return what every number of an invoice series begins with."""
    return f"INV-{series.removeprefix('invoice:')}-"
