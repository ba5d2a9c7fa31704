"""Parts of a price: the used part is rounded half up, the other part is what remains, so parts sum to the whole."""

from netbilld.model.units import half_up


def prorata_minor(price_minor: int, used_days: int, period_days: int) -> int:
    """Return price × used / days of the billing period, rounded half up.

    Raises:
        ValueError: used_days is not between 0 and period_days.
    """
    if not 0 <= used_days <= period_days or period_days == 0:
        raise ValueError(f"{used_days} of {period_days} days is not a part of a period")
    return half_up(price_minor * used_days, period_days)


def split_minor(price_minor: int, used_days: int, period_days: int) -> tuple[int, int]:
    """Return the price of the used days and of the other days; they sum to the price."""
    used_minor = prorata_minor(price_minor, used_days, period_days)
    return used_minor, price_minor - used_minor
