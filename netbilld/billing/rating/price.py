"""What charged units cost: a function of their total, exact, so that it doesn't matter in which portions they came."""

from fractions import Fraction
from typing import NamedTuple

from netbilld.billing.plan_parts import Tariff


class TierPart(NamedTuple):
    """Units that one tier of a tariff prices."""

    tier: int  # from 0
    units: int
    price_minor: int  # for `units_per_price` of the tariff


def price_exact(tariff: Tariff, charged_units: int) -> tuple[int, int]:
    """Return the price of so many charged units as numerator and denominator; the cap is a matter of the period."""
    if len(tariff.tiers) == 1:
        return charged_units * tariff.tiers[0].price_minor, tariff.units_per_price
    parts = tier_parts(tariff, 0, charged_units)
    return sum(part.units * part.price_minor for part in parts), tariff.units_per_price


def tier_parts(tariff: Tariff, from_units: int, to_units: int) -> list[TierPart]:
    """Return what of the charged units from one total to another falls into which tier; empty tiers are left out."""
    parts: list[TierPart] = []
    begin = 0
    for number, tier in enumerate(tariff.tiers):
        end = to_units if tier.up_to_units is None else min(tier.up_to_units, to_units)
        units = end - max(begin, from_units)
        if units > 0:
            parts.append(TierPart(number, units, tier.price_minor))
        if tier.up_to_units is None or tier.up_to_units >= to_units:
            break
        begin = tier.up_to_units
    return parts


def units_for_minor(tariff: Tariff, charged_units: int, charged_minor: int, money_minor: int) -> int | None:
    """Return how many more units so much money pays for; None where there is no end, by a price of 0 or by the cap.

    Args:
        tariff: what they cost.
        charged_units: so far.
        charged_minor: what of the period's cap has been used so far.
        money_minor: what there is.
    """
    if tariff.cap_minor is not None and charged_minor + money_minor >= tariff.cap_minor:
        return None
    left = Fraction(max(0, money_minor) * tariff.units_per_price)
    units = 0
    begin = 0
    for tier in tariff.tiers:
        first = max(begin, charged_units)
        if tier.up_to_units is None or first < tier.up_to_units:
            room = None if tier.up_to_units is None else tier.up_to_units - first
            if tier.price_minor > 0:
                bought = int(left // tier.price_minor)
                if room is None or bought < room:
                    return units + bought
                left -= room * tier.price_minor
            if room is None:
                return None
            units += room
        begin = tier.up_to_units or 0
    return None
