"""LiveRating: what usage costs a wallet and how far it has used up an allowance, while it comes in.

Whatever a plan says, the charge is the one that `rate_period` makes of the whole period, less what was charged before.
Most services need less: one plan, no happy hours. For them it is a multiplication and a comparison; only the others
have their octets summed up by plan and window (`usage_windows`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from netbilld.accounting.roll_up import RollUp
from netbilld.accounting.usage import PeriodTotals, period_of
from netbilld.billing.plan import Charging, Plan, Timing
from netbilld.billing.rating.allowance import Unit, own_units
from netbilld.billing.rating.card import RateCard
from netbilld.billing.rating.period import (
    UsageIn,
    includes_free_octets,
    is_charged,
    is_octet_charged,
    plain_total_minor,
    sums_of,
)
from netbilld.billing.rating.stretch import Stretch
from netbilld.billing.rating.threshold import Mark, marks_of
from netbilld.billing.rating.windows import NO_HOLIDAYS, OUTSIDE, minds_holidays, windows_digest
from netbilld.model.periods import BillingPeriod, local_date, monthly_period
from netbilld.ports.outbox import Message, MessageKind, Outbox
from netbilld.services import rate_usage

_MAX_SERVICES: Final = 131_072
_WHOLE: Final = 100  # percent
Key = tuple[UUID, date]  # of a billing period: its service and its first day


class Crossed(NamedTuple):
    """A share of an allowance that was found used, in the order of the table's columns."""

    service_id: UUID
    start_on: date
    unit: Unit
    percent: int
    limit_units: int
    used_units: int
    at: datetime


class WindowSums(NamedTuple):
    """A billing period's octets by stretch and window, and what windows each stretch's plan had, as a number."""

    sums: dict[tuple[date, int], tuple[int, int]]
    digests: dict[date, int]


class Rating(rate_usage.Rating, Protocol):
    async def window_sums(self, periods: Collection[Key]) -> dict[Key, WindowSums]: ...
    async def put_window_sums(self, sums: Mapping[Key, WindowSums], anew: Collection[Key]) -> None: ...
    async def put_counted(self, counted: Mapping[Key, int | None]) -> None: ...
    async def raise_thresholds(self, crossed: Sequence[Crossed]) -> list[Crossed]: ...
    async def owners(self, service_ids: Collection[UUID]) -> dict[UUID, tuple[UUID, str]]: ...


class Counting(Protocol):
    @property
    def rating(self) -> Rating: ...


class Work(Counting, Protocol):
    @property
    def outbox(self) -> Outbox: ...


@dataclass(slots=True)
class LivePeriod:
    """A service's billing period as it is rated while it runs.

    Attributes:
        is_whole: its octets as a sum say all: one plan, no window, nothing shared.
        included_octets: not charged, of a plan that charges.
        marks: shares of the allowance that are told, in rising order.
        told: how many of them were.
    """

    card: RateCard
    period: BillingPeriod
    stretches: tuple[Stretch, ...]
    is_whole: bool
    included_octets: int
    marks: tuple[Mark, ...]
    told: int = 0

    @property
    def is_passed(self) -> bool:
        """Tell whether every share is told already."""
        return self.told >= len(self.marks)


class Rated(NamedTuple):
    """What a batch of usage came to.

    Attributes:
        amounts: what wallets are to be charged: the period, and the amount above 0.
        counted: periods whose counted octets are other than what the plan makes of upload and download.
        crossed: services that have passed a share of their allowance, and those that share it with them.
    """

    amounts: Sequence[tuple[PeriodTotals, int]]
    counted: Mapping[Key, int]
    crossed: frozenset[UUID]


NOTHING: Final = Rated((), {}, frozenset())


