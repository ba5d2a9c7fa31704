"""Yearly levies on telecom revenue: BHP telekomunikasi and the USO contribution, as shares of a base.

Revenue is what was invoiced (accrual), without PPN and stamp duty, less credit notes, less what was written off and
what was paid to other operators. What is no telecom service, such as devices and installation, is left out.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from netbilld.model.units import half_up

DUE: Final = (4, 30)  # month and day of the year after
OTHER_REVENUE: Final = ("installation", "rental", "device", "late_fee", "late_fees")  # a setting replaces them


@dataclass(frozen=True, slots=True)
class LevyRates:
    """Shares of the base, from the revenue of a year on."""

    from_year: int
    bhp: Fraction
    uso: Fraction


LEVY_RATES: Final = (LevyRates(2009, Fraction(5, 1000), Fraction(125, 10_000)),)


@dataclass(frozen=True, slots=True)
class Levy:
    """What is due on a year's revenue, in minor units; nothing on a base below zero."""

    base_minor: int
    bhp_minor: int
    uso_minor: int


def levy(gross_minor: int, written_off_minor: int, to_others_minor: int, rates: LevyRates) -> Levy:
    """Return base, BHP and USO of a revenue and what is taken off it; each levy is rounded half up once."""
    base_minor = gross_minor - written_off_minor - to_others_minor
    of_minor = max(base_minor, 0)
    return Levy(
        base_minor,
        half_up(of_minor * rates.bhp.numerator, rates.bhp.denominator),
        half_up(of_minor * rates.uso.numerator, rates.uso.denominator),
    )


def rates_of(year: int, rates: tuple[LevyRates, ...] = LEVY_RATES) -> LevyRates:
    """Return the rates for the revenue of a year: the latest that began by then, else the earliest."""
    known = sorted(rates, key=lambda one: one.from_year)
    return next((one for one in reversed(known) if one.from_year <= year), known[0])


def revenue_word(account: str) -> str:
    """Return the word of a revenue account, such as `recurring` of `revenue:recurring`."""
    return account.rpartition(":")[2]


def is_telecom_revenue(account: str, told: object, other_revenue: tuple[str, ...] = OTHER_REVENUE) -> bool:
    """Tell whether what is earned on an account is revenue from telecom services.

    Args:
        account: of a line, such as `revenue:tv`.
        told: what the plan says of the component or add-on (`details["telecom"]` of the line); it decides.
        other_revenue: words of accounts that are none, where nothing is told.
    """
    return told if isinstance(told, bool) else revenue_word(account) not in other_revenue
