"""What a collector's receipts and hand-overs show over the months: missing numbers, money told late, money missing.

None of it proves anything. A receipt may have been refused, a phone lost, a street without a network; but somebody who
keeps money back shows here first, and should be asked.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice, pairwise
from typing import Final, Protocol
from uuid import UUID

from netbilld.model.periods import local_date, local_midnight

MONTHS: Final = 6  # that are looked at
MOST_RECEIPTS: Final = 20_000  # that are looked at, the newest
MOST_NAMED: Final = 50  # missing numbers, and late receipts
_SLIP: Final = re.compile(r"(.+-[0-9A-F]{4}-)([0-9]{4,6})")


@dataclass(frozen=True, slots=True)
class Taken:
    """Cash that a collector took."""

    payment_id: UUID
    collector: str
    receipt_no: str | None
    reference: str | None
    amount_minor: int
    received_on: date
    recorded_at: datetime
    is_reversed: bool
    is_moved: bool  # it was another subscriber's first


@dataclass(frozen=True, slots=True)
class Lacked:
    """What a hand-over lacked anew; below zero where more was there, or something was brought back."""

    collector: str
    handed_on: date
    lacked_minor: int


@dataclass(frozen=True, slots=True)
class Late:
    """Cash that was told on a later day than it was taken on, by the phone's own word."""

    payment_id: UUID
    receipt_no: str | None
    amount_minor: int
    received_on: date
    recorded_at: datetime
    days: int


@dataclass(slots=True)
class Month:
    """A collector's month; amounts in minor units.

    Attributes:
        month: its first day.
        late: receipts that were told on a later day; most_days: by how many days at the most.
        reversed: receipts that were taken back later.
        short_minor: missing anew in hand-overs; over_minor: too much there, or brought back.
    """

    month: date
    receipts: int = 0
    taken_minor: int = 0
    late: int = 0
    late_minor: int = 0
    most_days: int = 0
    reversed: int = 0
    reversed_minor: int = 0
    handovers: int = 0
    short_minor: int = 0
    over_minor: int = 0


@dataclass(frozen=True, slots=True)
class Conduct:
    """What is to be seen of a collector.

    Attributes:
        months: newest first.
        missing: numbers of receipts between others of the same phone that never came.
        late: the newest first.
    """

    months: tuple[Month, ...] = ()
    missing: tuple[str, ...] = ()
    late: tuple[Late, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Return whether there is nothing to ask about."""
        odd = any(one.reversed or one.short_minor for one in self.months)
        return not (self.missing or self.late or odd)


@dataclass(slots=True)
class _Seen:
    months: dict[date, Month] = field(default_factory=dict)
    late: list[Late] = field(default_factory=list)
    slips: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    digits: dict[str, int] = field(default_factory=dict)

    def month(self, on: date) -> Month:
        first = on.replace(day=1)
        return self.months.setdefault(first, Month(first))


def first_slips(taken: Iterable[Taken]) -> dict[str, list[str]]:
    """Return, by the first number seen of each series, the numbers before it: who is asked whether they came earlier.

    What was looked at may begin in the middle of a series.
    """
    seen: dict[str, tuple[int, int]] = {}
    for one in taken:
        found = _SLIP.fullmatch(one.reference or "")
        if found and (found[1] not in seen or int(found[2]) < seen[found[1]][0]):
            seen[found[1]] = int(found[2]), len(found[2])
    return {
        series: [f"{series}{number:0{digits}}" for number in range(max(1, first - MOST_NAMED), first)]
        for series, (first, digits) in seen.items()
        if first > 1
    }


def conduct_of(
    taken: Sequence[Taken], lacked: Sequence[Lacked], timezone: str, earlier: frozenset[str] = frozenset()
) -> Mapping[str, Conduct]:
    """Return what is to be seen, by collector.

    Args:
        taken: receipts of the months that are looked at.
        lacked: hand-overs of the same months.
        timezone: where days begin.
        earlier: which of `first_slips` are on record.
    """
    seen: dict[str, _Seen] = defaultdict(_Seen)
    for one in taken:
        _take(seen[one.collector], one, local_date(one.recorded_at, timezone))
    for handover in lacked:
        month = seen[handover.collector].month(handover.handed_on)
        month.handovers += 1
        month.short_minor += max(0, handover.lacked_minor)
        month.over_minor += max(0, -handover.lacked_minor)
    before = first_slips(taken)
    return {name: _conduct(one, before, earlier) for name, one in seen.items()}


def _take(seen: _Seen, one: Taken, told_on: date) -> None:
    month = seen.month(told_on)
    month.receipts += 1
    month.taken_minor += one.amount_minor
    if one.is_reversed:
        month.reversed += 1
        month.reversed_minor += one.amount_minor
    days = (told_on - one.received_on).days
    if days > 0 and not one.is_moved:
        month.late += 1
        month.late_minor += one.amount_minor
        month.most_days = max(month.most_days, days)
        late = Late(one.payment_id, one.receipt_no, one.amount_minor, one.received_on, one.recorded_at, days)
        seen.late.append(late)
    if found := _SLIP.fullmatch(one.reference or ""):
        seen.slips[found[1]].add(int(found[2]))
        seen.digits[found[1]] = len(found[2])


def _gaps(numbers: set[int]) -> Iterator[int]:
    """Yield what is missing between numbers, one by one: whoever sends them chooses how far they lie apart."""
    known = sorted(numbers)
    for before, after in pairwise(known):
        yield from range(before + 1, after)


def _conduct(seen: _Seen, before: Mapping[str, Sequence[str]], earlier: frozenset[str]) -> Conduct:
    missing: list[str] = []
    for series, numbers in sorted(seen.slips.items()):
        asked = before.get(series, ())
        known = [place for place, slip in enumerate(asked) if slip in earlier]
        missing += asked[known[-1] + 1 :] if known else asked
        missing += [f"{series}{number:0{seen.digits[series]}}" for number in islice(_gaps(numbers), MOST_NAMED)]
    months = sorted(seen.months.values(), key=lambda one: one.month, reverse=True)
    late = sorted(seen.late, key=lambda one: one.recorded_at, reverse=True)
    return Conduct(tuple(months), tuple(missing[:MOST_NAMED]), tuple(late[:MOST_NAMED]))


class Conducts(Protocol):
    async def taken(self, since: datetime, collector: str | None = None) -> list[Taken]: ...
    async def lacked(self, since: datetime, collector: str | None = None) -> list[Lacked]: ...
    async def on_record(self, slips: list[str]) -> frozenset[str]: ...


async def look_at(store: Conducts, now: datetime, timezone: str, collector: str | None = None) -> Mapping[str, Conduct]:
    """Return what is to be seen of collectors in this month and the five before it; of one where named."""
    first = local_date(now, timezone).replace(day=1)
    for _ in range(MONTHS - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    since = local_midnight(first, timezone)
    taken = await store.taken(since, collector)
    earlier = await store.on_record([slip for slips in first_slips(taken).values() for slip in slips])
    return conduct_of(taken, await store.lacked(since, collector), timezone, earlier)
