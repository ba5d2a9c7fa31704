"""Plans as a provider sells them, for tests of what follows from one."""

from dataclasses import replace
from typing import Any, Final

from netbilld.billing.plan import (
    AfterAllowance,
    Allowance,
    Charging,
    Closing,
    Counts,
    Plan,
    Recurring,
    Speed,
    Timing,
)
from netbilld.billing.plan_parts import Tariff, Tier

FAST: Final = Speed(20_000_000, 10_000_000)
SLOW: Final = Speed(2_000_000, 1_000_000)
PER_GB: Final = Tariff((Tier(None, 3_000),), 10**9)
_HOME20: Final = Plan(
    code="HOME20",
    name="Rumah 20 Mbps",
    timing=Timing.POSTPAID,
    charging=Charging.FLAT,
    currency="IDR",
    speed=FAST,
    recurring=Recurring(200_000, None),
    allowance=None,
    usage=None,
    when_overdue=Closing.WALL,
    when_no_credit=Closing.WALL,
    when_suspended=Closing.WALL,
)

ONE_GB_TEXT: Final = """
code = "{code}"
name = "Satu GB"
timing = "postpaid"
charging = "flat"
[recurring]
price = 100000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "1GB"
after = "{after}"
"""
THROTTLED_TEXT: Final = 'throttled = { down = "2M", up = "1M" }\n'

PREPAID_TEXT: Final = """
code = "PRA"
name = "Prabayar"
timing = "prepaid"
charging = "flat"
[recurring]
price = 100000
period = "month"
[speed]
down = "20M"
up = "10M"
"""


def plan(**changes: Any) -> Plan:
    """Return a postpaid flat plan of 20/10 Mbit/s without quota, that walls whatever the reason, but for `changes`."""
    return replace(_HOME20, **changes)


def per_use(price: Tariff = PER_GB, **changes: Any) -> Plan:
    """Return a plan charged by the octet from a wallet."""
    return replace(plan(timing=Timing.PREPAID, charging=Charging.PER_USE, recurring=None, usage=price), **changes)


def allowance(
    after: AfterAllowance, data_octets: int, counts: Counts = Counts.BOTH, throttled: Speed = SLOW
) -> Allowance:
    """Return an allowance; the slower speed is part of it only where it throttles."""
    return Allowance(data_octets, counts, after, throttled if after is AfterAllowance.THROTTLE else None)
