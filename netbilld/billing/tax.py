"""Taxes on what is sold, such as PPN: rules by date, and what an amount holds of tax, line by line.

Rates are data, never constants: `PPN_RULES` are the ones known when this was written, and settings add to them or
replace them. PPN of 2025: 12 % of a base of 11/12 of the price (PMK 131/2024), so 11 % of the price but for rounding.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Final

from netbilld.billing.invoice import InvoiceLine, LineKind
from netbilld.billing.stamp_duty import StampDutyRule, stamp_duty_line, stamp_duty_minor
from netbilld.model.errors import InvalidInputError
from netbilld.model.units import half_up

PPN: Final = "ppn"
UNTAXED_KINDS: Final = frozenset(
    {LineKind.DEPOSIT, LineKind.OPENING_BALANCE, LineKind.STAMP_DUTY, LineKind.LATE_FEE}
)  # whatever tax their plan names
WHOLE: Final = Fraction(1)


@dataclass(frozen=True, slots=True)
class TaxRule:
    """A tax as it is from a day on, until a later rule of its code.

    Attributes:
        rate: of the base, between 0 and 1.
        base: the part of the price that is taxed.
        trx_code: what kind of transaction a faktur calls it, 01 to 10; a buyer may have another.
    """

    code: str
    valid_from: date
    rate: Fraction
    base: Fraction = WHOLE
    trx_code: str = "01"
    of_price: Fraction = field(init=False)  # tax per price, before rounding
    _net_of_gross: Fraction = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1 or not 0 < self.base <= 1:
            raise ValueError(f"{self.code}: a rate is from 0 to below 1, a base above 0 to 1")
        object.__setattr__(self, "of_price", self.rate * self.base)
        object.__setattr__(self, "_net_of_gross", 1 / (1 + self.rate * self.base))

    @property
    def percent(self) -> Fraction:
        """Return the rate in percent, as it is printed: 12."""
        return self.rate * 100

    def base_minor(self, net_minor: int) -> int:
        """Return the taxable base of a net amount, half up: the *DPP nilai lain* where the base is a part of it."""
        if net_minor < 0:
            return -self.base_minor(-net_minor)
        return half_up(net_minor * self.base.numerator, self.base.denominator)

    def tax_minor(self, net_minor: int) -> int:
        """Return the tax on a net amount: rate × base, each rounded half up, as a faktur has it."""
        if net_minor < 0:
            return -self.tax_minor(-net_minor)
        return half_up(self.base_minor(net_minor) * self.rate.numerator, self.rate.denominator)

    def net_minor(self, gross_minor: int) -> int:
        """Return what is left of an amount that has the tax in it, half up; the tax is the rest."""
        if gross_minor < 0:
            return -self.net_minor(-gross_minor)
        return half_up(gross_minor * self._net_of_gross.numerator, self._net_of_gross.denominator)


PPN_RULES: Final = (
    TaxRule(PPN, date(1985, 4, 1), Fraction(10, 100)),
    TaxRule(PPN, date(2022, 4, 1), Fraction(11, 100)),
    TaxRule(PPN, date(2025, 1, 1), Fraction(12, 100), Fraction(11, 12), "04"),
)


@dataclass(frozen=True, slots=True)
class Taxed:
    """An amount taken apart; `net_minor + tax_minor` is what is paid for it. All have the amount's sign."""

    net_minor: int
    base_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True)
class TaxPolicy:
    """What a provider taxes.

    Attributes:
        is_pkp: registered for PPN; one who is not may show none, whatever plans say.
        rules: of all codes, in any order.
        stamps: which documents are charged their stamp duty, as a line; none where the provider bears it.
    """

    is_pkp: bool = False
    rules: tuple[TaxRule, ...] = PPN_RULES
    stamps: tuple[StampDutyRule, ...] = ()

    def rule(self, code: str | None, on: date) -> TaxRule | None:
        """Return the rule by which a line with this tax code is taxed on a day; None where it is not.

        Raises:
            InvalidInputError: no rule has that code, or none of them is in force yet.
        """
        if code is None or not self.is_pkp:
            return None
        return rule_on(self.rules, code, on)


NOTHING_TAXED: Final = TaxPolicy()


def rule_on(rules: Iterable[TaxRule], code: str, on: date) -> TaxRule:
    """Return the rule of a code that is in force on a day.

    Raises:
        InvalidInputError: no rule has that code, or none of them is in force yet.
    """
    found: TaxRule | None = None
    known = False
    for rule in rules:
        if rule.code == code:
            known = True
            if rule.valid_from <= on and (found is None or rule.valid_from > found.valid_from):
                found = rule
    if found is None:
        why = f"is not in force on {on}" if known else "is not known"
        raise InvalidInputError(f"tax {code!r} {why}", hint="settings: [[tax.rules]]", code="unknown_tax")
    return found


def taxed(amount_minor: int, rule: TaxRule, *, inclusive: bool) -> Taxed:
    """Return what an amount consists of; where it is inclusive, net and tax sum to it.

    A faktur works out the tax from the net amount again and may so differ by one from an inclusive amount's tax: the
    amount that the subscriber was told stands, and the faktur's figure is reported beside it (`billing/faktur.py`).
    """
    net_minor = rule.net_minor(amount_minor) if inclusive else amount_minor
    tax_minor = amount_minor - net_minor if inclusive else rule.tax_minor(net_minor)
    return Taxed(net_minor, rule.base_minor(net_minor), tax_minor)


def tax_line(line: InvoiceLine, policy: TaxPolicy, on: date, *, exempt: bool = False) -> InvoiceLine:
    """Return a line with its tax worked out by the rule of the document's day.

    Where nothing is taxed (see `TaxPolicy`), for an exempt subscriber and for kinds that bear none, the line comes back
    without a tax code and its price stays as written.

    Raises:
        InvalidInputError: the tax that the line names has no rule.
    """
    untaxed = exempt or line.kind in UNTAXED_KINDS
    rule = None if untaxed else policy.rule(line.tax_code, on)
    if rule is None:
        return line if line.tax_code is None and line.tax_minor == 0 else replace(line, tax_code=None, tax_minor=0)
    return replace(line, tax_minor=taxed(line.amount_minor, rule, inclusive=line.inclusive).tax_minor)


def tax_lines(
    lines: Sequence[InvoiceLine], policy: TaxPolicy, on: date, *, exempt: bool = False
) -> tuple[InvoiceLine, ...]:
    """Return lines with their taxes; the document's tax is their sum and is not rounded again."""
    return tuple(tax_line(line, policy, on, exempt=exempt) for line in lines)


def document_lines(
    lines: Sequence[InvoiceLine], policy: TaxPolicy, on: date, currency: str, *, exempt: bool = False
) -> tuple[InvoiceLine, ...]:
    """Return a document's lines with their taxes, and with its stamp duty as the last where that is charged."""
    priced = [line for line in lines if line.kind is not LineKind.STAMP_DUTY] if policy.stamps else lines
    taxed = tax_lines(priced, policy, on, exempt=exempt)
    duty_minor = stamp_duty_minor(sum(line.gross_minor for line in taxed), currency, on, policy.stamps)
    return (*taxed, stamp_duty_line(duty_minor)) if duty_minor else taxed
