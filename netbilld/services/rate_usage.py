"""What the usage of services costs in a billing period, from what was metered: for invoices, explanations and what-if.

The meter charges wallets by the same rule while usage comes in (`book_usage.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

from netbilld.accounting.usage import PeriodTotals
from netbilld.billing.plan import Charging, Plan
from netbilld.billing.rating.card import RateCard
from netbilld.billing.rating.online import seconds_online
from netbilld.billing.rating.period import RatedPeriod, Sums, UsageIn, sums_of
from netbilld.billing.rating.stretch import Stretch
from netbilld.billing.rating.windows import NO_HOLIDAYS, OUTSIDE, cuts_within_hours, minds_holidays
from netbilld.model.periods import BillingPeriod


class Rating(Protocol):
    async def cards(self, service_ids: Collection[UUID]) -> dict[UUID, RateCard]: ...
    async def hours(
        self, service_ids: Collection[UUID], from_at: datetime, to_at: datetime
    ) -> dict[UUID, list[UsageIn]]: ...
    async def slices(
        self, service_ids: Collection[UUID], from_at: datetime, to_at: datetime
    ) -> dict[UUID, list[UsageIn]]: ...
    async def periods(
        self, service_ids: Collection[UUID], first_on: date, last_on: date
    ) -> dict[UUID, list[PeriodTotals]]: ...
    async def online(
        self, service_ids: Collection[UUID], from_at: datetime, to_at: datetime
    ) -> dict[UUID, list[tuple[datetime, datetime]]]: ...
    async def used_octets(self, service_ids: Collection[UUID], on: date) -> dict[UUID, int]: ...
    async def holidays(self, first_on: date, last_on: date) -> frozenset[date]: ...


class Work(Protocol):
    @property
    def rating(self) -> Rating: ...


async def rated(
    work: Work, wanted: Mapping[UUID, BillingPeriod], *, draft: Plan | None = None
) -> dict[UUID, RatedPeriod]:
    """Return the usage of services in one billing period of each, priced and with what was used of their allowances.

    Args:
        work: where it is read.
        wanted: the period of each service; one that is not over is rated as far as it is metered.
        draft: a plan to rate by instead of the services' own, as if they had had it all the time.
    """
    cards = await work.rating.cards(wanted)
    if draft is not None:
        cards = {service_id: card.under(draft) for service_id, card in cards.items()}
    return await rated_by(work, wanted, cards)


async def rated_by(
    work: Work, wanted: Mapping[UUID, BillingPeriod], cards: Mapping[UUID, RateCard]
) -> dict[UUID, RatedPeriod]:
    """Return the same by cards that are given."""
    stretches = {
        service_id: found for service_id, card in cards.items() if (found := card.stretches(wanted[service_id]))
    }
    sums = await usage_sums(work, wanted, stretches)
    seconds = await _seconds(work, wanted, stretches)
    used = await _used(work, wanted, [card for card in cards.values() if card.shared is not None])
    return {
        service_id: cards[service_id].rate(
            wanted[service_id], of_service, sums.get(service_id, {}), seconds.get(service_id), used.get(service_id)
        )
        for service_id, of_service in stretches.items()
    }


async def usage_sums(
    work: Work,
    wanted: Mapping[UUID, BillingPeriod],
    stretches: Mapping[UUID, tuple[Stretch, ...]],
    *,
    anew: bool = False,
) -> dict[UUID, Sums]:
    """Return what was metered in these periods, by stretch and window.

    Args:
        work: where it is read.
        wanted: the period of each service.
        stretches: the days of each period by plan.
        anew: from hours and slices always; else a period's own sum is taken where that says all.
    """
    if not stretches:
        return {}
    found: dict[UUID, Sums] = {}
    plain = [] if anew else [service_id for service_id, of_service in stretches.items() if _is_one(of_service)]
    if plain:
        first_on = min(wanted[service_id].start_on for service_id in plain)
        last_on = max(wanted[service_id].start_on for service_id in plain)
        for service_id, periods in (await work.rating.periods(plain, first_on, last_on)).items():
            period = wanted[service_id]
            for one in periods:
                if (one.start_on, one.end_on) == (period.start_on, period.end_on):
                    found[service_id] = {(period.start_on, OUTSIDE): (one.upload_octets, one.download_octets)}
    others = [service_id for service_id in stretches if service_id not in found]
    if not others:
        return found
    fine = [service_id for service_id in others if any(cuts_within_hours(one.plan) for one in stretches[service_id])]
    from_at = min(wanted[service_id].start_at for service_id in others)
    to_at = max(wanted[service_id].end_at for service_id in others)
    coarse = [service_id for service_id in others if service_id not in set(fine)]
    usage = await work.rating.hours(coarse, from_at, to_at) if coarse else {}
    usage |= await work.rating.slices(fine, from_at, to_at) if fine else {}
    holidays = NO_HOLIDAYS
    if any(minds_holidays(one.plan) for service_id in others for one in stretches[service_id]):
        holidays = await work.rating.holidays(from_at.date(), (to_at + timedelta(days=1)).date())
    for service_id in others:
        period = wanted[service_id]
        begin, end = period.start_at, period.end_at
        pieces = [one for one in usage.get(service_id, ()) if begin <= one.start_at < end]
        found[service_id] = sums_of(pieces, stretches[service_id], period.timezone, holidays)
    return found


def counts_time(plan: Plan) -> bool:
    """Tell whether time online is counted."""
    return plan.charging is Charging.TIME or plan.time_allowance is not None


def _is_one(stretches: Sequence[Stretch]) -> bool:
    """Tell whether a period's own sum says all that is to be known of its usage."""
    return len(stretches) == 1 and not stretches[0].plan.happy_hours


async def _used(
    work: Work, wanted: Mapping[UUID, BillingPeriod], sharing: Sequence[RateCard]
) -> dict[UUID, Mapping[UUID, int]]:
    """Return, of services that share an allowance, what each of those who share it has used in that period."""
    found: dict[UUID, Mapping[UUID, int]] = {}
    by_day: dict[date, list[RateCard]] = {}
    for card in sharing:
        by_day.setdefault(wanted[card.service_id].start_on, []).append(card)
    for on, cards in by_day.items():
        members = {member for card in cards if card.shared is not None for member in card.shared.member_ids}
        used = await work.rating.used_octets(members, on)
        found |= dict.fromkeys([card.service_id for card in cards], used)
    return found


async def _seconds(
    work: Work, wanted: Mapping[UUID, BillingPeriod], stretches: Mapping[UUID, tuple[Stretch, ...]]
) -> dict[UUID, Mapping[date, int]]:
    timed = [service_id for service_id, of_service in stretches.items() if any(counts_time(s.plan) for s in of_service)]
    if not timed:
        return {}
    from_at = min(wanted[service_id].start_at for service_id in timed)
    to_at = max(wanted[service_id].end_at for service_id in timed)
    sessions = await work.rating.online(timed, from_at, to_at)
    return {
        service_id: seconds_online(sessions.get(service_id, ()), stretches[service_id], wanted[service_id].timezone)
        for service_id in timed
    }
