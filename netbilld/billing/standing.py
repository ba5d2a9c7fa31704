"""Where a subscriber stands with what they owe."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class StandingKind(StrEnum):
    CURRENT = "current"
    GRACE = "grace"  # past due, isolir not yet reached
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An issued invoice that is not settled."""

    number: str
    due_on: date
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class StandingPolicy:
    """When an unpaid invoice leads to isolir: the day after due date and grace, at a local time of day."""

    grace_days: int
    isolir_at: time
    tolerance_minor: int
    timezone: str

    def isolir_instant(self, due_on: date) -> datetime:
        """Return when an invoice due on that day leads to isolir; the due date itself is the last day to pay."""
        on = due_on + timedelta(days=self.grace_days + 1)
        return datetime.combine(on, self.isolir_at, ZoneInfo(self.timezone))


@dataclass(frozen=True, slots=True)
class Standing:
    """The kind, the amount past due, and when time alone will change it."""

    kind: StandingKind
    overdue_minor: int
    until_at: datetime | None


def standing(invoices: Iterable[OpenInvoice], policy: StandingPolicy, now: datetime) -> Standing:
    """Return where a subscriber with these open invoices stands at `now`.

    Only amounts whose isolir instant has come count as overdue, and only above the tolerance.
    """
    today = now.astimezone(ZoneInfo(policy.timezone)).date()
    overdue_minor = past_due_minor = 0
    next_edge: datetime | None = None
    for invoice in invoices:
        isolir = policy.isolir_instant(invoice.due_on)
        if isolir <= now:
            overdue_minor += invoice.outstanding_minor
        elif next_edge is None or isolir < next_edge:
            next_edge = isolir
        if invoice.due_on < today:
            past_due_minor += invoice.outstanding_minor
    if overdue_minor > policy.tolerance_minor:
        return Standing(StandingKind.OVERDUE, overdue_minor, next_edge)
    kind = StandingKind.GRACE if past_due_minor > policy.tolerance_minor else StandingKind.CURRENT
    return Standing(kind, past_due_minor, next_edge)
