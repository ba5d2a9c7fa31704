"""What pages of staff show of dunning: the days ahead, and what people have decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.dunning import Closing, StepKind
from netbilld.billing.holidays import Holiday

MOST_NAMED: Final = 200  # of those whom a day concerns; the others are counted


@dataclass(frozen=True, slots=True)
class Concerned:
    """Somebody whom isolir concerns on a day, and what of theirs is overdue then."""

    subscriber_no: str
    name: str
    overdue_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class People:
    """Whom something concerns: the first of them in order of number, how many there are, and what is overdue of all."""

    first: Sequence[Concerned]
    count: int
    overdue_minor: int


@dataclass(slots=True)
class Foreseen:
    """Whom one day's isolir concerns that the day before's did not, with what is overdue of each."""

    walled: dict[UUID, int] = field(default_factory=dict)
    promised: dict[UUID, int] = field(default_factory=dict)
    exempt: dict[UUID, int] = field(default_factory=dict)

    def add(self, one: UUID, alike: Iterable[UUID], there: Closing, before: Closing | None) -> None:
        """Take in what becomes of one account, for all that are like it; `before` is the same of the day before."""
        for kind in ("walled", "promised", "exempt"):
            now: Mapping[UUID, int] = getattr(there, kind)
            if one in now and (before is None or one not in getattr(before, kind)):
                getattr(self, kind).update(dict.fromkeys(alike, now[one]))

    def kinds(self) -> tuple[Mapping[UUID, int], Mapping[UUID, int], Mapping[UUID, int]]:
        """Return who is walled, spared by a promise, spared by an exemption."""
        return self.walled, self.promised, self.exempt


@dataclass(frozen=True, slots=True)
class DayAhead:
    """What one local day brings, as things stand now; who was concerned the day before is not told again.

    Attributes:
        at: the moment of its isolir.
        walled, promised, exempt: who is walled; who would be, but for a promise; but for an exemption.
        due: how many steps of each kind fall on it, isolir aside.
    """

    on: date
    at: datetime
    walled: People
    promised: People
    exempt: People
    due: Mapping[StepKind, int]


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """A promise to pay that is not over."""

    subscriber_no: str
    name: str
    until_on: date
    reason: str
    actor: str
    created_at: datetime
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class ExemptionLine:
    """Who is not walled, fined or terminated for arrears; `scope` is group or subscriber."""

    scope: str
    name: str
    until_on: date | None
    reason: str
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RuleLine:
    """What differs from the settings for a group or a subscriber; None is as they say."""

    scope: str
    name: str
    grace_days: int | None
    remind_days: Sequence[int] | None
    from_receipt: bool | None


@dataclass(frozen=True, slots=True)
class TerminationLine:
    """Whose termination waits for a person's word."""

    subscriber_no: str
    name: str
    since_at: datetime
    overdue_minor: int


@dataclass(frozen=True, slots=True)
class DunningDesk:
    """What people have decided, or are to decide."""

    promises: Sequence[PromiseLine]
    exemptions: Sequence[ExemptionLine]
    rules: Sequence[RuleLine]
    terminations: Sequence[TerminationLine]
    holidays: Sequence[Holiday]


class DunningViews(Protocol):
    async def dunning_desk(self, today: date, holidays_until_on: date) -> DunningDesk: ...