class RememberedPeriods:
    """Running periods of services, for as long as nothing about the services changes."""

    def __init__(self) -> None:
        self._periods: dict[int, dict[date, LivePeriod]] = {}

    def get(self, service_id: UUID, start_on: date) -> LivePeriod | None:
        """Return what is known of a period."""
        of_service = self._periods.get(service_id.int)
        return None if of_service is None else of_service.get(start_on)

    def put(self, live: LivePeriod) -> None:
        """Keep a period; of each service the two that were put last."""
        if len(self._periods) >= _MAX_SERVICES:
            self._periods.clear()
        of_service = self._periods.setdefault(live.card.service_id.int, {})
        if len(of_service) > 1:
            del of_service[next(iter(of_service))]
        of_service[live.period.start_on] = live

    def forget(self, service_ids: Iterable[UUID] | None = None) -> None:
        """Forget these services, or all of them."""
        if service_ids is None:
            self._periods.clear()
            return
        for service_id in service_ids:
            self._periods.pop(service_id.int, None)


def is_live(plan: Plan) -> bool:
    """Tell whether usage of a plan is looked at while it comes in."""
    return plan.allowance is not None or (is_charged(plan) and plan.charging is not Charging.TIME)


def live_period(card: RateCard, period: BillingPeriod) -> LivePeriod:
    """Return what there is to know of a billing period before its usage; the card has terms."""
    card = card.of_period(period)
    stretches = card.stretches(period)
    last = stretches[-1]
    extras = sum(grant.units for grant in card.grants(period, Unit.DATA))
    own = own_units(last.plan, Unit.DATA, period, card.activated_on)
    limit = card.shared.limit_octets if card.shared is not None else own
    has_limit = last.plan.allowance is not None
    return LivePeriod(
        card,
        period,
        stretches,
        len(stretches) == 1 and not last.plan.happy_hours and card.shared is None,
        own + extras if includes_free_octets(last.plan) else 0,
        marks_of(last.plan, limit + extras) if has_limit else (),
    )


async def rate_live(
    work: Work, totals: Sequence[PeriodTotals], roll_up: RollUp, known: RememberedPeriods | None, now: datetime
) -> Rated:
    """Return what usage that has just been booked costs, and tell of shares of allowances that it has passed.

    Args:
        work: the transaction in which it was booked.
        totals: what the billing periods concerned hold now, of services whose plan `is_live`.
        roll_up: what was booked.
        known: what is remembered; None reads all anew.
        now: the instant to write down.
    """
    if not totals:
        return NOTHING
    periods = await _periods(work, totals, known)
    amounts: list[tuple[PeriodTotals, int]] = []
    passed: list[tuple[LivePeriod, int]] = []
    fine: list[tuple[PeriodTotals, LivePeriod]] = []
    for one in totals:
        live = periods.get((one.service_id, one.start_on))
        if live is None:
            continue
        if not live.is_whole or one.counted_octets is not None:
            fine.append((one, live))
            continue
        stretch = live.stretches[0]
        plan = stretch.plan
        octets = plan.counted_octets(one.upload_octets, one.download_octets)
        if not live.is_passed and octets >= live.marks[live.told].units:
            passed.append((live, octets))
        if plan.timing is Timing.PREPAID and is_octet_charged(plan) and not stretch.is_free:
            due_minor = plain_total_minor(plan, octets, live.included_octets) - one.charged_minor
            if due_minor > 0:
                amounts.append((one, due_minor))
    counted: dict[Key, int] = {}
    if fine:
        counted, due = await _rate_fine(work, fine, roll_up, passed)
        amounts += due
    crossed = await tell_passed(work, Unit.DATA, passed, now) if passed else frozenset()
    return Rated(amounts, counted, crossed)


async def recount(work: Counting, service_ids: Collection[UUID], now: datetime) -> None:
    """Count the usage of running periods anew, of services whose terms have changed; wallets stay as they are."""
    rating = work.rating
    for card in (await rating.cards(service_ids)).values():
        if not card.terms:
            continue
        period = monthly_period(now, card.billing_day, card.timezone)
        used = await rating.periods([card.service_id], period.start_on, period.start_on)
        live = live_period(card, period)
        if card.service_id not in used:
            continue
        key = card.service_id, period.start_on
        if live.is_whole:
            await rating.put_counted({key: None})
            continue
        wanted, stretches = {card.service_id: period}, {card.service_id: live.stretches}
        sums = dict((await rate_usage.usage_sums(work, wanted, stretches, anew=True))[card.service_id])
        today = local_date(now, card.timezone)
        begun = {(one.from_on, OUTSIDE): (0, 0) for one in live.stretches if one.from_on <= today}
        made = {key: WindowSums(begun | sums, _digests(live))}
        await rating.put_window_sums(made, made.keys())
        rated = live.card.rate(period, live.stretches, sums, None, {})
        await rating.put_counted({key: rated.counted_octets})


