"""What pages of staff show of dunning: the days ahead, and what people have decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from netbilld.billing.dunning import Closing, StepKind
from netbilld.billing.holidays import Holiday


@dataclass(frozen=True, slots=True)
class Concerned:
    """Somebody whom isolir concerns on a day, and what of theirs is overdue then."""

    subscriber_no: str
    name: str
    overdue_minor: int
    currency: str


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
    walled: Sequence[Concerned]
    promised: Sequence[Concerned]
    exempt: Sequence[Concerned]
    due: Mapping[StepKind, int]

    @property
    def walled_minor(self) -> int:
        return sum(one.overdue_minor for one in self.walled)


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


def concerned(
    found: Closing, before: Closing | None, named: Mapping[UUID, tuple[str, str, str]]
) -> tuple[list[Concerned], list[Concerned], list[Concerned]]:
    """Return (walled, promised, exempt) of a day without those of the day before, in order of number."""
    kinds = ("walled", "promised", "exempt")
    lists = []
    for kind in kinds:
        earlier: Mapping[UUID, int] = getattr(before, kind) if before is not None else {}
        new = {key: minor for key, minor in getattr(found, kind).items() if key not in earlier}
        people = [Concerned(*named[key][:2], minor, named[key][2]) for key, minor in new.items()]
        lists.append(sorted(people, key=lambda one: (len(one.subscriber_no), one.subscriber_no)))
    return lists[0], lists[1], lists[2]
