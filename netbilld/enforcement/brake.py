"""When closing so many services for money at once is more likely a mistake than so many debts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from netbilld.enforcement.policy import ServiceFacts, closed_by_calendar

# What the calendar closes is weighed so long before; held is who would be closed by then.
AHEAD: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class BrakePolicy:
    """From how many on a person is asked.

    Attributes:
        percent: of all active services; 100 asks nobody ever.
        least: fewer are never asked about, so that a small provider may close its three debtors.
        window: closings within so long count together.
    """

    percent: int
    least: int
    window: timedelta = timedelta(hours=1)


def stays_open(facts: ServiceFacts, now: datetime) -> bool:
    """Tell whether neither expiry nor arrears close a service now or in the time that is looked ahead."""
    until_at = facts.standing.until_at
    return (
        closed_by_calendar(facts, now) is None
        and closed_by_calendar(facts, now + AHEAD) is None
        and (until_at is None or until_at > now + AHEAD)
    )


def is_too_many(closing: int, base: int, policy: BrakePolicy) -> bool:
    """Tell whether a person is to be asked before so many of `base` services are closed."""
    return policy.percent < 100 and closing >= policy.least and closing * 100 > base * policy.percent