async def tell_passed(
    work: Work, unit: Unit, passed: Sequence[tuple[LivePeriod, int]], now: datetime
) -> frozenset[UUID]:
    """Write down and tell each share of an allowance that is passed, once; return whose access it may change."""
    found: list[Crossed] = []
    concerned: set[UUID] = set()
    lives: dict[UUID, LivePeriod] = {}
    for live, used in passed:
        service_id = live.card.service_id
        lives[service_id] = live
        concerned.update(live.card.shared.member_ids if live.card.shared is not None else (service_id,))
        while not live.is_passed and used >= live.marks[live.told].units:
            mark = live.marks[live.told]
            live.told += 1
            limit = next(one.units for one in live.marks if one.percent == _WHOLE)
            found.append(Crossed(service_id, live.period.start_on, unit, mark.percent, limit, used, now))
    fresh = await work.rating.raise_thresholds(found)
    wanted = [one for one in fresh if one.percent in lives[one.service_id].stretches[-1].plan.notify_percents]
    if wanted:
        owners = await work.rating.owners({one.service_id for one in wanted})
        messages = [_message(one, lives[one.service_id], *owners[one.service_id]) for one in wanted]
        await work.outbox.add_many(messages, now)
    return frozenset(concerned)


def _message(crossed: Crossed, live: LivePeriod, subscriber_id: UUID, username: str) -> Message:
    shared = live.card.shared
    about = shared.id if shared is not None else crossed.service_id
    return Message(
        MessageKind.THRESHOLD,
        subscriber_id,
        {
            "username": username,
            "percent": crossed.percent,
            "used_octets": crossed.used_units,
            "limit_octets": crossed.limit_units,
            "unit": crossed.unit.value,  # octets, or seconds online
            "resets_on": live.period.end_on.isoformat(),
        },
        f"threshold:{about}:{crossed.start_on}:{crossed.unit}:{crossed.percent}",
    )


async def _periods(
    work: Work, totals: Sequence[PeriodTotals], known: RememberedPeriods | None
) -> dict[Key, LivePeriod]:
    found: dict[Key, LivePeriod] = {}
    unknown: list[PeriodTotals] = []
    for one in totals:
        live = None if known is None else known.get(one.service_id, one.start_on)
        if live is None:
            unknown.append(one)
        else:
            found[one.service_id, one.start_on] = live
    cards = await work.rating.cards({one.service_id for one in unknown}) if unknown else {}
    for one in unknown:
        card = cards.get(one.service_id)
        if card is None or not card.terms:
            continue
        live = live_period(card, BillingPeriod(one.start_on, one.end_on, card.timezone))
        found[one.service_id, one.start_on] = live
        if known is not None:
            known.put(live)
    return found


async def _rate_fine(
    work: Work,
    fine: Sequence[tuple[PeriodTotals, LivePeriod]],
    roll_up: RollUp,
    passed: list[tuple[LivePeriod, int]],
) -> tuple[dict[Key, int], list[tuple[PeriodTotals, int]]]:
    """Rate periods whose octets as a sum don't say all; add those that have passed a share to `passed`."""
    sums = await _window_sums(work, fine, roll_up)
    counted: dict[Key, int] = {}
    amounts = []
    used: dict[Key, dict[UUID, int]] = {}  # of those who share, in the period that the usage is of
    for _, live in fine:
        shared, start_on = live.card.shared, live.period.start_on
        if shared is not None and (shared.id, start_on) not in used:
            used[shared.id, start_on] = await work.rating.used_octets(shared.member_ids, start_on)
    for one, live in fine:
        key, shared = (one.service_id, one.start_on), live.card.shared
        of_shared = used[shared.id, one.start_on] if shared is not None else {}
        rated = live.card.rate(live.period, live.stretches, sums[key].sums, None, of_shared)
        counted[key] = octets = rated.counted_octets
        if shared is not None:
            of_shared[one.service_id] = octets
            octets = sum(of_shared.values())
        if not live.is_passed and octets >= live.marks[live.told].units:
            passed.append((live, octets))
        due_minor = rated.amount_minor - one.charged_minor
        if due_minor > 0 and live.stretches[-1].plan.timing is Timing.PREPAID:
            amounts.append((one, due_minor))
    await work.rating.put_counted(counted)
    return counted, amounts


