"""Where a subscriber stands with what they owe."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.billing.tax import NOTHING_TAXED, TaxPolicy

LONGEST_DELAY: Final = timedelta(days=60)  # days off in a row beyond it are a mistake in the table
FOR_EVER: Final = date.max  # an exemption without an end


class StandingKind(StrEnum):
    CURRENT = "current"
    GRACE = "grace"  # past due, isolir not yet reached
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An issued invoice that is not settled; `due_on` is the last day to pay, extensions and late paper included."""

    number: str
    due_on: date
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class StandingPolicy:
    """When an unpaid invoice leads to isolir: the day after due date and grace, at a local time of day.

    Attributes:
        weekdays_off: on which nobody is walled, Monday is 0; never all seven.
        off_on_holidays: nor on days of the holiday table.
        restore_percent: how much of what was overdue when they were walled is to be paid for access to return.
        taxes: what comes on top of prices; a wallet that pays in advance has to cover it too.
    """

    grace_days: int
    isolir_at: time
    tolerance_minor: int
    timezone: str
    weekdays_off: frozenset[int] = frozenset()
    off_on_holidays: bool = False
    restore_percent: int = 100
    taxes: TaxPolicy = NOTHING_TAXED

    def isolir_instant(self, due_on: date, terms: "StandingTerms | None" = None) -> datetime:
        """Return when an invoice due on that day leads to isolir; the due date itself is the last day to pay.

        A promise or an exemption counts like a grace that ends with its last day.
        """
        if terms is None:
            return self.walls_from(due_on + timedelta(days=self.grace_days + 1))
        grace_days = self.grace_days if terms.grace_days is None else terms.grace_days
        on = due_on + timedelta(days=grace_days + 1)
        if terms.held_until_on is not None:
            on = max(on, terms.held_until_on + timedelta(days=1))
        return self.walls_from(on, terms.holidays)

    def walls_from(self, on: date, holidays: Collection[date] = ()) -> datetime:
        """Return the first instant from that day on at which somebody may be walled."""
        latest_on = on + LONGEST_DELAY
        while on < latest_on and (on.weekday() in self.weekdays_off or (self.off_on_holidays and on in holidays)):
            on += timedelta(days=1)
        return datetime.combine(on, self.isolir_at, ZoneInfo(self.timezone))


@dataclass(frozen=True, slots=True)
class StandingTerms:
    """What is so for one subscriber.

    Attributes:
        grace_days: instead of the policy's.
        holidays: days off where they live.
        exempt_until_on, promised_until_on: the last day they are not walled for arrears; `FOR_EVER` has no end.
        let_go_minor: may stay overdue: what was left when a percentage was paid and access returned.
    """

    grace_days: int | None = None
    holidays: frozenset[date] = frozenset()
    exempt_until_on: date | None = None
    promised_until_on: date | None = None
    let_go_minor: int = 0

    @property
    def held_until_on(self) -> date | None:
        """Return the last day on which an exemption or a promise keeps them from isolir; None without one."""
        if self.exempt_until_on is None or self.promised_until_on is None:
            return self.exempt_until_on or self.promised_until_on
        return max(self.exempt_until_on, self.promised_until_on)


@dataclass(frozen=True, slots=True)
class Standing:
    """The kind, the amount past due, and when time alone will change it."""

    kind: StandingKind
    overdue_minor: int
    until_at: datetime | None


PLAIN_TERMS: Final = StandingTerms()


def standing(
    invoices: Iterable[OpenInvoice], policy: StandingPolicy, now: datetime, terms: StandingTerms = PLAIN_TERMS
) -> Standing:
    """Return where a subscriber with these open invoices stands at `now`.

    Only amounts whose isolir instant has come count as overdue, and only above the tolerance.
    """
    today = now.astimezone(ZoneInfo(policy.timezone)).date()
    overdue_minor = past_due_minor = 0
    next_edge: datetime | None = None
    is_exempt = terms.exempt_until_on == FOR_EVER
    for invoice in invoices:
        if invoice.due_on < today:
            past_due_minor += invoice.outstanding_minor
        if is_exempt:
            continue
        isolir = policy.isolir_instant(invoice.due_on, terms)
        if isolir <= now:
            overdue_minor += invoice.outstanding_minor
        elif next_edge is None or isolir < next_edge:
            next_edge = isolir
    if overdue_minor > max(policy.tolerance_minor, terms.let_go_minor):
        return Standing(StandingKind.OVERDUE, overdue_minor, next_edge)
    kind = StandingKind.GRACE if past_due_minor > policy.tolerance_minor else StandingKind.CURRENT
    return Standing(kind, past_due_minor, next_edge)


def let_go_minor(walled_for_minor: int, restore_percent: int) -> int:
    """Return how much may stay overdue of what somebody was walled for, once that share of it is paid.

    Rounded down, so that a percentage of 100 leaves nothing, and the share is reached or exceeded.
    """
    return walled_for_minor * (100 - restore_percent) // 100
