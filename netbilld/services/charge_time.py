"""ChargeTime: time online is counted and charged while sessions run; octets have nothing to do with it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from netbilld.accounting.usage import hour_of
from netbilld.billing.chart import Payer
from netbilld.billing.plan import Timing
from netbilld.billing.rating.allowance import Unit
from netbilld.billing.rating.card import RateCard
from netbilld.billing.rating.period import RatedPeriod
from netbilld.billing.rating.threshold import marks_of
from netbilld.model.periods import BillingPeriod, local_date, monthly_period
from netbilld.services import book_usage, live_rating
from netbilld.services.charge_wallets import PLAIN, WalletCharge, WalletRules, charge_wallets
from netbilld.services.live_rating import LivePeriod, live_period, tell_passed
from netbilld.services.meter_usage import Batch
from netbilld.services.rate_usage import rated

_LATE: Final = timedelta(minutes=15)  # sessions that ended are looked at for so long, and a period after its end
_AT_ONCE: Final = 250


class TimedService(NamedTuple):
    """A service whose time online counts, and who pays."""

    service_id: UUID
    subscriber_id: UUID
    subscriber_number: str
    currency: str


class Rating(live_rating.Rating, Protocol):
    async def timed(self, since: datetime) -> Sequence[TimedService]: ...
    async def put_seconds(self, rows: Sequence[tuple[UUID, date, int]]) -> None: ...


class Work(book_usage.Work, Protocol):
    @property
    def rating(self) -> Rating: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class ChargeTime:
    """Looks at everybody whose time counts and who is online, or was a moment ago."""

    def __init__(
        self,
        store: Store,
        follow: Callable[[Batch], Awaitable[None]],
        timezone: str,
        *,
        wallets: WalletRules = PLAIN,
    ) -> None:
        """Take what to work with.

        Args:
            store: where sessions are.
            follow: lets entitlement and orders follow.
            timezone: of booking dates.
            wallets: how they pay.
        """
        self._store, self._follow, self._timezone, self._wallets = store, follow, timezone, wallets

    async def run(self, now: datetime) -> int:
        """Count and charge; return how many services were looked at."""
        async with self._store.read() as work:
            timed = await work.rating.timed(now - _LATE)
        for start in range(0, len(timed), _AT_ONCE):
            async with self._store.write() as work:
                batch = await self._charge(work, timed[start : start + _AT_ONCE], now)
            await self._follow(batch)
        return len(timed)

    async def _charge(self, work: Work, timed: Sequence[TimedService], now: datetime) -> Batch:
        cards = await work.rating.cards([one.service_id for one in timed])
        wallets: dict[UUID, int] = {}
        crossed: set[UUID] = set()
        for moment in (now, now - _LATE):  # a period that has just ended too
            wanted = {
                service_id: monthly_period(moment, card.billing_day, card.timezone)
                for service_id, card in cards.items()
                if moment == now or _has_just_begun(card, now)
            }
            if wanted:
                found = await rated(work, wanted)
                wallets |= await self._book(work, {one.service_id: one for one in timed}, cards, found, now)
                crossed |= await _passed(work, cards, found, now)
        return Batch(charged_service_ids=frozenset(wallets), wallets=wallets, crossed_service_ids=frozenset(crossed))

    async def _book(
        self,
        work: Work,
        timed: dict[UUID, TimedService],
        cards: dict[UUID, RateCard],
        found: dict[UUID, RatedPeriod],
        now: datetime,
    ) -> dict[UUID, int]:
        """Write down the seconds, and charge wallets; return what is in those that were charged."""
        await work.usage.rolled_until()
        ids = sorted(found, key=lambda service_id: service_id.int)
        periods = [(service_id, found[service_id].period) for service_id in ids]
        held = {
            one.service_id: one
            for one in await work.usage.add_periods(
                [(service_id, period.start_on, period.end_on, 0, 0) for service_id, period in periods]
            )
        }
        await work.rating.put_seconds(
            [(service_id, period.start_on, found[service_id].seconds) for service_id, period in periods]
        )
        charges = []
        for service_id, period in periods:
            due_minor = found[service_id].amount_minor - held[service_id].charged_minor
            if due_minor <= 0 or not _is_prepaid(cards[service_id], period, now):
                continue
            owner = timed[service_id]
            charges.append(
                WalletCharge(
                    Payer(owner.subscriber_id, owner.subscriber_number, owner.currency),
                    service_id,
                    period.start_on,
                    hour_of(now, period.timezone),
                    held[service_id].charged_minor,
                    due_minor,
                    cards[service_id].plan_on(_last_day(period, now)).tax,
                    f"Time online in the period from {period.start_on}",
                )
            )
        if charges:
            await work.usage.add_hours([(one.service_id, one.hour_at, 0, 0) for one in charges])
        today = local_date(now, self._timezone)
        return await charge_wallets(work, charges, self._wallets, now=now, today=today)


async def _passed(
    work: Work, cards: dict[UUID, RateCard], found: dict[UUID, RatedPeriod], now: datetime
) -> frozenset[UUID]:
    """Tell shares of time allowances that are passed; return the services."""
    passed: list[tuple[LivePeriod, int]] = []
    for service_id, one in found.items():
        if one.time is None:
            continue
        live = live_period(cards[service_id], one.period)
        live.marks = marks_of(live.stretches[-1].plan, one.time.limit_units)
        if live.marks and one.time.used_units >= live.marks[0].units:
            passed.append((live, one.time.used_units))
    return await tell_passed(work, Unit.TIME, passed, now) if passed else frozenset()


def _is_prepaid(card: RateCard, period: BillingPeriod, now: datetime) -> bool:
    return card.plan_on(_last_day(period, now)).timing is Timing.PREPAID


def _last_day(period: BillingPeriod, now: datetime) -> date:
    """Return today, or the last day of a period that is over."""
    return min(local_date(now, period.timezone), period.end_on - timedelta(days=1))


def _has_just_begun(card: RateCard, now: datetime) -> bool:
    return now - monthly_period(now, card.billing_day, card.timezone).start_at < _LATE
