"""Stamp duty (*bea meterai*): which documents need one, and the line it may be charged on.

A stamp is bought from an appointed distributor and put on the PDF by their service; there is no way to make one here.
A document says that it needs one, and keeps the serial number once it has one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from netbilld.billing.invoice import InvoiceLine, LineKind

ACCOUNT: Final = "stamp_duty"  # held for the distributor, not earned


@dataclass(frozen=True, slots=True)
class StampDutyRule:
    """From a day on: what a document of more than so much in this currency needs."""

    valid_from: date
    duty_minor: int
    above_minor: int
    currency: str = "IDR"


STAMP_DUTY_RULES: Final = (  # UU 10/2020; before it, 3,000 and 6,000 by other steps, which nobody issues any more
    StampDutyRule(date(2021, 1, 1), 10_000, 5_000_000),
)


def stamp_duty_minor(
    total_minor: int, currency: str, on: date, rules: Iterable[StampDutyRule] = STAMP_DUTY_RULES
) -> int:
    """Return the duty on a document of that day and total, without the duty itself; 0 where it needs none."""
    in_force = [rule for rule in rules if rule.currency == currency and rule.valid_from <= on]
    if not in_force:
        return 0
    rule = max(in_force, key=lambda one: one.valid_from)
    return rule.duty_minor if total_minor > rule.above_minor else 0


def stamp_duty_line(duty_minor: int, text: str = "Bea Meterai") -> InvoiceLine:
    """Return the line by which the duty is passed on; it bears no tax and is no revenue."""
    return InvoiceLine(LineKind.STAMP_DUTY, None, text, 1, duty_minor, 1, duty_minor, inclusive=False, revenue=ACCOUNT)
