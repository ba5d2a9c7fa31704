"""Rules 3 and 17: what usage has come to, period by period, and when it is billed."""

from datetime import date
from zoneinfo import ZoneInfo

from tests.money_oracle.bucket import Bucket
from tests.money_oracle.life import Life, period_of

# What is billed of a period: the octets that were known, and what they cost.
Billed = tuple[int, int]


def owed(life: Life, bucket: Bucket, before: dict[date, Billed], run_on: date) -> dict[date, Billed]:
    """Return what usage has come to by a run, by the period that it fell into.

    A period that was billed is looked at again only where octets came since.
    """
    zone = ZoneInfo(life.timezone)
    found: dict[date, Billed] = {}
    for start_on in {
        period_of(one.at.astimezone(zone).date(), life.billing_day)[0] for one in bucket.used if one.made_on < run_on
    }:
        if period_of(start_on, life.billing_day)[1] <= run_on or life.ended(run_on):
            octets = sum(one.upload + one.download for one in bucket.known_in(start_on, run_on))
            billed = before.get(start_on)
            if billed is None or billed[0] != octets:
                cost = bucket.rate(start_on, run_on).amount
                billed = billed if billed is not None and billed[1] == cost else (octets, cost)
            found[start_on] = billed
    return found


def is_due(life: Life, run_on: date) -> bool:
    """Tell whether a period ends on a day, and usage is charged by then."""
    charged = any(
        one.plan.charged and not one.plan.free and one.made_on < run_on and one.from_on < run_on for one in life.changes
    )
    return charged and life.begun(run_on) and period_of(run_on, life.billing_day)[0] == run_on