async def _window_sums(
    work: Work, fine: Sequence[tuple[PeriodTotals, LivePeriod]], roll_up: RollUp
) -> dict[Key, WindowSums]:
    """Add what was booked to the sums by stretch and window; they are made anew where they are not of these plans."""
    lives = {(one.service_id, one.start_on): live for one, live in fine}
    stored = await work.rating.window_sums(lives.keys())
    pieces: dict[Key, list[UsageIn]] = {key: [] for key in lives}
    cards = {service_id: live.card for (service_id, _), live in lives.items()}
    for one in roll_up.slices:
        if one.service_id is not None and (card := cards.get(one.service_id)) is not None:
            start_on = period_of(one.start_at, card.billing_day, card.timezone).start_on
            if (of_period := pieces.get((one.service_id, start_on))) is not None:
                of_period.append(UsageIn(one.start_at, one.upload_octets, one.download_octets))
    found: dict[Key, WindowSums] = {}
    anew: list[Key] = []
    holidays = await _holidays(work, lives.values())
    for key, live in lives.items():
        known = stored.get(key)
        begun = _begun(live, pieces[key])
        if known is None or not begun <= known.digests.keys() or not _agree(known.digests, _digests(live)):
            anew.append(key)
            continue
        sums = known.sums
        for place, (up, down) in sums_of(pieces[key], live.stretches, live.card.timezone, holidays).items():
            before = sums.get(place, (0, 0))
            sums[place] = before[0] + up, before[1] + down
        found[key] = known
    while anew:
        at_once = {service_id: (service_id, start_on) for service_id, start_on in anew}
        wanted = {service_id: lives[key].period for service_id, key in at_once.items()}
        stretches = {service_id: lives[key].stretches for service_id, key in at_once.items()}
        fresh = await rate_usage.usage_sums(work, wanted, stretches, anew=True)
        made = {}
        for service_id, key in at_once.items():
            none = {(on, OUTSIDE): (0, 0) for on in _begun(lives[key], pieces[key])}
            made[key] = WindowSums(none | dict(fresh[service_id]), _digests(lives[key]))
        await work.rating.put_window_sums(made, made.keys())
        found |= made
        anew = [key for key in anew if key not in made]
    await work.rating.put_window_sums({key: one for key, one in found.items() if key in stored}, ())
    return found


def _begun(live: LivePeriod, pieces: Sequence[UsageIn]) -> set[date]:
    """Return the first days of the stretches that have begun by the last of this usage."""
    last_on = max((local_date(one.start_at, live.card.timezone) for one in pieces), default=live.period.start_on)
    return {one.from_on for one in live.stretches if one.from_on <= last_on}


def _digests(live: LivePeriod) -> dict[date, int]:
    return {one.from_on: windows_digest(one.plan.happy_hours) for one in live.stretches}


def _agree(known: Mapping[date, int], digests: Mapping[date, int]) -> bool:
    return all(digests.get(on) == digest for on, digest in known.items())


async def _holidays(work: Work, lives: Iterable[LivePeriod]) -> frozenset[date]:
    minding = [live for live in lives if any(minds_holidays(one.plan) for one in live.stretches)]
    if not minding:
        return NO_HOLIDAYS
    first_on, last_on = (min(live.period.start_on for live in minding), max(live.period.end_on for live in minding))
    return await work.rating.holidays(first_on, last_on)
